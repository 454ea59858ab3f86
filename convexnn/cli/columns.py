"""From the columns of a table to X, y and weights; what cannot be used is refused by its name."""

from dataclasses import dataclass, replace

import numpy as np

from ..exceptions import InvalidInputError
from ..exchange.scaling import scaled

UNEVEN = 100.0  # ratio of deviations from which on a note is due
SHOWN = 6  # columns that a message names before it only counts


@dataclass(frozen=True)
class Dataset:
    """The data of a training problem.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        As the table has it: numbers or labels.
    features, targets : list of str
        Names of the columns.
    weight : ndarray of shape (n_samples,) or None
    center, scale : ndarray of shape (n_features,) or None
        What was subtracted from the features, and by what they were divided then; None: nothing.
    """

    X: np.ndarray
    y: np.ndarray
    features: list
    targets: list
    weight: np.ndarray | None = None
    center: np.ndarray | None = None
    scale: np.ndarray | None = None

    def standardized(self):
        """Return the data with features of mean 0 and deviation 1; constant ones are only moved."""
        center, scale = standard_scaling(self.X)
        finite = np.isfinite(center) & np.isfinite(scale)
        large = [repr(name) for name, is_finite in zip(self.features, finite, strict=True) if not is_finite]
        if large:
            raise InvalidInputError(f"--standardize: {_counted(large, 'feature')} {listed(large)}: too large values.")
        return self.scaled(center, scale)

    def scaled(self, center, scale):
        """Return the data with features that are moved and divided as it is given; None leaves its part out."""
        return replace(self, X=scaled(self.X, center, scale), center=center, scale=scale)

    def named_features(self):
        """Return X as a DataFrame, so that estimators keep the names."""
        import pandas

        return pandas.DataFrame(self.X, columns=self.features)


def standard_scaling(X):
    """Return the means and the deviations of the columns; for a constant column, its value and 1."""
    constant = X.min(axis=0) == X.max(axis=0)  # rounding may leave a deviation, and new rows would be divided by it
    with np.errstate(over="ignore", invalid="ignore"):
        center, scale = X.mean(axis=0), X.std(axis=0)
    return np.where(constant, X[0], center), np.where(constant | (scale == 0), 1.0, scale)


def choose_columns(frame, target, features=None, drop=None, weight=None):
    """Return the `Dataset` of a table.

    Parameters
    ----------
    frame : DataFrame
    target : str
        A column, or several with commas between them.
    features : list of str, optional
        By default all columns that are neither target nor weight nor in `drop`.
    drop : list of str, optional
    weight : str, optional
        The column of sample weights.

    Raises
    ------
    InvalidInputError
        For columns that are not there, hold text, or have missing or infinite values.
    """
    targets = [target] if target in frame.columns else target.split(",")
    others = [*targets, *([] if weight is None else [weight]), *(drop or [])]
    for option, names in (("--target", targets), ("--features", features), ("--drop", drop), ("--weight", weight)):
        check_there(frame, option, [names] if isinstance(names, str) else names or [])
    if features is None:
        features = [name for name in frame.columns if name not in others]
    if not features:
        raise InvalidInputError(f"no column is left for the features: the table has {listed(list(frame.columns))}.")
    shared = [name for name in features if name in others]
    if shared:
        raise InvalidInputError(f"--features must not name a target, weight or dropped column; got {listed(shared)}.")
    return Dataset(
        X=numeric_columns(frame, features, "feature"),
        y=_target_values(frame, targets),
        features=list(features),
        targets=targets,
        weight=None if weight is None else numeric_columns(frame, [weight], "weight")[:, 0],
    )


def index_columns(data):
    """Return the features without a name of their own that count the rows, as tables have when an index was saved."""
    rows = np.arange(len(data.X))
    unnamed = [name for name in data.features if name.startswith("Unnamed") or name == ""]
    return [name for name in unnamed if np.ptp(data.X[:, data.features.index(name)] - rows) == 0]


def is_uneven(data):
    """Whether the deviations of the features differ by orders of magnitude."""
    sizes = data.X.std(axis=0)
    sizes = sizes[sizes > 0]
    return len(sizes) > 0 and sizes.max() > UNEVEN * sizes.min()


def numeric_columns(frame, names, role):
    """Return columns as an array of finite numbers of shape (n_samples, n_names); others are refused by name."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    kinds = [frame[name].dtype for name in names]
    text = [
        name
        for name, kind in zip(names, kinds, strict=True)
        if not (is_numeric_dtype(kind) or is_bool_dtype(kind)) or kind.kind == "c"
    ]
    if text:
        raise InvalidInputError(
            f"{_counted(text, role)} {listed([_sample_of(frame, name) for name in text])}: networks need numbers. "
            f"Encode {'it' if len(text) == 1 else 'them'} (pandas.get_dummies makes a 0/1 column for every category), "
            f"or leave {'it' if len(text) == 1 else 'them'} out with --drop {','.join(text)}."
        )
    _refuse_missing(frame, names, role)
    values = frame[names].to_numpy(dtype=np.float64)
    infinite = [repr(name) for name, finite in zip(names, np.isfinite(values).all(axis=0), strict=True) if not finite]
    if infinite:
        raise InvalidInputError(f"{_counted(infinite, role)} {listed(infinite)}: infinite values cannot be used.")
    return values


def _target_values(frame, targets):
    """Return the targets: numbers as they are, text as labels."""
    if len(targets) > 1:
        return numeric_columns(frame, targets, "target")
    column = frame[targets[0]]
    _refuse_missing(frame, targets, "target")
    if column.dtype.kind in "iufb":
        return numeric_columns(frame, targets, "target")[:, 0] if column.dtype.kind == "f" else column.to_numpy()
    if hasattr(column.dtype, "numpy_dtype"):  # pandas' integers, floats and booleans with gaps
        return column.to_numpy(dtype=column.dtype.numpy_dtype)
    return column.astype(str).to_numpy(dtype=object)


def check_there(frame, option, names):
    """Refuse names that no column has; `option` is where they come from."""
    missing = [name for name in names if name not in frame.columns]
    if missing:
        plural = "columns" if len(missing) > 1 else "column"
        known = listed([repr(name) for name in frame.columns], most=30)
        raise InvalidInputError(
            f"{option}: the table has no {plural} {listed([repr(n) for n in missing])}; it has {known}."
        )


def _refuse_missing(frame, names, role):
    counts = frame[names].isna().sum()
    gaps = [f"{name!r} ({counts[name]} of {len(frame)})" for name in names if counts[name]]
    if gaps:
        raise InvalidInputError(
            f"{_counted(gaps, role)} {listed(gaps)}: values are missing. Fill them in, drop these rows (pandas.dropna)"
            f"{', or leave the column out with --drop' if role == 'feature' else ''}."
        )


def _sample_of(frame, name):
    """Return the name of a column with a value that is no number, and its row (the first one is 1)."""
    import pandas

    numbers = pandas.to_numeric(frame[name].astype(object), errors="coerce")
    bad = np.flatnonzero(numbers.isna() & frame[name].notna())
    return f"{name!r} (row {bad[0] + 1}: {str(frame[name].iloc[bad[0]])[:20]!r})" if len(bad) else repr(name)


def _counted(names, role):
    return f"{role} column{'s' if len(names) > 1 else ''}"


def listed(names, most=SHOWN):
    """Return names with commas between them; where there are many the rest is counted."""
    text = ", ".join(map(str, names[:most]))
    return text if len(names) <= most else f"{text} and {len(names) - most} more"
