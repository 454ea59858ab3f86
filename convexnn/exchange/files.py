"""Networks in files, with their data: what is loaded is proven again, and never believed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np

from .._utils.aliases import ArrayLike, LossName, Proof
from .._utils.validation import check_choice, check_count, check_n_jobs, deadline_after
from ..duality.records import PROOFS, Certificate
from ..exceptions import FileFormatError, InvalidInputError, SolverError
from ..network import TwoLayerReLU
from .archives import read_archive, write_archive
from .checks import checked_data, checked_names, problem_entry, targets_of
from .claims import agrees, check_primal, data_digest, posed, proven_again
from .fitted import contents_of
from .headers import checked_header, claim_of, header_of
from .preparation import Preparation, checked_preparation
from .records import SavedNetwork
from .scaling import checked_scaling

# A file of more than 1 GiB is not read unless that is asked for.
MAX_BYTES = 2**30
TERMS = ("hidden_weights", "output_weights", "hidden_bias", "intercept", "skip_weights")
# The endings of what other libraries write: a file under them that is none would mislead.
OTHER_FORMATS = (".pkl", ".pickle", ".joblib", ".json", ".onnx", ".pt", ".skops")
DATA = ("X", "y", "sample_weight")
PROBLEM = ("beta", "loss", "huber_delta", "quantile", "penalize_bias")
STORED = (*DATA, "dual_point")
SCALING = ("center", "scale")
FROM_THE_ESTIMATOR = ("X", "y", "sample_weight", "beta", "certificate", "classes")


def save_network(
    path: str | PathLike[str],
    network: Any,
    *,
    X: ArrayLike | None = None,
    y: ArrayLike | None = None,
    beta: float | None = None,
    certificate: Certificate | None = None,
    sample_weight: ArrayLike | None = None,
    loss: LossName = "squared",
    huber_delta: float = 1.35,
    quantile: float = 0.5,
    penalize_bias: bool = True,
    feature_names: Sequence[str] | None = None,
    target_name: str | None = None,
    classes: ArrayLike | None = None,
    multilabel: bool = False,
    center: ArrayLike | None = None,
    scale: ArrayLike | None = None,
    preparation: Preparation | None = None,
    store_data: bool = True,
) -> None:
    """Write a network, its problem and what is claimed about it to one file.

    The file is an ``.npz`` archive without pickle: `numpy.load` reads it too. With it go a JSON header and the sha256
    of everything. It appears when it is complete, or not at all.

    Parameters
    ----------
    path : str or path-like
        Taken as it is; an ``.npz`` at its end is a good habit. Endings of other formats, such as ``.pkl``, ``.json``
        and ``.onnx``, are refused.
    network : TwoLayerReLU, ConvexReLURegressor or ConvexReLUClassifier
        A fitted estimator brings its problem, data, weights, certificate, feature names and classes along.
    X : array-like of shape (n_samples, n_features), optional
        The training data, with y and beta: `load_network` then proves the certificate again.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), optional
        Labels as `certify` takes them: -1 and 1, or one-hot rows for the multinomial loss.
    beta : float, optional
        Strength in ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``; a sum, no 1/n. Without it
        the file has a network and no problem: a loss is refused, and the one that is loaded is None.
    certificate : Certificate, optional
        Its figures are written down as a claim; it needs beta.
    sample_weight : array-like of shape (n_samples,), optional
    loss : {"squared", "huber", "absolute", "quantile", "logistic", "squared_hinge", "multinomial"}
    huber_delta, quantile : float
    penalize_bias : bool
        See `certify`. Earlier versions refuse files of problems whose hidden bias costs nothing.
    feature_names : sequence of str, optional
        One per input.
    target_name : str or sequence of str, optional
        One per output; one alone for classes.
    classes : array-like of shape (n_classes,), optional
        The labels that the outputs stand for, of which every row has one.
    multilabel : bool, default=False
        Whether every output stands for a label of its own, which a row has where the output is positive. An estimator
        says so itself.
    center : array-like of shape (n_features,), optional
        What was subtracted from the inputs before the network saw them, such as ``StandardScaler.mean_``. X, here and
        in the estimator, is what the network saw; `SavedNetwork.predict` then takes raw inputs.
    scale : array-like of shape (n_features,), optional
        By what they were divided after that, such as ``StandardScaler.scale_``.
    preparation : Preparation, optional
        How a raw table becomes the inputs, before they are centred and scaled; the command line keeps it.
    store_data : bool, default=True
        False leaves the data out and keeps their sha256, with which data given to `load_network` are compared.

    Raises
    ------
    InvalidInputError
        For data and options that pose no problem, a certificate that is not of this network on these data, and a path
        with the ending of another format.
    TypeError
        For what is neither a network nor a fitted estimator.
    OSError
        Where the file cannot be written.

    See Also
    --------
    load_network : The way back.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from convexnn import ConvexReLURegressor
    >>> from convexnn.exchange import load_network, save_network
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 0.0, 2.0]
    >>> model = ConvexReLURegressor(beta="scale").fit(X, y)
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "network.npz"
    >>> save_network(path, model)
    >>> load_network(path).certificate.status
    'optimal'
    """
    _check_ending(path)
    options: dict[str, Any] = {
        "X": X,
        "y": y,
        "beta": beta,
        "certificate": certificate,
        "sample_weight": sample_weight,
        "loss": loss,
        "huber_delta": huber_delta,
        "quantile": quantile,
        "penalize_bias": penalize_bias,
        "feature_names": feature_names,
        "classes": classes,
        "multilabel": multilabel,
    }
    if not isinstance(network, TwoLayerReLU):
        network, options = _of_estimator(network, options)
    # Everything is checked before the first byte is written, as it will be when the file is read.
    kinds = options["classes"], options["multilabel"]
    names = checked_names(network, options["feature_names"], target_name, *kinds)
    scaling = checked_scaling(network, center, scale)
    preparation = checked_preparation(preparation, network.n_inputs)
    problem = _checked_problem(network, options)
    # Absent terms are absent from the file, too.
    terms = {name: getattr(network, name) for name in TERMS} | scaling
    arrays = {name: term for name, term in terms.items() if term is not None}
    data = {name: options[name] for name in DATA if options[name] is not None}
    claim = claim_of(options["certificate"])
    header = header_of(problem, data_digest(**data) if data else None, claim, names, preparation)
    if data and options["certificate"] is not None:
        data["dual_point"] = options["certificate"].dual_point
    write_archive(path, header, arrays | (data if store_data else {}))


def _check_ending(path):
    """Refuse a path with the ending of another format."""
    ending = os.path.splitext(os.fsdecode(path))[1].lower()
    if ending in OTHER_FORMATS:
        advice = "to_onnx writes ONNX files" if ending == ".onnx" else "End it in .npz"
        raise InvalidInputError(
            f"path must not end in {ending}, as files of another format do: save_network writes an .npz archive; got "
            f"{os.fspath(path)!r}. {advice}."
        )


def _of_estimator(model, options):
    network, known = contents_of(model)
    for name in FROM_THE_ESTIMATOR:
        if options[name] is not None:
            raise InvalidInputError(f"{name} is that of the estimator; leave it out, or pass the estimator's network_.")
    if options["feature_names"] is not None:
        known["feature_names"] = options["feature_names"]
    return network, known


def _checked_problem(network, options):
    """Return the problem's entry for the header, or None; the data in `options` become arrays."""
    given = [name for name in DATA if options[name] is not None]
    if options["beta"] is None:
        given += ["certificate"] if options["certificate"] is not None else []
        given += ["loss"] if options["loss"] != "squared" else []
        if given:
            name = given[0]
            raise InvalidInputError(f"{name} is given without beta, and without it there is no problem. Give beta.")
        return None
    if given and not {"X", "y"} <= set(given):
        raise InvalidInputError(f"X and y belong together; got {' and '.join(given)} alone.")
    entry = problem_entry(**{name: options[name] for name in PROBLEM})
    if given:
        options.update(checked_data(**{name: options[name] for name in DATA}))
        problem = posed(network, {name: options[name] for name in DATA}, entry)
        _check_certificate(options["certificate"], network, problem)
    return entry


