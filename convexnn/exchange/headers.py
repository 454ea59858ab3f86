"""The header of a network's file: what is in it, written and checked entry by entry."""

import numbers
from dataclasses import asdict, dataclass

import numpy as np

from .._version import __version__
from ..duality.records import PROOFS, Certificate
from ..exceptions import FileFormatError, InvalidInputError
from ..losses import LOSSES
from .preparation import Preparation

FORMAT = "convexnn-network"
# Versions of the format: the second has the entry `preparation`, which readers of the first would miss.
PLAIN_VERSION, PREPARED_VERSION = 1, 2
LOSS_NAMES = (*LOSSES, "multinomial")
TYPES_BY_KIND = {"b": (bool, bool), "i": (int, np.int64), "f": (float, np.float64), "U": (str, str), "O": (str, object)}
# In the place of classes, where every output is a label of its own; earlier readers refuse it.
MULTILABEL = {"kind": "multilabel", "values": []}
# Two figures agree when they differ by at most 1e-9 of their size.
CLAIM_ROUNDING = 1e-9
# Every header has these entries, may have those of names, and has that of the preparation in the second version.
HEADER_ENTRIES = {"format", "version", "written_by", "problem", "data_sha256", "claimed", "arrays", "sha256"}
NAME_ENTRIES = {"feature_names", "target_names", "classes"}
PREPARATION_ENTRY = "preparation"


@dataclass(frozen=True)
class ClaimedCertificate:
    """The claims of a file about its network; none of them is believed.

    Attributes
    ----------
    primal, dual, relative_gap, heuristic_gap, rounding : float
        As in `Certificate`.
    proof : {"exact", "bound", "heuristic"}
    """

    primal: float
    dual: float
    relative_gap: float
    heuristic_gap: float
    proof: str
    rounding: float = 0.0


def claim_of(certificate):
    """Return what a `Certificate` claims, or None for None."""
    if certificate is None:
        return None
    if not isinstance(certificate, Certificate):
        raise InvalidInputError(
            f"certificate must be what certify returns, a Certificate; got {type(certificate).__name__}."
        )
    names = ("primal", "dual", "relative_gap", "heuristic_gap", "rounding")
    figures = {name: float(getattr(certificate, name)) for name in names}
    if not all(np.isfinite(value) for value in figures.values()):
        raise InvalidInputError(f"certificate must have finite figures to be saved; got {certificate!r}.")
    return ClaimedCertificate(**figures, proof=certificate.proof)


def header_of(problem, data_sha256, claimed, names, preparation=None):
    """Return the header of a file.

    Parameters
    ----------
    problem : dict or None
        beta, loss, huber_delta, quantile.
    data_sha256 : str or None
    claimed : ClaimedCertificate or None
    names : dict
        feature_names and target_names, lists of str or None; classes, an array or None; multilabel.
    preparation : Preparation, optional
    """
    return {
        "format": FORMAT,
        "version": PLAIN_VERSION if preparation is None else PREPARED_VERSION,
        "written_by": f"convexnn {__version__}",
        "problem": problem,
        "data_sha256": data_sha256,
        "claimed": None if claimed is None else asdict(claimed),
        "feature_names": names["feature_names"],
        "target_names": names["target_names"],
        "classes": MULTILABEL if names["multilabel"] else _written_classes(names["classes"]),
        **({} if preparation is None else {PREPARATION_ENTRY: preparation.to_json()}),
    }


def _written_classes(classes):
    if classes is None:
        return None
    classes = np.asarray(classes)
    kind = "i" if classes.dtype.kind == "u" else classes.dtype.kind
    values = classes.tolist()
    if (
        kind not in TYPES_BY_KIND
        or classes.ndim != 1
        or not all(isinstance(value, TYPES_BY_KIND[kind][0]) for value in values)
    ):
        raise InvalidInputError(f"classes must be numbers, booleans or strings to be saved; got {classes!r}.")
    return {"kind": kind, "values": values}


