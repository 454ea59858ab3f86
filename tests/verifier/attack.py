"""One case from its number to its refutations: the package is called, and what it claims is tried."""

import time
import warnings
from dataclasses import dataclass

import numpy as np

import convexnn
from convexnn import ConvexReLUClassifier, ConvexReLURegressor, TwoLayerReLU
from convexnn.duality.strength import zero_network_price
from convexnn.programs.posing import make_problem

from .cases import make_case
from .claims import PROVEN, Refutation, refute_certificate, refute_price, refute_strength
from .problems import Problem, problem_of
from .sets import refute_set

SEARCHED = 20  # every so many cases a better network is looked for although nothing speaks for it
TIME_LIMIT = 5.0
LARGEST_GAP = 1e-3  # relative, that "proven" may have where the caller's tolerance is larger
REFUSALS = (convexnn.ConvexNNError, ValueError)


@dataclass(frozen=True)
class Outcome:
    """What came of one case: its refutations, or the refusal that the package gave in place of a claim."""

    number: int
    entry: str
    refutations: tuple
    refusal: str
    seconds: float
    warned: bool


def attack(number, entries=None):
    """Return the `Outcome` of a case."""
    return attack_case(make_case(number, entries))


def attack_case(case):
    """Call the package on a case, and try to refute what it claims; an error that is no refusal counts as refuted."""
    begun, refusal, refutations = time.perf_counter(), "", []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            refuter = CALLS[case.entry](case)
        except REFUSALS as error:
            refuter, refusal = None, type(error).__name__
        except Exception as error:  # noqa: BLE001
            refuter, refutations = None, [Refutation(f"{type(error).__name__} instead of a claim", str(error)[:200])]
    warned = any(issubclass(w.category, UserWarning) for w in caught)
    if refuter is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            refutations = refuter(np.random.default_rng(case.number), warned)
    seconds = time.perf_counter() - begun
    return Outcome(case.number, case.entry, tuple(refutations), refusal, seconds, warned)


def _certify(case):
    network = TwoLayerReLU(**case.network)
    certificate = convexnn.certify(
        network, case.X, case.y, case.beta, proof=case.proof, time_limit=TIME_LIMIT, **_given(case)
    )
    problem = problem_of(network, case.X, case.y, case.beta, **_given(case))
    return _certificate_refuter(certificate, network, problem, case)


def _given(case):
    return {"loss": case.loss, "sample_weight": case.weight, **case.loss_options}


def _certificate_refuter(certificate, network, problem, case):
    rows = slice(None) if case.weight is None else case.weight > 0
    kept = _Kept(certificate, certificate.dual_point[rows])

    def refuter(rng, warned):
        return refute_certificate(kept, network, problem, rng, search=case.number % SEARCHED == 0)

    return refuter


class _Kept:
    """A certificate whose dual point has the rows of positive weight only."""

    def __init__(self, certificate, dual_point):
        self.certificate, self.dual_point = certificate, dual_point

    def __getattr__(self, name):
        return getattr(self.certificate, name)


def _price(case):
    nu = case.y if case.y.ndim == 1 else case.y[:, 0]
    found = convexnn.price(case.X, nu, proof=case.proof, all_maximizers=case.number % 3 == 0, time_limit=TIME_LIMIT)
    return lambda rng, warned: refute_price(found, case.X, nu, rng)


def _problem(case):
    rows = slice(None) if case.weight is None else case.weight > 0
    weight = np.ones(len(case.X)) if case.weight is None else case.weight
    Y = case.y.reshape(len(case.X), -1)
    return Problem(case.X[rows], Y[rows], weight[rows], case.beta, case.loss, **case.terms, **case.loss_options)


def _beta_max(case):
    found, options = convexnn.beta_max(case.X, case.y, **_given(case), **case.terms), _given(case) | case.terms
    posed = make_problem(case.X, case.y, 1.0, **options)
    is_bound = zero_network_price(posed).proof != "exact"  # a strength that is not exact is said to be a lower bound
    return lambda rng, warned: [] if warned or is_bound else refute_strength(found, _problem(case), rng)


def _fit(case):
    model, targets, y = model_of(case)
    model.fit(case.X, targets, sample_weight=case.weight)
    network, loss = model.network_, "multinomial" if y.ndim == 2 and case.loss == "multinomial" else model.loss
    given = _given(case) | {"loss": loss}
    problem = problem_of(network, case.X, y, model.beta_, **given)
    certified = _certificate_refuter(model.certificate_, network, problem, case)

    def refuter(rng, warned):
        found = certified(rng, warned)
        gap = model.certificate_.relative_gap
        if model.status_ == "proven" and gap > max(PROVEN, min(case.tol, LARGEST_GAP)):
            found.append(Refutation("proven with a gap", f"relative gap {gap:.3g}"))
        if model.beta_max_proof_ == "exact" and not warned:
            found += refute_strength(model.beta_max_, problem, rng)
        return found

    return refuter


def model_of(case):
    """Return the estimator, its targets, and the targets of the problem that it poses."""
    options = dict(case.terms, beta=case.beta, tol=case.tol, time_limit=TIME_LIMIT)
    if case.number % 2:
        options["beta"] = "scale"
    if case.loss == "multinomial":
        classes = case.y.argmax(axis=1)
        present = np.unique(classes if case.weight is None else classes[case.weight > 0])
        one_hot = (classes[:, None] == present).astype(float)
        y = one_hot if len(present) > 2 else 2 * one_hot[:, -1] - 1
        return ConvexReLUClassifier(**options), classes, y
    if case.loss in ("logistic", "squared_hinge") and case.y.ndim == 1:
        return ConvexReLUClassifier(loss=case.loss, **options), case.y, case.y
    loss = case.loss if case.loss in ("squared", "huber", "absolute", "quantile") else "squared"
    options = {"huber_delta": 1.35, **options, **case.loss_options}  # that of functions
    return ConvexReLURegressor(loss=loss, **options), case.y, case.y


def _set(case):
    found = convexnn.optimal_set(case.X, case.y, case.beta, time_limit=TIME_LIMIT, **_given(case), **case.terms)
    return lambda rng, warned: refute_set(found, _problem(case), rng, warned=warned)


CALLS = {"certify": _certify, "price": _price, "beta_max": _beta_max, "fit": _fit, "set": _set}
