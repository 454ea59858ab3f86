"""`ConvexReLURegressor`: what fit promises, on easy data and on hard data."""

import warnings

import numpy as np
import pytest

from convexnn import ConvexReLURegressor, WidthWarning, beta_max, certify, enumerate_patterns
from convexnn.estimators._parameters import SCALE_FRACTION, tolerance_of
from convexnn.exceptions import ConvergenceWarning, ScaleWarning
from convexnn.solvers import _runs, scalar_run

from ..checks import augment, brute_force, check_certificate, plain_objective, plain_predict
from ..zoo import random_problem

FLAGS = {"hidden_bias": True, "fit_intercept": True}
FREE = [
    {"hidden_bias": bias, "fit_intercept": intercept, "skip_connection": skip}
    for bias, intercept, skip in [(1, 1, 0), (0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 1), (0, 1, 1)]
]


def fit(X, y, sample_weight=None, beta="scale", **options):
    """Fit with a strength that is not chosen: see test_beta_auto for that."""
    return ConvexReLURegressor(beta, **options).fit(X, y, sample_weight=sample_weight)


def quietly_or_honestly(X, y, allowed=(ConvergenceWarning,), **options):
    """Fit and return the model; without an allowed warning the visible gap must have reached the tolerance."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = fit(X, y, **options)
    assert {w.category for w in caught} <= set(allowed), [str(w.message) for w in caught]
    if not caught:
        assert model.certificate_.heuristic_gap <= tolerance_of(model.tol)
    return model


def same_bits(first, second, X):
    """Assert that two fits are the same to the last bit."""
    np.testing.assert_array_equal(first.network_.hidden_weights, second.network_.hidden_weights)
    np.testing.assert_array_equal(first.network_.output_weights, second.network_.output_weights)
    np.testing.assert_array_equal(first.predict(X), second.predict(X))
    assert first.certificate_.primal == second.certificate_.primal
    assert first.certificate_.dual == second.certificate_.dual
    assert first.beta_max_ == second.beta_max_
    assert first.n_iter_ == second.n_iter_


@pytest.fixture(scope="module")
def data():
    X, y = random_problem(8, 2, seed=1)
    return X, y + 2.0


@pytest.fixture(scope="module")
def larger():
    X, _ = random_problem(40, 4, seed=2)
    return X, np.abs(X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * np.random.default_rng(0).standard_normal(40)


# What is fitted


@pytest.mark.mostly_slow
@pytest.mark.parametrize("flags", FREE, ids=str)
def test_fit_against_brute_force(data, flags):
    X, y = data
    model = fit(X, y, beta=0.1, **flags)
    expected = brute_force(X, y, 0.1, **flags)
    assert (model.status_, model.certificate_.proof) == ("proven", "exact")
    assert expected.lower * (1 - 1e-8) <= model.certificate_.primal <= expected.value * (1 + 1e-8)
    check_certificate(model.certificate_, model.network_, X, y, 0.1, tolerance=3e-7)
    np.testing.assert_allclose(model.predict(X), plain_predict(model.network_, X), atol=1e-12)
    np.testing.assert_array_equal(model.dual_, model.certificate_.dual_point)
    present = [model.network_.hidden_bias, model.network_.intercept, model.network_.skip_weights]
    assert [part is not None for part in present] == [bool(flag) for flag in flags.values()]
    assert model.n_iter_ >= 1
    assert len(model.history_) >= 1


def test_certificate_is_that_of_the_network(larger):
    X, y = larger
    model = fit(X, y, beta=0.5)
    assert model.certificate_.primal == pytest.approx(plain_objective(model.network_, X, y, 0.5), rel=1e-12)
    again = certify(model.network_, X, y, 0.5)
    assert again.relative_gap <= 1e-6
    assert again.primal == pytest.approx(model.certificate_.primal, rel=1e-12)


def test_solvers_agree(data):
    X, y = data
    models = [fit(X, y, beta=0.1, solver=solver) for solver in ("auto", "column_generation", "cvxpy")]
    own = enumerate_patterns(augment(X, True))
    models += [fit(X, y, beta=0.1, patterns=patterns) for patterns in ("exact", own)]
    for model in models:
        assert model.certificate_.primal == pytest.approx(models[0].certificate_.primal, rel=1e-6)
        np.testing.assert_allclose(model.predict(X), models[0].predict(X), atol=1e-4)


def test_sampled_patterns_are_an_upper_bound_that_says_so(larger):
    X, y = larger
    with pytest.warns(ConvergenceWarning):
        sampled = fit(X, y, beta=0.1, patterns="sampled", n_patterns=5, random_state=0)
    best = fit(X, y, beta=0.1)
    assert sampled.certificate_.primal > best.certificate_.primal * (1 + 1e-6)
    assert sampled.certificate_.dual <= best.certificate_.primal


def test_own_patterns_follow_the_rows_of_the_caller():
    X, y = random_problem(6, 2, seed=3)
    repeated, order = np.vstack([X, X[:2]]), np.random.default_rng(0).permutation(8)
    X, y = repeated[order], np.append(y, y[:2])[order]
    own = enumerate_patterns(X)
    flags = {"hidden_bias": False, "fit_intercept": False}
    assert fit(X, y, beta=0.1, patterns=own, **flags).certificate_.primal == pytest.approx(
        fit(X, y, beta=0.1, **flags).certificate_.primal, rel=1e-6
    )


# The strength


def test_scale_is_a_fraction_of_beta_max(data):
    X, y = data
    model = fit(X, y)
    assert model.beta_max_proof_ == "exact"
    assert model.beta_max_ == pytest.approx(beta_max(X, y, **FLAGS), rel=1e-6)
    assert model.beta_ == SCALE_FRACTION * model.beta_max_
    assert fit(X, y, beta=1.001 * model.beta_max_).network_.width == 0
    assert fit(X, y, beta=0.999 * model.beta_max_).network_.width > 0


def test_the_documented_fraction_is_the_one_used():
    assert f'``"scale"``: {SCALE_FRACTION:g}' in ConvexReLURegressor.__doc__


@pytest.mark.parametrize("scale", [1e-9, 1e9, -3.0])
def test_scale_follows_the_targets(larger, scale):
    X, y = larger
    plain, scaled = fit(X, y), fit(X, scale * y)
    assert scaled.beta_ == pytest.approx(abs(scale) * plain.beta_, rel=1e-6)
    np.testing.assert_allclose(scaled.predict(X) / scale, plain.predict(X), atol=1e-5)
    assert scaled.status_ == "proven"


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_scale_follows_the_inputs_without_a_hidden_bias(larger, scale):
    X, y = larger
    plain, scaled = fit(X, y, hidden_bias=False), fit(scale * X, y, hidden_bias=False)
    assert scaled.beta_ == pytest.approx(scale * plain.beta_, rel=1e-6)
    np.testing.assert_allclose(scaled.predict(scale * X), plain.predict(X), atol=1e-5)


# Weights, order, threads, seeds


def test_weights_are_repetition_to_the_last_bit(larger):
    X, y = larger
    weight = np.random.default_rng(0).integers(0, 4, len(y))
    weighted, repeated = fit(X, y, weight), fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    same_bits(weighted, repeated, X)
    assert np.all(weighted.dual_[weight == 0] == 0)
    np.testing.assert_allclose(
        np.bincount(np.repeat(np.arange(len(y)), weight), repeated.dual_, len(y)), weighted.dual_, rtol=1e-12
    )


def test_zero_weights_leave_rows_out(larger):
    X, y = larger
    weight = (np.arange(len(y)) % 3 > 0).astype(float)
    kept = weight > 0
    wild = np.where(kept, y, 1e6)
    same_bits(fit(X, wild, weight), fit(X[kept], y[kept]), X)


def test_fractional_weights(data):
    X, y = data
    weight = np.linspace(0.1, 2.0, len(y))
    model = fit(X, y, weight, beta=0.1)
    expected = brute_force(X, y, 0.1, sample_weight=weight, **FLAGS)
    assert model.certificate_.primal == pytest.approx(expected.value, rel=1e-7)
    check_certificate(model.certificate_, model.network_, X, y, 0.1, sample_weight=weight, tolerance=3e-7)


def test_the_order_of_the_rows_changes_no_bit(larger):
    X, y = larger
    order = np.random.default_rng(0).permutation(len(y))
    first, second = fit(X, y), fit(X[order], y[order])
    same_bits(first, second, X)
    np.testing.assert_array_equal(first.dual_[order], second.dual_)


@pytest.mark.parametrize("proof", ["auto", "heuristic"])
def test_threads_change_no_bit(larger, proof):
    X, y = larger
    models = [fit(X, y, n_jobs=n_jobs, proof=proof) for n_jobs in (None, 1, 2, -1)]
    for model in models[1:]:
        same_bits(models[0], model, X)


def test_seeds(larger):
    X, y = larger
    same_bits(fit(X, y), fit(X, y), X)
    same_bits(fit(X, y, random_state=5), fit(X, y, random_state=5), X)
    state = np.random.RandomState(5)
    same_bits(fit(X, y, random_state=state), fit(X, y, random_state=np.random.RandomState(5)), X)
    first, other = fit(X, y), fit(X, y, random_state=6)
    assert first.certificate_.primal == pytest.approx(other.certificate_.primal, rel=1e-6)


def test_the_global_generator_is_left_alone(larger):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    fit(*larger, proof="heuristic")
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


# How a fit ends


def quoted(message):
    """Return the two figures that a ConvergenceWarning quotes."""
    words = message.replace("tol=", " ").replace(",", " ").replace(":", " ").split()
    return [float(word) for word in words if word[0].isdigit() and "e" in word]


def test_too_few_rounds_are_told_with_both_figures(larger):
    with pytest.warns(ConvergenceWarning, match="max_iter") as caught:
        model = fit(*larger, beta=0.05, max_iter=1, proof="heuristic")
    assert model.status_ == "max_iter"
    assert model.n_iter_ == 1
    reached, wanted = quoted(str(caught[0].message))
    assert wanted == tolerance_of(model.tol)
    assert reached == pytest.approx(model.certificate_.heuristic_gap, rel=1e-2)
    assert reached > wanted


def test_a_loose_tolerance_ends_in_silence(larger):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fit(*larger, beta=0.05, tol=0.1, proof="heuristic")
    assert model.certificate_.heuristic_gap <= 0.1
    assert model.status_ == "converged"


def test_time_limit_keeps_the_best_network(larger):
    X, y = larger
    with pytest.warns(ConvergenceWarning, match="time_limit|time limit"):
        model = fit(X, y, beta=0.01, time_limit=1e-9)
    assert model.status_ == "time_limit"
    assert model.certificate_.primal == pytest.approx(plain_objective(model.network_, X, y, 0.01), rel=1e-12)
    assert model.certificate_.dual <= fit(X, y, beta=0.01).certificate_.primal


def interrupt(monkeypatch, name, after):
    """Let the call number `after` of a part of the solver be interrupted, as by Ctrl-C."""
    module = scalar_run if hasattr(scalar_run, name) else _runs
    calls, kept = [], getattr(module, name)

    def interrupted(*args, **kwargs):
        calls.append(name)
        if len(calls) == after:
            raise KeyboardInterrupt
        return kept(*args, **kwargs)

    monkeypatch.setattr(module, name, interrupted)


@pytest.mark.parametrize(
    ("name", "after"), [("move_neurons", 3), ("best_masses", 5), ("random_starts", 3), ("certify_problem", 1)]
)
def test_interrupts_keep_the_best_network(larger, monkeypatch, name, after):
    X, y = larger
    best = fit(X, y, beta=0.05)
    interrupt(monkeypatch, name, after)
    with pytest.warns(ConvergenceWarning, match="Interrupted"):
        model = fit(X, y, beta=0.05)
    assert model.status_ == "interrupted"
    assert model.n_iter_ >= 1
    assert model.network_.width > 0
    certificate = model.certificate_
    assert certificate.primal == pytest.approx(plain_objective(model.network_, X, y, 0.05), rel=1e-12)
    assert certificate.dual <= best.certificate_.primal
    assert certificate.primal >= best.certificate_.dual
    assert certificate.primal < 0.5 * np.sum((y - y.mean()) ** 2)
    assert model.predict(X).shape == y.shape


def test_an_interrupt_before_the_first_neuron(larger, monkeypatch):
    X, y = larger
    interrupt(monkeypatch, "random_starts", 1)
    with pytest.warns(ConvergenceWarning, match="Interrupted"):
        model = fit(X, y, beta=0.05)
    assert model.network_.width == 0
    assert model.certificate_.primal == pytest.approx(0.5 * np.sum((y - y.mean()) ** 2))


@pytest.mark.slow
def test_max_width(larger):
    X, y = larger
    best = fit(X, y, beta=0.05)
    assert best.network_.width > 3
    with pytest.warns(WidthWarning, match=r"max_width=2 .*m\* is at most \d+"):
        narrow = fit(X, y, beta=0.05, max_width=2)
    assert narrow.network_.width == 2
    assert narrow.certificate_.primal > best.certificate_.primal
    assert narrow.certificate_.dual <= best.certificate_.primal
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fit(X, y, beta=0.05, max_width=best.network_.width).status_ == "proven"


def test_warm_start(larger):
    X, y = larger
    model = ConvexReLURegressor(beta=0.05, warm_start=True).fit(X, y)
    objective, rounds = model.certificate_.primal, model.n_iter_
    model.fit(X, y)
    assert model.n_iter_ <= rounds
    assert model.history_[0]["objective"] <= objective * (1 + 1e-9)
    assert model.certificate_.primal == pytest.approx(objective, rel=1e-6)
    model.set_params(beta=0.06, max_iter=1, proof="heuristic")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
        cold = fit(X, y, beta=0.06, max_iter=1, proof="heuristic")
    assert model.certificate_.primal < cold.certificate_.primal


def test_warm_start_survives_other_parameters(larger):
    X, y = larger
    model = ConvexReLURegressor(beta=0.05, warm_start=True).fit(X, y)
    model.set_params(hidden_bias=False).fit(X, y)
    assert model.network_.hidden_bias is None
    model.fit(X[:10], y[:10])
    assert model.status_ == "proven"


def test_verbose(data, capsys):
    model = fit(*data, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(model.history_) + 1
    assert all("visible gap" in line for line in lines[:-1])
    assert "proven: objective" in lines[-1] and "cones bounded" in lines[-1]
    fit(*data)
    assert capsys.readouterr().out == ""


# Hard data


def hard_data():
    """Inputs and targets that break naive code, by name."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((7, 2)), rng.standard_normal(7)
    return {
        "one sample": (X[:1], y[:1]),
        "one zero sample": (np.zeros((1, 2)), y[:1]),
        "two samples": (X[:2], y[:2]),
        "constant y": (X, np.full(7, 3.3)),
        "zero y": (X, np.zeros(7)),
        "constant column": (np.column_stack([X[:, 0], np.full(7, 5.0)]), y),
        "zero column": (np.column_stack([X[:, 0], np.zeros(7)]), y),
        "zero inputs": (np.zeros((7, 2)), y),
        "collinear columns": (np.column_stack([X[:, 0], 2 * X[:, 0]]), y),
        "duplicates": (X[[0, 1, 2, 0, 1, 2, 3]], np.append(y[[0, 1, 2, 0, 1, 2]], 1.0)),
        "duplicates that disagree": (X[[0, 1, 2, 0, 1, 2, 3]], y),
        "antipodes": (np.vstack([X[:3], -X[:3], X[3:4]]), y),
        "zero rows": (np.vstack([X[:5], np.zeros((2, 2))]), y),
        "integers": (rng.integers(-1, 2, (7, 2)).astype(float), y),
        "wide": (rng.standard_normal((3, 6)), y[:3]),
        "small y": (X, y * 1e-9),
        "large y": (X, y * 1e9),
    }


