"""`unlearn` and `influence`: the optimum without some rows, against fits of the others."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LinearRegression

from convexnn import (
    ConvexReLUClassifier,
    ConvexReLUClassifierCV,
    ConvexReLURegressor,
    ConvexReLURegressorCV,
    InvalidInputError,
    certify,
    enumerate_patterns,
)
from convexnn.estimators import _base
from convexnn.solvers.base import Status

SHARP = {"skip_connection": False, "tol": 1e-9, "proof": "heuristic"}


def make_data(seed=0, n_samples=40):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2.0, 2.0, size=(n_samples, 2))
    return X, np.abs(X[:, 0]) + 0.5 * X[:, 1] + 0.1 * rng.normal(size=n_samples)


def fresh(model, X, y, kept, weight=None):
    """Return a fit of some rows with what the model has chosen with all of them."""
    chosen = {"beta": model.beta_, "skip_connection": model.skip_connection_}
    if hasattr(model, "huber_delta_") and "huber_delta" in model.get_params():
        chosen["huber_delta"] = model.huber_delta_
    other = type(model)(**(model.get_params() | chosen))
    return other.fit(X[kept], y[kept], None if weight is None else weight[kept])


def check_like_a_fit(model, X, y, gone, weight=None):
    """Check that unlearning gives what a fit of the other rows gives; return the estimator."""
    kept = np.delete(np.arange(len(X)), gone)
    found, other = model.unlearn(gone), fresh(model, X, y, kept, weight)
    assert found.certificate_.primal == pytest.approx(other.certificate_.primal, rel=1e-7)
    assert found.network_.predict(X) == pytest.approx(other.network_.predict(X), abs=1e-4)
    assert found.dual_.shape == other.dual_.shape
    assert found.dual_ == pytest.approx(other.dual_, abs=1e-4)
    assert found.beta_ == model.beta_ and found.beta_max_ == pytest.approx(other.beta_max_)
    assert found.status_ == other.status_
    return found


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"hidden_bias": False},
        {"fit_intercept": False},
        {"skip_connection": True},
        {"loss": "huber"},
        {"loss": "absolute", "tol": 1e-6, "beta": 4.0},
    ],
)
def test_unlearning_is_a_fit_of_the_others(options, seed):
    X, y = make_data(seed, 25)
    model = ConvexReLURegressor(**({"beta": 1.0} | SHARP | options)).fit(X, y)
    before = model.network_
    check_like_a_fit(model, X, y, [3, 17, 20])
    assert model.network_ is before and model.dual_.shape == (25,)


def test_unlearning_has_a_proof_of_its_own():
    X, y = make_data()
    model = ConvexReLURegressor(1.0, skip_connection=False).fit(X, y)
    found, kept = model.unlearn(range(10)), np.arange(10, 40)
    assert found.status_ == "proven" and found.certificate_.proof == "exact"
    again = certify(found.network_, X[kept], y[kept], 1.0)
    assert found.certificate_.primal == pytest.approx(again.primal)
    assert found.certificate_.dual == pytest.approx(again.dual, rel=1e-6)
    # A network that still knew the rows would not be optimal for the others.
    assert certify(model.network_, X[kept], y[kept], 1.0).relative_gap > 1e-3


def test_weighted_rows_leave_as_a_whole():
    X, y = make_data()
    weight = np.random.default_rng(0).integers(1, 4, size=len(X)).astype(float)
    weight[[1, 2]] = 0.0
    model = ConvexReLURegressor(1.0, **SHARP).fit(X, y, weight)
    check_like_a_fit(model, X, y, [1, 5, 8], weight)
    nothing = model.unlearn([1, 2])
    assert nothing.network_.predict(X) == pytest.approx(model.network_.predict(X), abs=1e-6)
    assert model.influence([1, 2]).moves == pytest.approx(np.zeros((1, 40)))


def test_equal_rows_leave_one_at_a_time():
    X, y = make_data(2, 20)
    twice, targets = np.vstack([X, X]), np.concatenate([y, y])
    model = ConvexReLURegressor(1.0, **SHARP).fit(twice, targets)
    check_like_a_fit(model, twice, targets, [4])
    both = check_like_a_fit(model, twice, targets, [4, 24])
    assert not np.allclose(both.predict(X), model.unlearn([4]).predict(X), atol=1e-4)
    one, other = model.influence([4]), model.influence([24])
    assert one.predictions == pytest.approx(other.predictions)
    assert abs(model.influence([4, 24]).own_moves[0]) > one.own_moves[0]


def test_rows_are_numbers_or_a_mask():
    X, y = make_data()
    model = ConvexReLURegressor(2.0, **SHARP).fit(X, y)
    mask = np.zeros(40, dtype=bool)
    mask[[3, 38]] = True
    first = model.unlearn([3, 38]).predict(X)
    for rows in (mask, mask.tolist(), [38, 3, 3], [-2, 3], np.array([3, 38], dtype=np.uint8), (3, 38)):
        assert np.array_equal(model.unlearn(rows).predict(X), first)
        assert model.influence(rows).rows[0].tolist() == [3, 38]
    assert np.array_equal(model.unlearn(5).predict(X), model.unlearn([5]).predict(X))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (range(40), "at least one row of positive weight"),
        (np.ones(40, dtype=bool), "at least one row of positive weight"),
        ([40], "from 0 to 39.*got 40"),
        ([-41], "got -41"),
        ([1.0], "whole numbers"),
        ([[1]], "whole numbers"),
        (["a"], "whole numbers"),
        ([], "at least one row; got none"),
        (np.zeros(40, dtype=bool), "at least one row; got none"),
        (np.ones(39, dtype=bool), r"shape \(40,\)"),
    ],
)
def test_bad_rows_are_refused(rows, message):
    X, y = make_data()
    model = ConvexReLURegressor(1e9, **SHARP).fit(X, y)
    for call in (model.unlearn, model.influence, lambda rows: model.influence(rows, method="refit")):
        with pytest.raises(InvalidInputError, match=message):
            call(rows)


def test_rows_of_weight_zero_are_none_left():
    X, y = make_data()
    weight = np.zeros(40)
    weight[:2] = 1.0
    model = ConvexReLURegressor(1.0, **SHARP).fit(X, y, weight)
    with pytest.raises(InvalidInputError, match="positive weight"):
        model.unlearn([0, 1])


def test_bad_calls_are_refused():
    X, y = make_data()
    with pytest.raises(NotFittedError):
        ConvexReLURegressor().unlearn([0])
    with pytest.raises(NotFittedError):
        ConvexReLURegressor().influence()
    model = ConvexReLURegressor(1.0, loss="absolute", skip_connection=False).fit(X, y)
    with pytest.raises(InvalidInputError, match="smooth loss.*method='refit'"):
        model.influence([0])
    with pytest.raises(InvalidInputError, match="method must be one of 'closed_form', 'refit'"):
        model.influence([0], method="newton")
    assert model.influence([0], method="refit").m_stars == [None]


@pytest.mark.parametrize("weight", [None, "balanced"])
def test_two_classes_unlearn(weight):
    X, y = make_data()
    labels = np.where(y > 1.0, "high", "low")
    model = ConvexReLUClassifier(1.0, class_weight=weight, **SHARP).fit(X, labels)
    found = model.unlearn([0, 1, 2])
    kept = np.arange(3, 40)
    # The weights of the classes stay those of all rows.
    factors = {name: 40 / (2 * np.sum(labels == name)) for name in ("high", "low")} if weight else None
    other = ConvexReLUClassifier(1.0, class_weight=factors, **SHARP).fit(X[kept], labels[kept])
    assert found.certificate_.primal == pytest.approx(other.certificate_.primal, rel=1e-7)
    assert found.decision_function(X) == pytest.approx(other.decision_function(X), abs=1e-4)
    assert found.beta_max_ == pytest.approx(other.beta_max_)
    with pytest.raises(InvalidInputError, match="class high has none"):
        model.unlearn(labels == "high")


@pytest.mark.parametrize("multi_class", ["joint", "ovr"])
def test_several_classes_unlearn(multi_class):
    X, y = make_data()
    classes = np.digitize(y, [0.5, 1.2])
    model = ConvexReLUClassifier(2.0, multi_class=multi_class, **SHARP | {"tol": 1e-8}).fit(X, classes)
    check_like_a_fit(model, X, classes, [0, 1, 2])
    with pytest.raises(InvalidInputError, match="class 1 has none"):
        model.influence(classes == 1)
    closed, true = model.influence([7]), model.influence([7], method="refit")
    assert closed.predictions.shape == true.predictions.shape == (1, 40, 3)
    assert np.abs(closed.moves - true.moves).max() < 0.5 * np.abs(true.moves).max()
    assert true.m_stars == [None] and len(true.certificates) == 1


def test_labels_and_outputs_unlearn():
    X, y = make_data()
    several = np.column_stack([y, -2.0 * y + X[:, 0]])
    check_like_a_fit(ConvexReLURegressor(1.0, **SHARP | {"tol": 1e-8}).fit(X, several), X, several, [0, 9])
    labels = np.column_stack([y > 1.0, X[:, 0] > 0.0]).astype(int)
    for multi_class in ("joint", "ovr"):
        model = ConvexReLUClassifier(2.0, multi_class=multi_class, **SHARP | {"tol": 1e-8}).fit(X, labels)
        check_like_a_fit(model, X, labels, [0, 9])


def test_the_strength_of_all_rows_stays():
    X, y = make_data()
    for model in (ConvexReLURegressor(random_state=0), ConvexReLURegressorCV(n_betas=4, cv=3)):
        found = model.fit(X, y).unlearn([3])
        assert found.beta_ == model.beta_ and found.skip_connection_ == model.skip_connection_
        # What was judged with the row is not kept.
        assert not any(hasattr(found, name) for name in ("beta_path_", "cv_results_", "scores_"))
    labels = y > 1.0
    found = ConvexReLUClassifierCV(n_betas=3, cv=3).fit(X, labels).unlearn([3])
    assert found.predict(X).shape == (40,)


def test_own_patterns_stay_those_of_the_others():
    X, y = make_data(0, 10)
    patterns = enumerate_patterns(np.column_stack([X, np.ones(10)]))
    model = ConvexReLURegressor(0.5, skip_connection=False, patterns=patterns).fit(X, y)
    found = model.unlearn([2, 4])
    whole = ConvexReLURegressor(0.5, skip_connection=False).fit(np.delete(X, [2, 4], 0), np.delete(y, [2, 4]))
    assert found.certificate_.primal == pytest.approx(whole.certificate_.primal, rel=1e-6)
    assert model.patterns is patterns


def test_unlearning_goes_on():
    X, y = make_data()
    model = ConvexReLURegressor(1.0, **SHARP).fit(X, y)
    twice = model.unlearn([0]).unlearn([0])
    assert twice.predict(X) == pytest.approx(model.unlearn([0, 1]).predict(X), abs=1e-6)
    found = pickle.loads(pickle.dumps(model.unlearn([0])))
    assert found.leave_one_out().predictions.shape == (39,)
    assert found.fit(X, y).dual_.shape == (40,)


def test_nothing_of_the_rows_is_kept():
    X, y = make_data()
    secret = np.pi * 1e3
    X[5], y[5] = secret, 7.0 * secret
    model = ConvexReLURegressor(1.0, skip_connection=False, proof="heuristic").fit(X, y)
    assert np.float64(secret).tobytes() in pickle.dumps(model)
    assert np.float64(secret).tobytes() not in pickle.dumps(model.unlearn([5]))


# Influence


def test_single_rows_are_those_of_leave_one_out():
    X, y = make_data()
    model = ConvexReLURegressor(2.0, **SHARP).fit(X, y)
    found, left_out = model.influence(), model.leave_one_out()
    assert np.diag(found.predictions) == pytest.approx(left_out.predictions, rel=1e-9)
    assert found.own_moves == pytest.approx(np.abs(left_out.moves) / y.std())
    assert found.predictions.shape == found.moves.shape == (40, 40) and len(found.rows) == 40
    some = model.influence([2, 5], each=True, X=X[:3])
    assert some.predictions == pytest.approx(found.predictions[[2, 5], :3])


@pytest.mark.parametrize("skip", [False, True])
def test_without_neurons_it_is_least_squares(skip):
    X, y = make_data(4)
    X, y, gone = X + 3.0, 1e3 * (y + 100.0), [0, 5, 6, 31]
    weight = np.random.default_rng(0).uniform(0.5, 2.0, 40)
    model = ConvexReLURegressor(1e9, skip_connection=skip).fit(X, y, weight)
    columns = X if skip else np.zeros((40, 1))
    kept = np.delete(np.arange(40), gone)
    true = LinearRegression().fit(columns[kept], y[kept], weight[kept])
    found = model.influence(gone)
    assert found.predictions[0] == pytest.approx(true.predict(columns), rel=1e-9)
    objective = 0.5 * weight[kept] @ (y[kept] - true.predict(columns[kept])) ** 2
    assert found.objectives[0] == pytest.approx(objective, rel=1e-9)
    assert model.influence(gone, method="refit").objectives[0] == pytest.approx(objective, rel=1e-9)


@pytest.mark.parametrize(
    ("options", "share"),
    [
        ({}, 0.35),
        ({"hidden_bias": False}, 0.35),
        ({"skip_connection": True}, 0.5),
        ({"loss": "huber", "huber_delta": 0.3}, 0.35),
    ],
)
def test_closed_form_is_close_to_refits(options, share):
    X, y = make_data(0, 80)
    model = ConvexReLURegressor(**(SHARP | {"beta": 4.0, "tol": 1e-8} | options)).fit(X, y)
    rng = np.random.default_rng(0)
    sets = [np.sort(rng.choice(80, size=3, replace=False)) for _ in range(6)]
    closed = [model.influence(gone) for gone in sets]
    true = [model.influence(gone, method="refit") for gone in sets]
    moves, errors = (np.concatenate([found.moves.ravel() for found in each]) for each in (true, closed))
    errors = errors - moves
    assert np.sqrt(np.mean(errors**2)) < share * np.sqrt(np.mean(moves**2))
    falls = [
        (one.objectives[0] - one.objective, two.objectives[0] - two.objective)
        for one, two in zip(closed, true, strict=True)
    ]
    assert np.array(falls)[:, 0] == pytest.approx(np.array(falls)[:, 1], rel=0.05)
    alone = sum(model.influence(sets[0], each=True).moves)
    # Rows that leave together are not the sum of rows that leave alone.
    assert not np.allclose(alone, closed[0].moves[0], rtol=1e-3)


def test_small_shares_are_followed_to_first_order():
    X, y = make_data()
    weight, gone = np.ones(43), [40, 41, 42]
    weight[gone] = 1e-5
    X, y = np.vstack([X, X[[3, 9, 20]]]), np.append(y, y[[3, 9, 20]])
    model = ConvexReLURegressor(1.0, skip_connection=False, proof="heuristic", tol=1e-13).fit(X, y, weight)
    closed, true = model.influence(gone), model.influence(gone, method="refit")
    assert closed.moves == pytest.approx(true.moves, abs=1e-3 * np.abs(true.moves).max())
    assert 1e-8 < np.abs(true.moves).max() < 1e-4


def test_the_only_row_that_decides_has_no_closed_form():
    X, y = make_data()
    X = np.column_stack([X[:, 0], np.arange(40) == 7])
    model = ConvexReLURegressor(1e9, skip_connection=True).fit(X, y)
    found = model.influence([7, 8])
    assert np.all(np.isnan(found.predictions)) and not found.is_trusted[0]
    assert np.all(np.isfinite(model.influence([8, 9]).predictions))


@pytest.mark.parametrize(("rows", "targets"), [(1.0, 1e-100), (1.0, 1e100), (1e-100, 1.0)])
def test_magnitudes_change_no_influence(rows, targets):
    X, y = make_data()
    found = []
    for a, b in ((1.0, 1.0), (rows, targets)):
        model = ConvexReLURegressor(a * b, hidden_bias=False, skip_connection=False).fit(a * X, b * y)
        found.append([model.influence([1, 2]), model.influence([1, 2], method="refit")])
    for first, second in zip(*found, strict=True):
        assert second.moves / targets == pytest.approx(first.moves, abs=1e-7)
        assert second.own_moves == pytest.approx(first.own_moves, abs=1e-7)
        assert second.objectives / targets / targets == pytest.approx(first.objectives, rel=1e-6)


def test_rows_that_change_m_star():
    X, y = make_data()
    model = ConvexReLURegressor(2.0, skip_connection=False).fit(X, y)
    found = model.influence([0, 1, 2, 3], each=True, method="refit")
    assert found.m_star_bounds == (6, 6)
    wanted = [fresh(model, X, y, np.delete(np.arange(40), k)).optimal_set().m_star for k in range(4)]
    assert [bounds[0] for bounds in found.m_stars] == wanted
    assert found.changes_m_star == [width != 6 for width in wanted] and any(found.changes_m_star)
    pandas = pytest.importorskip("pandas")
    frame = found.to_frame()
    assert isinstance(frame, pandas.DataFrame) and frame["rows"].tolist() == [0, 1, 2, 3]
    assert frame["m_star"].tolist() == wanted and frame["changes_m_star"].tolist() == found.changes_m_star
    assert frame["objective_change"].to_numpy() == pytest.approx(found.objectives - found.objective)
    assert "changes of m* 2 of 4" in repr(found)
    together = model.influence([0, 1]).to_frame()
    assert together["rows"].tolist() == [(0, 1)] and together["m_star"].isna().all()


def test_refits_say_how_far_they_are():
    X, y = make_data()
    model = ConvexReLURegressor(1.0, skip_connection=False).fit(X, y)
    found = model.influence([0, 1], method="refit")
    assert found.is_trusted[0] and found.certificates[0].proof == "exact"
    assert found.widths == [model.unlearn([0, 1]).network_.width]
    assert found.predictions[0] == pytest.approx(model.unlearn([0, 1]).predict(X))
    assert found.own_moves[0] == pytest.approx(np.sqrt(np.mean(found.moves[0, :2] ** 2)) / y.std())


def test_verbose_unlearning_speaks(capsys):
    X, y = make_data()
    model = ConvexReLURegressor(1.0, skip_connection=False, verbose=1).fit(X, y)
    capsys.readouterr()
    model.unlearn([0])
    printed = capsys.readouterr()
    assert "objective" in printed.out + printed.err


def test_an_interrupted_refit_ends_the_influence(monkeypatch):
    """The second of three refits is cut short: its numbers are none, and there is no third."""
    X, y = make_data()
    model, solve, calls = ConvexReLURegressor(1.0).fit(X, y), _base.solve, []

    def interrupted(*arguments, **options):
        calls.append(None)
        solution = solve(*arguments, **options)
        return replace(solution, status=Status.interrupted) if len(calls) == 2 else solution

    monkeypatch.setattr(_base, "solve", interrupted)
    with pytest.warns(ConvergenceWarning, match="Interrupted"), pytest.raises(KeyboardInterrupt):
        model.influence([0, 1, 2], each=True, method="refit")
    assert len(calls) == 2
