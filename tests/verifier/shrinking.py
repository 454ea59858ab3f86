"""From a case that is refuted to a smaller one that is refuted in the same way, and to the code that shows it."""

from dataclasses import replace

import numpy as np

from .attack import attack_case, model_of

MOST_TRIES = 40
ARRAYS = ("hidden_weights", "output_weights", "hidden_bias")


def shrunk(case, kind):
    """Return a case with fewer rows, neurons and terms, and rounder numbers, and its refutation of the same kind."""
    tries, smaller, text = MOST_TRIES, True, ""
    while smaller and tries > 0:
        smaller = False
        for candidate in _smaller(case):
            tries -= 1
            if tries < 0:
                break
            figures = [r.figures for r in attack_case(candidate).refutations if r.kind == kind]
            if figures:
                case, smaller, text = candidate, True, figures[0]
                break
    return case, text


def _smaller(case):
    """Candidates, the largest steps first."""
    if case.weight is not None:
        yield replace(case, weight=None)
    if case.loss_options:
        yield replace(case, loss_options={})
    for k in range(len(case.X) if len(case.X) > 1 else 0):
        weight = None if case.weight is None else np.delete(case.weight, k)
        yield replace(case, X=np.delete(case.X, k, axis=0), y=np.delete(case.y, k, axis=0), weight=weight)
    width = len(case.network.get("output_weights", ()))
    for k in range(width):
        less = {name: np.delete(case.network[name], k, axis=0) for name in ARRAYS if name in case.network}
        yield replace(case, network=case.network | less)
    for flag in [name for name, value in case.terms.items() if value and not case.network]:
        yield replace(case, terms=case.terms | {flag: False})
    for digits in (0, 2):
        rounder = np.round(case.X, digits)
        if not np.array_equal(rounder, case.X):
            yield replace(case, X=rounder)
        if case.loss not in ("logistic", "squared_hinge", "multinomial") and not np.array_equal(
            np.round(case.y, digits), case.y
        ):
            yield replace(case, y=np.round(case.y, digits))
    if case.beta not in (1.0, 0.1):
        yield replace(case, beta=1.0)


def reproduction(case):
    """Return lines of Python that make the package's claim once more."""
    weight = None if case.weight is None else case.weight.tolist()
    lines = [f"X, y = np.array({case.X.tolist()}), np.array({case.y.tolist()})"]
    if case.entry == "price":
        return [*lines, f"price(X, {'y' if case.y.ndim == 1 else 'y[:, 0]'}, proof={case.proof!r})"]
    options = f"loss={case.loss!r}, sample_weight={weight}"
    options += "".join(f", {name}={value!r}" for name, value in case.loss_options.items())
    flags = ", ".join(f"{name}={value}" for name, value in case.terms.items())
    if case.entry == "certify":
        terms = ", ".join(f"{name}=np.array({np.asarray(value).tolist()})" for name, value in case.network.items())
        terms = terms.replace("np.array([])", f"np.zeros((0, {case.X.shape[1]}))", 1)
        call = f"certify(network, X, y, {case.beta!r}, proof={case.proof!r}, {options})"
        return [*lines, f"network = TwoLayerReLU({terms})", call]
    if case.entry == "beta_max":
        return [*lines, f"beta_max(X, y, {options}, {flags})"]
    if case.entry == "set":
        return [*lines, f"optimal_set(X, y, {case.beta!r}, {options}, {flags})"]
    model, targets, _ = model_of(case)
    shown = " ".join(repr(model).split())
    return [lines[0], f"{shown}.fit(X, np.array({targets.tolist()}), sample_weight={weight})"]