@pytest.mark.mostly_slow
@pytest.mark.parametrize("flags", FREE[:3], ids=["bias and intercept", "plain", "intercept"])
@pytest.mark.parametrize("name", hard_data())
def test_hard_data(name, flags):
    X, y = hard_data()[name]
    model, noise = quietly_or_honestly(X, y, **flags), 1e-14 * float(y @ y)
    if not np.any(y) or (flags["fit_intercept"] and np.ptp(y) == 0):  # the reference has nothing but rounding to fit
        assert model.certificate_.primal <= noise
        return
    size = np.abs(y).max() if "y" in name else 1.0  # the reference is for data of magnitude one
    expected = brute_force(X, y / size, model.beta_ / size, **flags)
    assert model.certificate_.primal <= expected.value * size**2 * (1 + 1e-7) + noise
    assert model.certificate_.primal >= expected.lower * size**2 * (1 - 1e-7) - noise
    assert model.certificate_.gap <= 1e-6 * model.certificate_.primal + noise
    if "y" not in name:
        assert model.certificate_.primal == pytest.approx(plain_objective(model.network_, X, y, model.beta_), abs=noise)


@pytest.mark.parametrize("name", ["one sample", "constant y", "zero y"])
def test_no_neuron_is_needed(name):
    X, y = hard_data()[name]
    model = quietly_or_honestly(X, y)
    assert model.beta_max_ == pytest.approx(0.0, abs=1e-12)
    assert model.beta_ == 1.0
    assert model.network_.width == 0
    assert model.status_ == "proven"
    np.testing.assert_allclose(model.predict(X), y, atol=1e-12)


