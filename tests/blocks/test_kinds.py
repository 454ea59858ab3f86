"""Training on sparse rows and on arrays of other libraries: the answers of dense blocks, and X stays what it is."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse

from convexnn import ConvexReLUClassifier, ConvexReLURegressor, price
from convexnn._utils import row_blocks
from convexnn._utils.arrays import is_foreign, to_numpy
from convexnn.blocks import training, weights
from convexnn.estimators import _blockwise

from ..kinds import dispatching, every_library, is_beside, rows_with_zeros, strict_elsewhere, untidy
from .conftest import in_blocks

X = rows_with_zeros(900, 6, filled=0.5)
Y = np.maximum(X[:, 0], 0.0) - X[:, 1] + 0.1 * np.random.default_rng(0).standard_normal(900)
WEIGHT = np.random.default_rng(1).integers(0, 3, 900).astype(float)
TERMS = [
    {},
    {"skip_connection": True},
    {"hidden_bias": False, "fit_intercept": False},
    {"hidden_bias": False, "skip_connection": True},
]
LABELS = {
    "two": np.where(Y > 0.0, "high", "low"),
    "three": np.digitize(Y, [-0.5, 0.5]),
    "several": 1 * np.column_stack([Y > 0.0, X[:, 2] > 0.0]),
}


@pytest.fixture(autouse=True)
def small(small_samples, monkeypatch):
    """Samples, the work on them, and what counts as huge, are small beside the data of these tests."""
    monkeypatch.setattr(row_blocks, "HUGE_ABOVE_ENTRIES", 3000)
    monkeypatch.setattr(training, "SAMPLE_WORK_NS", 1e8)


def assert_nearly_the_same(found, model):
    """Rounding decides which of several good neurons come first: what training ends at is the same to a tolerance."""
    primal, other = found.certificate_.primal, model.certificate_.primal
    assert primal == pytest.approx(other, rel=5e-3)
    assert 0.0 < found.certificate_.dual <= other * (1.0 + 1e-12)
    apart = found.network_.predict(X) - model.network_.predict(X)
    assert np.sqrt(np.mean(apart**2)) < 0.03 * np.abs(model.network_.predict(X)).max()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sparse_as", "terms"),
    [*[(sparse.csr_array, terms) for terms in TERMS], (sparse.csc_matrix, TERMS[1]), (untidy, TERMS[0])],
    ids=["csr", "csr-skip", "csr-plain", "csr-linear", "csc-skip", "untidy"],
)
def test_sparse_regressions_are_those_of_dense_blocks(sparse_as, terms):
    model = ConvexReLURegressor(5.0, max_iter=4, **terms).fit_blocks(in_blocks(X, Y, WEIGHT))
    found = ConvexReLURegressor(5.0, max_iter=4, **terms).fit(sparse_as(X), Y, WEIGHT)
    assert_nearly_the_same(found, model)
    objective = found.network_.objective(X, Y, 5.0, sample_weight=WEIGHT)
    assert found.certificate_.primal == pytest.approx(objective, rel=1e-12)
    np.testing.assert_allclose(found.predict(sparse_as(X)), found.predict(X), rtol=1e-12, atol=1e-12)
    assert found.n_features_in_ == 6 and found.dual_.shape == (900,)


@pytest.mark.slow
@pytest.mark.parametrize("y", LABELS.values(), ids=LABELS)
def test_sparse_classifications_are_those_of_dense_blocks(y):
    model = ConvexReLUClassifier(5.0, max_iter=4).fit_blocks(in_blocks(X, y))
    found = ConvexReLUClassifier(5.0, max_iter=4).fit(sparse.csr_array(X), y)
    assert_nearly_the_same(found, model)
    np.testing.assert_array_equal(found.predict(sparse.csr_array(X)), found.predict(X))
    np.testing.assert_allclose(found.predict_proba(sparse.csr_array(X)), found.predict_proba(X), rtol=1e-9)


@pytest.mark.slow
@every_library
def test_regressions_of_libraries_are_those_of_dense_blocks(array_as):
    terms = {"skip_connection": True}
    model = ConvexReLURegressor(5.0, max_iter=4, **terms).fit_blocks(in_blocks(X, Y, WEIGHT))
    with dispatching():
        rows = array_as(X)
        found = ConvexReLURegressor(5.0, max_iter=4, **terms).fit(rows, array_as(Y), array_as(WEIGHT))
        assert is_beside(found.predict(rows), rows)
    assert_nearly_the_same(found, model)


@pytest.mark.slow
@every_library
def test_classifications_of_libraries_are_those_of_dense_blocks(array_as):
    several = LABELS["several"]
    model = ConvexReLUClassifier(5.0, max_iter=4).fit_blocks(in_blocks(X, several))
    with dispatching():
        rows = array_as(X)
        found = ConvexReLUClassifier(5.0, max_iter=4).fit(rows, array_as(several))
        labels = to_numpy(found.predict(rows))
    assert_nearly_the_same(found, model)
    np.testing.assert_array_equal(labels, found.predict(X))


def test_single_precision_on_a_device_is_proven_in_double():
    model = ConvexReLURegressor(5.0, max_iter=4).fit_blocks(in_blocks(X, Y))
    single = X.astype(np.float32)
    with dispatching():
        found = ConvexReLURegressor(5.0, max_iter=4).fit(strict_elsewhere(single), strict_elsewhere(Y))
    assert_nearly_the_same(found, model)
    assert found.certificate_.primal == pytest.approx(found.network_.objective(single, Y, 5.0), rel=1e-12)


def test_training_leaves_rows_on_their_device(monkeypatch):
    seen = []

    def watching(rows, *arguments):
        seen.append((is_foreign(rows), getattr(rows, "device", None)))
        return layer(rows, *arguments)

    layer = weights.hidden_layer
    monkeypatch.setattr(weights, "hidden_layer", watching)
    with dispatching():
        rows = strict_elsewhere(X)
        ConvexReLURegressor(5.0, max_iter=4).fit(rows, Y)
    on_device = [device for foreign, device in seen if foreign]
    assert set(on_device) == {rows.device}
    assert len(on_device) > 0.7 * len(seen)  # those on the CPU are of the proof


@pytest.mark.parametrize(
    "options, message",
    [
        ({"proof": "exact"}, "proof='exact' needs all rows at once"),
        ({"patterns": "sampled"}, "patterns='sampled' needs all rows at once"),
        ({"solver": "cvxpy"}, "solver='cvxpy' needs all rows at once"),
        ({"max_width": 3}, "max_width=3"),
        ({"loss": "absolute"}, "smooth loss"),
    ],
    ids=lambda value: "",
)
def test_what_needs_dense_rows_is_refused_by_name(options, message):
    with pytest.raises(ValueError, match=message):
        ConvexReLURegressor(5.0, **options).fit(sparse.csr_array(X), Y)


def test_what_needs_the_rows_again_is_refused_by_name():
    model = ConvexReLURegressor(5.0, max_iter=4).fit(sparse.csr_array(X), Y)
    for call in (model.optimal_set, model.leave_one_out, model.certify):
        with pytest.raises(ValueError, match="needs the training data"):
            call()
    found = model.certify(X[:90], Y[:90], proof="heuristic")
    assert found.primal == pytest.approx(model.network_.objective(X[:90], Y[:90], 5.0), rel=1e-12)


@pytest.mark.slow
def test_strengths_are_chosen_on_a_sample():
    model = ConvexReLURegressor(random_state=0).fit(sparse.csr_array(X), Y)
    assert model.beta_ == ConvexReLURegressor(random_state=0).fit_blocks(in_blocks(X, Y)).beta_
    assert model.score(sparse.csr_array(X), Y) > 0.9


@pytest.mark.parametrize("as_rows", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("size", [1e-155, 1e-165, 1e-170])
def test_tiny_rows_count_in_the_bound(as_rows, size, monkeypatch):
    """Beside a large row without influence the others have norms whose squares underflow."""
    for module in (_blockwise, training):
        monkeypatch.setattr(module, "sampled_rows", lambda *arguments: 2)
    rng = np.random.default_rng(0)
    rows, nu = rng.standard_normal((30, 2)), rng.standard_normal(30)
    whole = price(rows, nu)
    beta, options = 0.9 * whole.value, {"hidden_bias": False, "fit_intercept": False, "skip_connection": False}
    optimum = ConvexReLURegressor(beta, **options).fit(rows, nu).certificate_.primal
    # The same problem times a constant: y is divided by what X and the weights bring in.
    X = as_rows(np.vstack([[[1.0, 0.0]], size * rows]))
    y, weight = np.r_[0.0, nu * 1e100], np.r_[1e-300, np.full(30, 1.0 / size / 1e100)]
    model = ConvexReLURegressor(beta, time_limit=1e-9, **options, random_state=0)
    certificate = model.fit_blocks(lambda: [(X, y, weight)]).certificate_
    scale = 1e200 * weight[1]
    assert certificate.dual <= optimum * scale * (1.0 + 1e-9)
    assert certificate.price.upper_bound >= whole.value * (1.0 - 1e-9)


def test_a_sample_has_rows_that_count():
    rng = np.random.default_rng(0)
    wide = sparse.csr_array(sparse.random(20_000, 1_000, 0.002, random_state=0))
    weight = np.zeros(20_000)
    weight[[3, 77, 5000, 9000]] = 1.0
    model = ConvexReLURegressor(0.1, skip_connection=False, random_state=0, time_limit=2.0)
    model.fit(wide, rng.standard_normal(20_000), sample_weight=weight)
    assert model.network_.width > 0


ONE_HOT = """
import resource, sys
import numpy as np
from scipy import sparse
from convexnn import ConvexReLURegressor
n, d, limit = map(int, sys.argv[1:])
rng = np.random.default_rng(0)
columns = (rng.integers(0, 100, (n, d // 100)) + 100 * np.arange(d // 100)).astype(np.int32)
X = sparse.csr_array((np.ones(columns.size, np.float32), columns.ravel(), np.arange(0, columns.size + 1, d // 100)))
y = np.maximum(X @ rng.standard_normal(d), 0.0)
ConvexReLURegressor(beta=1.0, time_limit=1.0).fit(X[:200, :100].toarray(), y[:200])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model = ConvexReLURegressor(beta=20.0, time_limit=limit, random_state=0).fit(X, y)
objective = model.network_.objective(X, y, 20.0)
# The bound on what rounding may hide of small residuals of large fits.
assert objective * (1.0 - 1e-12) <= model.certificate_.primal <= objective * (1.0 + 1e-6), (model, objective)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3)
"""


def grown(*arguments):
    """Return by how many megabytes a fit on one-hot rows makes a process grow."""
    command = [sys.executable, "-W", "ignore", "-c", ONE_HOT, *map(str, arguments)]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return float(finished.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("n, d, limit, most", [(100_000, 10_000, 10, 1500)])
def test_one_hot_rows_fit_in_memory(n, d, limit, most):
    assert most < n * d * 8e-6
    assert grown(n, d, limit) < most
