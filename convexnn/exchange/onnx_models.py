"""Networks as ONNX models."""

from os import PathLike
from typing import Any

import numpy as np

from .._utils.atomic import write_whole
from .._utils.libraries import require
from .._version import __version__
from ..programs.posing import check_is_network

# The versions of 2022, which every runtime since then reads.
OPSET, IR_VERSION = 17, 8


def to_onnx(network: Any, path: str | PathLike[str] | None = None) -> Any:
    """Return a network as an ONNX model in double precision, and write it to a file if there is a path.

    The model has the input ``X``, float64 of shape (n_samples, n_inputs), and the output ``y`` of the shape of
    ``network.predict(X)``.

    Parameters
    ----------
    network : TwoLayerReLU
        Or a fitted estimator, for its `network_`; a classifier's values are those of its `decision_function`.
    path : str or path-like, optional
        The file appears when it is complete, or not at all.

    Returns
    -------
    onnx.ModelProto
        Checked by `onnx.checker`.

    Raises
    ------
    MissingLibraryError
        Without onnx: ``pip install 'convexnn[exchange]'``.

    Examples
    --------
    >>> from convexnn import TwoLayerReLU
    >>> from convexnn.exchange import to_onnx
    >>> model = to_onnx(TwoLayerReLU([[1.0, -1.0]], [2.0], intercept=0.5))  # doctest: +SKIP
    >>> [node.op_type for node in model.graph.node]  # doctest: +SKIP
    ['MatMul', 'Relu', 'MatMul', 'Add']
    """
    check_is_network(network, "network")
    onnx = require("onnx", "exchange")
    nodes, weights = _graph(network, onnx.helper.make_node)
    double, outputs = onnx.TensorProto.DOUBLE, network.output_weights.shape[1:]
    graph = onnx.helper.make_graph(
        nodes,
        "TwoLayerReLU",
        [onnx.helper.make_tensor_value_info("X", double, ["n_samples", network.n_inputs])],
        [onnx.helper.make_tensor_value_info("y", double, ["n_samples", *outputs])],
        [onnx.numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in weights.items()],
    )
    model = onnx.helper.make_model(
        graph,
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="convexnn",
        producer_version=__version__,
    )
    onnx.checker.check_model(model, full_check=True)
    if path is not None:
        write_whole(path, lambda file: file.write(model.SerializeToString()))
    return model


def _graph(network, node):
    """Return the nodes of ``relu(X U + b) A + X S + c``, with what the network has of it, and their weights."""
    weights, nodes, summands = {}, [], []
    if network.width:
        last = "products"
        weights |= {"hidden_weights": network.hidden_weights.T, "output_weights": network.output_weights}
        nodes.append(node("MatMul", ["X", "hidden_weights"], [last]))
        if network.hidden_bias is not None:
            weights["hidden_bias"] = network.hidden_bias
            nodes.append(node("Add", [last, "hidden_bias"], ["inputs"]))
            last = "inputs"
        nodes += [node("Relu", [last], ["hidden"]), node("MatMul", ["hidden", "output_weights"], ["layers"])]
        summands.append("layers")
    # A network without neurons and skip weights still needs its rows: products with zeros have them.
    if network.skip_weights is not None or not network.width:
        absent = np.zeros((network.n_inputs, *network.output_weights.shape[1:]))
        weights["skip_weights"] = absent if network.skip_weights is None else network.skip_weights
        nodes.append(node("MatMul", ["X", "skip_weights"], ["skip"]))
        summands.append("skip")
    if network.intercept is not None:
        weights["intercept"] = np.asarray(network.intercept)
        summands.append("intercept")
    return nodes + _sum(summands, node), weights


def _sum(summands, node):
    """Return the nodes that add values up to the output y."""
    if len(summands) == 1:
        return [node("Identity", summands, ["y"])]
    names = [f"sum_{k}" for k in range(len(summands) - 2)] + ["y"]
    left = [summands[0], *names[:-1]]
    return [node("Add", pair, [name]) for *pair, name in zip(left, summands[1:], names, strict=True)]