def _check_certificate(certificate, network, problem):
    """Refuse a certificate that was made of other things."""
    if certificate is None:
        return
    shape = (problem.n_rows, *problem.y.shape[1:])
    wrong = np.shape(certificate.dual_point) != shape
    if wrong or not agrees(problem, network, certificate.primal):
        raise InvalidInputError(
            f"certificate is not of this network on these data: its objective is {certificate.primal!r} and its dual "
            f"point has shape {np.shape(certificate.dual_point)}; here they are {problem.objective(network)!r} and "
            f"{shape}. Leave it out, or give what it was made of."
        )


def load_network(
    path: str | PathLike[str],
    *,
    X: ArrayLike | None = None,
    y: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    max_bytes: int = MAX_BYTES,
    proof: Proof = "auto",
    time_limit: float | None = None,
    n_jobs: int | None = None,
) -> SavedNetwork:
    """Read a network from a file of `save_network`, and prove its certificate again.

    Nothing in the file is executed or believed. It is refused when it is damaged or of another kind, when it is larger
    than it may be, and when it claims what its own data contradict.

    Parameters
    ----------
    path : str or path-like
    X, y, sample_weight : array-like, optional
        The training data, for a file without them; X as the network saw it, centred and scaled already. They are
        compared with the sha256 in the file (the order of the samples does not matter). Labels of a classifier may be
        given as they are.
    max_bytes : int, default=2**30
        Largest size of the contents, which is looked at before they are decompressed.
    proof : {"auto", "exact", "bound", "heuristic"} or None, default="auto"
        How hard to try, see `price`. None proves nothing: `certificate` is None, and only the objective is compared.
    time_limit : float, optional
        Seconds for the proof.
    n_jobs : int, optional
        Threads for the proof.

    Returns
    -------
    SavedNetwork

    Raises
    ------
    FileFormatError
        For a file that is refused; the message says why.
    InvalidInputError
        For bad arguments, and for data that are not those of the file.
    OSError
        Where the file is missing or cannot be read.

    Notes
    -----
    The objective must be the claimed one to rounding, and the claimed lower bound must not be above it. A claimed bound
    that is better than what was proven here is refused where both proofs are exact; where the budget of this proof
    ended first it stays a claim (`claimed`), and `certificate` has what is proven.

    See Also
    --------
    save_network : With an example.
    """
    check_count(max_bytes, "max_bytes")
    check_n_jobs(n_jobs)
    deadline_after(time_limit)
    if proof is not None:
        check_choice(proof, "proof", PROOFS)
    options = {"proof": proof, "time_limit": time_limit, "n_jobs": n_jobs}
    header, arrays = read_archive(path, max_bytes)
    try:
        # Rebuild the network, check the stored data, and prove the claim again on them.
        saved, entry, digest = _rebuilt(header, arrays)
        data = {name: getattr(saved, name) for name in DATA}
        dual_point = arrays.get("dual_point")
        if saved.X is not None:
            _check_stored(saved, data, entry, digest, dual_point, max_bytes)
        if X is None and y is None:
            return _certified(saved, data, entry, dual_point, options)
    except (ValueError, SolverError, np.linalg.LinAlgError) as error:
        raise FileFormatError(f"{os.fspath(path)!r} is refused: {error}") from error
    # The caller's data have to be those of the file, by their sha256; then the claim is proven on them.
    data = _given(saved, X, y, sample_weight, digest)
    try:
        return _certified(saved, data, entry, None, options)
    except FileFormatError as error:
        raise FileFormatError(f"{os.fspath(path)!r} is refused for these data: {error}") from error


