"""Each loss against loops over its formula, and its gradient against finite differences."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.core.encoder.fixture_encoders import skip_without_mlx
from train.config import RunConfig

skip_without_mlx()

import mlx.core as mx  # noqa: E402

from train.step.losses import LOSSES, GradedBatch, first_heads, weighted_sum  # noqa: E402
from train.step.trainee import maxsim  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

TEMPERATURE = 0.2
STEP = 0.15
QUERIES, DOCUMENTS = 4, 6


class Example:
    """Scores and grades as NumPy has them: NaN is no grade."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        shape = (QUERIES, DOCUMENTS)
        self.scores: Matrix = random.uniform(-0.2, 1.0, shape)
        self.grades: Matrix = random.choice([1, 2, 2.6, 3.4, 4, 5, np.nan], shape)
        # Two grades of the last query and none of the first, whatever was drawn.
        self.grades[-1, :2], self.grades[0] = (5, 1), np.nan
        self.weights: Matrix = np.where(np.isnan(self.grades), 0, random.uniform(0.1, 1, shape))
        self.negatives = ~(self.grades >= 3) & (random.random(shape) < 0.8)

    def graded(self) -> GradedBatch:
        known = ~np.isnan(self.grades)
        return GradedBatch(
            mx.array(np.where(known, self.grades, 1.0)).astype(mx.float64),
            mx.array(known),
            mx.array(self.weights).astype(mx.float64),
            mx.array(self.negatives),
        )

    def known(self) -> Iterator[tuple[int, int, float, float, float]]:
        for q, d in np.argwhere(~np.isnan(self.grades)):
            yield q, d, self.scores[q, d], self.grades[q, d], self.weights[q, d]


def mean(terms: list[tuple[float, float]]) -> float:
    return sum(term * w for term, w in terms) / sum(w for _, w in terms)


def mse_of(example: Example, head: Mapping[str, Matrix]) -> float:
    slope, offset = math.exp(float(head["slope"])), float(head["offset"])
    return mean([((slope * s + offset - (g - 1) / 4) ** 2, w) for _, _, s, g, w in example.known()])


def ordinal_of(example: Example, head: Mapping[str, Matrix]) -> float:
    thresholds = [float(head["first"])]
    for gap in head["gaps"]:
        thresholds.append(thresholds[-1] + math.log1p(math.exp(gap)))
    terms = []
    for _, _, s, g, w in example.known():
        total = 0.0
        for k, threshold in enumerate(thresholds, start=1):
            above = 1 / (1 + math.exp(threshold - math.exp(float(head["scale"])) * s))
            truth = min(max(g - k, 0), 1)
            total -= truth * math.log(above) + (1 - truth) * math.log(1 - above)
        terms.append((total, w))
    return mean(terms)


def margin_of(example: Example, _: object) -> float:
    terms = [
        (max(0, STEP * (g - other_g) - (s - other_s)), w * other_w)
        for q, _, s, g, w in example.known()
        for other_q, _, other_s, other_g, other_w in example.known()
        if q == other_q and g > other_g
    ]
    return mean(terms)


def kl_of(example: Example, _: object) -> float:
    terms = []
    for query in range(QUERIES):
        own = [(s, g, w) for q, _, s, g, w in example.known() if q == query]
        if len(own) < 2:
            continue
        teacher, student = (
            np.exp(values) / np.exp(values).sum()
            for values in (
                np.array([g for _, g, _ in own]),
                np.array([s for s, _, _ in own]) / TEMPERATURE,
            )
        )
        apart = float((teacher * np.log(teacher / student)).sum())
        terms.append((apart, float(np.mean([w for _, _, w in own]))))
    return mean(terms)


def contrastive_of(example: Example, _: object) -> float:
    terms = []
    for q, _, s, g, w in example.known():
        if g < 4:
            continue
        good = math.exp(s / TEMPERATURE)
        others = np.exp(example.scores[q][example.negatives[q]] / TEMPERATURE).sum()
        terms.append((-math.log(good / (good + others)), w))
    return mean(terms)


REFERENCES: dict[str, Callable[[Example, Mapping[str, Matrix]], float]] = {
    "mse": mse_of,
    "ordinal": ordinal_of,
    "margin": margin_of,
    "kl": kl_of,
    "contrastive": contrastive_of,
}


def config_of(*losses: tuple[str, float]) -> RunConfig:
    return RunConfig("base", losses=losses, temperature=TEMPERATURE, margin=STEP)


def heads_of(config: RunConfig) -> dict[str, dict[str, mx.array]]:
    """Return the losses' own weights, away from where they start."""
    return {
        loss: {name: value.astype(mx.float64) + 0.3 for name, value in head.items()}
        for loss, head in first_heads(config).items()
    }


