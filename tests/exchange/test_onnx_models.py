"""ONNX models compute what the network computes."""

import sys

import numpy as np
import pytest

from convexnn import ConvexNNError, ConvexReLURegressor
from convexnn.exchange import to_onnx

from .networks import KINDS, random_network

onnx = pytest.importorskip("onnx")
X = np.random.default_rng(5).normal(size=(7, 2))


def values(model):
    runtime = pytest.importorskip("onnxruntime")
    return runtime.InferenceSession(model.SerializeToString()).run(["y"], {"X": X})[0]


@pytest.mark.parametrize(("width", "outputs", "present"), KINDS)
def test_onnxruntime_agrees(width, outputs, present):
    network = random_network(width, outputs, present)
    found, expected = values(to_onnx(network)), network.predict(X)
    assert found.dtype == np.float64 and found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


def test_a_file_holds_the_model(tmp_path):
    network = random_network(4, (), (True, True, True))
    model = to_onnx(network, tmp_path / "network.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["network.onnx"]
    assert onnx.load(tmp_path / "network.onnx") == model
    assert model.producer_name == "convexnn"
    assert [node.op_type for node in model.graph.node] == ["MatMul", "Add", "Relu", "MatMul", "MatMul", "Add", "Add"]
    with pytest.raises(FileNotFoundError):
        to_onnx(network, tmp_path / "missing" / "network.onnx")


def test_estimators_are_refused_with_a_way_out():
    model = ConvexReLURegressor().fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 0.0])
    with pytest.raises(TypeError, match="Pass its network_"):
        to_onnx(model)


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'convexnn\[exchange\]'") as caught:
        to_onnx(random_network(1, (), (False,) * 3))
    assert isinstance(caught.value, ConvexNNError)
