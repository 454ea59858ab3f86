"""Estimators on a real cluster of two workers: what one machine finds, in whatever way the rows are cut."""

import importlib
import inspect
import os
import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import accuracy_score, r2_score

from convexnn import ConvexReLUClassifier, ConvexReLURegressor, InvalidInputError
from convexnn.blocks import training

why = "the extra `dask` is needed: pip install 'convexnn[dask]'"
distributed, dask = pytest.importorskip("distributed", reason=why), pytest.importorskip("dask", reason=why)
array, dataframe = pytest.importorskip("dask.array"), pytest.importorskip("dask.dataframe")
pandas = pytest.importorskip("pandas")

from convexnn.dask import DaskConvexReLUClassifier, DaskConvexReLURegressor  # noqa: E402
from convexnn.dask.blocks import DaskBlocks  # noqa: E402
from convexnn.dask.scores import Spread, r2_of  # noqa: E402

N, D, BETA = 300, 4, 10.0
N_ROWS, N_PARTITIONS = 80, 4  # of a block of an array; of a frame
NAMES = ["a", "b", "c", "d"]
rng = np.random.default_rng(3)
X = rng.standard_normal((N, D))
Y = np.abs(X[:, 0]) - np.maximum(X[:, 1] + 0.3, 0.0) + 0.1 * rng.standard_normal(N)
WEIGHT = rng.random(N) + 0.5
LABEL = np.where(Y > np.median(Y), "high", "low").astype(object)
# Between ways to cut the same rows: of the objective, and of predictions by the standard deviation of the targets. The
# same cuts give the same bits.
OBJECTIVE_TOLERANCE, PREDICTION_TOLERANCE = 2e-3, 0.03
FEW_PASSES = {
    "MIN_SAMPLED_ROWS": 100,
    "MAX_SAMPLED_ENTRIES": 100,
    "N_DESCENT_PASSES": 8,
    "MAX_DESCENT_PASSES": 8,
    "N_ASCENT_PASSES": 2,
    "DESCENT_TOLERANCE": 1e-4,
    "SETTLED_FALL": 1e-2,
}


def cut(values, n_rows=N_ROWS):
    return array.from_array(values, chunks=(n_rows, *values.shape[1:]))


def table():
    frame = pandas.DataFrame(X, columns=NAMES).assign(y=Y, weight=WEIGHT, label=LABEL)
    frame.index = np.arange(N) * 2 + 7
    return dataframe.from_pandas(frame, npartitions=N_PARTITIONS)


def in_memory(n_rows=N_ROWS, y=Y, weight=WEIGHT, beta=BETA):
    """Return what one machine finds on the same rows, in blocks of so many."""
    kind = ConvexReLUClassifier if y is LABEL else ConvexReLURegressor
    parts = [slice(start, start + n_rows) for start in range(0, N, n_rows)]
    return kind(beta).fit_blocks(lambda: [(X[part], y[part], weight[part]) for part in parts])


