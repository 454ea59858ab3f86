"""Fitting on rows that come in blocks: what `fit_blocks`, sparse data, devices and Dask share.

A few passes say what the data are (columns, classes, a sample of the rows, the strength), and the rest is training on
sums over the blocks. Data that are small enough are gathered and fitted as ever, with every proof there is.
"""

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._utils.arrays import in_double
from .._utils.clock import now
from ..blocks import Block, RowSource, StreamedBlocks
from ..blocks.source import coded as coded_rows
from ..blocks.sums import sample_of, survey
from ..blocks.training import sampled_rows, train_on_blocks, zero_network_price_on_blocks
from ..blocks.weights import Terms
from ..exceptions import InvalidInputError
from ..losses import make_loss
from ..solvers.base import OUT_OF_TIME, Status
from ._automatic import choose_strength
from ._choosing import max_rows
from ._columns import warn_of_scales
from ._labels import checked_labels, class_factors, classes_in, signs_of
from ._parameters import has_skip, seed_of
from ._robust import delta_of
from ._watch import network_only, watched

# With a skip connection the free terms of all columns are one matrix: at most 2000 columns.
MAX_SKIP_COLUMNS = 2000
# huber_delta="auto" is that of at most 100 000 rows.
N_ROWS_FOR_DELTA = 100_000
# What needs all rows at once, and has a value that asks for it, by parameter.
WHOLE_DATA_VALUES = {
    "solver": ("cvxpy", "working_set"),
    "patterns": ("exact", "sampled"),
    "proof": ("exact", "bound"),
}


