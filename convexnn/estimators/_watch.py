"""Progress of a fit for the reporter of `verbose`, and for scikit-learn's callbacks where it has them (from 1.9 on).

Both read only; but a callback may ask to stop, which ends the training as an interrupt does.
"""

from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from functools import partial, wraps
from typing import Any, TypeVar

from .._utils.clock import now
from .._utils.display import share_above
from .._utils.logs import logger
from .._utils.progress import ROUND_LABELS, reporting

try:
    from sklearn.callback import CallbackSupportMixin
    from sklearn.callback import with_callbacks as add_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing: this scikit-learn has no callbacks."""

    def add_callbacks(fit):
        """Return `fit` in a frame of its own, as scikit-learn's decorator does: warnings count frames."""

        @wraps(fit)
        def fit_without_callbacks(estimator, *args, **kwargs):
            return fit(estimator, *args, **kwargs)

        return fit_without_callbacks


Fit = TypeVar("Fit", bound=Callable[..., Any])


def with_callbacks(fit: Fit) -> Fit:
    """Return `fit` with callbacks, where scikit-learn has them; type checkers see the signature that was given."""
    return add_callbacks(fit)


class StopRequested(KeyboardInterrupt):
    """A callback wants the training to stop; solvers keep the best network, as after Ctrl-C."""


class Tasks:
    """The tasks of one fit as callbacks see them: the fit, in it the problems if there are several, and the rounds.

    Parameters
    ----------
    estimator : estimator with the mixin
    X, y, sample_weight
        As `fit` was given them.
    n_problems : int
        Problems that are solved one after the other.
    """

    def __init__(self, estimator, X, y, sample_weight, n_problems=1):
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self.shared = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self.is_watched = bool(getattr(estimator, "_skl_callbacks", ()))
        self.n_problems, self.problem, self.round = n_problems, None, None
        self.root = None
        if hasattr(estimator, "_init_callback_context"):  # also without callbacks: it may be part of another's tasks
            self.root = estimator._init_callback_context(max_subtasks=None if n_problems == 1 else n_problems)
            self.root.call_on_fit_task_begin(**self.shared)

    def begin_problem(self, name):
        """The first round of the next problem begins."""
        if not self.is_watched:
            return
        self.problem = self.root
        if self.n_problems > 1:
            self.problem = self.root.subcontext(task_name=name, max_subtasks=None)
            self.problem.call_on_fit_task_begin(**self.shared)
        self._begin_round()

    def _begin_round(self):
        self.round = self.problem.subcontext(task_name="round")
        self.round.call_on_fit_task_begin(**self.shared)

    def end_round(self, fitted):
        """One round is over and another one begins; `fitted()` returns the attributes of that moment, or None.

        Raises
        ------
        StopRequested
            When a callback wants no further round.
        """
        if self.round is None:
            return
        # Cleared first: a callback that raises must not have its round ended twice.
        over, self.round = self.round, None
        if over.call_on_fit_task_end(**self.shared, reconstruction_attributes=fitted):
            raise StopRequested
        self._begin_round()

    def end_problem(self):
        """The last round, in which the proof was made, and the problem are over."""
        if not self.is_watched:
            return
        if self.round is not None:
            self.round.call_on_fit_task_end(**self.shared)
            self.round = None
        if self.problem is not self.root:
            self.problem.call_on_fit_task_end(**self.shared)

    @contextmanager
    def part(self, name, model=None):
        """A part of the fit without rounds of its own, in which `model` may be fitted: its tasks are part of these."""
        if self.root is None:
            yield
            return
        task = self.root.subcontext(task_name=name)
        with nullcontext() if model is None else task.propagate_callback_context(model):
            task.call_on_fit_task_begin(**self.shared)
            yield
        task.call_on_fit_task_end(**self.shared)

    def end(self):
        """The estimator is fitted."""
        if self.root is not None:
            self.root.call_on_fit_task_end(**self.shared, reconstruction_attributes={})


class Watch:
    """The audience of a fit, which hears of every round of the solvers; see `watched`."""

    def __init__(self, reporter, tasks, words):
        self.reporter, self.tasks, self.words = reporter, tasks, words

    @contextmanager
    def problem(self, name="problem", attributes=None):
        """Yield the `Report` of one problem."""
        self.tasks.begin_problem(name)
        yield Report(self, attributes)
        self.tasks.end_problem()

    def say_end(self, estimator):
        """Say how the fit ended, to the log as well."""
        certificate, price = estimator.certificate_, getattr(estimator.certificate_, "price", None)
        proven = f"{price.n_nodes:,} cones bounded" if price is not None else f"{certificate.n_gates} gates priced"
        kind = getattr(certificate, "proof", "exact")
        text = (
            f"{estimator.status_}: {self.words['objective']} {certificate.primal:.8g}   relative gap "
            f"{share_above(certificate.relative_gap, digits=2)} ({kind})   {proven}"
        )
        self.reporter.say(text)
        logger.info("%s %s", type(estimator).__name__, text)
        if self.reporter.verbose > 1:
            self.reporter.say(str(certificate), clock=False)


class Report:
    """The callable with which a solver reports every round.

    `attributes` returns those of the fitted estimator, a dict, for the model that the solver makes, usually a network;
    None where one problem does not make a model.
    """

    wants_models = True

    def __init__(self, watch, attributes):
        self.watch, self.attributes = watch, attributes

    def __call__(self, record, make_model):
        self.watch.reporter.round(record, words=self.watch.words)
        self.watch.tasks.end_round(partial(self.fitted, make_model))

    def fitted(self, make_model):
        """Return the fitted attributes as they would be now, None where there is no model yet."""
        model = None if self.attributes is None else make_model()
        return None if model is None else self.attributes(model)


def network_only(network):
    """Return the fitted attributes of a model that is one network, as far as predictions need them."""
    return {"network_": network}


@contextmanager
def watched(estimator, X, y, sample_weight=None, *, words=ROUND_LABELS, n_problems=1):
    """Yield the `Watch` of a fit, which hears of every round; the body sets the fitted attributes."""
    deadline = None if estimator.time_limit is None else now() + estimator.time_limit
    with reporting(estimator.verbose, deadline) as reporter:
        watch = Watch(reporter, Tasks(estimator, X, y, sample_weight, n_problems), words)
        yield watch
        watch.say_end(estimator)
        watch.tasks.end()
