"""Base of the estimators: their parameters, the strength, training on canonical rows, and warnings."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from .._utils.clock import now
from .._utils.validation import check_choice, check_count, dense_of
from ..arrangements import ActivationPatterns
from ..duality.certificate import Certificate
from ..duality.pricing import PROOFS
from ..duality.strength import zero_network_price
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU
from ..optimal_sets.solution_set import OptimalSet, optimal_set_of
from ..optimal_sets.vector_set import VectorOptimalSet
from ..programs.free_bias import check_free_bias
from ..programs.posing import make_problem
from ..solvers.base import Status
from ..solvers.solve import check_free_bias_options, check_pairing, solve
from ._automatic import choose_strength
from ._beta_path import BetaPath
from ._blockwise import BlockwiseMixin, check_data_are_kept
from ._certifying import CertifyMixin
from ._columns import warn_of_unknown_strength
from ._data import is_for_blocks
from ._hidden_layer import HiddenLayerMixin
from ._leaving_out import LeaveOneOutMixin, refuse_free_bias
from ._parameters import (
    KeepsParameters,
    check_folds,
    check_shared_parameters,
    check_strength,
    has_skip,
    scaled_strength,
    seed_of,
    tolerance_of,
)
from ._set_choice import ChoosingMixin
from ._unlearning import UnlearningMixin
from ._watch import CallbackSupportMixin, network_only

# beta_max may take 0.2 of a time limit.
STRENGTH_TIME_SHARE = 0.2
# The proof of a beta_max that decides nothing, and is only reported, takes at most 10 milliseconds of work.
REPORTED_STRENGTH_WORK_NS = 10_000_000
# What helps after a fit that has ended short of its tolerance, by its status.
STATUS_ADVICE = {
    Status.restricted: "use more patterns, or solver='auto'",
    Status.stalled: "standardise X, take a larger beta, or accept a larger tol",
}


class ConvexReLUEstimator(
    HiddenLayerMixin,
    BlockwiseMixin,
    CertifyMixin,
    LeaveOneOutMixin,
    ChoosingMixin,
    UnlearningMixin,
    CallbackSupportMixin,
    KeepsParameters,
):
    """Parameters and training that the regressor and the classifier share; subclasses say which losses they know."""

    network_: TwoLayerReLU
    certificate_: Certificate
    dual_: np.ndarray
    beta_: float
    beta_max_: float
    beta_max_proof_: str
    beta_path_: BetaPath
    skip_connection_: bool
    status_: str
    n_iter_: int
    history_: list[dict[str, Any]]
    n_features_in_: int

    _losses: tuple[str, ...] = ()
    _takes_blocks = True

    def optimal_set(self, *, time_limit: float | None = None) -> OptimalSet | VectorOptimalSet:
        """Return the `OptimalSet` of the training problem, over the distinct rows of the data.

        Training to all digits starts from the network that `fit` has found. With several outputs it is a
        `VectorOptimalSet`, which has what is known of them.

        Raises
        ------
        ValueError
            For a loss whose optimal fit need not be unique, and for a hidden bias that is not penalised.
        SolverError
            When optimality cannot be proven within `time_limit` seconds.
        """
        check_is_fitted(self)
        check_data_are_kept(self, "optimal_set")
        refuse_free_bias(self, "optimal_set", "the optimal directions may be a continuum")
        options = {"time_limit": time_limit, "n_jobs": self.n_jobs, "verbose": int(self.verbose)}
        return optimal_set_of(self._training_problem, start=self.network_, **options)

    def _problem(self, rows, beta=1.0, skip=None):
        """Pose the problem of canonical rows, with several outputs where there are several columns of targets."""
        skip = has_skip(self) if skip is None else skip
        options = {
            "hidden_bias": self.hidden_bias,
            "fit_intercept": self.fit_intercept,
            "skip_connection": skip,
            "sample_weight": rows.weight,
            "loss": self.loss,
            "huber_delta": getattr(self, "huber_delta_", 1.35),
            "quantile": getattr(self, "quantile", 0.5),
            "penalize_bias": getattr(self, "penalize_bias", True),
        }
        if rows.y.ndim == 2:
            self._check_several_outputs()
            options["loss"] = self._loss_name(rows.y.shape[1])
        else:
            check_pairing(self.solver, self.patterns, self.loss)
        return make_problem(rows.X, rows.y, beta, **options)

    def _loss_name(self, n_outputs):
        """Return the name of the loss of a problem with so many outputs."""
        return self.loss

    def _problems(self, parts, skip):
        """Pose the problems of canonical rows that differ in their targets only."""
        first = self._problem(parts[0], skip=skip)
        return [first, *(replace(first, y=rows.y) for rows in parts[1:])]

    def _as_trained(self, X):
        """Return checked data as they are trained on: as they are where they go in blocks, else dense and of NumPy."""
        return X if self._takes_blocks and is_for_blocks(X) else dense_of(X)

    def __sklearn_tags__(self):
        """Sparse data are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _check_several_outputs(self):
        """Refuse by name what is not there for several outputs."""
        check_pairing(self.solver, self.patterns, self.loss, several=True)

    def _strength(self, problem, started):
        """Return the `Price` of the network without neurons: its value is the smallest strength that leads to it."""
        proof = "heuristic" if self.proof == "heuristic" else "auto"
        # The proof of beta_max may take a part of the time only; a heuristic fit does not prove it at all.
        early = None if self.time_limit is None else started + STRENGTH_TIME_SHARE * self.time_limit
        work = None if getattr(self, "beta", "scale") == "scale" else REPORTED_STRENGTH_WORK_NS
        return zero_network_price(problem, proof=proof, max_work=work, deadline=early, n_jobs=self.n_jobs)

    def _warn_of_strength(self, prices, problems):
        """Warn when the strengths of all problems have been lost to rounding; called by what `fit` calls."""
        price, problem = max(zip(prices, problems, strict=True), key=lambda pair: pair[0].value)
        warn_of_unknown_strength(self, price, problem.features, float((problem.weight @ np.abs(problem.y)).sum()))

    def _choose_beta(self, prices, choice=None):
        """Set beta_max_, how it was found and beta_ from the strengths of one problem or several."""
        strongest = max(prices, key=lambda found: found.value)
        self.beta_max_, self.beta_max_proof_ = strongest.value, strongest.proof
        if choice is not None:
            self.beta_ = choice.beta
        elif isinstance(self.beta, str):
            self.beta_ = scaled_strength(self.beta_max_)
        else:
            self.beta_ = float(self.beta)

    def _choose(self, X, targets, weight, started):
        """Return the `Choice` of ``beta="auto"``, None without it; set what is known of the choice."""
        for name in ("beta_path_", "choice_"):  # of the last fit
            vars(self).pop(name, None)
        choice = vars(self).pop("_choice", None)  # made elsewhere
        if self.beta == "auto":
            choice = choose_strength(self, X, targets, weight, started)
        if choice is not None and choice.path is not None:
            self.beta_path_ = choice.path
        self.skip_connection_ = has_skip(self) if choice is None else choice.skip_connection
        return choice

    def _join_networks(self, networks):
        """Return one network of those of the problems: there is one."""
        return networks[0]

    def _deadline(self, started, n_problems=1):
        """Return when the next of so many problems is to end, each with an equal share of the time left; or None."""
        if self.time_limit is None:
            return None
        moment = now()
        return moment + (started + self.time_limit - moment) / n_problems

    def _solve(self, problem, rows, deadline, start, report, choice=None):
        """Train on `problem`, which is posed on canonical rows; return the `Solution`."""
        is_interrupted = choice is not None and choice.is_interrupted
        options = {
            "tol": tolerance_of(self.tol),
            "max_iter": self.max_iter,
            "deadline": now() if is_interrupted else deadline,
            "proof": self.proof,
            "n_jobs": self.n_jobs,
            "rng": np.random.default_rng(seed_of(self.random_state)),
            "start": start,
            "report": report,
            "max_work": choice.max_work if choice is not None and self.tol == "auto" else None,
        }
        solution = solve(
            problem,
            solver=self.solver,
            patterns=self._patterns(problem, rows),
            n_patterns=self.n_patterns,
            max_width=self.max_width,
            **options,
        )
        return replace(solution, status=Status.interrupted) if is_interrupted else solution

    def _fit_rows(self, rows, started, watch, choice, strength_rows=None):
        """Train on canonical rows, and set what is fitted; the strength may be that of rows with other weights."""
        # The strength is that of the rows without class weights: these change the loss, and not the strength.
        unit = self._problem(rows, skip=self.skip_connection_)
        weighted = unit if strength_rows is None else self._problem(strength_rows, skip=self.skip_connection_)
        price = self._strength(weighted, started)
        self._choose_beta([price], choice)
        if choice is None and isinstance(self.beta, str):
            self._warn_of_strength([price], [weighted])
        problem = self._training_problem = replace(unit, beta=self.beta_)
        # Start from the choice's network, else from the last fit where warm_start asks for it.
        start = self._previous_network(problem) if choice is None else choice.starts[0]
        with watch.problem(attributes=network_only) as report:
            solution = self._solve(problem, rows, self._deadline(started), start, report, choice)
        self._set_fitted(solution, rows)
        return self

    def _set_fitted(self, solution, rows):
        """Set what is fitted from a solution on canonical rows."""
        # The certificate of the problem is over distinct rows; the fitted one is over the samples, by their weights.
        self._training_dual = solution.certificate.dual_point
        self.network_, self.history_ = solution.network, solution.history
        self._left_out_parts = [(self._training_problem, self.network_, rows.samples(self._training_problem))]
        self._parts_ = None
        self.certificate_ = replace(solution.certificate, dual_point=rows.spread(solution.certificate.dual_point))
        self.dual_ = self.certificate_.dual_point
        self.status_, self.n_iter_ = solution.status.name, solution.n_iter
        self._warn_unreached(solution.status, solution.certificate.heuristic_gap, self._training_problem)

    def _patterns(self, problem, rows):
        """The caller's own patterns are over the samples; the problem's are over the canonical rows."""
        if not isinstance(self.patterns, ActivationPatterns):
            return self.patterns
        masks = self.patterns.masks
        wanted, got = (len(rows.row), problem.design.shape[1]), self.patterns.X.shape
        if got != wanted:
            raise InvalidInputError(
                f"patterns must be those of X{' with a ones column appended' if self.hidden_bias else ''}, of shape "
                f"{wanted}; got patterns of an array of shape {got}."
            )
        # Patterns of other data of the same shape would give a wrong program without a word.
        if not np.allclose(self.patterns.X[rows.first], problem.design, rtol=1e-9, atol=0.0):
            raise InvalidInputError("patterns must be those of X; these were made of other data of the same shape.")
        return ActivationPatterns.from_masks(problem.design, masks[:, rows.first])

    def _check_parameters(self):
        check_strength(self.beta, ("auto", "scale"))
        check_shared_parameters(self, automatic=("skip_connection", "tol"))
        check_folds(self.cv)
        if not getattr(self, "penalize_bias", True):
            self._check_free_bias()
        check_choice(self.loss, "loss", self._losses)
        check_choice(self.proof, "proof", PROOFS)
        check_pairing(self.solver, self.patterns, self.loss, several=self.solver != "cvxpy")
        for name in ("max_width", "n_patterns"):
            if getattr(self, name) is not None:
                check_count(getattr(self, name), name)

    def _check_free_bias(self):
        """Refuse what is not there where the hidden bias costs nothing."""
        check_free_bias(self.hidden_bias, self.fit_intercept)
        check_free_bias_options(self.solver, self.patterns, self.max_width)
        if self.beta == "auto":
            raise InvalidInputError(
                "beta='auto' is not there with penalize_bias=False: the paths of strengths that it follows are those "
                "of a penalised bias. Use beta='scale' or a number, or choose one with GridSearchCV."
            )

    def _previous_network(self, problem):
        """The last network when it can start this fit, of a problem with as many outputs where one is given."""
        if not self.warm_start or not hasattr(self, "network_"):
            return None
        if self.network_.n_inputs != self.n_features_in_:
            raise InvalidInputError(
                f"warm_start=True needs as many features as before: the previous network takes "
                f"{self.network_.n_inputs}, X has {self.n_features_in_}. Set warm_start=False or clone the estimator."
            )
        same_outputs = problem is None or self.network_.output_weights.shape[1:] == problem.y.shape[1:]
        return self.network_ if same_outputs and (self.network_.hidden_bias is not None) == self.hidden_bias else None

    def _warn_unreached(self, status, reached, problem):
        missing, tol = missing_neurons(self.network_, status), tolerance_of(self.tol)
        ended_well = status in (Status.proven, Status.settled) or (self.max_width is not None and not missing)
        if status is Status.interrupted:
            warnings.warn(f"{status.value}{missing}", ConvergenceWarning, stacklevel=6)
        elif reached > tol and not ended_well:
            advice = "raise time_limit" if missing else self._advice(status, reached, problem)
            warnings.warn(
                f"{status.value}{missing} The visible relative gap is {reached:.2e}, above tol={tol:.2e}: {advice}.",
                ConvergenceWarning,
                stacklevel=6,
            )

    def _advice(self, status, reached, problem):
        """Return advice for a fit that has ended short of its tolerance."""
        if self.loss == "logistic" and self.skip_connection_ and reached >= 1.0 and status is Status.stalled:
            return (
                "the skip connection separates the classes, so that the logistic loss has no minimum; use "
                "skip_connection=False or loss='squared_hinge'"
            )
        if self.skip_connection_ and problem.has_thin_free_terms:
            return (
                "some columns of X depend on others but for rounding, which real skip weights can use and float64 "
                "ones cannot; drop those columns, or use skip_connection=False"
            )
        return STATUS_ADVICE.get(status, "raise max_iter or time_limit, or accept a larger tol")


def missing_neurons(network, status):
    """Return a sentence, after a space, on outputs that a limit or an interrupt left without neurons; else ''."""
    if status not in (Status.time_limit, Status.interrupted):
        return ""
    # An output without neurons is a column of zeros in the output weights.
    weights = network.output_weights
    columns = weights if weights.ndim == 2 else weights[:, None]
    without = np.flatnonzero(~np.any(columns, axis=0))
    if len(without) == 0:
        return ""
    reason = "training was interrupted" if status is Status.interrupted else "the time was up"
    if len(without) == columns.shape[1]:
        return f" The network has no neurons: {reason} before it found any."
    outputs = f"{'output' if len(without) == 1 else 'outputs'} {', '.join(map(str, without))}"
    return f" The network has no neurons for {outputs}: {reason} before it found any."
