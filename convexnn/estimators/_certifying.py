"""The certificate of a fitted estimator: its own loss, strength, weights and terms, on its rows or on others."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._utils.aliases import ArrayLike, Proof
from .._utils.clock import now
from .._utils.progress import reporting
from .._utils.validation import check_choice, check_positive, check_weights, deadline_after, dense_of
from ..duality.certificate import certify_problem
from ..duality.records import LARGEST_OPTIMAL_GAP, PROOFS, Certificate
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU
from ._blockwise import check_data_are_kept
from ._data import sample_weights
from ._one_against_the_rest import sum_of
from ._rows import rows_of_targets

# A strength that is given beside a model agrees with its own to 1e-12.
STRENGTH_AGREEMENT = 1e-12


class CertifyMixin:
    """`certify` of an estimator that keeps, for every problem it poses, its data, its network and its samples.

    Subclasses say what the targets of other rows are.
    """

    network_: TwoLayerReLU
    certificate_: Certificate
    beta_: float
    skip_connection_: bool
    loss: str
    n_jobs: int | None
    verbose: int
    _training_dual: np.ndarray
    _networks_: list[TwoLayerReLU]
    _left_out_parts: list[tuple[Any, Any, Any]] | None
    _check_rows: Callable[..., Any]
    _loss_name: Callable[[int], str]
    _problems: Callable[..., Any]
    _targets_of: Callable[..., Any]

    def certify(
        self,
        X: ArrayLike | None = None,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        proof: Proof = "auto",
        time_limit: float | None = None,
    ) -> Certificate:
        """Prove again how far the network is from the best one of any width, on its training rows or on others.

        The problem is the one that was trained: the loss, the strength `beta_`, the weights of classes, the free terms
        and the hidden bias are those of the estimator. With one problem for every class, or label, the certificate is
        that of the sum of their objectives, like `certificate_`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), optional
            None: the training rows, with their targets and weights; ``proof="exact"`` may then prove what `fit` left
            open. Else other rows, and the certificate judges the network *as if it had been trained on them*: it says
            how far the objective on this table is from the optimum on this table, and not how well the network
            predicts. A network that is optimal on its training rows is in general not so on others. The loss is a sum
            over the rows and `beta_` stays: on fewer rows the same strength weighs more.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), optional
            Targets as for `fit`, given if and only if `X` is; labels are among `classes_`.
        sample_weight : array-like of shape (n_samples,), optional
            Weights of the rows of `X`.
        proof : {"auto", "exact", "bound", "heuristic"}
            How hard to try, see `price`.
        time_limit : float, optional
            Seconds for the proof.

        Returns
        -------
        Certificate
            `certificate_` stays as it is.

        Raises
        ------
        ValueError
            For bad data, and without `X` after a fit that has not kept the data (`fit_blocks`, large sparse data).
        NotFittedError
            Before `fit`.

        See Also
        --------
        convexnn.certify : The same as a function, for networks from anywhere too.

        Examples
        --------
        >>> import numpy as np
        >>> from convexnn import ConvexReLURegressor
        >>> X = np.random.default_rng(0).standard_normal((40, 2))
        >>> y = np.abs(X[:, 0])
        >>> model = ConvexReLURegressor(beta=0.5).fit(X[:20], y[:20])
        >>> model.certify(proof="exact").status, model.certify(X[20:], y[20:]).status
        ('optimal', 'not proven')
        """
        options = {"proof": proof, "time_limit": time_limit, "n_jobs": self.n_jobs, "verbose": int(self.verbose)}
        return self._certified(X, y, sample_weight, **options)

    def _for_functions(self, X, y, sample_weight, **given):
        """Return the network, the targets, the strength and the loss as functions such as `write_proof` take them.

        The arguments are those of `_certified`, checked as there. For estimators of one problem.
        """
        check_is_fitted(self)
        self._check_agreement(given)
        if len(self._left_out_parts or [None]) != 1 or getattr(self, "class_weight", None) is not None:
            raise InvalidInputError(
                f"this {type(self).__name__} must pose one problem without weights of classes here; got one for every "
                f"class, or class_weight. Pass one of its networks, with labels -1 and 1 and the weights."
            )
        X, (y,), _ = self._other_rows(X, y, sample_weight)
        if sample_weight is None:
            self._refuse_lost_weights(X, y)
        options = {name: getattr(self, name, None) for name in ("huber_delta_", "quantile", "penalize_bias")}
        options = {name.rstrip("_"): value for name, value in options.items() if value is not None}
        return self.network_, y, self.beta_, {"loss": self._loss_name(y[:1].size)} | options

    def _refuse_lost_weights(self, X, y):
        """Refuse the training rows without the weights that they were trained with: that is another problem."""
        if self._left_out_parts is None:
            return
        (problem, _, samples), *_ = self._left_out_parts
        trained = samples.gather(problem.features, samples.idle_X), samples.gather(problem.y, samples.idle_y)
        weight = samples.share * problem.weight[samples.row]
        is_same = all(np.array_equal(ours, theirs) for ours, theirs in zip(trained, (X, y), strict=True))
        if is_same and not np.allclose(weight, 1.0):
            raise InvalidInputError(
                f"sample_weight must be given: the model was trained on these rows with weights from {weight.min():g} "
                f"to {weight.max():g}. Pass them as fit took them, or np.ones(len(X)) for the problem without weights."
            )

    def _certified(self, X, y, sample_weight=None, *, proof, time_limit, n_jobs, verbose, **given):
        """Do what `certify` says; of the `given` beta and loss it is checked that they are the estimator's own."""
        check_is_fitted(self)
        check_choice(proof, "proof", PROOFS)
        self._check_agreement(given)
        deadline = deadline_after(time_limit)
        parts = self._kept_parts(y, sample_weight) if X is None else self._posed_again(X, y, sample_weight)
        found = []
        with reporting(verbose, deadline):
            for k, (problem, network, samples) in enumerate(parts):
                # Every problem has an equal share of the time that those before it have left.
                share = None if deadline is None else now() + (deadline - now()) / (len(parts) - k)
                options = {"proof": proof, "deadline": share, "n_jobs": n_jobs}
                points = [] if X is not None else self._trained_dual_points(problem)
                certificate = certify_problem(network, problem, dual_points=points, **options)
                nu = samples.spread(certificate.dual_point[problem.rows])
                found.append(replace(certificate, dual_point=nu))
        return found[0] if len(found) == 1 else sum_of(found)

    def _trained_dual_points(self, problem):
        """Return the dual point of training where the loss has kinks, whose gradient names none, and it is good."""
        # Classifiers have smooth losses: where the loss has kinks, one problem was trained.
        if problem.loss.is_smooth or self.certificate_.heuristic_gap > LARGEST_OPTIMAL_GAP:
            return []
        nu = self._training_dual[problem.rows]
        return [nu] if np.any(nu) else []

    def _check_agreement(self, given):
        """Refuse an objective that is not the estimator's own; None says nothing."""
        own = {
            "beta": self.beta_,
            "loss": self.loss,
            "huber_delta": getattr(self, "huber_delta_", None),
            "quantile": getattr(self, "quantile", None),
            "penalize_bias": getattr(self, "penalize_bias", True),
        }
        for name, value in given.items():
            if value is None or (isinstance(value, str | float | bool) and value == own[name]):
                continue
            if name == "beta" and math.isclose(check_positive(value, name), own[name], rel_tol=STRENGTH_AGREEMENT):
                continue
            if name == "loss" and value == self._loss_name(self.network_.output_weights[:1].size or 1):
                continue
            knows = f"be the {name} of the model, {own[name]!r}" if own[name] is not None else "be left out"
            raise InvalidInputError(
                f"{name} must {knows}, which knows its own objective; got {value!r}. Leave it out, or pass network_ "
                f"to judge the network by another objective."
            )

    def _kept_parts(self, y, sample_weight):
        """Return the problem, the network and the samples of every problem that was trained."""
        for name, value in (("y", y), ("sample_weight", sample_weight)):
            if value is not None:
                raise InvalidInputError(f"{name} must be None where X is: the model knows its training rows. Pass X.")
        if self._left_out_parts is None:
            check_data_are_kept(self, "certify without X and y")
        return self._left_out_parts

    def _posed_again(self, X, y, sample_weight):
        """Return what `_kept_parts` does for other rows."""
        X, targets, weight = self._other_rows(X, y, sample_weight)
        parts = rows_of_targets(X, targets, weight)
        problems = [replace(problem, beta=self.beta_) for problem in self._problems(parts, self.skip_connection_)]
        networks = [self.network_] if len(parts) == 1 else self._networks_
        return [
            (problem, network, rows.samples(problem))
            for problem, network, rows in zip(problems, networks, parts, strict=True)
        ]

    def _other_rows(self, X, y, sample_weight):
        """Return rows, the targets of every problem on them and their weights, checked against the training rows."""
        if y is None:
            raise InvalidInputError("y must be given where X is: the certificate is about rows with their targets.")
        X, y = self._check_rows(X, y, reset=False)
        X = dense_of(X)
        weight = check_weights(sample_weights(sample_weight, X), len(y))
        return X, *self._targets_of(y, weight)
