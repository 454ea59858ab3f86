"""Regularisation paths: known breakpoints, agreement with cold starts, the same bits always, no false proof."""

import joblib
import numpy as np
import pytest

from convexnn import InvalidInputError, beta_max, certify, optimal_set, regularization_path
from convexnn.sweeps import strengths
from tests.zoo import identity, random_problem, three_rows

Y = np.array([3.0, 4.0, -2.0])  # with X = I neurons join at ||y_+|| = 5 and ||y_-|| = 2


def test_values_and_widths_are_the_known_ones():
    path = regularization_path(np.eye(3), Y, n_betas=12)
    assert len(path) == 12 and path.complete
    betas = [record.beta for record in path.records]
    assert betas == sorted(betas, reverse=True)
    assert betas[0] == pytest.approx(5.0) and betas[-1] == pytest.approx(0.05)
    np.testing.assert_allclose(np.diff(np.log(betas)), np.log(0.01) / 11)
    for record in path.records:
        known = identity(Y, record.beta)
        assert record.optimal_value == pytest.approx(known.value) and record.proof == "exact"
        assert record.m_star == record.M_star == known.m_star
        assert record.m_star_bounds == record.M_star_bounds == (known.m_star, known.m_star)
        assert record.is_unique and record.is_unique_function and record.dimension == 0
        assert record.loss + record.penalty == pytest.approx(record.optimal_value)
        assert record.width == record.network.width >= record.m_star


def test_changes_are_refined_to_the_resolution():
    path = regularization_path(np.eye(3), Y, n_betas=6, eps=0.1, refine=1e-3)
    changes = [(change.quantity, change.before, change.after) for change in path.changes]
    assert changes == [("m_star", 0, 1), ("M_star", 0, 1), ("m_star", 1, 2), ("M_star", 1, 2)]
    for change, place in zip(path.changes, (5, 5, 2, 2), strict=True):
        assert change.beta_after <= place * (1 + 1e-9) and place <= change.beta_before * (1 + 1e-9)
        assert change.beta_before <= change.beta_after * 1.001
    coarse = regularization_path(np.eye(3), Y, n_betas=6, eps=0.1)
    assert set(coarse.records) < set(path.records) and len(path) < 40


def test_uniqueness_is_watched():
    known = three_rows()
    path = regularization_path(known.X, known.y, [1.5, 0.5])
    assert [(record.m_star, record.M_star, record.is_unique) for record in path.records] == [
        (0, 0, True),
        (2, 3, False),
    ]
    assert path.changes[-1].quantity == "is_unique" and path.changes[-1].after is False
    assert path.records[1].n_directions == 6


@pytest.mark.parametrize(
    "flags", [{}, {"hidden_bias": True, "fit_intercept": True}, {"sample_weight": np.linspace(0, 2, 12)}]
)
def test_warm_starts_agree_with_cold_ones(flags):
    X, y = random_problem(12, 2, seed=3)
    path = regularization_path(X, y, n_betas=7, eps=0.05, **flags)
    assert path.records[0].beta == pytest.approx(beta_max(X, y, **flags))
    assert path.records[0].m_star == 0
    for record in path.records[1:]:
        found = optimal_set(X, y, record.beta, **flags)
        assert record.optimal_value == pytest.approx(found.optimal_value, rel=1e-8)
        assert (record.m_star, record.M_star, record.dimension) == (found.m_star, found.M_star, found.dimension)
        assert record.n_directions == len(found.signs)
        weight = flags.get("sample_weight")
        assert certify(record.network, X, y, record.beta, sample_weight=weight).status == "optimal"


def test_records_do_not_depend_on_workers_or_backends():
    X, y = random_problem(8, 2)
    options = {"n_betas": 7, "eps": 0.1, "refine": 0.1}
    expected = regularization_path(X, y, **options)
    with joblib.parallel_config(backend="threading", n_jobs=2):
        threads = regularization_path(X, y, **options)
    for other in (threads, regularization_path(X, y, n_jobs=2, **options)):
        assert other == expected
        for a, b in zip(other.records, expected.records, strict=True):
            np.testing.assert_array_equal(a.network.neurons, b.network.neurons)


def test_without_a_proof_nothing_is_claimed():
    X, y = random_problem(15, 6)
    record = regularization_path(X, y, [0.5], proof="heuristic").records[0]
    assert record.proof == "heuristic" and record.lower_bound < record.optimal_value and record.relative_gap > 0
    names = ("m_star", "M_star", "m_star_bounds", "M_star_bounds", "is_unique", "is_unique_function", "dimension")
    assert all(getattr(record, name) is None for name in names)
    assert regularization_path(X, y, [0.5, 0.4], proof="heuristic", refine=1e-3).changes == ()