def _certified(saved, data, entry, dual_point, options):
    """Return the `SavedNetwork` with the certificate that is proven on the data, if there are any."""
    if data["X"] is None:
        return saved
    check_primal(saved.claimed, saved.network, posed(saved.network, data, entry))
    if options["proof"] is None:
        return saved
    return replace(saved, certificate=proven_again(saved.claimed, saved.network, data, entry, dual_point, options))


def _rebuilt(header, arrays):
    """Return what the file says: the `SavedNetwork` without a certificate, the problem's entry, the data's sha256."""
    entry, digest, claimed, names, preparation = checked_header(header)
    unknown = set(arrays) - set(TERMS) - set(STORED) - set(SCALING)
    if unknown or not {"hidden_weights", "output_weights"} <= set(arrays):
        raise FileFormatError(f"it holds the arrays {sorted(arrays)}, which make no network.")
    network = TwoLayerReLU(**{name: arrays[name] for name in TERMS if name in arrays})
    data = {name: arrays.get(name) for name in DATA}
    if entry is None and (claimed is not None or digest is not None):
        raise FileFormatError("it has data or a claim, and no problem.")
    if any(name in arrays for name in STORED) and (entry is None or digest is None or not {"X", "y"} <= set(arrays)):
        raise FileFormatError(f"it holds the arrays {sorted(arrays)}, which make no problem.")
    if (data["X"] is not None and claimed is not None) != ("dual_point" in arrays):
        raise FileFormatError(
            "a claim about data in the file needs the dual point that proves it, and nothing else does."
        )
    checked = checked_names(network, **names)
    checked |= checked_scaling(network, arrays.get("center"), arrays.get("scale"))
    checked["preparation"] = checked_preparation(preparation, network.n_inputs)
    problem = entry or {"beta": None, "loss": None, "huber_delta": 1.35, "quantile": 0.5}
    written_by = header["written_by"]
    saved = SavedNetwork(network, None, claimed, **problem, **data, **checked, written_by=written_by)
    return saved, entry, digest