class BlockwiseMixin:
    """`fit_blocks` of the regressor and the classifier; they say how targets become numbers."""

    _coded: Callable[..., Any]
    _check_parameters: Callable[..., Any]
    _choose_beta: Callable[..., Any]
    _deadline: Callable[..., Any]
    _previous_network: Callable[..., Any]
    fit: Callable[..., Any]
    beta: Any
    loss: str
    max_iter: int
    max_width: int | None
    n_jobs: int | None
    random_state: Any
    tol: Any
    beta_: float

    def fit_blocks(self, source: Callable[[], Any]) -> Self:
        """Train on rows that come in blocks and need not fit in memory.

        Parameters
        ----------
        source : callable
            Without arguments; returns an iterable of ``(X, y)`` or ``(X, y, sample_weight)``, the same blocks in the
            same order every time: it is called once for every pass over the data, some tens to hundreds of times. X
            are arrays of shape (n_rows, n_features), tables, or sparse matrices; single precision stays.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For bad data and bad parameters, and for parameters that need all rows at once; the message names them.

        Warns
        -----
        ConvergenceWarning
            When an interrupt or `time_limit` ended training, or the estimated gap did not reach a given `tol`.

        Notes
        -----
        Memory is that of a block, a sample of two million entries and some arrays of the size of the network. What
        needs the data again (`optimal_set`, `leave_one_out`) is refused afterwards. The lower bound of the certificate
        is valid, and loose in more than a few dimensions; its `dual_point` is left out (without entries) above ten
        million rows.

        Examples
        --------
        >>> import numpy as np
        >>> from convexnn import ConvexReLURegressor
        >>> def source():
        ...     for seed in range(3):
        ...         X = np.random.default_rng(seed).standard_normal((100, 2))
        ...         yield X, np.maximum(X[:, 0], 0.0)
        >>> model = ConvexReLURegressor(beta=1.0).fit_blocks(source)
        >>> model.network_.width, model.status_
        (1, 'proven')
        """
        if not callable(source):
            raise InvalidInputError(
                f"source must be a callable that returns an iterable of (X, y) or (X, y, sample_weight), and is called "
                f"once for every pass; got {type(source).__name__}. A list of blocks becomes one by lambda: blocks."
            )
        streamed = StreamedBlocks(source)
        self._set_names(streamed.column_names())
        return self._fit_source(streamed)

    def _set_names(self, names):
        """Set the names of the columns, or that they have none."""
        vars(self).pop("feature_names_in_", None)
        if names is not None:
            self.feature_names_in_ = np.asarray(names, dtype=object)

    def _fit_source(self, source: RowSource) -> Self:
        """Train on the rows of a source, whose y are as the user gives them."""
        started = now()
        self._check_blockwise()
        coded, plain, terms, rows = self._coded(source)
        self.n_features_in_ = rows.n_features
        n_sampled = sampled_rows(rows.n_features)
        if rows.n_rows <= n_sampled:
            return self._fit_gathered(source, rows)
        with watched(self, source, None) as watch:
            seed = seed_of(self.random_state)
            n_rows = min(n_sampled, max_rows(rows.n_features))
            sample = sample_of(coded, rows, n_rows, np.random.default_rng(seed))
            warn_of_scales(self, sample[0], sample[2], None if terms.loss.labels else sample[1])
            choice = self._chosen_on(sample, rows, started)
            if self.skip_connection_ and rows.n_features > MAX_SKIP_COLUMNS:
                raise InvalidInputError(
                    f"skip_connection=True needs at most {MAX_SKIP_COLUMNS} columns where the rows come in blocks; X "
                    f"has {rows.n_features}. Use skip_connection=False."
                )
            terms = replace(terms, skip_connection=self.skip_connection_)
            # The strength is that of the rows without class weights, as in `fit`.
            given = {"deadline": self._deadline(started), "rng": np.random.default_rng(seed)}
            price = zero_network_price_on_blocks(plain, terms, rows, **given)
            self._choose_beta([price], choice)
            with watch.problem(attributes=network_only) as report:
                solution = train_on_blocks(
                    coded,
                    terms,
                    beta=self.beta_,
                    rows=rows,
                    tol=None if self.tol == "auto" else self.tol,
                    max_iter=self.max_iter,
                    deadline=self._deadline(started),
                    n_jobs=self.n_jobs,
                    rng=np.random.default_rng(seed),
                    start=self._previous_network(None),
                    report=report,
                )
            self._set_fitted_on_blocks(solution)
        return self

    def _check_blockwise(self):
        """Check the parameters, and refuse those that need all rows at once."""
        self._check_parameters()
        for name, values in WHOLE_DATA_VALUES.items():
            given = getattr(self, name)
            if not isinstance(given, str) or given in values:
                raise InvalidInputError(
                    f"{name}={given!r} needs all rows at once, which are not there where they come in blocks, sparse "
                    f"or on a device. Leave {name}='auto', or fit a dense array."
                )
        if not getattr(self, "penalize_bias", True):
            raise InvalidInputError(
                "penalize_bias=False is not there for rows in blocks. Leave penalize_bias=True, or fit a dense array."
            )
        if self.max_width is not None:
            raise InvalidInputError(
                f"max_width={self.max_width!r} is not there for rows in blocks. Leave max_width=None, and see "
                f"network_.pruned for narrower networks of the same fit on some rows."
            )
        if self.loss in ("absolute", "quantile"):
            raise InvalidInputError(
                f"rows in blocks need a smooth loss; got loss={self.loss!r}. Use loss='huber' with a small huber_delta."
            )

    def _fit_gathered(self, source, rows):
        """Fit all rows of a small source at once, as `fit` does."""
        names = getattr(self, "feature_names_in_", None)
        blocks = [block for block in source.each(_dense) if len(block.y)]
        X, y, weight = (np.concatenate(part) for part in zip(*blocks, strict=True))
        self.fit(X, y, None if np.all(weight == 1.0) else weight)
        self._set_names(names)
        return self

    def _chosen_on(self, sample, rows, started):
        """Return the `Choice` that a sample of the rows leads to, None for a strength that is given."""
        vars(self).pop("beta_path_", None)
        X, y, weight = sample
        choice = choose_strength(self, X, [y], weight, started, rows.weight) if self.beta == "auto" else None
        if choice is not None:
            self.beta_path_ = choice.path
        self.skip_connection_ = has_skip(self) if choice is None else choice.skip_connection
        return choice

    def _set_fitted_on_blocks(self, solution):
        """Set what is fitted; nothing of the data is kept."""
        self.network_, self.history_, self.certificate_ = solution.network, solution.history, solution.certificate
        self.dual_ = solution.certificate.dual_point
        self.status_, self.n_iter_ = solution.status.name, solution.n_iter
        self._training_problem = self._left_out_parts = self._parts_ = None
        gap, ended = solution.certificate.heuristic_gap, solution.status
        if ended in OUT_OF_TIME or (ended is not Status.proven and self.tol != "auto" and gap > self.tol):
            wanted = "" if self.tol == "auto" else f", above tol={self.tol:.2e}"
            warnings.warn(
                f"{ended.value} The estimated relative gap is {gap:.2e}{wanted}.", ConvergenceWarning, stacklevel=6
            )


def check_data_are_kept(estimator, name):
    """Refuse what needs the training data after a fit that has not kept them."""
    # Several problems, one against the rest, are kept elsewhere.
    if getattr(estimator, "_training_problem", estimator) is None:
        raise InvalidInputError(
            f"{name} needs the training data again, which a fit on blocks, sparse data or a device does not keep. Fit "
            f"a dense array, or a sample of the rows."
        )


