"""Whether a training set gives a run's losses anything to learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import InputError
from train.grade_bounds import GOOD
from train.run_config import LossName
from train.training_set.records import Split

if TYPE_CHECKING:
    from train.run_config import RunConfig
    from train.training_set.records import TrainingPair, TrainingSet


def check_suitable(training_set: TrainingSet, config: RunConfig) -> None:
    """Refuse a set from which a loss of the run would learn nothing.

    Raises:
        InputError: too few pairs, one grade only, no query with two grades, no good pair.
    """
    pairs = [
        pair for pair in training_set.pairs if training_set.queries[pair.query].split is Split.TRAIN
    ]
    if len(pairs) < config.batch_size:
        raise InputError(
            f"there are {len(pairs)} training pairs, and one batch takes {config.batch_size}",
            todo="Label or calibrate more pairs, or lower batch_size.",
        )
    for name, _ in config.losses:
        lack = _lack(name, pairs)
        if lack:
            raise InputError(f"{lack}: the loss {name} learns nothing from them", todo=_TODO[name])


def _lack(name: LossName, pairs: list[TrainingPair]) -> str:
    match name:
        case LossName.MSE | LossName.ORDINAL:
            one = len({pair.grade for pair in pairs}) == 1
            return f"all pairs have the grade {pairs[0].grade:g}" if one else ""
        case LossName.MARGIN | LossName.KL:
            grades: dict[int, set[float]] = {}
            for pair in pairs:
                grades.setdefault(pair.query, set()).add(pair.grade)
            several = any(len(own) > 1 for own in grades.values())
            return "" if several else "no query has two documents of different grades"
        case LossName.CONTRASTIVE:
            good = any(pair.grade >= GOOD for pair in pairs)
            return "" if good else f"no pair has a grade of {GOOD:g} or more"


_DIFFERENT = "Label pairs of other grades too, or choose the loss contrastive."
_TODO = {
    LossName.MSE: _DIFFERENT,
    LossName.ORDINAL: _DIFFERENT,
    LossName.MARGIN: "Label several documents of the same queries, or choose another loss.",
    LossName.KL: "Label several documents of the same queries, or choose another loss.",
    LossName.CONTRASTIVE: "Label good pairs too, or add keyword pairs.",
}
