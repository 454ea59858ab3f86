"""Files that keep the centre and the scale of their inputs: raw data in, predictions out."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from convexnn import ConvexReLUClassifier, ConvexReLURegressor, certify
from convexnn.exceptions import FileFormatError, InvalidInputError
from convexnn.exchange import archives, load_network, save_network

from .networks import random_network

NETWORK = random_network(4, (), (True, True, False))


def raw_data(n_rows=15):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 2)) * [1000.0, 0.01] + [5.0, -3.0]
    return X, np.abs(X[:, 0] / 1000.0) + 50.0 * (X[:, 1] + 3.0) + 0.1 * rng.normal(size=n_rows)


@pytest.fixture
def fitted(tmp_path):
    """Raw data, the scaler, the estimator on what the scaler made of them, and their file."""
    X, y = raw_data()
    scaler = StandardScaler().fit(X)
    model = ConvexReLURegressor(0.5).fit(scaler.transform(X), y)
    path = tmp_path / "model.npz"
    save_network(path, model, center=scaler.mean_, scale=scaler.scale_)
    return X, y, scaler, model, path


def test_a_file_predicts_from_raw_data(fitted):
    X, y, scaler, model, path = fitted
    saved = load_network(path)
    np.testing.assert_array_equal(saved.standardized(X), scaler.transform(X))
    np.testing.assert_array_equal(saved.predict(X), model.predict(scaler.transform(X)))
    np.testing.assert_array_equal(saved.decision_function(X[:1]), saved.predict(X)[:1])
    np.testing.assert_array_equal(saved.center, scaler.mean_)
    np.testing.assert_array_equal(saved.scale, scaler.scale_)
    assert not (saved.center.flags.writeable or saved.scale.flags.writeable)


def test_what_is_stored_and_certified_is_what_the_network_saw(fitted):
    X, y, scaler, model, path = fitted
    saved = load_network(path)
    order = np.lexsort(saved.X.T)
    np.testing.assert_array_equal(saved.X[order], scaler.transform(X)[np.lexsort(scaler.transform(X).T)])
    assert saved.certificate.status == "optimal"
    again = certify(saved.network, saved.standardized(X), y, saved.beta)
    assert again.primal == pytest.approx(saved.certificate.primal, rel=1e-12)


def test_left_out_data_are_recognised_as_the_network_saw_them(fitted, tmp_path):
    X, y, scaler, model, _ = fitted
    path = tmp_path / "apart.npz"
    save_network(path, model, center=scaler.mean_, scale=scaler.scale_, store_data=False)
    saved = load_network(path, proof=None)
    assert load_network(path, X=saved.standardized(X), y=y).certificate.status == "optimal"
    with pytest.raises(InvalidInputError, match="not the data"):
        load_network(path, X=X, y=y)


@pytest.mark.parametrize("center, scale", [([1.0, 2.0], None), (None, [2, 4]), (None, None), ([1, 0], [0.5, 1.0])])
def test_either_can_be_absent(tmp_path, center, scale):
    path = tmp_path / "network.npz"
    save_network(path, NETWORK, center=center, scale=scale)
    saved = load_network(path)
    X = raw_data()[0]
    expected = (X - (0 if center is None else np.array(center))) / (1 if scale is None else np.array(scale))
    np.testing.assert_array_equal(saved.predict(X), NETWORK.predict(expected))
    assert (saved.center is None, saved.scale is None) == (center is None, scale is None)
    with np.load(path) as contents:
        assert ("center" in contents.files, "scale" in contents.files) == (center is not None, scale is not None)


@pytest.mark.parametrize(
    "scaling, message",
    [
        ({"center": [1.0]}, r"center must have shape \(2,\)"),
        ({"scale": [[1.0, 1.0]]}, r"scale must have shape \(2,\).*got shape \(1, 2\)"),
        ({"scale": 2.0}, r"scale must have shape \(2,\)"),
        ({"center": ["a", "b"]}, "center must have shape"),
        ({"center": [1j, 0]}, "center must have shape"),
        ({"center": [np.nan, 0.0]}, "center must be finite"),
        ({"scale": [np.inf, 1.0]}, "scale must be finite"),
        ({"scale": [1.0, 0.0]}, "scale must be above 0; got .*0.0.* for input 1"),
        ({"scale": [-1.0, 1.0]}, "scale must be above 0"),
    ],
)
def test_scaling_that_cannot_be_is_refused_on_both_ways(tmp_path, scaling, message):
    path = tmp_path / "network.npz"
    with pytest.raises(InvalidInputError, match=message):
        save_network(path, NETWORK, **scaling)
    assert not list(tmp_path.iterdir())
    save_network(path, NETWORK)
    header, arrays = archives.read_archive(path, 2**20)
    kept = {name: value for name, value in header.items() if name not in ("arrays", "sha256")}
    ((name, values),) = scaling.items()
    if np.asarray(values).dtype.kind in "fi":
        archives.write_archive(path, kept, arrays | {name: values})
        with pytest.raises(FileFormatError, match=f"is refused: {message}"):
            load_network(path)


def test_a_changed_scale_is_found(fitted):
    path = fitted[-1]
    header, arrays = archives.read_archive(path, 2**20)
    kept = {name: value for name, value in header.items() if name != "sha256"}
    text = archives.json.dumps(kept | {"sha256": archives.digest_of(kept)}).encode()
    with open(path, "wb") as file:
        archives._write(file, text, arrays | {"scale": 2 * arrays["scale"]})
    with pytest.raises(FileFormatError, match="scale.npy is not the array that the header describes"):
        load_network(path)


def test_files_without_scaling_take_inputs_as_they_are(tmp_path):
    X = raw_data()[0]
    save_network(tmp_path / "network.npz", NETWORK)
    saved = load_network(tmp_path / "network.npz")
    assert saved.center is None and saved.scale is None and saved.standardized(X) is X
    np.testing.assert_array_equal(saved.predict(X), NETWORK.predict(X))


def test_wrong_inputs_are_refused(fitted):
    saved = load_network(fitted[-1], proof=None)
    with pytest.raises(InvalidInputError, match="X must have 2 columns"):
        saved.predict(np.ones((3, 1)))
    with pytest.raises(ValueError, match="NaN"):
        saved.predict([[np.nan, 1.0]])


@pytest.mark.parametrize("n_classes", [2, 3])
def test_classifiers_give_classes_and_probabilities(tmp_path, n_classes):
    X, y = load_iris(return_X_y=True)
    X, names = X[y < n_classes, 1:3][::5], np.array(["setosa", "versicolor", "virginica"])[y[y < n_classes]][::5]
    scaler = StandardScaler().fit(X)
    model = ConvexReLUClassifier(proof="heuristic").fit(scaler.transform(X), names)
    save_network(tmp_path / "model.npz", model, center=scaler.mean_, scale=scaler.scale_)
    saved = load_network(tmp_path / "model.npz", proof=None)
    np.testing.assert_array_equal(saved.predict(X), model.predict(scaler.transform(X)))
    np.testing.assert_allclose(saved.predict_proba(X), model.predict_proba(scaler.transform(X)), rtol=1e-12)
    np.testing.assert_array_equal(saved.decision_function(X), model.decision_function(scaler.transform(X)))


@pytest.mark.parametrize(
    "outputs, options, probable",
    [
        ((), {"beta": 1.0, "loss": "logistic", "classes": [0, 1]}, True),
        ((1,), {"beta": 1.0, "loss": "logistic", "classes": [0, 1]}, True),
        ((3,), {"beta": 1.0, "loss": "multinomial", "classes": list("abc")}, True),
        ((3,), {"beta": 1.0, "loss": "logistic", "classes": list("abc")}, False),
        ((), {"beta": 1.0, "loss": "squared_hinge", "classes": [0, 1]}, False),
        ((), {"classes": [0, 1]}, False),
        ((), {"beta": 1.0, "loss": "logistic"}, False),
    ],
)
def test_probabilities_only_where_the_loss_has_them(tmp_path, outputs, options, probable):
    network, X = random_network(4, outputs, (True, True, True)), raw_data()[0] / 1000.0
    save_network(tmp_path / "network.npz", network, **options)
    saved = load_network(tmp_path / "network.npz")
    assert saved.has_probabilities == probable
    if not probable:
        with pytest.raises(InvalidInputError, match="decision_function gives"):
            saved.predict_proba(X)
        return
    values = network.predict(X)
    if outputs != (3,):
        values = np.column_stack([np.zeros(len(X)), values.ravel()])
    np.testing.assert_allclose(saved.predict_proba(X), softmax(values, axis=1), rtol=1e-12)