@pytest.mark.parametrize("flags", [{}, {"hidden_bias": False, "fit_intercept": False}], ids=["default", "plain"])
@pytest.mark.parametrize("x_scale", [1e-150, 1.0, 1e150])
@pytest.mark.parametrize("y_scale", [1e-150, 1.0, 1e150])
def test_extreme_magnitudes(x_scale, y_scale, flags):
    X, y = random_problem(8, 2, seed=6)
    try:
        model = quietly_or_honestly(X * x_scale, y * y_scale, (ConvergenceWarning, ScaleWarning), **flags)
    except ValueError as error:  # a sum that leaves float64 is refused by name
        assert "too large" in str(error)
        assert x_scale * y_scale >= 1e300
        return
    certificate = model.certificate_
    assert np.all(np.isfinite(model.predict(X * x_scale)))
    assert 0.0 <= certificate.dual <= certificate.primal
    if not flags and x_scale != 1.0:
        return  # with a hidden bias the inputs are drowned by the bias, or drown it
    plain = fit(X, y, **flags)
    np.testing.assert_allclose(model.predict(X * x_scale) / y_scale, plain.predict(X), atol=1e-5)


@pytest.mark.parametrize("offset", [1e9, -1e9])
def test_targets_far_from_zero(offset):
    X, y = random_problem(10, 2, seed=7)
    near, far = fit(X, y, beta=0.1), quietly_or_honestly(X, y + offset, beta=0.1)
    assert far.certificate_.primal == pytest.approx(near.certificate_.primal, rel=1e-5)
    assert far.certificate_.dual <= near.certificate_.primal * (1 + 1e-5)
    np.testing.assert_allclose(far.predict(X) - offset, near.predict(X), atol=1e-3)


def test_inputs_far_from_zero():
    X, y = random_problem(10, 2, seed=8)
    model = quietly_or_honestly(X + 1e6, y, (ConvergenceWarning, ScaleWarning), beta=0.1)
    certificate = model.certificate_
    assert certificate.primal == pytest.approx(plain_objective(model.network_, X + 1e6, y, 0.1), rel=1e-6)
    assert certificate.dual <= certificate.primal


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("size", [1e-200, 1e-320])
def test_targets_whose_squares_underflow_get_no_neurons(size):
    X, y = random_problem(8, 2, seed=6)
    model = ConvexReLURegressor(beta=1.0).fit(X, y * size)
    assert model.network_.width == 0 and model.status_ == "proven"
