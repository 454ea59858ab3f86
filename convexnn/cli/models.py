"""Saved networks: what ``fit`` writes, and ``certify`` and ``predict`` read."""

import numpy as np

from .._utils.libraries import require
from ..exceptions import InvalidInputError
from .files import check_target_file
from .streams import note
from .tasks import CLASSIFICATION, classes_text

MODELS = (".npz", ".onnx")


def check_model_file(path, task, data, multi_class):
    """Refuse, before any work is done, what could not be saved."""
    check_target_file(path, "--output", MODELS)
    if is_onnx(path):
        require("onnx", "exchange")
    several = task == CLASSIFICATION and len(np.unique(data.y)) > 2
    if path is not None and several and multi_class == "ovr":
        raise InvalidInputError(
            "--output saves one network with one proof, and --multi-class ovr makes one of each per class; use "
            "--multi-class joint."
        )


def is_onnx(path):
    """Whether a path is that of an ONNX file."""
    return path is not None and path.lower().endswith(".onnx")


def save_model(model, data, path):
    """Save a fitted estimator with its data, its scaling and its certificate, or its network alone in an ONNX file."""
    from ..exchange import save_network, to_onnx

    if is_onnx(path):
        to_onnx(model.network_, path)
        if data.center is not None:
            note("the network in the ONNX file takes standardised features; --json prints how.")
        if any(column.categories or column.fill is not None for column in data.preparation.columns):
            note("the network in the ONNX file takes encoded and filled features; --json prints how.")
    else:
        # A preparation that changes nothing is left out, so that older readers can read the file.
        preparation = None if data.preparation.is_plain else data.preparation
        scaling = {"center": data.center, "scale": data.scale}
        save_network(path, model, target_name=data.targets, preparation=preparation, **scaling)


def read_model(path):
    """Return the `SavedNetwork` in a file; nothing of what it claims is proven yet.

    Raises
    ------
    InvalidInputError
        For a file that is not there or of another kind.
    """
    from ..exchange import load_network

    if is_onnx(path):
        raise InvalidInputError(f"model must be an .npz file of fit or of convexnn.exchange; got {path!r}.")
    try:
        # The command proves on its own data: the proof of the stored ones would be work for nothing.
        return load_network(path, proof=None)
    except FileNotFoundError as error:
        raise InvalidInputError(f"model: there is no file {path!r}.") from error


def targets_for(saved, data):
    """Return the targets of the problem of a `SavedNetwork`: labels become what its loss takes.

    Raises
    ------
    InvalidInputError
        For labels that the network does not know, and text for a network that has no labels.
    """
    from ..exchange.checks import targets_of

    name = data.targets[0]
    if saved.classes is None:
        if data.y.dtype.kind not in "iufb":
            raise InvalidInputError(f"--target {name} holds labels such as {str(data.y[0])!r}: the network has none.")
        return data.y.astype(float)
    known = np.isin(data.y, saved.classes)
    if not known.all():
        label, classes = classes_text([data.y[np.argmin(known)]]), classes_text(saved.classes)
        raise InvalidInputError(f"--target {name} holds {label!r}: the classes of the network are {classes}.")
    return targets_of(saved, data.y)
