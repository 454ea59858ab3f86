"""A problem in units of about one: its design, its targets and so its masses, with the loss that belongs to them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class InUnits:
    """A problem in units of one, and these units.

    Attributes
    ----------
    problem : Problem
        The problem of the design over `design_unit` and the targets, less what the free terms fit, over `fit_unit`.
    design_unit, fit_unit, loss_unit : float
        Objectives are `loss_unit` times those of `problem`; masses ``fit_unit / design_unit`` times.
    """

    problem: Any
    design_unit: float
    fit_unit: float
    loss_unit: float

    @property
    def mass_unit(self) -> float:
        """The unit of masses."""
        return self.fit_unit / self.design_unit

    @property
    def beta_unit(self) -> float:
        """The unit of strengths."""
        return self.loss_unit / self.mass_unit


def is_trivial(problem):
    """Whether there is nothing to fit: a design of zeros, or targets that the free terms fit."""
    return not (np.any(problem.design) and np.any(problem.centred))


def in_units(problem):
    """Return the `InUnits` of a `Problem` that is not trivial."""
    design_unit = float(max(problem.design.max(), -problem.design.min()))
    targets = problem.dual_targets
    largest = float(np.abs(targets).max())
    # The weighted root mean square of the targets, by way of their largest entry so that squares do not overflow.
    share = problem.weight / problem.weight.sum()
    fit_unit = 1.0 if problem.loss.labels else largest * float(np.sqrt(share @ _squares(targets / largest)))
    loss, degree = _loss_in_units(problem.loss, fit_unit)
    # loss(s y, s f) = s^degree loss(y, f): so losses, and with masses the strength, are counted in this unit.
    loss_unit = problem.weight.mean() * fit_unit**degree
    with np.errstate(over="ignore", divide="ignore"):  # tiny targets: an infinite strength, and no neurons
        beta = problem.beta * fit_unit / design_unit / loss_unit
    scaled = replace(
        problem,
        design=problem.design / design_unit,
        y=targets / fit_unit,
        weight=problem.weight / problem.weight.mean(),
        loss=loss,
        beta=beta,
    )
    return InUnits(scaled, design_unit, fit_unit, loss_unit)


def _squares(targets):
    """Return the mean square of every row."""
    return (targets**2).reshape(len(targets), -1).mean(axis=1)


def _loss_in_units(loss, unit):
    """Return the loss of targets that are divided by `unit`, and which power of the unit losses are divided by."""
    if loss.labels:
        return loss, 0
    return loss.in_units(unit), 2 if loss.is_smooth else 1