def _dense(block):
    """Return a block with a dense X of NumPy, its weights as they are."""
    return Block(in_double(block.X), block.y, block.weight)


# What the estimators differ in: their targets


def coded_targets(estimator, source):
    """Return the source of a regressor with targets of float64, twice, the `Terms` and the `Rows`."""
    coded = coded_rows(source, _as_numbers)
    rows = survey(coded)
    estimator._is_column = rows.n_outputs == 1
    if estimator._is_column:
        coded, rows = coded_rows(source, _as_flat_numbers), replace(rows, n_outputs=None)
    y, weight = np.zeros(1), np.ones(1)
    if estimator.loss == "huber" and estimator.huber_delta == "auto":
        rng = np.random.default_rng(seed_of(estimator.random_state))
        _, y, weight = sample_of(coded, rows, N_ROWS_FOR_DELTA, rng)
    estimator.huber_delta_ = delta_of(estimator.huber_delta, y, weight)
    loss = make_loss(estimator.loss, n_outputs=rows.n_outputs, huber_delta=estimator.huber_delta_)
    return coded, coded, _terms(estimator, loss), rows


def _terms(estimator, loss):
    return Terms(bool(estimator.hidden_bias), bool(estimator.fit_intercept), has_skip(estimator), loss)


def _as_numbers(block):
    y = np.asarray(block.y)
    if y.dtype.kind not in "fiub":
        raise InvalidInputError(f"y must be numeric; got an array of dtype {y.dtype}. Labels are for classifiers.")
    if y.ndim not in (1, 2):
        raise InvalidInputError(f"y must have shape (n_rows,) or (n_rows, n_outputs); got shape {y.shape}.")
    return block._replace(y=y.astype(np.float64))


def _as_flat_numbers(block):
    return block._replace(y=_as_numbers(block).y[:, 0])


def coded_labels(estimator, source):
    """Return the source of a classifier with numbers for labels, also without class weights, the `Terms` and `Rows`.

    Two classes are signs, several one-hot rows or signs, as the loss has it.
    """
    found = list(source.each(_classes_of))
    kinds = {len(shape) for shape, _, _ in found}
    if len(kinds) > 1:
        raise InvalidInputError("y must be flat in all blocks, or have a column for every label in all of them.")
    estimator._is_multilabel = kinds == {2}
    if estimator._is_multilabel:
        estimator.classes_, factors = np.arange(found[0][0][1]), None
    else:
        labels, weight = (np.concatenate(part) for part in zip(*(one[1:] for one in found), strict=True))
        estimator.classes_ = classes = classes_in(labels, weight)
        factors = None
        if estimator.class_weight is not None:
            # One row for every class of a block, with the weight of its rows there.
            each = class_factors(estimator.class_weight, labels, classes, weight)
            factors = np.array([each[labels == label][0] for label in classes])
    n_classes = len(estimator.classes_)
    if estimator.multi_class == "ovr" and (n_classes > 2 or estimator._is_multilabel):
        raise InvalidInputError(
            f"multi_class='ovr' is not there for rows in blocks, with {n_classes} classes or labels. Use "
            f"multi_class='joint', or fit one classifier for each."
        )
    is_binary = n_classes == 2 and not estimator._is_multilabel
    n_outputs = None if is_binary else n_classes
    name = estimator._loss_name(1 if is_binary else n_classes)
    code = partial(_as_signs, estimator.classes_, is_binary, name == "multinomial")
    plain, coded = (coded_rows(source, partial(code, one)) for one in (None, factors))
    return coded, plain, _terms(estimator, make_loss(name, n_outputs=n_outputs)), survey(coded)


def _classes_of(block):
    """Return the shape of the labels of a block, its classes, and the weight of each; no classes where y is 2-D."""
    y = checked_labels(np.asarray(block.y)) if len(block.y) else np.asarray(block.y)
    if y.ndim == 2:
        return y.shape, np.zeros(0), np.zeros(0)
    classes, place = np.unique(y, return_inverse=True)
    return y.shape, classes, np.bincount(place, block.weight, len(classes))


def _as_signs(classes, is_binary, is_one_hot, factors, block):
    """Return a block with 1 and -1, or 1 and 0, in the place of labels, its weights times those of the classes."""
    labels = checked_labels(np.asarray(block.y)) if len(block.y) else np.asarray(block.y)
    signs, weight = signs_of(labels, classes), block.weight
    # Labels that only rows of weight zero have belong to no class.
    if factors is not None:
        weight = weight * ((signs > 0) @ factors)
    y = signs[:, 1] if is_binary else (signs > 0).astype(float) if is_one_hot else signs
    return block._replace(y=y, weight=weight)
