"""Base of the gated ReLU regressor and classifier: gates, strength, training, and the attributes made of blocks."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from .._utils.aliases import ArrayLike
from .._utils.clock import now
from .._utils.validation import check_choice, check_count, check_design, check_weights
from ..exceptions import InvalidInputError
from ..gated.certificate import GatedCertificate, certify_gated
from ..gated.cone_decomposition import relu_network
from ..gated.joint_newton import factored
from ..gated.newton import solve_gated_loss
from ..gated.program import gate_masks, gate_prices, gated_fit
from ..gated.sampling import sample_gates
from ..gated.solution_set import GatedOptimalSet, gated_optimal_set
from ..network import TwoLayerReLU
from ..programs.evaluation import FIT_ROUNDING
from ..programs.posing import make_problem
from ..solvers.base import Status
from ._data import validate_data
from ._hidden_layer import shares_of
from ._parameters import KeepsParameters, check_shared_parameters, check_strength, scaled_strength, seed_of
from ._rows import canonical_rows
from ._watch import CallbackSupportMixin, watched

# 100 gates are sampled by default.
DEFAULT_N_GATES = 100
# The figures of a round by their keys in its record, as gated models name them.
GATED_ROUND_LABELS = {"objective": "objective", "gap": "relative gap", "width": "gates in use"}
# The status of several outputs is the first of these that one of them has.
STATUS_BY_SEVERITY = (Status.interrupted, Status.time_limit, Status.max_iter, Status.stalled, Status.proven)


class GatedModel(ClassNamePrefixFeaturesOutMixin, TransformerMixin, CallbackSupportMixin, KeepsParameters):
    """Gated ReLU estimator; a subclass says what the targets are.

    Inside, everything has a leading axis of outputs: one of a regressor and of two classes, else one for every column
    of targets or every class. Several outputs are one joint problem, or one problem each (one-vs-rest).
    """

    gates_: np.ndarray
    blocks_: np.ndarray
    intercept_: float | np.ndarray
    skip_weights_: np.ndarray | None
    certificate_: GatedCertificate
    dual_: np.ndarray
    beta_: float
    beta_max_: float
    status_: str
    n_iter_: int
    history_: list[dict[str, Any]]
    n_features_in_: int

    _certified_elsewhere = (
        "a gated network is no ReLU network, and certificate_ is the proof over its own gates. "
        "certify(model.to_relu_network(), X, y, beta) judges the ReLU network that it becomes."
    )

    def _values(self, X):
        """Return the model's values at the rows of X, of shape (n_samples,) or (n_samples, n_outputs)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        design = self._design(X)
        masks = gate_masks(design, self.gates_)
        values = [gated_fit(design, masks, blocks) for blocks in self._outputs(self.blocks_, 2)]
        values = np.column_stack(values)
        if self.skip_connection:
            values += X @ self._outputs(self.skip_weights_, 1).T
        if self.fit_intercept:
            values += self._outputs(self.intercept_, 0)
        return values[:, 0] if self._single else values

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Return the values ``1[x . g_k >= 0] (x . u_k)`` of the gated neurons at the rows of X: (n_samples, width).

        The neurons are those into which the blocks in use fall: ``w_p = u alpha`` with ``||u|| = alpha``, and with
        joint outputs a neuron for every singular value of the block, the largest of whose output weights is positive.
        Those of one problem for every class stand side by side in the order of the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, width)
            After ``set_output(transform="pandas")`` a data frame with the names of `get_feature_names_out`.
        """
        check_is_fitted(self)
        design = self._design(validate_data(self, X, dtype=np.float64, reset=False))
        gates, neurons = self._neurons()
        return gate_masks(design, self.gates_[gates]).T * (design @ neurons.T)

    def _neurons(self):
        """Return the gates (K,) and the balanced vectors (K, n_inputs) of all gated neurons."""
        blocks = self._outputs(self.blocks_, 2)
        is_joint = len(self._training_problems) == 1
        parts = [factored(part) for part in ([_as_solved(blocks)] if is_joint else blocks[..., None])]
        gates, neurons, outputs = (np.concatenate([part[k] for part in parts]) for k in range(3))
        # A singular vector has no sign of its own.
        largest = np.abs(outputs).argmax(axis=1)[:, None]
        return gates, neurons * np.sign(np.take_along_axis(outputs, largest, axis=1))

    @property
    def _n_features_out(self):
        return len(self._neurons()[0])

    @property
    def feature_importances_(self) -> np.ndarray:
        """The share of every column in the bounds on the slope inside of the gates, of shape (n_features,), of sum 1.

        The bound of column k is ``sum_p ||W_pk|| + ||skip_k||`` with row k of the blocks, which hold the outputs as
        columns: as long as no gate switches, a step of length t along the column moves the fit by at most t times that.
        As in `ConvexReLURegressor` the shares follow the units of the columns.
        """
        check_is_fitted(self)
        bounds = np.linalg.norm(self._outputs(self.blocks_, 2), axis=0).sum(axis=0)[: self.n_features_in_]
        if self.skip_connection:
            bounds = bounds + np.linalg.norm(self._outputs(self.skip_weights_, 1), axis=0)
        return shares_of(bounds)

    def optimal_set(self) -> GatedOptimalSet:
        """Return the `GatedOptimalSet` of the training problem over these gates and the distinct rows of the data.

        Raises
        ------
        ValueError
            For a loss whose optimal fit need not be unique, and for several outputs.
        SolverError
            When the optimum is not known to enough digits.
        """
        check_is_fitted(self)
        problem = self._only_problem("optimal_set")
        return gated_optimal_set(problem, self._masks(problem), start=self.blocks_)

    def to_relu_network(self) -> TwoLayerReLU:
        """Return a `TwoLayerReLU` with the same values at the training rows; not for one-vs-rest models.

        Every block is split into two vectors of its gate's cone, ``w = u - v`` with the least ``||u|| + ||v||``, and
        u and v become a neuron each [1]_. With several outputs this is done with every pair of singular vectors of
        the block. The network costs at least as much as the blocks; `certify` tells how far it is from the best
        network.

        Raises
        ------
        ValueError
            When a used gate lies on a training row, so that its cone has no interior, and for one-vs-rest models.

        References
        ----------
        .. [1] A. Mishkin, A. Sahiner, M. Pilanci, "Fast convex optimization for two-layer ReLU networks", ICML 2022.
        """
        check_is_fitted(self)
        if len(self._training_problems) > 1:
            self._refuse_outputs("to_relu_network")
        problem = self._training_problems[0]
        blocks = self.blocks_ if self._single else _as_solved(self.blocks_)
        return relu_network(problem, self._masks(problem), blocks)

    def _only_problem(self, name):
        if not self._single:
            self._refuse_outputs(name)
        return self._training_problems[0]

    def _refuse_outputs(self, name):
        kind = "model" if len(self._training_problems) == 1 else "one-vs-rest model"
        raise InvalidInputError(f"{name} needs one output; this {kind} has {len(self.blocks_)}.")

    @property
    def _single(self):
        return self.blocks_.ndim == 2

    def _outputs(self, values, dimension):
        """Return `values` with their leading axis of outputs, which a model of one output hides."""
        values = np.asarray(values)
        return values[None] if values.ndim == dimension else values

    def _design(self, X):
        return np.column_stack([X, np.ones(len(X))]) if self.hidden_bias else X

    def _masks(self, problem):
        return gate_masks(problem.design, self.gates_)

    def _train(self, X, targets, weight, labels, given):
        """Solve one problem for each (y, factors of the weights) that `labels` makes of the targets of the rows.

        `given` is what `fit` was given, for callbacks.
        """
        started = now()
        previous = self._previous(X.shape[1])
        rows = canonical_rows(X, targets, check_weights(weight, len(targets)))
        outputs = labels(rows.y)
        problems = [self._problem(rows, y, rows.weight * factor) for y, factor in outputs]
        # All outputs share the gates, and a warm start keeps those of the last fit.
        self.gates_ = self._gates(rows) if previous is None else self.gates_
        masks = self._masks(problems[0])
        self.beta_max_ = _strongest(problems, masks)
        if self.beta != "scale":
            self.beta_ = float(self.beta)
        else:
            # "scale" is relative to beta_max without class weights: these change the loss, and not the strength.
            plain = [self._problem(rows, y, rows.weight) for y, _ in outputs]
            self.beta_ = scaled_strength(_strongest(plain, masks))
        self._training_problems = [replace(problem, beta=self.beta_) for problem in problems]
        deadline = None if self.time_limit is None else started + self.time_limit
        starts = self._starts(previous, problems)
        with watched(self, *given, words=GATED_ROUND_LABELS, n_problems=len(problems)) as watch:
            self._set_fitted(rows, masks, self._solve(masks, starts, deadline, watch))
        return self

    def _starts(self, previous, problems):
        """Return the blocks to start every problem from, None where there are none; as many outputs as before."""
        n_outputs = sum(problem.n_outputs for problem in problems)
        if previous is None or len(previous) != n_outputs:
            return [None] * len(problems)
        return previous if len(problems) == n_outputs else [_as_solved(previous)]

    def _solve(self, masks, starts, deadline, watch):
        """Return the `GatedSolution` of every problem."""
        options = {"masks": masks, "tol": self.tol, "max_iter": self.max_iter, "deadline": deadline}
        solutions = []
        for k, (problem, start) in enumerate(zip(self._training_problems, starts, strict=True)):
            attributes = self._attributes if len(starts) == 1 else None
            with watch.problem(f"output {k}", attributes) as report:
                solutions.append(solve_gated_loss(problem, start=start, report=report, **options))
        return solutions

    def _attributes(self, found):
        """Return the fitted attributes of one problem from its blocks and free terms."""
        return self._attributes_of([found])

    def _attributes_of(self, found):
        """Return the fitted attributes from (blocks, free terms) of every problem."""
        # Joint outputs are the last axis of their blocks, and the first one of the attributes.
        if found[0][0].ndim == 3:
            blocks, free = _per_output(found[0][0]), found[0][1].T
        else:
            blocks, free = (np.array(part) for part in zip(*found, strict=True))
        skips = free[:, : self.n_features_in_]
        intercepts = free[:, -1] if self.fit_intercept else np.zeros(len(free))
        # A model of one output hides the leading axis of outputs.
        if found[0][0].ndim == 2 and len(found) == 1:
            blocks, skips, intercepts = blocks[0], skips[0], float(intercepts[0])
        return {
            "blocks_": blocks,
            "intercept_": intercepts,
            "skip_weights_": skips if self.skip_connection else None,
        }

    def _set_fitted(self, rows, masks, solutions):
        """Set the fitted attributes, with a certificate that is computed anew from the blocks."""
        # Certify the blocks as they are kept, rather than trust the last proof of the solver.
        proofs = [
            certify_gated(problem, masks, solution.blocks, solution.dual_point)
            for problem, solution in zip(self._training_problems, solutions, strict=True)
        ]
        vars(self).update(self._attributes_of([(solution.blocks, solution.free) for solution in solutions]))
        duals = np.column_stack([rows.spread(proof.dual_point) for proof in proofs])
        duals = duals[:, 0] if self._single else duals
        self.certificate_ = GatedCertificate(
            sum(proof.primal for proof in proofs), sum(proof.dual for proof in proofs), duals, len(masks)
        )
        self.dual_ = duals
        status = min((s.status for s in solutions), key=STATUS_BY_SEVERITY.index)
        self.status_, self.n_iter_ = status.name, max(1, sum(s.n_iter for s in solutions))
        self.history_ = [record for solution in solutions for record in solution.history]
        parts = [(solution.history, proof) for solution, proof in zip(solutions, proofs, strict=True)]
        self._parts_ = parts if len(parts) > 1 else None
        self._warn_unreached(status, max(proof.relative_gap for proof in proofs))

    def _warn_unreached(self, status, reached):
        if status is Status.proven:
            return
        warnings.warn(
            f"{_sentence(status)} The relative gap is {reached:.2e}, above tol={self.tol:.2e}: raise max_iter or "
            f"time_limit, standardise X, take a larger beta, or accept a larger tol.",
            ConvergenceWarning,
            stacklevel=6,
        )

    def _problem(self, rows, y, weight):
        joint = y.ndim == 2
        return make_problem(
            rows.X,
            y,
            1.0,
            hidden_bias=self.hidden_bias,
            fit_intercept=self.fit_intercept,
            skip_connection=self.skip_connection,
            sample_weight=weight,
            loss="multinomial" if joint and self.loss == "logistic" else self.loss,
            losses=None if joint else self._losses,
            **self._loss_options(),
        )

    def _loss_options(self):
        return {}

    def _gates(self, rows):
        """Return the caller's gates, or a sample."""
        n_inputs = rows.X.shape[1] + bool(self.hidden_bias)
        if self.gates is None:
            n_gates, rng = self.n_gates or DEFAULT_N_GATES, np.random.default_rng(seed_of(self.random_state))
            return sample_gates(rows.X, n_gates, hidden_bias=self.hidden_bias, weight=rows.weight, rng=rng)
        gates = check_design(self.gates, "gates")
        if gates.shape[1] != n_inputs:
            raise InvalidInputError(
                f"gates must have shape (n_gates, {n_inputs}), one entry per feature"
                f"{' and one for the hidden bias' if self.hidden_bias else ''}; got shape {gates.shape}."
            )
        return gates.copy()

    def _previous(self, n_features):
        """The blocks of the last fit, of shape (n_outputs, n_gates, n_inputs), when they can start this one."""
        if not self.warm_start or not hasattr(self, "blocks_"):
            return None
        n_inputs = n_features + bool(self.hidden_bias)
        if self.gates_.shape[1] != n_inputs:
            raise InvalidInputError(
                f"warm_start=True needs as many inputs as before: the previous gates have {self.gates_.shape[1]} "
                f"entries, these data need {n_inputs}. Set warm_start=False or clone the estimator."
            )
        return self._outputs(self.blocks_, 2)

    def _check_parameters(self):
        check_strength(self.beta)
        check_shared_parameters(self)
        check_choice(self.loss, "loss", self._losses)
        if self.n_gates is not None:
            check_count(self.n_gates, "n_gates")
            if self.gates is not None:
                raise InvalidInputError(
                    "n_gates is the number of gates to sample: leave it None where gates are given."
                )


def _per_output(blocks):
    """Return blocks (n_gates, n_inputs, n_outputs) with the axis of outputs first."""
    return np.ascontiguousarray(blocks.transpose(2, 0, 1))


def _as_solved(blocks):
    """Return blocks (n_outputs, n_gates, n_inputs) as the solver of a joint problem has them."""
    return np.ascontiguousarray(blocks.transpose(1, 2, 0))


def _strongest(problems, masks):
    """Return the smallest strength at which the blocks of all problems are zero; 0 where the prices are rounding."""
    strongest = 0.0
    for problem in problems:
        nu = problem.dual_point(np.zeros_like(problem.y))
        price = gate_prices(problem.design, masks, nu).max(initial=0.0)
        # A price that rounding explains is zero: every strength leads to zero blocks.
        if price > FIT_ROUNDING * problem.price_leak(nu):
            strongest = max(strongest, float(price))
    return strongest


def _sentence(status):
    return status.value.replace("best network", "best model")
