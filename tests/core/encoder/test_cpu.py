"""The polynomials are right, can be differentiated, and are not used where they cannot run."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from tests.core.encoder.fixture_encoders import ALL_NAMES, encoder, skip_without_mlx

skip_without_mlx()

import mlx.core as mx  # noqa: E402
from mlx.utils import tree_flatten  # noqa: E402

from core.encoder import cpu as fast_cpu  # noqa: E402
from core.encoder.cpu import lanes, this_lane  # noqa: E402
from core.encoder.models import layers  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

HOUSE = Path(__file__).parents[3]
fast_only = pytest.mark.skipif(
    not fast_cpu.usable(), reason="the fast forms need MLX's CPU device on Linux and g++"
)


@fast_only
def test_exp_over_its_whole_range() -> None:
    x = np.linspace(-87, 80, 400_001, dtype=np.float32)
    relative = np.array(fast_cpu.exp(mx.array(x))) / np.exp(x.astype(np.float64)) - 1
    assert np.abs(relative).max() < 5e-6
    assert np.array(fast_cpu.exp(mx.array([-88.0, -1e4, -1e9]))).max() < 1e-25
    assert fast_cpu.exp(mx.array([0.0])).item() == 1


@fast_only
@pytest.mark.parametrize("name", ["gelu", "gelu_tanh", "silu"])
def test_activations_equal_the_exact_ones(name: str) -> None:
    x = np.concatenate([np.linspace(-20, 20, 40_001), [-1e5, 1e5]]).astype(np.float32)
    exact: Callable[[float], float] = {
        "gelu": lambda v: v * (1 + math.erf(v / math.sqrt(2))) / 2,
        "gelu_tanh": lambda v: (
            v * (1 + math.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3))) / 2
        ),
        "silu": lambda v: v / (1 + math.exp(-v)) if v > -700 else 0.0,
    }[name]
    found = np.array(getattr(layers, name)(mx.array(x)))
    wanted = np.array([exact(float(v)) for v in x])
    # What is left of a large -x is a rounding error of it.
    np.testing.assert_array_less(np.abs(found - wanted), 4e-6 + 2e-7 * np.abs(x))


@fast_only
def test_the_derivative_of_gelu_is_the_exact_one() -> None:
    x = np.concatenate([np.linspace(-20, 20, 40_001), [-1e5, 1e5]]).astype(np.float32)
    found = np.array(mx.grad(lambda x: fast_cpu.gelu(x).sum())(mx.array(x)))
    wanted = [
        (1 + math.erf(v / math.sqrt(2))) / 2 + v * math.exp(-v * v / 2) / math.sqrt(2 * math.pi)
        for v in x.astype(float)
    ]
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_a_derivative_is_computed_in_the_lane_of_its_function() -> None:
    seen = []

    def slope(x: mx.array, cotangent: mx.array, _: mx.array) -> mx.array:
        seen.append(this_lane().number)
        return 2 * x * cotangent

    square = cast("Callable[[mx.array], mx.array]", fast_cpu.differentiable(lambda x: x * x, slope))

    def loss(x: mx.array) -> mx.array:
        total = mx.array(0.0)
        for lane in lanes(3):
            with lane.entered():
                total = total + square(x).sum()
        return total

    assert np.array(mx.grad(loss)(mx.array([1.0, 3.0]))).tolist() == [6.0, 18.0]
    assert sorted(seen) == [0, 1, 2]
    assert this_lane().number == 0


@fast_only
def test_derivatives_equal_those_of_the_plain_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    mx.random.seed(3)
    q, k, v = (mx.random.normal((2, 2, 9, 4)) * 2 for _ in range(3))
    mask = mx.where(mx.arange(9) < 6, 0.0, layers.HIDDEN)[None, None, None]

    def loss(q: mx.array, k: mx.array, v: mx.array) -> mx.array:
        gathered = layers.attention(q, k, v, scale=0.7, mask=mask)
        return (layers.gelu(gathered) * layers.silu(q) + layers.gelu_tanh(k)).sum()

    gradient = mx.grad(loss, argnums=[0, 1, 2])
    fast = [np.array(part) for part in gradient(q, k, v)]
    monkeypatch.setattr(fast_cpu, "usable", lambda: False)
    for found, part in zip(fast, gradient(q, k, v), strict=True):
        np.testing.assert_allclose(found, np.array(part), atol=2e-5)


@pytest.mark.parametrize("name", ALL_NAMES)
def test_every_parameter_that_is_used_has_a_gradient(name: str) -> None:
    module = encoder(name).module
    tokens = mx.array([[5, 6, 7, 8, 9, 10], [5, 9, 8, 1, 1, 1]])
    seen = mx.array([[True] * 6, [True] * 3 + [False] * 3])

    def loss(parameters: dict[str, mx.array]) -> mx.array:
        module.update(parameters)
        answer = module(tokens, seen)
        return (answer[0] @ answer[1].T).sum()

    before = module.parameters()  # type: ignore[no-untyped-call]
    gradients = dict(tree_flatten(mx.grad(loss)(before)))
    module.update(before)
    for parameter, gradient in gradients.items():
        values = np.array(gradient)
        assert np.isfinite(values).all(), parameter
        assert values.any() or parameter.endswith("key.bias"), parameter


def test_a_layer_compiles_to_the_same_layer() -> None:
    layer = encoder("colbert").module["base"].encoder.layer[0]
    hidden = mx.random.normal((2, 6, 32))
    plain = np.array(layer(hidden, None))
    compiled = mx.compile(lambda x: layer(x, None))
    np.testing.assert_allclose(np.array(compiled(hidden)), plain, atol=1e-5)


def test_without_a_compiler_the_plain_forms_are_used(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "import numpy as np\n"
        "from core.encoder.mlx_runtime import require_mlx\n"
        "require_mlx()\n"
        "import mlx.core as mx\n"
        "from core.encoder import cpu as fast_cpu\nfrom core.encoder.models import layers\n"
        "assert not fast_cpu.usable()\n"
        "x = mx.array(np.load(sys.argv[1]))\n"
        "found = layers.gelu(layers.attention(x, x, x, scale=0.5, mask=None))\n"
        "np.save(sys.argv[1], np.array(found))\n"
    )
    saved = tmp_path / "values.npy"
    values = np.random.default_rng(5).normal(size=(2, 3, 7, 4)).astype(np.float32)
    np.save(saved, values)
    subprocess.run(
        [sys.executable, "-c", program, str(saved)],
        cwd=HOUSE,
        env={**os.environ, "PATH": str(tmp_path), "TMPDIR": str(tmp_path)},
        check=True,
        capture_output=True,
    )
    x = mx.array(values)
    wanted = layers.gelu(layers.attention(x, x, x, scale=0.5, mask=None))
    np.testing.assert_allclose(np.load(saved), np.array(wanted), atol=1e-5)


def test_hidden_keys_weigh_nothing_and_leave_no_denormal_numbers() -> None:
    hidden = mx.array([[-1e9, -200.0, -88.5, -87.0, -20.0, 0.0]])
    found = np.array(fast_cpu.exp(hidden))[0]
    assert found[:3].tolist() == [0.0, 0.0, 0.0]
    assert found[3:] == pytest.approx(np.exp([-87.0, -20.0, 0.0]), rel=1e-5)
    gradient = mx.grad(lambda x: (fast_cpu.exp(x) * 1e-3).sum())(hidden)
    smallest = np.finfo(np.float32).smallest_normal
    values = np.abs(np.array(gradient)[0, :3])
    assert not np.any((values > 0) & (values < smallest))


@fast_only
@pytest.mark.parametrize("kind", [layers.LayerNorm, layers.RMSNorm])
def test_norms_and_their_derivatives_equal_the_plain_ones(
    kind: type[layers.LayerNorm | layers.RMSNorm], monkeypatch: pytest.MonkeyPatch
) -> None:
    mx.random.seed(4)
    norm = kind(24, eps=1e-6)
    x, slope = mx.random.normal((2, 5, 24)) * 3 + 1, mx.random.normal((2, 5, 24))
    first = {name: mx.random.normal((24,)) for name in norm.parameters()}  # type: ignore[no-untyped-call]

    def loss(parameters: dict[str, mx.array], x: mx.array) -> mx.array:
        norm.update(parameters)
        return (norm(x) * slope).sum()

    gradient = mx.grad(loss, argnums=[0, 1])
    fast = [np.array(value) for value in dict(tree_flatten(gradient(first, x))).values()]
    monkeypatch.setattr(fast_cpu, "usable", lambda: False)
    plain = [np.array(value) for value in dict(tree_flatten(gradient(first, x))).values()]
    for found, wanted in zip(fast, plain, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=2e-5)