@pytest.fixture(autouse=True, scope="module")
def small_samples():
    """Train on sums over all rows, and not in memory as data of this size are; in few passes."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in FEW_PASSES.items():
            patch.setattr(training, name, value)
        yield


@pytest.fixture(scope="module")
def alone():
    return in_memory()


@pytest.fixture(scope="module")
def regressor(client):
    return DaskConvexReLURegressor(BETA).fit(cut(X), cut(Y), cut(WEIGHT))


@pytest.fixture(scope="module")
def classifier(client):
    frame = table()
    return DaskConvexReLUClassifier(BETA).fit(frame[NAMES], frame["label"])


def same(model, other):
    """The same bits."""
    for name in ("neurons", "output_weights", "intercept"):
        np.testing.assert_array_equal(getattr(model.network_, name), getattr(other.network_, name))
    for name in ("primal", "dual", "heuristic_gap"):
        assert getattr(model.certificate_, name) == getattr(other.certificate_, name)
    np.testing.assert_array_equal(model.dual_, other.dual_)
    assert model.status_ == other.status_ and model.n_iter_ == other.n_iter_ > 0


def close(model, other):
    """The same network up to the tolerances."""
    assert model.certificate_.primal == pytest.approx(other.certificate_.primal, rel=OBJECTIVE_TOLERANCE)
    apart = model.network_.predict(X) - other.network_.predict(X)
    assert np.sqrt(np.mean(apart**2)) < PREDICTION_TOLERANCE * np.std(other.network_.predict(X))


def test_arrays_give_the_network_of_one_machine(regressor, alone):
    same(regressor, alone)
    assert regressor.n_features_in_ == D and regressor.certificate_.dual > 0.0


def test_transform_and_importances_are_those_of_one_machine(regressor, classifier):
    hidden = regressor.transform(cut(X))
    assert hidden.chunks[0] == cut(X).chunks[0] and hidden.shape == (N, regressor.network_.width)
    np.testing.assert_array_equal(hidden.compute(), regressor.to_local().transform(X))
    np.testing.assert_array_equal(regressor.feature_importances_, regressor.to_local().feature_importances_)
    frame = table()
    with config_context(transform_output="pandas"):
        found = classifier.transform(frame[NAMES])
    assert list(found.columns) == list(classifier.get_feature_names_out())
    assert list(found.compute().index) == list(frame.index.compute())
    np.testing.assert_array_equal(found.compute(), classifier.network_.activations(X))
    assert regressor._get_doc_link().endswith("/convexnn.dask.DaskConvexReLURegressor.html")


@pytest.mark.parametrize("n_rows", [N, 23])
def test_the_network_does_not_depend_on_the_blocks(client, alone, n_rows):
    close(DaskConvexReLURegressor(BETA, client=client).fit(cut(X, n_rows), cut(Y), cut(WEIGHT)), alone)


def test_the_network_does_not_depend_on_the_workers(client, regressor):
    one = list(client.nthreads())[:1]
    with dask.annotate(workers=one, allow_other_workers=False):
        rows = cut(X).persist()
    distributed.wait(rows)
    assert {worker for held in client.who_has(rows).values() for worker in held} == set(one)
    same(DaskConvexReLURegressor(BETA).fit(rows, cut(Y), cut(WEIGHT)), regressor)


def test_frames_with_weights(client):
    frame = table()
    model = DaskConvexReLURegressor(BETA).fit(frame[NAMES], frame["y"], frame["weight"])
    same(model, in_memory(N // N_PARTITIONS))
    assert model.feature_names_in_.tolist() == NAMES
    found = model.predict(frame[NAMES])
    assert dask.is_dask_collection(found) and found.name == "y"
    np.testing.assert_allclose(found.compute(), model.network_.predict(X), rtol=1e-12)
    assert found.compute().index.equals(frame.index.compute())
    assert found._meta.dtype == found.compute().dtype


def test_sizes_of_chunks_may_be_unknown(client):
    frame = table()
    rows, y, weight = (frame[part].to_dask_array() for part in (NAMES, "y", "weight"))
    model = DaskConvexReLURegressor(BETA).fit(rows, y, weight)
    same(model, in_memory(N // N_PARTITIONS))
    np.testing.assert_allclose(model.predict(rows).compute(), model.network_.predict(X), rtol=1e-12)


def test_labels_of_a_frame(classifier):
    frame, one = table(), in_memory(N // N_PARTITIONS, LABEL, np.ones(N))
    same(classifier, one)
    assert classifier.classes_.tolist() == ["high", "low"]
    assert classifier.predict(frame[NAMES]).compute().tolist() == one.predict(X).tolist()
    shares = classifier.predict_proba(frame[NAMES])
    assert list(shares.columns) == ["high", "low"]
    for method in ("predict_proba", "predict_log_proba", "decision_function"):
        found = getattr(classifier, method)(frame[NAMES]).compute()
        np.testing.assert_allclose(found, getattr(one, method)(X), rtol=1e-12)


def test_labels_of_an_array(client):
    model, one = (
        DaskConvexReLUClassifier(BETA).fit(cut(X), cut(LABEL.astype(str))),
        in_memory(N_ROWS, LABEL, np.ones(N)),
    )
    same(model, one)
    assert model.predict(cut(X)).compute().tolist() == one.predict(X).tolist()
    found = model.predict_proba(cut(X))
    assert found.shape == (N, 2) and found.chunks[0] == (80, 80, 80, 60)
    np.testing.assert_allclose(found.compute(), one.predict_proba(X), rtol=1e-12)


def test_a_strength_from_the_data(client):
    model = DaskConvexReLURegressor("scale").fit(cut(X), cut(Y), cut(WEIGHT))
    one = in_memory(beta="scale")
    same(model, one)
    assert model.beta_ == one.beta_ and model.beta_max_ == one.beta_max_ > model.beta_


def test_several_outputs(client):
    targets = np.column_stack([Y, X[:, 2]])
    model = DaskConvexReLURegressor(BETA).fit(cut(X), cut(targets), cut(WEIGHT))
    same(model, in_memory(y=targets))
    found = model.predict(cut(X))
    assert found.shape == (N, 2)
    np.testing.assert_allclose(found.compute(), model.to_local().predict(X), rtol=1e-12)
    assert model.score(cut(X), cut(targets)) == pytest.approx(r2_score(targets, found.compute()))


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_of_a_fit(client, regressor, monkeypatch):
    pids, submit, passes = list(client.run(os.getpid).values()), DaskBlocks.submit, []

    def submit_and_kill(source, *arguments):
        handed_out = submit(source, *arguments)
        passes.append(len(handed_out))
        if len(passes) == 10:
            os.kill(pids[0], signal.SIGKILL)
        return handed_out

    monkeypatch.setattr(DaskBlocks, "submit", submit_and_kill)
    model = DaskConvexReLURegressor(BETA).fit(cut(X), cut(Y), cut(WEIGHT))
    assert len(passes) > 20
    same(model, regressor)
    client.wait_for_workers(2, timeout=60)  # for the next test
    assert pids[0] not in client.run(os.getpid).values()


def failing(block):
    raise RuntimeError("computed")


def test_predictions_are_lazy(regressor, classifier):
    rows = cut(X).map_blocks(failing, dtype=float, meta=np.zeros((0, 0)))
    found = regressor.predict(rows)
    assert isinstance(found, array.Array) and found.shape == (N,) and found.dtype == float
    with pytest.raises(RuntimeError, match="computed"):
        found.compute()


def test_rows_in_memory_are_answered_at_once(regressor, classifier):
    np.testing.assert_array_equal(regressor.predict(X[:5]), regressor.to_local().predict(X[:5]))
    frame = pandas.DataFrame(X[:5], columns=NAMES)
    np.testing.assert_array_equal(classifier.predict_proba(frame), classifier.to_local().predict_proba(frame))
    assert regressor.score(X, Y) == r2_score(Y, regressor.predict(X))
    assert classifier.score(pandas.DataFrame(X, columns=NAMES), LABEL) > 0.8


def test_rows_cut_along_columns_and_empty_partitions(regressor, classifier):
    wanted = regressor.predict(X)
    found = regressor.predict(array.from_array(X, chunks=(N_ROWS, 3))).compute()
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    frame = table()
    none = classifier.predict(frame[frame["weight"] < 0.0][NAMES]).compute()
    assert len(none) == 0 and none.dtype == classifier.predict(frame[NAMES]).compute().dtype


def test_single_precision_is_answered(regressor):
    found = regressor.predict(cut(X.astype(np.float32))).compute()
    np.testing.assert_allclose(found, regressor.predict(X), atol=1e-4)  # of single precision


def test_other_columns_are_refused_before_anything_runs(regressor, classifier):
    with pytest.raises(ValueError, match="3 features"):
        regressor.predict(cut(X[:, :3]))
    with pytest.raises(ValueError, match="feature names"):
        classifier.predict(table()[["b", "a", "c", "d"]])


def test_an_ordinary_estimator_comes_of_it(regressor, classifier):
    for model, kind in ((regressor, ConvexReLURegressor), (classifier, ConvexReLUClassifier)):
        local = pickle.loads(pickle.dumps(model.to_local()))
        assert type(local) is kind and local.certificate_.primal == model.certificate_.primal
        assert str(local.certificate_) == str(model.certificate_)
        assert local.get_params() == {key: value for key, value in model.get_params().items() if key != "client"}
        assert local.network_ is not model.network_


@pytest.fixture
def whole_samples(monkeypatch):
    """Train in memory what is small enough, as is the rule."""
    monkeypatch.setattr(training, "MIN_SAMPLED_ROWS", 2 * N)


def keys_on_workers(client):
    return {key for keys in client.has_what().values() for key in keys}


def test_nothing_stays_on_the_workers_after_a_fit(client, whole_samples):
    before, ends = keys_on_workers(client), time.monotonic() + 20.0
    DaskConvexReLURegressor(BETA).fit(cut(X), cut(Y))
    while keys_on_workers(client) - before and time.monotonic() < ends:
        time.sleep(0.05)
    assert not keys_on_workers(client) - before


def test_few_rows_are_fitted_as_ever(client, whole_samples):
    frame = table()
    model = DaskConvexReLURegressor(BETA).fit(frame[NAMES], frame["y"], frame["weight"])
    one = ConvexReLURegressor(BETA).fit(pandas.DataFrame(X, columns=NAMES), Y, WEIGHT)
    same(model, one)
    assert model.status_ == "proven" and model.feature_names_in_.tolist() == NAMES
    assert model.to_local().optimal_set().m_star == one.optimal_set().m_star


def test_fitted_estimators_are_pickled_without_their_client(client, whole_samples):
    model = DaskConvexReLURegressor(BETA, client=client).fit(cut(X), cut(Y))
    again = pickle.loads(pickle.dumps(model))
    assert again.client is None and model.client is client
    np.testing.assert_array_equal(again.predict(cut(X)).compute(), model.predict(cut(X)).compute())


def test_a_clone_has_the_same_client(client):
    model = clone(DaskConvexReLURegressor(2.0, client=client, loss="huber"))
    assert model.client is client and model.beta == 2.0 and model.loss == "huber"
    assert not hasattr(clone(model.set_params(client=None)), "network_")


def test_a_refit_forgets_what_was_fitted(client, whole_samples):
    frame = table()
    model = DaskConvexReLURegressor(BETA).fit(frame[NAMES], frame["y"])
    model.fit(cut(X[:, :3]), cut(Y))
    assert not hasattr(model, "feature_names_in_") and model.n_features_in_ == 3


def test_a_warm_start_takes_the_network_of_the_last_fit(client, whole_samples):
    model = DaskConvexReLURegressor(BETA, warm_start=True).fit(cut(X), cut(Y))
    before = model.certificate_.primal
    assert model.fit(cut(X), cut(Y)).certificate_.primal == pytest.approx(before, rel=1e-6)
    with pytest.raises(InvalidInputError, match="warm_start"):
        model.fit(cut(X[:, :3]), cut(Y))


def test_scores_are_those_of_scikit_learn(regressor, classifier):
    rows, weight = cut(X), cut(WEIGHT)
    found = regressor.predict(X)
    assert regressor.score(rows, cut(Y)) == pytest.approx(r2_score(Y, found))
    assert regressor.score(rows, cut(Y), weight) == pytest.approx(r2_score(Y, found, sample_weight=WEIGHT))
    frame = table()
    found = classifier.to_local().predict(pandas.DataFrame(X, columns=NAMES))
    assert classifier.score(frame[NAMES], frame["label"]) == pytest.approx(accuracy_score(LABEL, found))
    weighted = accuracy_score(LABEL, found, sample_weight=WEIGHT)
    assert classifier.score(frame[NAMES], frame["label"], frame["weight"]) == pytest.approx(weighted)


@pytest.mark.parametrize(
    ("y", "found"), [([1.0, 1.0, 1.0], [1.0, 1.0, 1.0]), ([1.0, 1.0], [1.0, 2.0]), ([1.0, 5.0, 2.0], [2.0, 2.0, 2.0])]
)
def test_r2_of_spreads_by_row(y, found):
    spreads = [
        Spread(1, 1.0, np.array([a]), np.zeros(1), np.array([(a - b) ** 2])) for a, b in zip(y, found, strict=True)
    ]
    assert r2_of(spreads) == pytest.approx(r2_score(y, found))


def test_r2_of_one_row_and_of_no_weight():
    with pytest.warns(UndefinedMetricWarning):
        assert np.isnan(r2_of([Spread(1, 1.0, np.ones(1), np.zeros(1), np.zeros(1))]))
    with pytest.raises(InvalidInputError, match="sample_weight"):
        r2_of([Spread(2, 0.0, np.zeros(1), np.zeros(1), np.zeros(1))])


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (np.where(np.arange(N) == 100, np.nan, Y), "Partition 1 .*y contains NaN"),
        (LABEL, "Partition . .*"),
    ],
)
def test_bad_targets_are_refused(client, y, said):
    with pytest.raises(InvalidInputError, match=said):
        DaskConvexReLURegressor(BETA).fit(cut(X), cut(y))


def test_a_bad_parameter_is_refused(client):
    with pytest.raises(InvalidInputError, match="beta must be finite and above 0"):
        DaskConvexReLURegressor(-1.0).fit(cut(X), cut(Y))


@pytest.mark.parametrize("bad", ["tcp://127.0.0.1:8786", 3])
def test_what_is_no_client_is_refused(bad):
    with pytest.raises(InvalidInputError, match="client must be a distributed.Client or None"):
        DaskConvexReLURegressor(client=bad).fit(cut(X), cut(Y))


@pytest.mark.parametrize(
    ("kind", "local"),
    [(DaskConvexReLURegressor, ConvexReLURegressor), (DaskConvexReLUClassifier, ConvexReLUClassifier)],
)
def test_parameters_are_those_of_the_ordinary_estimator(kind, local):
    own = dict(inspect.signature(kind).parameters)
    assert own.pop("client").default is None
    assert own == dict(inspect.signature(local).parameters)


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "convexnn.dask._libraries")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"pip install 'convexnn\[dask\]'"):
        importlib.import_module("convexnn.dask._libraries")


@pytest.mark.slow
def test_without_a_client_the_remedy_is_named():
    code = (
        "import dask.array as array\nfrom convexnn.dask import DaskConvexReLURegressor\n"
        "X = array.ones((4, 2), chunks=2)\n"
        "try:\n    DaskConvexReLURegressor().fit(X, X[:, 0])\nexcept ValueError as error: print(error)"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "client = distributed.Client()" in finished.stdout, finished.stderr