def checked_header(header):
    """Return problem, data_sha256, claimed, names and preparation as `header_of` takes them, or refuse the header.

    Raises
    ------
    FileFormatError
        For another format or version, and for entries that are missing, unknown, or of another kind than they should.
    """
    if header.get("format") != FORMAT:
        raise FileFormatError(f"it is no file of a network: its format is {header.get('format')!r}, not {FORMAT!r}.")
    version = header.get("version")
    if type(version) is not int or version not in (PLAIN_VERSION, PREPARED_VERSION):
        raise FileFormatError(
            f"its format has version {version!r}; convexnn {__version__} reads versions {PLAIN_VERSION} and "
            f"{PREPARED_VERSION}. It was written by {header.get('written_by')!r}: install that."
        )
    wanted = HEADER_ENTRIES | NAME_ENTRIES | ({PREPARATION_ENTRY} if version == PREPARED_VERSION else set())
    if set(header) != wanted:
        raise FileFormatError(f"its header must have the entries {sorted(wanted)}; it has {sorted(header)}.")
    digest = header["data_sha256"]
    _require(digest is None or (isinstance(digest, str) and len(digest) == 64), "data_sha256", digest)
    _require(
        isinstance(header["written_by"], str) and len(header["written_by"]) < 100, "written_by", header["written_by"]
    )
    names = {name: _name_list(header[name], name) for name in ("feature_names", "target_names")}
    names["multilabel"] = header["classes"] == MULTILABEL
    names["classes"] = None if names["multilabel"] else _classes(header["classes"])
    preparation = Preparation.from_json(header[PREPARATION_ENTRY]) if version == PREPARED_VERSION else None
    return _problem(header["problem"]), digest, _claim(header["claimed"]), names, preparation


def _require(condition, name, got):
    if not condition:
        raise FileFormatError(f"its header has an entry {name} that cannot be: {str(got)[:200]}.")


def _number(value):
    """Whether a value is a finite number of a size that a float can have."""
    try:
        return isinstance(value, numbers.Real) and not isinstance(value, bool) and bool(np.isfinite(float(value)))
    except OverflowError:
        return False


def _problem(entry):
    if entry is None:
        return None
    names = {"beta", "loss", "huber_delta", "quantile"}
    # Only where the hidden bias costs nothing there is an entry that says so: earlier readers refuse it.
    free_bias = isinstance(entry, dict) and entry.get("penalize_bias") is False
    _require(
        isinstance(entry, dict) and set(entry) == names | ({"penalize_bias"} if free_bias else set()), "problem", entry
    )
    for name in ("beta", "huber_delta", "quantile"):
        _require(_number(entry[name]) and entry[name] > 0, name, entry[name])
    _require(entry["quantile"] < 1, "quantile", entry["quantile"])
    _require(isinstance(entry["loss"], str) and entry["loss"] in LOSS_NAMES, "loss", entry["loss"])
    return entry


def _claim(entry):
    """Return the claim; figures that contradict each other are refused."""
    if entry is None:
        return None
    names = set(ClaimedCertificate.__dataclass_fields__)
    # Older files have no entry `rounding`: it was 0.
    _require(isinstance(entry, dict) and set(entry) | {"rounding"} == names, "claimed", entry)
    _require(all(_number(entry[name]) and entry[name] >= 0 for name in set(entry) - {"proof"}), "claimed", entry)
    _require(isinstance(entry["proof"], str) and entry["proof"] in PROOFS[1:], "claimed", entry)
    claim = ClaimedCertificate(**{name: value if name == "proof" else float(value) for name, value in entry.items()})
    # The figures of one certificate determine each other: a claim that contradicts itself is refused.
    gap = max(0.0, claim.primal - claim.dual - claim.rounding)
    fits = abs(gap - claim.relative_gap * claim.primal) <= CLAIM_ROUNDING * claim.primal
    _require(claim.dual <= claim.primal * (1 + CLAIM_ROUNDING) and fits, "claimed", entry)
    return claim


def _name_list(entry, name):
    _require(entry is None or (isinstance(entry, list) and all(isinstance(n, str) for n in entry)), name, entry)
    return entry


def _classes(entry):
    if entry is None:
        return None
    _require(isinstance(entry, dict) and set(entry) == {"kind", "values"}, "classes", entry)
    kind, values = entry["kind"], entry["values"]
    _require(isinstance(kind, str) and kind in TYPES_BY_KIND and isinstance(values, list), "classes", entry)
    plain, dtype = TYPES_BY_KIND[kind]
    _require(all(type(value) is plain for value in values) and len(set(values)) == len(values) >= 2, "classes", entry)
    # Larger integers would not be those of the file any more in int64.
    _require(kind != "i" or all(abs(value) < 2**63 for value in values), "classes", entry)
    return np.array(values, dtype=dtype)
