"""From the columns of a table to X, y and weights; what cannot be used is refused by its name."""

from dataclasses import dataclass, replace

import numpy as np

from ..exceptions import InvalidInputError
from ..exchange.cells import as_numbers
from ..exchange.preparation import Preparation
from ..exchange.scaling import scaled
from .diagnosis import INPUT, Rules, number_problems, weight_problems
from .kinds import Kind, kind_of
from .names import resolved
from .preparing import prepare
from .problems import columns_text, listed, refuse
from .suggestions import nearest

NO_RULES = Rules()
# A note is due when the deviations of two columns have a ratio of 100.
MAX_DEVIATION_RATIO = 100.0


@dataclass(frozen=True)
class Dataset:
    """The data of a training problem.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        As the table has it: numbers or labels.
    features, targets : list of str
        Names of the inputs and of the columns of the targets.
    weight : ndarray of shape (n_samples,) or None
    center, scale : ndarray of shape (n_features,) or None
        What was subtracted from the features, and by what they were divided then; None: nothing.
    preparation : Preparation or None
        How the columns of the table became X, before that.
    """

    X: np.ndarray
    y: np.ndarray
    features: list
    targets: list
    weight: np.ndarray | None = None
    center: np.ndarray | None = None
    scale: np.ndarray | None = None
    preparation: Preparation | None = None

    def standardized(self):
        """Return the data with features of mean 0 and deviation 1; constant ones are only moved."""
        center, scale = standard_scaling(self.X)
        check_scaling(self.features, center, scale)
        return self.scaled(center, scale)

    def scaled(self, center, scale):
        """Return the data with features that are moved and divided as it is given; None leaves its part out."""
        return replace(self, X=scaled(self.X, center, scale), center=center, scale=scale)

    def named_features(self):
        """Return X as a DataFrame, so that estimators keep the names."""
        import pandas

        return pandas.DataFrame(self.X, columns=self.features)

    @property
    def n_rows(self):
        """How many rows there are."""
        return len(self.X)

    def fit(self, model):
        """Train an estimator."""
        model.fit(self.named_features(), self.y, sample_weight=self.weight)

    def score(self, model):
        """Return the R2, or the accuracy, of an estimator."""
        return float(model.score(self.named_features(), self.y, sample_weight=self.weight))


def check_scaling(names, center, scale):
    """Refuse features whose means or deviations are not finite."""
    finite = np.isfinite(center) & np.isfinite(scale)
    large = [repr(name) for name, is_finite in zip(names, finite, strict=True) if not is_finite]
    if large:
        raise InvalidInputError(f"--standardize: {columns_text(large, 'feature')}: too large values.")


def standard_scaling(X):
    """Return the means and the deviations of the columns; for a constant column, its value and 1."""
    # By the extremes: rounding may leave a constant column a tiny deviation, by which new rows would be divided.
    constant = X.min(axis=0) == X.max(axis=0)
    with np.errstate(over="ignore", invalid="ignore"):
        center, scale = X.mean(axis=0), X.std(axis=0)
    return np.where(constant, X[0], center), np.where(constant | (scale == 0), 1.0, scale)


def choose_columns(frame, target, features=None, drop=None, weight=None, *, rules=NO_RULES, reading=None, problems=()):
    """Return the `Dataset` of a training table.

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
    rules : Rules
        What may be done to make columns usable.
    reading : Reading, optional
        How the table was read.
    problems : sequence of Problem
        What was found while it was read.

    Raises
    ------
    InvalidInputError
        For columns that are not there.
    TableError
        For columns that cannot be used as the rules are.
    """
    roles = roles_of(frame, target, features, drop, weight, rules)
    targets, drop, rules = roles.targets, roles.drop, roles.rules
    frame = with_columns(frame, roles.names)
    unusual = {} if reading is None else reading.unusual()
    # Collect all problems of reading, features, targets and weights, and refuse the table once.
    rows, preparation, found = prepare(frame, roles.features, targets, rules, roles.are_chosen, unusual)
    weights = [] if weight is None else [weight]
    found = [*problems, *found, *weight_problems(frame, weights)]
    refuse(found, drop or (), () if reading is None else reading.na_values)
    return Dataset(
        X=preparation.apply(rows),
        y=target_values(rows, targets),
        features=preparation.input_names,
        targets=targets,
        weight=None if weight is None else as_numbers(rows[weight])[0],
        preparation=preparation,
    )