@pytest.fixture(autouse=True)
def exact() -> Iterator[None]:
    """Compute on the CPU, which has float64."""
    with mx.stream(mx.cpu):
        yield


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_its_formula(name: str, seed: int) -> None:
    example, config = Example(seed), config_of((name, 2.5))
    heads = heads_of(config)
    scores = mx.array(example.scores).astype(mx.float64)
    total, parts = weighted_sum(config, scores, example.graded(), heads)
    head = {key: np.array(value) for key, value in heads.get(name, {}).items()}
    wanted = REFERENCES[name](example, head)
    assert float(np.array(parts[name])) == pytest.approx(wanted, rel=1e-5)
    assert float(np.array(total)) == pytest.approx(2.5 * wanted, rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_a_gradient_is_the_slope_of_its_loss(name: str) -> None:
    example, config = Example(3), config_of((name, 1.0))
    graded = example.graded()

    def loss(values: dict[str, mx.array]) -> mx.array:
        own = {key: value for key, value in values.items() if key != "scores"}
        return weighted_sum(config, values["scores"], graded, {name: own})[0]

    values = {"scores": mx.array(example.scores).astype(mx.float64)}
    values |= heads_of(config).get(name, {})
    found = mx.grad(loss)(values)
    for key, value in values.items():
        flat = np.array(value).reshape(-1)
        for place in range(len(flat)):
            ends = []
            for sign in (1, -1):
                moved = flat.copy()
                moved[place] += sign * 5e-4
                shaped = mx.array(moved.reshape(value.shape)).astype(mx.float64)
                ends.append(float(np.array(loss(values | {key: shaped}))))
            slope = (ends[0] - ends[1]) / 1e-3
            assert np.array(found[key]).reshape(-1)[place] == pytest.approx(
                slope, rel=1e-3, abs=1e-4
            )


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_without_a_term_gives_nothing(name: str) -> None:
    example, config = Example(0), config_of((name, 1.0))
    example.grades[:], example.weights[:] = np.nan, 0
    heads, graded = heads_of(config), example.graded()
    scores = mx.array(example.scores).astype(mx.float64)

    def loss(scores: mx.array) -> mx.array:
        return weighted_sum(config, scores, graded, heads)[0]

    assert float(np.array(loss(scores))) == 0
    assert np.array(mx.grad(loss)(scores)).tolist() == np.zeros_like(example.scores).tolist()


def test_the_docs_describe_every_loss() -> None:
    text = (Path(__file__).parents[3] / "docs" / "training.md").read_text("utf-8")
    for name, loss in LOSSES.items():
        assert f"| `{name}` | {loss.description} |" in text


def test_losses_are_summed_with_their_weights() -> None:
    example = Example(1)
    config = config_of(*((name, 0.5 + place) for place, name in enumerate(LOSSES)))
    scores = mx.array(example.scores).astype(mx.float64)
    total, parts = weighted_sum(config, scores, example.graded(), heads_of(config))
    assert set(parts) == set(LOSSES)
    wanted = sum(weight * float(np.array(parts[name])) for name, weight in config.losses)
    assert float(np.array(total)) == pytest.approx(wanted)


def test_a_good_document_is_no_negative_and_a_distant_one_costs_nothing() -> None:
    config = RunConfig("base", losses=(("contrastive", 1.0),), temperature=0.05)
    known = mx.array([[True, True, False]])
    graded = GradedBatch(
        mx.array([[5.0, 5.0, 1.0]]),
        known,
        known.astype(mx.float32),
        mx.array([[False, False, True]]),
    )
    # The two good ones are as close as can be and do not push each other away.
    loss, _ = weighted_sum(config, mx.array([[0.9, 0.9, -1.0]]), graded, {})
    assert float(np.array(loss)) < 1e-6


def test_maxsim_is_the_mean_of_the_best_cosines() -> None:
    random = np.random.default_rng(0)
    queries, documents = random.normal(size=(3, 4, 8)), random.normal(size=(5, 6, 8))
    queries /= np.linalg.norm(queries, axis=-1, keepdims=True)
    documents /= np.linalg.norm(documents, axis=-1, keepdims=True)
    query_kept, document_kept = random.random((3, 4)) < 0.7, random.random((5, 6)) < 0.7
    query_kept[:, 0], document_kept[:, 0] = True, True
    document_kept[4] = False
    found = maxsim(
        mx.array(queries.astype(np.float32)),
        mx.array(query_kept),
        mx.array(documents.astype(np.float32)),
        mx.array(document_kept),
    )
    for q in range(3):
        for d in range(4):
            cosines = queries[q][query_kept[q]] @ documents[d][document_kept[d]].T
            assert float(np.array(found)[q, d]) == pytest.approx(cosines.max(1).mean(), abs=1e-5)
        assert float(np.array(found)[q, 4]) == -1