def _check_stored(saved, data, entry, digest, dual_point, max_bytes):
    """Refuse data in the file that pose no problem, are not those of the header, or would take too much memory."""
    # Small arrays can have a large product: the hidden layer is n_samples times width.
    needed = 8 * len(data["X"]) * saved.network.width if data["X"].ndim else 0
    if needed > max_bytes:
        raise FileFormatError(f"its hidden layer has {needed} bytes on its data, more than max_bytes={max_bytes}.")
    data.update(checked_data(**data))
    posed(saved.network, data, entry)
    if data_digest(**data) != digest:
        raise FileFormatError("its data do not have the sha256 that the header states.")
    if dual_point is not None and not (dual_point.shape == data["y"].shape and np.all(np.isfinite(dual_point))):
        raise FileFormatError(f"its dual point must be finite, of shape {data['y'].shape}; got {dual_point.shape}.")


def _given(saved, X, y, sample_weight, digest):
    """Return the caller's data when they are those that the file was made with."""
    if X is None or y is None:
        raise InvalidInputError("X and y belong together; give both, or none.")
    if saved.beta is None:
        raise InvalidInputError("X and y are given, and the file has a network alone, without beta: use certify.")
    data = checked_data(X, targets_of(saved, y), sample_weight)
    if data["X"].shape[1] != saved.network.n_inputs:
        raise InvalidInputError(f"X must have {saved.network.n_inputs} columns; got shape {data['X'].shape}.")
    if digest is not None and data_digest(**data) != digest:
        raise InvalidInputError(
            "X, y and sample_weight are not the data that the file was made with: their sha256 differ. The weights of "
            "classes count as sample weights."
        )
    return data