@dataclass(frozen=True)
class Roles:
    """What the columns of a training table are for.

    Attributes
    ----------
    features, targets : list of str
    weight : str or None
    drop : list of str or None
    are_chosen : bool
        Whether the features were named: then none is left out.
    rules : Rules
        With the names of its columns resolved.
    """

    features: list
    targets: list
    weight: str | None
    drop: list | None
    are_chosen: bool
    rules: Rules

    @property
    def names(self):
        """All columns that are used, each once."""
        return list(dict.fromkeys([*self.features, *self.targets, *([] if self.weight is None else [self.weight])]))


def roles_of(frame, target, features, drop, weight, rules):
    """Return the `Roles` of the columns of a table; the arguments are those of `choose_columns`."""
    targets, features, drop = (_listed_names(frame, names) for names in (target.split(","), features, drop))
    rules = replace(rules, **{name: _listed_names(frame, getattr(rules, name)) for name in ("categorical", "keep")})
    found = _feature_names(frame, targets, features, drop, weight, rules)
    return Roles(found, targets, weight, drop, features is not None, rules)


def _listed_names(frame, names):
    return None if names is None else resolved(frame.columns, names)


def with_columns(frame, names):
    """Return some columns of a table: how the file of the others should be read is of no importance."""
    chosen = frame[list(dict.fromkeys(names))]
    chosen.attrs = frame.attrs
    return chosen


def _feature_names(frame, targets, features, drop, weight, rules):
    """Return the names of the features; names that no column has, or that have two roles, are refused."""
    weights = [] if weight is None else [weight]
    named = {"--target": targets, "--features": features, "--drop": drop, "--weight": weights}
    for option, names in {**named, "--keep": rules.keep, "--categorical": rules.categorical}.items():
        check_there(frame, option, names or [])
    others = [*targets, *weights, *(drop or [])]
    found = [name for name in frame.columns if name not in others] if features is None else list(features)
    twice = [repr(name) for name in dict.fromkeys(found) if found.count(name) > 1]
    if twice:
        raise InvalidInputError(f"--features must name every column once; got {listed(twice)} more than once.")
    if not found:
        raise InvalidInputError(f"no column is left for the features: the table has {listed(list(frame.columns))}.")
    shared = [name for name in found if name in others]
    if shared:
        raise InvalidInputError(f"--features must not name a target, weight or dropped column; got {listed(shared)}.")
    return found


def is_uneven(deviations):
    """Whether the deviations of the features differ by orders of magnitude."""
    sizes = deviations[deviations > 0]
    return len(sizes) > 0 and sizes.max() > MAX_DEVIATION_RATIO * sizes.min()


def numeric_columns(frame, names, role=INPUT, problems=()):
    """Return columns as an array of finite numbers of shape (n_samples, n_names); others are refused by name."""
    refuse([*problems, *number_problems(with_columns(frame, names), names, role)])
    return np.column_stack([as_numbers(frame[name])[0] for name in names])


def target_values(frame, targets):
    """Return targets without gaps: numbers as they are, text as labels."""
    if len(targets) > 1:
        return np.column_stack([as_numbers(frame[name])[0] for name in targets])
    column = frame[targets[0]]
    if column.dtype.kind == "f":
        return as_numbers(column)[0]
    if hasattr(column.dtype, "numpy_dtype"):  # pandas' integers, floats and booleans with gaps
        return column.to_numpy(dtype=column.dtype.numpy_dtype)
    if column.dtype.kind in "iub":
        return column.to_numpy()
    if kind_of(column)[0] is Kind.boolean:  # with a gap elsewhere in the column
        return column.to_numpy(dtype=bool)
    return column.astype(str).to_numpy(dtype=object)


def check_there(frame, option, names):
    """Refuse names that no column has; `option` is where they come from."""
    missing = [name for name in names if name not in frame.columns]
    if missing:
        plural = "columns" if len(missing) > 1 else "column"
        typed = listed([_with_nearest(name, frame.columns) for name in missing])
        known = listed([repr(name) for name in frame.columns], most=30)
        raise InvalidInputError(f"{option}: the table has no {plural} {typed}; it has {known}.")


def _with_nearest(name, known):
    """Return a name that no column has, with the one that was probably meant."""
    found = nearest(name, known)
    return repr(name) if found is None else f"{name!r} (did you mean {found!r}?)"