def test_too_many_vertices_leave_bounds():
    known = three_rows()
    record = regularization_path(known.X, known.y, [0.1], vertex_limit=1).records[0]
    assert record.m_star == 2 and record.M_star == 3 and record.M_star_bounds == (3, 3)  # both without a list
    assert record.is_unique is False and record.is_unique_function is False  # seen from the edges of the polytope


def test_targets_of_zero_have_a_path():
    path = regularization_path(np.eye(2), np.zeros(2), n_betas=3)
    assert [record.m_star for record in path.records] == [0, 0, 0]
    assert path.records[0].beta == 1.0 and path.changes == ()


def test_frame_and_output(capsys):
    path = regularization_path(np.eye(3), Y, [1, 3], verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and lines[0].startswith("1 of 2: beta 3, p* 12.5 (exact), m* 1, M* 1, ")
    frame = path.to_frame()
    assert frame["beta"].tolist() == [3, 1] and frame["m_star"].tolist() == [1, 2] and "network" not in frame
    assert repr(path) == "RegularizationPath(2 strengths from 3 to 1, 2 proven, 2 changes)"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("betas", []),
        ("betas", [1.0, -1.0]),
        ("betas", [np.nan]),
        ("betas", 2.0),
        ("n_betas", 0),
        ("eps", 1.0),
        ("eps", 0.0),
        ("refine", -1e-3),
        ("proof", "sure"),
        ("vertex_limit", 0.5),
        ("time_limit", -1),
        ("n_jobs", 0),
        ("verbose", None),
        ("checkpoint", "/no/such/folder/file"),
    ],
)
def test_bad_options_are_named_before_any_work(option, value, monkeypatch):
    monkeypatch.setattr(strengths, "solve_set", lambda *_, **__: pytest.fail("work was begun"))
    with pytest.raises(InvalidInputError, match=option):
        regularization_path(np.eye(2), np.ones(2), **{option: value})


@pytest.mark.parametrize("loss", ["squared", "logistic", "huber", "squared_hinge"])
def test_losses(loss):
    X = np.random.default_rng(0).standard_normal((12, 2))
    y = np.sign(X[:, 0] * X[:, 1])
    path = regularization_path(X, y, n_betas=3, eps=0.2, loss=loss, huber_delta=0.5, fit_intercept=True)
    for record in path.records:
        alone = regularization_path(X, y, [record.beta], loss=loss, huber_delta=0.5, fit_intercept=True).records[0]
        assert record.proof == "exact" and record.optimal_value == pytest.approx(alone.optimal_value, rel=1e-7)
        assert (record.m_star is None) == (loss in ("huber", "squared_hinge"))


@pytest.mark.parametrize("loss", ["absolute", "quantile", "multinomial"])
def test_losses_that_are_refused_by_name(loss):
    told = "takes one-hot rows" if loss == "multinomial" else f"loss must be one of.*{loss}"
    with pytest.raises(ValueError, match=told):
        regularization_path(np.eye(3), [1.0, 2.0, 3.0], [1.0], loss=loss)


@pytest.mark.parametrize("loss", ["squared", "multinomial"])
def test_several_outputs_have_values_widths_and_proofs(loss, tmp_path):
    X, y = random_problem(16, 2, seed=4)
    Y = np.column_stack([y, np.abs(y) - 1.0]) if loss == "squared" else np.eye(3)[np.digitize(y, [-0.5, 0.5])]
    options = {"n_betas": 4, "eps": 0.1, "hidden_bias": True, "fit_intercept": True, "loss": loss}
    path = regularization_path(X, Y, checkpoint=tmp_path / "path.jsonl", **options)
    assert path.records[0].width == 0 and path.records[-1].width > 0
    for record in path.records:
        certificate = certify(record.network, X, Y, record.beta, loss=loss)
        assert record.lower_bound <= certificate.primal * (1.0 + 1e-12)
        assert record.optimal_value == pytest.approx(certificate.primal, rel=1e-9)
        assert record.loss + record.penalty == pytest.approx(record.optimal_value, rel=1e-6)
        assert record.relative_gap < 1e-3 and record.m_star is None and record.n_directions is None
    again = regularization_path(X, Y, checkpoint=tmp_path / "path.jsonl", **options)
    assert again.records == path.records
    for record, kept in zip(path.records, again.records, strict=True):
        np.testing.assert_array_equal(kept.network.output_weights, record.network.output_weights)
    values = regularization_path(X, Y, certify=False, **options)
    for record, value in zip(path.records, values.records, strict=True):
        assert record.lower_bound <= value.optimal_value <= record.optimal_value * (1.0 + 1e-2)
