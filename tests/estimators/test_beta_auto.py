"""beta="auto": the same choice however rows are given, near what refits say, honest with nothing to choose."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris, make_friedman1
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GroupKFold, KFold, TimeSeriesSplit, cross_val_score
from sklearn.preprocessing import scale

from convexnn import ConvexReLUClassifier, ConvexReLURegressor
from convexnn.estimators import _automatic, _choosing
from convexnn.exceptions import InvalidInputError, StrengthWarning

QUICK = {"proof": "heuristic"}


def bent(n=80, noise=0.3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 2))
    return X, np.abs(X[:, 0]) + 0.5 * X[:, 1] + noise * rng.standard_normal(n)


@pytest.fixture(scope="module")
def model():
    return ConvexReLURegressor(**QUICK).fit(*bent())


def same_choice(first, second):
    return (
        first.beta_ == pytest.approx(second.beta_, rel=1e-6)
        and first.skip_connection_ == second.skip_connection_
        and np.allclose(first.beta_path_.scores, second.beta_path_.scores, atol=1e-6)
    )


@pytest.mark.parametrize("size", [1e90, 1e120])
def test_inputs_that_drown_the_bias_get_a_strength(size):
    X, y = bent(20)
    model = ConvexReLURegressor(**QUICK).fit(size * X, y)
    assert np.isfinite(model.beta_) and model.network_.width > 0


def test_order_of_rows_and_threads_do_not_matter(model):
    X, y = bent()
    order = np.random.default_rng(1).permutation(len(y))
    assert same_choice(model, clone(model).fit(X[order], y[order]))
    assert same_choice(model, clone(model).set_params(n_jobs=2).fit(X, y))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [ConvexReLURegressor, ConvexReLUClassifier])
def test_weights_are_repetition(kind):
    X, y = bent(60)
    y = y if kind is ConvexReLURegressor else (y > 0.7).astype(int)
    counts = np.random.default_rng(2).integers(0, 4, 60)
    weighted = kind(**QUICK).fit(X, y, counts)
    repeated = kind(**QUICK).fit(np.repeat(X, counts, axis=0), np.repeat(y, counts))
    assert same_choice(weighted, repeated)


def test_record(model):
    path = model.beta_path_
    assert len(path) == len(path.strengths) == len(path.scores) == len(path.standard_errors) == len(path.widths)
    assert path.best in path.records and model.beta_ == path.best.beta and path.ended in ("turned", "smallest")
    assert path.complete and path.n_folds == 5
    assert np.all(path.scores <= 1.0) and np.all(path.standard_errors >= 0.0) and np.all(np.diff(path.seconds) < 60)
    frame = path.to_frame()
    assert list(frame.columns) == ["beta", "skip_connection", "score", "standard_error", "width", "seconds"]
    assert "strengths judged in 5 folds" in repr(path) and "<table" in path._repr_html_()
    for skip in (False, True):
        own = [record.beta for record in path.records if record.skip_connection is skip]
        assert own == sorted(own, reverse=True)


def test_score_is_that_of_refits(model):
    """The estimated score against a cross-validation with exact fits of the same strength."""
    X, y = bent()
    fixed = ConvexReLURegressor(0.8 * model.beta_, skip_connection=model.skip_connection_, **QUICK)
    true = cross_val_score(fixed, X, y, cv=KFold(5, shuffle=True, random_state=0))
    assert model.beta_path_.best.score == pytest.approx(true.mean(), abs=0.06)


@pytest.mark.slow
def test_better_than_the_fixed_share_where_that_is_too_strong():
    X, y = make_friedman1(700, noise=1.0, random_state=1)
    X = scale(X)
    auto = ConvexReLURegressor(**QUICK).fit(X[:300], y[:300])
    fixed = ConvexReLURegressor("scale", **QUICK).fit(X[:300], y[:300])
    assert auto.score(X[300:], y[300:]) > fixed.score(X[300:], y[300:]) + 0.05
    assert auto.score(X[300:], y[300:]) > 0.88


def test_linear_truths_get_a_skip_connection():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 8))
    y = X @ rng.standard_normal(8) + 0.5 * rng.standard_normal(300)
    model = ConvexReLURegressor(**QUICK).fit(X[:150], y[:150])
    assert model.skip_connection_ and model.network_.skip_weights is not None
    linear = LinearRegression().fit(X[:150], y[:150])
    assert model.score(X[150:], y[150:]) > linear.score(X[150:], y[150:]) - 0.01


@pytest.mark.parametrize("skip", [False, True])
def test_asked_for_flags_are_kept(skip):
    model = ConvexReLURegressor(skip_connection=skip, hidden_bias=False, fit_intercept=False, **QUICK).fit(*bent())
    assert model.skip_connection_ is skip and {record.skip_connection for record in model.beta_path_.records} == {skip}
    assert model.network_.hidden_bias is None and model.network_.intercept is None


def test_other_strengths_have_no_skip_connection_of_their_own():
    for beta in ("scale", 1.0):
        model = ConvexReLURegressor(beta, **QUICK).fit(*bent())
        assert model.skip_connection_ is False and not hasattr(model, "beta_path_")


def test_an_old_path_does_not_outlive_a_new_fit(model):
    again = clone(model).fit(*bent()).set_params(beta=1.0).fit(*bent())
    assert not hasattr(again, "beta_path_")


@pytest.mark.parametrize(
    ("X", "y"),
    [
        (np.arange(6.0)[:, None], np.arange(6.0) ** 2),
        (np.arange(30.0)[:, None], np.full(30, 2.0)),
        (np.zeros((30, 1)), np.arange(30.0)),
        (np.repeat(np.arange(5.0), 20)[:, None], np.repeat(np.arange(5.0), 20)),
    ],
    ids=["few rows", "constant y", "zero X", "few distinct rows"],
)
def test_nothing_to_choose_with_is_the_fixed_share(X, y):
    automatic, fixed = (ConvexReLURegressor(beta).fit(X, y) for beta in ("auto", "scale"))
    assert automatic.beta_ == fixed.beta_ and not hasattr(automatic, "beta_path_")


def test_class_with_one_row_is_the_fixed_share():
    X, _ = bent(20)
    y = np.array([1] + [0] * 19)
    assert ConvexReLUClassifier().fit(X, y).beta_ == ConvexReLUClassifier("scale").fit(X, y).beta_


@pytest.mark.mostly_slow
@pytest.mark.parametrize("loss", ["squared", "huber", "absolute", "quantile"])
def test_losses(loss):
    X, y = bent(60)
    model = ConvexReLURegressor(loss=loss, quantile=0.8, proof="heuristic", tol=1e-3).fit(X, y)
    assert model.beta_path_.best.score > 0.2


@pytest.mark.mostly_slow
@pytest.mark.parametrize(
    "options", [{"loss": "squared_hinge"}, {"multi_class": "ovr"}, {"class_weight": "balanced"}, {}]
)
def test_classes(options):
    X, y = load_iris(return_X_y=True)
    model = ConvexReLUClassifier(**options, **QUICK).fit(scale(X), y)
    assert model.beta_path_.best.score > 0.6 and model.score(scale(X), y) > 0.95


def test_several_outputs():
    X, y = bent()
    model = ConvexReLURegressor(**QUICK).fit(X, np.column_stack([y, 2 * y - X[:, 0]]))
    assert model.beta_path_.best.score > 0.5 and model.predict(X).shape == (80, 2)


@pytest.mark.parametrize("cv", [2, 3, KFold(3), TimeSeriesSplit(3), "groups"])
def test_folds_of_ones_own(cv):
    X, y = bent(60)
    groups = np.arange(60) // 6
    cv = list(GroupKFold(4).split(X, y, groups)) if cv == "groups" else cv
    model = ConvexReLURegressor(cv=cv, **QUICK).fit(X, y)
    assert model.beta_path_.n_folds == (cv if isinstance(cv, int) else 4 if isinstance(cv, list) else 3)
    assert np.isfinite(model.beta_path_.best.score)


@pytest.mark.parametrize("cv", [0, 1, True, "five", 2.5])
def test_bad_folds(cv):
    with pytest.raises(InvalidInputError, match="cv"):
        ConvexReLURegressor(cv=cv).fit(*bent())


@pytest.mark.parametrize("name", ["beta", "skip_connection", "tol"])
def test_bad_words(name):
    with pytest.raises(InvalidInputError, match=name):
        ConvexReLURegressor(**{name: "best"}).fit(*bent())


def test_smallest_strength_warns():
    X, y = bent(200, noise=0.0)
    with pytest.warns(StrengthWarning, match="smallest") as caught:
        ConvexReLURegressor(skip_connection=False, **QUICK).fit(X, y + 0.3 * np.sin(5 * X[:, 0]) * np.cos(4 * X[:, 1]))
    assert all(warning.filename == __file__ for warning in caught)


def test_turned_paths_do_not_warn(model):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clone(model).fit(*bent())


def test_no_time_is_no_choice_and_little_time_ends_the_path():
    X, y = load_diabetes(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hasty = ConvexReLURegressor(time_limit=1e-6, **QUICK).fit(X, y)
        short = ConvexReLURegressor(time_limit=0.3, **QUICK).fit(X, y)
    assert not hasattr(hasty, "beta_path_")
    assert not hasattr(short, "beta_path_") or short.beta_path_.ended in ("time_limit", "turned")


def test_a_path_without_neurons_in_its_time_chooses_nothing(model, monkeypatch):
    record = replace(model.beta_path_.best, width=0.0)
    cut = replace(model.beta_path_, complete=False, ended="time_limit", best=record)
    monkeypatch.setattr(_automatic, "choose", lambda *args, **options: cut)
    found = clone(model).fit(*bent())
    assert not hasattr(found, "beta_path_")
    assert found.beta_ == pytest.approx(ConvexReLURegressor("scale", **QUICK).fit(*bent()).beta_)


def test_little_time_leaves_out_the_skip_connection(monkeypatch):
    judged = [ConvexReLURegressor(time_limit=1000.0, **QUICK).fit(*bent()).beta_path_]
    seconds, real = iter(range(0, 10_000, 100)), _automatic.now
    monkeypatch.setattr(_automatic, "now", lambda: real() + next(seconds))  # a walk takes 100 of 500 seconds to begin
    judged.append(ConvexReLURegressor(time_limit=1000.0, **QUICK).fit(*bent()).beta_path_)
    skips = [{record.skip_connection for record in path.records} for path in judged]
    assert skips == [{False, True}, {False}]


def test_interrupt_while_choosing_keeps_the_best_strength(monkeypatch):
    whole = _choosing.Walk.follow

    def impatient(walk, beta):
        if len(walk.losses) >= 3:
            raise KeyboardInterrupt
        return whole(walk, beta)

    monkeypatch.setattr(_choosing.Walk, "follow", impatient)
    with pytest.warns():
        model = ConvexReLURegressor(**QUICK).fit(*bent())
    assert model.beta_path_.ended == "interrupted" and model.status_ == "interrupted"
    assert model.network_.width >= 0 and np.isfinite(model.certificate_.primal)


def test_widths_are_limited_along_the_path():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ConvexReLURegressor(max_width=2, **QUICK).fit(*bent(60))
    assert model.beta_path_.widths.max() <= 2 and model.network_.width <= 2


def test_a_tolerance_is_reached_when_asked_for():
    X, y = bent(60)
    model = ConvexReLURegressor(tol=1e-7, **QUICK).fit(X, y)
    assert model.status_ in ("converged", "proven") and model.certificate_.heuristic_gap <= 1e-7


def test_picture(model):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    display = model.beta_path_.plot()
    assert len(display.lines_) == 2 and display.ax_.get_xscale() == "log"
    assert display.chosen_.get_xdata()[0] == model.beta_
