"""The training problem of commands that call functions: X and y as they take them, and the strength."""

from dataclasses import dataclass

import numpy as np

from ..duality import beta_max
from ..estimators._parameters import scaled_strength
from ..estimators._robust import delta_of
from .arguments import load, terms_of
from .tasks import choose_task, default_loss, signed_targets


@dataclass(frozen=True)
class Objective:
    """A training problem with one output.

    Attributes
    ----------
    data : Dataset
    task : str
    y : ndarray of shape (n_samples,)
        Numbers, or -1 and 1.
    options : dict
        Keywords of functions: the terms of the networks, the loss, the weights, the threads.
    """

    data: object
    task: str
    y: np.ndarray
    options: dict

    def strength(self, beta):
        """Return beta, with "scale" resolved as the estimators do."""
        if beta != "scale":
            return beta
        # The strength of "scale" is that of the estimators, for the same terms, loss and weights.
        return scaled_strength(beta_max(self.data.X, self.y, **self.options))

    def described(self):
        """Return what a document says about the problem."""
        return {
            "task": self.task,
            "n_samples": len(self.data.X),
            "features": self.data.features,
            "target": self.data.targets[0],
            "preparation": self.data.preparation.to_json(),
            "standardized": self.data.center is not None,
            **{name: value for name, value in self.options.items() if name not in ("sample_weight", "n_jobs")},
        }


def load_objective(arguments, loss=None):
    """Return the `Objective` that the arguments describe; `loss` is the default, by the task if it is None."""
    data = load(arguments)
    task = choose_task(arguments.task, arguments.loss, data)
    options = {**terms_of(arguments), "loss": arguments.loss or loss or default_loss(task)}
    options |= {"sample_weight": data.weight, "n_jobs": arguments.n_jobs}
    y = signed_targets(data, task)
    if options["loss"] == "huber":
        # huber_delta="auto" is resolved here: the functions take a number.
        options["huber_delta"] = delta_of(arguments.huber_delta, y, data.weight)
    return Objective(data, task, y, options)
