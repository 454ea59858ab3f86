"""Files of networks: what goes in comes out, is proven again, and nothing else is accepted."""

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

import convexnn._utils.atomic as atomic
import convexnn.exchange.archives as archives
from convexnn import (
    ConvergenceWarning,
    ConvexReLUClassifier,
    ConvexReLURegressor,
    ConvexReLURegressorCV,
    FileFormatError,
    GatedReLURegressor,
    InvalidInputError,
    MinNormReLUInterpolator,
    TwoLayerReLU,
    certify,
    load_network,
    save_network,
)

TERMS = ("hidden_weights", "output_weights", "hidden_bias", "intercept", "skip_weights")


def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return scale(X[:40, [2, 3]]), y[:40]


def small_problem(outputs=(), seed=0):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(8, 2)), rng.normal(size=(8, *outputs))
    network = TwoLayerReLU(
        rng.normal(size=(3, 2)),
        rng.normal(size=(3, *outputs)),
        hidden_bias=rng.normal(size=3),
        intercept=rng.normal(size=outputs),
        skip_weights=rng.normal(size=(2, *outputs)),
    )
    return network, X, y


def same_network(a, b):
    return all(
        (getattr(a, name) is None) == (getattr(b, name) is None)
        and np.array_equal(np.asarray(getattr(a, name), float), np.asarray(getattr(b, name), float), equal_nan=True)
        for name in TERMS
    )


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A file with everything in it, and its network."""
    path = tmp_path_factory.mktemp("good") / "network.npz"
    network, X, y = small_problem()
    certificate = certify(network, X, y, 0.5)
    save_network(path, network, X=X, y=y, beta=0.5, certificate=certificate, feature_names=["a", "b"], target_name="t")
    return path, network


def forged(source, path, change_header=None, **arrays):
    """Write the file again with changes, and with checksums that are right."""
    header, there = archives.read_archive(source, 2**30)
    kept = {name: value for name, value in header.items() if name not in ("arrays", "sha256")}
    if change_header is not None:
        change_header(kept)
    there = {name: array for name, array in (there | arrays).items() if array is not None}
    archives.write_archive(path, kept, there)
    return path


# What goes in comes out


@pytest.mark.parametrize("outputs", [(), (1,), (3,)])
@pytest.mark.parametrize("absent", [(), ("hidden_bias",), ("intercept", "skip_weights"), TERMS[2:]])
def test_networks_return_to_the_bit(tmp_path, outputs, absent):
    network, X, y = small_problem(outputs)
    network = replace(network, **dict.fromkeys(absent))
    save_network(tmp_path / "n.npz", network, X=X, y=y, beta=0.5, loss="huber", huber_delta=2.0)
    saved = load_network(tmp_path / "n.npz")
    assert same_network(saved.network, network)
    assert np.array_equal(saved.predict(X), network.predict(X))
    expected = certify(network, X, y, 0.5, loss="huber", huber_delta=2.0)
    assert (saved.certificate.primal, saved.certificate.dual) == (expected.primal, expected.dual)
    assert (saved.beta, saved.loss, saved.huber_delta, saved.claimed) == (0.5, "huber", 2.0, None)


def test_frames_of_other_columns_are_refused_as_by_the_model(tmp_path):
    X, y = diabetes()
    frame = pd.DataFrame(X, columns=["a", "b"])
    model = ConvexReLURegressor(1.0).fit(frame, y)
    save_network(tmp_path / "n.npz", model, center=[1.0, 2.0])
    saved = load_network(tmp_path / "n.npz", proof=None)
    np.testing.assert_array_equal(saved.predict(frame + [1.0, 2.0]), saved.predict(X + [1.0, 2.0]))
    np.testing.assert_allclose(saved.predict(frame + [1.0, 2.0]), model.predict(frame), rtol=1e-12)
    for other in (frame[["b", "a"]], frame.rename(columns={"b": "c"})):
        for method in (saved.predict, saved.decision_function, saved.standardized, model.predict):
            with pytest.raises(ValueError, match="feature names should match"):
                method(other)


def test_loss_of_a_network_alone_is_unknown(tmp_path):
    network, X, y = small_problem(())
    save_network(tmp_path / "n.npz", network)
    saved = load_network(tmp_path / "n.npz")
    assert saved.loss is None and "loss unknown" in repr(saved)
    primal = certify(network, X, y, 0.5, **saved.problem_options).primal
    assert primal == pytest.approx(network.objective(X, y, 0.5), rel=1e-12)
    with pytest.raises(InvalidInputError, match="loss is given without beta, .* Give beta"):
        save_network(tmp_path / "n.npz", network, loss="logistic")
    save_network(tmp_path / "n.npz", network, beta=0.5, loss="logistic")
    assert load_network(tmp_path / "n.npz").loss == "logistic"


def test_networks_without_neurons_and_without_a_problem(tmp_path):
    network = TwoLayerReLU(np.zeros((0, 3)), np.zeros(0), intercept=-0.0)
    save_network(tmp_path / "n.npz", network)
    saved = load_network(tmp_path / "n.npz")
    assert same_network(saved.network, network) and saved.network.width == 0
    assert (saved.certificate, saved.claimed, saved.beta, saved.X) == (None,) * 4


def test_names_and_claim_return(good):
    path, network = good
    saved = load_network(path)
    assert (saved.feature_names, saved.target_names) == (["a", "b"], ["t"])
    assert saved.claimed.primal == saved.certificate.primal and saved.claimed.proof == saved.certificate.proof
    assert saved.written_by.startswith("convexnn ")
    again = certify(saved.network, saved.X, saved.y, saved.beta, **saved.problem_options)
    assert again.dual == saved.certificate.dual
    assert "SavedNetwork(network TwoLayerReLU(3 neurons" in repr(saved)


def test_numpy_reads_the_file_and_equal_contents_are_equal_bytes(good, tmp_path):
    path, network = good
    with np.load(path, allow_pickle=False) as contents:
        assert np.array_equal(contents["hidden_weights"], network.hidden_weights)
        assert json.loads(contents["header.json"])["version"] == 1
    assert forged(path, tmp_path / "again.npz").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    "options",
    [{}, {"loss": "absolute"}, {"loss": "quantile", "quantile": 0.3}, {"loss": "huber", "skip_connection": True}],
)
def test_regressors_are_proven_again(tmp_path, options):
    X, y = diabetes()
    weight = np.random.default_rng(0).integers(0, 3, len(y))
    model = ConvexReLURegressor(**options).fit(X, y, weight)
    save_network(tmp_path / "m.npz", model, feature_names=["bmi", "bp"])
    saved = load_network(tmp_path / "m.npz")
    assert np.array_equal(saved.predict(X), model.predict(X))
    assert saved.certificate.status == "optimal" and saved.certificate.proof == "exact"
    assert saved.certificate.primal == pytest.approx(model.certificate_.primal, rel=1e-12)
    assert saved.beta == model.beta_ and saved.feature_names == ["bmi", "bp"]


def test_several_outputs_and_cross_validation_are_proven_again(tmp_path):
    X, y = diabetes()
    both = ConvexReLURegressor().fit(X, np.column_stack([y, -y[::-1]]))
    chosen = ConvexReLURegressorCV(n_betas=3, cv=3).fit(X, y)
    for model in (both, chosen):
        save_network(tmp_path / "m.npz", model)
        assert load_network(tmp_path / "m.npz").certificate.status == "optimal"


def test_a_narrow_network_keeps_the_bound_of_a_wider_one(tmp_path):
    X, y = diabetes()
    model = ConvexReLURegressor("scale").fit(X, y)
    narrow = replace(
        model.network_,
        hidden_weights=model.network_.hidden_weights[:1],
        output_weights=model.network_.output_weights[:1],
        hidden_bias=model.network_.hidden_bias[:1],
    )
    certificate = replace(model.certificate_, primal=narrow.objective(X, y, model.beta_))
    save_network(tmp_path / "m.npz", narrow, X=X, y=y, beta=model.beta_, certificate=certificate)
    saved = load_network(tmp_path / "m.npz")
    assert saved.certificate.dual == pytest.approx(certificate.dual, rel=1e-6)
    assert certify(narrow, X, y, model.beta_).dual < 0.999 * certificate.dual


@pytest.mark.parametrize(
    ("n_classes", "labels"), [(2, ["x", "y"]), (3, [3, 1, 7]), (3, ["x", "y", "z"]), (2, [2.0, -1.0])]
)
def test_classifiers_return_with_their_labels(tmp_path, n_classes, labels):
    X, y = load_iris(return_X_y=True)
    X, y = scale(X)[y < n_classes, :2][::2], np.array(labels)[y[y < n_classes]][::2]
    model = ConvexReLUClassifier("scale", class_weight="balanced").fit(X, y)
    save_network(tmp_path / "c.npz", model)
    saved = load_network(tmp_path / "c.npz")
    assert np.array_equal(saved.predict(X), model.predict(X)) and saved.classes.dtype.kind == model.classes_.dtype.kind
    assert saved.certificate.status == "optimal"


def test_a_column_of_outputs_has_two_classes(tmp_path):
    network, X, _ = small_problem((1,))
    labels = np.where(network.predict(X)[:, 0] > 0, "yes", "no")
    targets = np.where(labels == "yes", 1.0, -1.0)[:, None]
    options = {"beta": 1.0, "loss": "logistic", "classes": ["no", "yes"], "store_data": False}
    save_network(tmp_path / "c.npz", network, X=X, y=targets, **options)
    found = load_network(tmp_path / "c.npz", X=X, y=labels)
    assert np.array_equal(found.predict(X), labels) and found.certificate.dual_point.shape == (8, 1)


@pytest.mark.parametrize("loss", ["logistic", "squared_hinge"])
def test_several_labels_return(tmp_path, loss):
    X = scale(load_iris().data)[::3, :2]
    Y = np.column_stack([X[:, 0] > 0, X[:, 1] > 0.3, X[:, 0] < X[:, 1]]).astype(int)
    model = ConvexReLUClassifier(2.0, loss=loss).fit(X, Y)
    save_network(tmp_path / "l.npz", model, target_name=["a", "b", "c"])
    saved = load_network(tmp_path / "l.npz")
    assert saved.multilabel and saved.classes is None and saved.target_names == ["a", "b", "c"]
    assert np.array_equal(saved.predict(X), model.predict(X)) and saved.certificate.relative_gap <= 2e-6
    if loss == "logistic":
        assert np.array_equal(saved.predict_proba(X), model.predict_proba(X))
    else:
        assert not saved.has_probabilities
    save_network(tmp_path / "l.npz", model, store_data=False)
    for known in (Y, 2 * Y - 1):
        assert load_network(tmp_path / "l.npz", X=X, y=known, proof="heuristic").certificate.primal > 0
    apart = ConvexReLUClassifier(2.0, loss=loss, multi_class="ovr").fit(X, Y[:, :2])
    with pytest.raises(InvalidInputError, match="per class or label"):
        save_network(tmp_path / "o.npz", apart)
    save_network(tmp_path / "o.npz", apart.network_, multilabel=True)
    assert np.array_equal(load_network(tmp_path / "o.npz").predict(X), apart.predict(X))
    with pytest.raises(InvalidInputError, match="multilabel=True is for networks with an output for every label"):
        save_network(tmp_path / "o.npz", apart.network_, multilabel=True, classes=[0, 1])


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["absolute", "quantile"])
def test_losses_with_kinks_of_several_outputs_return(tmp_path, loss):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20, 2))
    model = ConvexReLURegressor(2.0, loss=loss, quantile=0.7).fit(X, np.abs(X) + 0.3 * rng.standard_normal((20, 2)))
    save_network(tmp_path / "k.npz", model)
    saved = load_network(tmp_path / "k.npz")
    assert np.array_equal(saved.predict(X), model.predict(X)) and saved.certificate.relative_gap <= 1e-5


# Data that are not in the file


def test_data_that_were_left_out_are_recognised_in_any_order(tmp_path):
    X, y = load_iris(return_X_y=True)
    X, y = scale(X)[:, :2], np.array(["a", "b", "c"])[y]
    model = ConvexReLUClassifier("scale").fit(X, y)
    path = tmp_path / "c.npz"
    save_network(path, model, store_data=False)
    assert load_network(path).certificate is None and load_network(path).X is None
    order = np.random.default_rng(1).permutation(len(y))
    found = load_network(path, X=X[order], y=y[order])
    assert found.certificate.status == "optimal" and len(found.certificate.dual_point) == len(y)
    with pytest.raises(InvalidInputError, match="are not the data"):
        load_network(path, X=X, y=y[::-1])
    with pytest.raises(InvalidInputError, match="are not the data"):
        load_network(path, X=X, y=y, sample_weight=np.arange(1.0, 151.0))
    with pytest.raises(InvalidInputError, match="belong together"):
        load_network(path, X=X)
    with pytest.raises(InvalidInputError, match="must have 2 columns"):
        load_network(path, X=X[:, :1], y=y)


def test_a_claim_without_data_is_only_a_claim(tmp_path):
    network, X, y = small_problem()
    certificate = certify(network, X, y, 0.5)
    save_network(tmp_path / "n.npz", network, beta=0.5, certificate=certificate)
    saved = load_network(tmp_path / "n.npz")
    assert saved.certificate is None and saved.claimed.dual == certificate.dual
    assert load_network(tmp_path / "n.npz", X=X, y=y).certificate.dual == certificate.dual
    with pytest.raises(FileFormatError, match="n.npz' is refused for these data: it claims the objective"):
        load_network(tmp_path / "n.npz", X=X, y=y + 1)


def test_the_proof_can_be_left_out(good):
    saved = load_network(good[0], proof=None)
    assert saved.certificate is None and saved.claimed is not None


# What is not saved


def test_what_poses_no_problem_is_not_saved(tmp_path):
    network, X, y = small_problem()
    certificate = certify(network, X, y, 0.5)
    path = tmp_path / "n.npz"
    for options, message in (
        ({"X": X, "y": y}, "Give beta"),
        ({"X": X, "beta": 1.0}, "belong together"),
        ({"X": X[:, :1], "y": y, "beta": 1.0}, "do not match"),
        ({"X": X, "y": y[:-1], "beta": 1.0}, "y must have shape"),
        ({"X": X, "y": y, "beta": 1.0, "certificate": certificate}, "not of this network"),
        ({"X": X[:7], "y": y[:7], "beta": 0.5, "certificate": certificate}, "not of this network"),
        ({"X": X, "y": y, "beta": -1.0}, "beta must be"),
        ({"X": X, "y": y, "beta": 1.0, "loss": "cubic"}, "loss must be"),
        ({"X": X, "y": y, "beta": 1.0, "quantile": 1.0}, "quantile must be"),
        ({"certificate": certificate}, "Give beta"),
        ({"beta": 0.5, "certificate": "optimal"}, "certificate must be"),
        ({"feature_names": ["a"]}, "feature_names must have 2"),
        ({"target_name": ["a", "b"]}, "target_name must have 1"),
        ({"classes": [1, 2, 3]}, "classes must have 2"),
        ({"classes": [1j, 2]}, "classes must be"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            save_network(path, network, **options)
    assert list(tmp_path.iterdir()) == []


def test_other_objects_are_refused_with_a_way_out(tmp_path):
    X, y = diabetes()
    path = tmp_path / "n.npz"
    with pytest.raises(TypeError, match="network_ alone can be saved.*skops"):
        save_network(path, MinNormReLUInterpolator().fit(X[:5], y[:5]))
    with pytest.raises(TypeError, match="skops"):
        save_network(path, GatedReLURegressor().fit(X, y))
    with pytest.raises(TypeError, match="got Pipeline; save its last step, with center and scale"):
        save_network(tmp_path / "a.npz", make_pipeline(StandardScaler(), ConvexReLURegressor()))
    with pytest.raises(TypeError, match="must be a TwoLayerReLU"):
        save_network(path, "network")
    iris = load_iris(return_X_y=True)
    model = ConvexReLUClassifier(multi_class="ovr").fit(scale(iris[0])[:, :2], iris[1])
    with pytest.raises(InvalidInputError, match="one problem and one proof per class"):
        save_network(path, model)
    save_network(path, model.network_, classes=model.classes_)
    assert np.array_equal(load_network(path).predict(scale(iris[0])[:, :2]), model.predict(scale(iris[0])[:, :2]))
    with pytest.raises(InvalidInputError, match="beta is that of the estimator"):
        save_network(path, ConvexReLURegressor().fit(X, y), beta=1.0)


def test_a_file_is_replaced_as_a_whole(tmp_path, good, monkeypatch):
    path = tmp_path / "n.npz"
    save_network(path, good[1])
    before = path.read_bytes()

    def fail(*_):
        raise OSError("no space left")

    monkeypatch.setattr(atomic.os, "fsync", fail)
    with pytest.raises(OSError, match="no space"):
        save_network(path, good[1].padded(50))
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
    monkeypatch.undo()
    with pytest.raises(FileNotFoundError, match=r"missing.n\.npz'"):  # the name that was given, not that beside it
        save_network(tmp_path / "missing" / "n.npz", good[1])
    with pytest.raises(InvalidInputError, match="name a file"):
        save_network("", good[1])


@pytest.mark.parametrize("name", ["a.pkl", "a.PICKLE", "a.joblib", "a.json", "a.onnx", "a.pt", "a.skops"])
def test_endings_of_other_formats_are_refused(tmp_path, good, name):
    with pytest.raises(InvalidInputError, match="path must not end in .*an .npz archive"):
        save_network(tmp_path / name, good[1])
    assert list(tmp_path.iterdir()) == []


# What is not loaded


def unharmed(path, network):
    """Whether a file is refused, or the network in it is the right one."""
    try:
        saved = load_network(path, proof=None)
    except FileFormatError as error:
        assert str(path) in str(error)
        return True
    return same_network(saved.network, network) and saved.beta == 0.5


def test_flipped_bytes_never_lead_to_another_network(good, tmp_path):
    source, network = good
    whole, path = bytearray(source.read_bytes()), tmp_path / "n.npz"
    rng = np.random.default_rng(0)
    positions = {
        *range(0, len(whole), 11),
        *range(len(whole) - 1100, len(whole), 3),
        *range(len(whole) - 100, len(whole)),
        *range(64),
    }
    for position in sorted(positions):
        damaged = whole.copy()
        damaged[position] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        assert unharmed(path, network), position


def test_files_that_are_cut_off_or_spliced_are_refused(good, tmp_path):
    source, network = good
    whole, path = source.read_bytes(), tmp_path / "n.npz"
    for length in [*range(0, len(whole), 41), *range(len(whole) - 60, len(whole))]:
        path.write_bytes(whole[:length])
        with pytest.raises(FileFormatError):
            load_network(path, proof=None)
    rng = np.random.default_rng(1)
    for _ in range(200):
        a, b = sorted(rng.integers(0, len(whole), 2))
        path.write_bytes(whole[:a] + whole[b:])
        assert unharmed(path, network)
        path.write_bytes(whole[:a] + rng.bytes(int(b - a) % 50) + whole[b:])
        assert unharmed(path, network)


def test_flipped_bytes_behind_right_checksums_are_refused(good, tmp_path):
    with zipfile.ZipFile(good[0]) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    path, rng = tmp_path / "n.npz", np.random.default_rng(2)
    for name in members:
        for _ in range(40):
            changed = bytearray(members[name])
            changed[rng.integers(len(changed))] ^= int(rng.integers(1, 256))
            with zipfile.ZipFile(path, "w") as archive:
                for other, content in members.items():
                    archive.writestr(other, bytes(changed) if other == name else content)
            assert unharmed(path, good[1])


def test_archives_declaring_too_much_are_refused_unread(good, tmp_path):
    path = tmp_path / "n.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", "{}")
        archive.writestr("hidden_weights.npy", bytes(50_000_000))
    assert path.stat().st_size < 100_000
    with pytest.raises(FileFormatError, match="more than max_bytes=1000000"):
        load_network(path, max_bytes=1_000_000)
    with pytest.raises(FileFormatError, match="max_bytes=100"):
        load_network(good[0], max_bytes=100)
    with zipfile.ZipFile(path, "w") as archive:
        for k in range(1000):
            archive.writestr(str(k), b"")
    with pytest.raises(FileFormatError, match="declares 1000 members"):
        load_network(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", bytes(5_000_000))
    with pytest.raises(FileFormatError, match="header.json has 5000000 bytes"):
        load_network(path)


def test_a_bomb_whose_activations_would_not_fit_is_refused(good, tmp_path):
    wide = {"hidden_weights": np.zeros((2000, 2)), "output_weights": np.zeros(2000), "hidden_bias": np.zeros(2000)}
    with pytest.raises(FileFormatError, match="hidden layer has 128000 bytes"):
        load_network(forged(good[0], tmp_path / "n.npz", **wide), max_bytes=100_000)


def npy(array):
    member = io.BytesIO()
    np.save(member, array, allow_pickle=True)
    return member.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npy(np.array([{}], dtype=object)), "float64"),
        (npy(np.zeros((3, 2), dtype=np.float32)), "float64"),
        (npy(np.zeros((3, 2), dtype=">f8")), "float64"),
        (npy(np.asfortranarray(np.zeros((3, 2)))), "C-ordered"),
        (npy(np.zeros((3, 2, 1))), "two dimensions"),
        (npy(np.zeros((3, 2)))[:-8], "declares the shape"),
        (npy(np.zeros((3, 2))).replace(b"(3, 2)", b"(9**9)"), "must be an array of float64"),
        (npy(np.zeros((3, 2))).replace(b"(3, 2), }          ", b"(0, 99999999999), }"), "declares the shape"),
        (npy(np.zeros((3, 2))).replace(b"(3, 2), ", b"(-3, -2)"), "must be an array"),
        (npy(np.zeros((3, 2))), "sha256"),
        (b"", "must be an array of float64"),
        (b"\x93NUMPY\x01\x00\xff\xff{", "must be an array of float64"),
    ],
)
def test_arrays_of_other_kinds_are_refused(good, tmp_path, content, message):
    path = tmp_path / "n.npz"
    with zipfile.ZipFile(good[0]) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["hidden_weights.npy"] = content
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    with pytest.raises(FileFormatError, match=message):
        load_network(path)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "[" * 200_000, '{"a": NaN}', '{"a": 1, "a": 2}', "1" * 10_000, '"\ud800"', '{"arrays": 1}']
)
def test_headers_that_are_none_are_refused(tmp_path, text):
    path = tmp_path / "n.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.json", text.encode("utf-8", "surrogatepass"))
    with pytest.raises(FileFormatError, match="header.json"):
        load_network(path)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "n.npz"
    for content in (b"", b"x" * 1000, b"PK\x05\x06" + bytes(18)):
        path.write_bytes(content)
        with pytest.raises(FileFormatError):
            load_network(path)
    np.savez(path, a=np.zeros(3))
    with pytest.raises(FileFormatError, match="must hold header.json"):
        load_network(path)
    with pytest.raises(FileNotFoundError):
        load_network(tmp_path / "missing.npz")
    with pytest.raises(InvalidInputError, match="proof"):
        load_network(path, proof="maybe")


def entry(*keys, value):
    def change(header):
        for key in keys[:-1]:
            header = header[key]
        header[keys[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (entry("version", value=3), "version 3"),
        (entry("version", value=2), "must have the entries"),
        (entry("version", value=True), "version True"),
        (entry("format", value="other"), "format is 'other'"),
        (entry("extra", value=1), "must have the entries"),
        (entry("problem", value=None), "no problem"),
        (entry("problem", "beta", value=-1.0), "beta"),
        (entry("problem", "beta", value="1"), "beta"),
        (entry("problem", "beta", value=10**400), "beta"),
        (entry("problem", "beta", value=0.6), "claims the objective"),
        (entry("problem", "loss", value=["squared"]), "loss"),
        (entry("problem", "loss", value="huber"), "claims the objective"),
        (entry("problem", "quantile", value=2), "quantile"),
        (entry("claimed", "proof", value="certain"), "claimed"),
        (entry("claimed", "relative_gap", value=0.0), "claimed"),
        (entry("claimed", value=None), "needs the dual point"),
        (entry("data_sha256", value="0" * 64), "sha256"),
        (entry("feature_names", value=["a"]), "feature_names"),
        (entry("feature_names", value=[1, 2]), "feature_names"),
        (entry("classes", value={"kind": "O", "values": [1, 2]}), "classes"),
        (entry("classes", value={"kind": "i", "values": [10**30, 2]}), "classes"),
        (entry("written_by", value=["x"]), "written_by"),
    ],
)
def test_forged_headers_are_refused(good, tmp_path, change, message):
    with pytest.raises(FileFormatError, match=message):
        load_network(forged(good[0], tmp_path / "n.npz", change))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"hidden_weights": np.full((3, 2), np.nan)}, "finite"),
        ({"X": np.full((8, 2), np.inf)}, "infinity"),
        ({"hidden_weights": np.zeros((3, 3))}, "skip_weights must have"),
        ({"hidden_weights": np.zeros((2, 2))}, "output_weights"),
        ({"hidden_weights": None}, "make no network"),
        ({"other": np.zeros(1)}, "make no network"),
        ({"hidden_bias": np.ones(3)}, "claims the objective"),
        ({"y": np.zeros(8)}, "sha256"),
        ({"y": None}, "make no problem"),
        ({"X": np.zeros(())}, "refused"),
        ({"X": np.zeros((0, 2)), "y": np.zeros(0)}, "refused"),
        ({"sample_weight": -np.ones(8)}, "sample_weight"),
        ({"dual_point": None}, "needs the dual point"),
        ({"dual_point": np.zeros(7)}, "dual point"),
        ({"dual_point": np.full(8, np.nan)}, "dual point"),
    ],
)
def test_forged_arrays_are_refused(good, tmp_path, arrays, message):
    with pytest.raises(FileFormatError, match=message):
        load_network(forged(good[0], tmp_path / "n.npz", **arrays))


@pytest.mark.parametrize("dual_point", [None, np.zeros(8), 1e9 * np.ones(8)])
def test_a_bound_that_cannot_be_proven_is_refused(good, tmp_path, dual_point):
    def boast(header):
        claim = header["claimed"]
        claim["dual"], claim["relative_gap"] = claim["primal"], 0.0

    changed = {} if dual_point is None else {"dual_point": dual_point}
    path = forged(good[0], tmp_path / "n.npz", boast, **changed)
    with pytest.raises(FileFormatError, match="claims the lower bound"):
        load_network(path)


def test_bound_not_searched_hard_enough_stays_a_claim(good):
    saved = load_network(good[0], proof="heuristic")
    assert saved.certificate.dual < saved.claimed.dual and saved.certificate.proof == "heuristic"


def test_fits_that_ended_early_are_saved_as_what_they_are(tmp_path):
    X, y = diabetes()
    with pytest.warns(ConvergenceWarning):
        model = ConvexReLURegressor("scale", max_iter=1).fit(X, y)
    save_network(tmp_path / "m.npz", model)
    found = load_network(tmp_path / "m.npz").certificate
    assert found.status == "not proven" and found.primal == pytest.approx(model.certificate_.primal, rel=1e-12)


def test_objectives_of_tiny_residuals_agree_in_another_order(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 2)), 1e9 + rng.normal(size=40)
    model = ConvexReLURegressor("scale").fit(X, y)
    save_network(tmp_path / "m.npz", model, store_data=False)
    assert load_network(tmp_path / "m.npz", X=X[::-1], y=y[::-1]).claimed is not None
