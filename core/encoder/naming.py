"""Which tensor of which file is which parameter.

The module's own names are the checkpoint's, after the prefix ``base.`` or ``projections.N.``. What
checkpoints do differently: a prefix before the transformer's names (``bert.``, ``model.``), the
names ``gamma`` and ``beta`` of old norms, two names for T5's embedding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.encoder.weights import tensor_shapes, weight_files

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from core.encoder.spec import EncoderSpec, Family

_PREFIXES: Final = ("", "bert.", "model.", "encoder_model.", "0.auto_model.")
_ANCHORS: Final[dict[Family, str]] = {
    "bert": "embeddings.word_embeddings.weight",
    "modernbert": "embeddings.tok_embeddings.weight",
    "t5": "encoder.final_layer_norm.weight",
}
#: The word embeddings, by the module's own name.
TABLE_NAMES: Final[dict[Family, str]] = {
    "bert": "base.embeddings.word_embeddings.weight",
    "modernbert": "base.embeddings.tok_embeddings.weight",
    "t5": "base.shared.weight",
}


@dataclass(frozen=True, slots=True)
class Source:
    """Parameters that come from one model's files: our name -> the files' name."""

    files: tuple[Path, ...]
    names: dict[str, str]


def sources(spec: EncoderSpec, parameters: Iterable[str]) -> list[Source]:
    """Return where each parameter of the module is to be found.

    Raises:
        InputError: there are no safetensors, or they cannot be read.
    """
    parameters = list(parameters)
    files = tuple(weight_files(spec.folder))
    present = {name for file in files for name in tensor_shapes(file)}
    prefix = next((p for p in _PREFIXES if p + _ANCHORS[spec.family] in present), "")
    base = {
        name: _present_name(prefix + name.removeprefix("base."), present)
        for name in parameters
        if name.startswith("base.")
    }
    found = [Source(files, base)]
    for index, projection in enumerate(spec.projections):
        start = f"projections.{index}."
        names = {n: n.removeprefix(start) for n in parameters if n.startswith(start)}
        path = spec.folder / projection.file
        own = files if path.parent == spec.folder else tuple(weight_files(path.parent, path.name))
        found.append(Source(own, names))
    return found


def _present_name(name: str, present: set[str]) -> str:
    if name in present:
        return name
    others = (
        name.replace("LayerNorm.weight", "LayerNorm.gamma"),
        name.replace("LayerNorm.bias", "LayerNorm.beta"),
        name.replace("shared.weight", "encoder.embed_tokens.weight"),
    )
    return next((other for other in others if other in present), name)
