"""All values at which a network of limited width is stationary, by going through the cones its neurons can be in.

Gradient descent that converges ends at one of these values; `_pair_sets` says why the list is complete.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .._utils.aliases import ArrayLike
from .._utils.display import Shown, counted, figure, html_table, text_table
from .._utils.libraries import require
from .._utils.threads import one_blas_thread
from .._utils.validation import check_count, check_positive
from ..network import TwoLayerReLU
from ..programs.posing import make_problem, refuse_outputs
from ..programs.problem import Problem
from ._pair_sets import PairSets, same_distance
from .descent import Descents
from .labels import Label, label
from .polishing import polished

if TYPE_CHECKING:
    from pandas import DataFrame

# At most 100 000 sets of pairs are gone through, unless more are allowed: about a minute.
MAX_SETS = 100_000


@dataclass(frozen=True, eq=False, repr=False)
class StationaryValues(Shown):
    """The values at which networks of limited width are stationary, the smallest first.

    Attributes
    ----------
    values : ndarray of shape (n_values,)
    networks : tuple of TwoLayerReLU
        One for every value, with as few neurons as a network with independent fits was found to have there; the zero
        network has one zero neuron.
    labels : tuple of Label
        The labels of these networks at their own width, see `classify`. With a zero neuron more, each of them that is
        not global is a saddle.
    n_networks : ndarray of int of shape (n_values,)
        How many networks with independent fits have the value, but for the order of neurons and their splitting.
    n_sets : int
        Sets of (pattern, sign) pairs that were gone through.
    max_width : int
    problem : Problem
    """

    values: np.ndarray
    networks: tuple[TwoLayerReLU, ...]
    labels: tuple[Label, ...]
    n_networks: np.ndarray
    n_sets: int
    max_width: int
    problem: Problem

    def __len__(self) -> int:
        return len(self.values)

    @property
    def widths(self) -> np.ndarray:
        """Numbers of neurons of the networks that are not zero, of shape (n_values,)."""
        return np.array([np.count_nonzero(network.masses) for network in self.networks], int)

    def reached(self, descents: Descents, tol: float = 1e-8) -> np.ndarray:
        """Return how many runs of `gradient_descent` end at every value, of shape (n_values,).

        Every end is polished first, see `polish`. Runs that end elsewhere count nowhere: those of a larger width, and
        those whose polished end is not stationary to `tol`.

        Parameters
        ----------
        descents : Descents
            Of the same data, strength and terms.
        tol : float
            As in `classify`.
        """
        counts, tol = np.zeros(len(self), int), check_positive(tol, "tol")
        for network in descents.networks:
            self.problem.check_terms(network, "every network of descents")
            end = polished(self.problem, network, tol)
            if label(self.problem, end, tol, "heuristic").kind != "not-stationary":
                apart = np.abs(self.values - self.problem.objective(end))
                counts[apart.argmin()] += apart.min() <= same_distance(self.values)[apart.argmin()]
        return counts

    def to_frame(self, descents: Descents | None = None) -> DataFrame:
        """Return a pandas DataFrame with a row for every value: value, neurons, networks, label, and runs.

        Parameters
        ----------
        descents : Descents, optional
            Adds the column ``runs``, see `reached`.

        Raises
        ------
        MissingLibraryError
            Without pandas, which the extra `frame` installs.
        """
        columns = self._columns()
        if descents is not None:
            columns["runs"] = self.reached(descents)
        return require("pandas", "frame").DataFrame(columns)

    def _columns(self):
        kinds = [found.kind for found in self.labels]
        columns = {"value": self.values, "neurons": self.widths, "networks": self.n_networks}
        return columns | {"label": np.array(kinds, dtype=object)}

    def _rows(self):
        """Return the names of the columns, and the rows as text."""
        columns = self._columns()
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        return list(columns), [[figure(row[0]), *map(str, row[1:])] for row in rows]

    def __repr__(self):
        between = f"from {figure(self.values[0])} to {figure(self.values[-1])}"
        sets = f"width at most {self.max_width}, {counted(self.n_sets, 'set')} of pairs"
        return f"StationaryValues({counted(len(self), 'value')} {between}, {sets})"

    def __str__(self):
        return text_table(*self._rows())

    def _repr_html_(self):
        head, rows = self._rows()
        return html_table(repr(self), rows, head)


def stationary_values(
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    max_width: int,
    *,
    hidden_bias: bool = False,
    fit_intercept: bool = False,
    skip_connection: bool = False,
    sample_weight: ArrayLike | None = None,
    tol: float = 1e-8,
    max_sets: int = MAX_SETS,
    n_jobs: int | None = None,
) -> StationaryValues:
    """List all values that the training objective has at stationary networks of limited width.

    The objective is ``1/2 sum_i w_i (y_i - f(x_i))^2 + beta/2 sum_j (||u_j||^2 + alpha_j^2)``.
    A network is stationary when no one-sided directional derivative is negative, see `classify`: saddles, strict local
    minima and global ones. Gradient descent that converges does so to one of these values. For small data: the
    networks are found by going through all sets of (activation pattern, sign) pairs that `max_width` neurons can be in.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    beta : float
    max_width : int
        Largest number of neurons. Beyond the number of rows of positive weight no further values come.
    hidden_bias, fit_intercept, skip_connection : bool
        A penalised bias of the hidden neurons; an unpenalised intercept; unpenalised linear terms.
    sample_weight : array-like of shape (n_samples,), optional
    tol : float
        Largest violation of the conditions of first order, as in `classify`.
    max_sets : int
        Refuse to start when there are more sets.
    n_jobs : int, optional
        Threads; the answer does not depend on it.

    Returns
    -------
    StationaryValues

    Raises
    ------
    PatternLimitError
        When there are more than `max_sets` sets; the message has their number.
    SolverError
        When beta is so small beside the targets that double precision does not tell which neurons are in an optimum.
    ValueError
        For bad input.
    KeyboardInterrupt
        When interrupted: half a list is none.

    Notes
    -----
    With P patterns that are not empty there are ``sum_k binom(2 P, k)`` sets, k from 0 to the width; few of them have
    to be solved. The list is complete but for decisions that double precision does not make: a neuron whose price is
    above beta by less than a part in 10^9 is not seen, and values that are closer than a part in 10^8 are one.

    References
    ----------
    .. [1] Y. Wang, J. Lacotte, M. Pilanci, "The hidden convex optimization landscape of regularized two-layer ReLU
       networks", ICLR 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn.landscape import gradient_descent, stationary_values
    >>> X, y = np.array([[-np.sqrt(3), 1], [np.sqrt(3), 1]]), np.ones(2)
    >>> found = stationary_values(X, y, beta=0.1, max_width=2)
    >>> print(found)
    value    neurons  networks  label
    0.0975   1        2         global
    0.54875  1        2         local-strict
    1        0        1         saddle
    >>> runs = gradient_descent(X, y, 1, 0.1, n_runs=20, random_state=0)
    >>> (found.reached(runs) > 0).tolist()  # every value is the end of some runs
    [True, True, True]
    """
    refuse_outputs(y)
    problem = make_problem(
        X,
        y,
        beta,
        hidden_bias=hidden_bias,
        fit_intercept=fit_intercept,
        skip_connection=skip_connection,
        sample_weight=sample_weight,
    )
    max_width, tol = check_count(max_width, "max_width"), check_positive(tol, "tol")
    max_sets = check_count(max_sets, "max_sets")
    with one_blas_thread():
        sets = PairSets(problem, max_width, max_sets, tol, n_jobs)
        sets.run()
        groups, labels = sets.stationary()
    networks = tuple(group[0] for group in groups)
    values = np.array([problem.objective(network) for network in networks])
    n_networks = np.array([len(group) for group in groups])
    return StationaryValues(values, networks, tuple(labels), n_networks, sets.n_sets, max_width, problem)
