"""The losses once more: in rational numbers, and in float64 with their slopes for the search."""

from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np

from .dyadic import exact

DIGITS = 60  # of logarithms and exponentials
BITS = 1600
LABELS = ("logistic", "squared_hinge", "multinomial")
LINEAR = ("absolute", "quantile")


def exact_loss(name, y, fit, huber_delta=1.35, quantile=0.5):
    """Return the loss of one row, a rational number; y and fit are lists of rational numbers, one per output."""
    if name == "multinomial":
        return _cross_entropy(y, fit)
    delta, quantile = exact(huber_delta), exact(quantile)
    return sum((_term(name, a, b, delta, quantile) for a, b in zip(y, fit, strict=True)), Fraction(0))


def _term(name, y, fit, delta, quantile):
    residual = y - fit
    if name == "squared":
        return residual * residual / 2
    if name == "huber":
        inner = min(abs(residual), delta)
        return inner * (abs(residual) - inner / 2)
    if name == "absolute":
        return abs(residual)
    if name == "quantile":
        return max(quantile * residual, (quantile - 1) * residual)
    if name == "squared_hinge":
        return max(Fraction(0), 1 - y * fit) ** 2 / 2
    return _softplus(-y * fit)


def _softplus(z):
    """``log(1 + exp(z))`` to 60 digits."""
    return max(Fraction(0), z) + _log_sum([-abs(z)])


def _cross_entropy(y, fit):
    largest = max(fit)
    others = list(fit)
    others.remove(largest)
    own = sum((a * b for a, b in zip(y, fit, strict=True)), Fraction(0))
    return largest - own + _log_sum([other - largest for other in others])


def _log_sum(exponents):
    """``log(1 + sum exp(z))`` for exponents at most 0."""
    with localcontext() as context:
        context.prec = DIGITS
        total = sum((_exponential(z) for z in exponents), Decimal(0))
        return _binary(total - total * total / 2 if total < Decimal(10) ** (-DIGITS // 2) else (1 + total).ln())


def _exponential(z):
    return Decimal(0) if z < -1000 else (Decimal(z.numerator) / Decimal(z.denominator)).exp()


def _binary(value):
    """A decimal number in [0, 1000] to 1600 binary digits: sums stay fast."""
    with localcontext() as context:
        context.prec = 600
        return Fraction(int(value * 2**BITS), 2**BITS)


def exact_dual_value(name, y, nu, weight, huber_delta=1.35, quantile=0.5):
    """Return ``-L*(-nu)`` in rational numbers, None outside the domain by more than 1e-12 (its ends are float64)."""
    total = Fraction(0)
    for target, entry, w in zip(y, nu, weight, strict=True):
        s = [v / w for v in entry]
        value = _dual_simplex(target, s) if name == "multinomial" else 0
        if name != "multinomial":
            terms = [
                _dual_term(name, a, b, exact(huber_delta), exact(quantile)) for a, b in zip(target, s, strict=True)
            ]
            value = None if None in terms else sum(terms)
        if value is None:
            return None
        total += w * value
    return total


def _dual_term(name, y, s, delta, quantile):
    low, high = {"absolute": (-1, 1), "huber": (-delta, delta), "quantile": (quantile - 1, quantile)}.get(name, (s, s))
    slack = Fraction(1, 10**12)
    if not low - slack <= s <= high + slack:
        return None
    if name in ("squared", "huber"):
        return s * y - s * s / 2
    if name in LINEAR:
        return s * y
    p = y * s
    if name == "squared_hinge" and p >= -slack:
        return p - p * p / 2
    if name == "logistic" and -slack <= p <= 1 + slack:
        return _entropy(p) + _entropy(1 - p)
    return None


def _dual_simplex(y, s):
    p = [a - b for a, b in zip(y, s, strict=True)]
    slack = Fraction(1, 10**12)
    if min(p) < -slack or abs(sum(p) - 1) > len(p) * slack:
        return None
    return sum(_entropy(v) for v in p)


def _entropy(p):
    if p <= 0:
        return Fraction(0)
    with localcontext() as context:
        context.prec = DIGITS
        value = Decimal(p.numerator) / Decimal(p.denominator)
        return _binary(-value * value.ln())


def float_loss(name, Y, fit, huber_delta=1.35, quantile=0.5):
    """Return the losses of the rows (n,) and their derivatives in the fit (n, c), in float64."""
    if name == "multinomial":
        over = fit - fit.max(axis=1)[:, None]
        powers = np.exp(over)
        total = powers.sum(axis=1)
        return np.log(total) - np.sum(Y * over, axis=1), powers / total[:, None] - Y
    residual = Y - fit
    if name == "squared":
        terms, slopes = residual**2 / 2, -residual
    elif name == "huber":
        inner = np.clip(residual, -huber_delta, huber_delta)
        terms, slopes = inner * (residual - inner / 2), -inner
    elif name == "absolute":
        terms, slopes = np.abs(residual), -np.sign(residual)
    elif name == "quantile":
        terms = np.maximum(quantile * residual, (quantile - 1) * residual)
        slopes = np.where(residual > 0, -quantile, np.where(residual < 0, 1 - quantile, 0.0))
    elif name == "squared_hinge":
        short = np.maximum(0.0, 1 - Y * fit)
        terms, slopes = short**2 / 2, -Y * short
    else:
        margin = Y * fit
        terms, slopes = np.logaddexp(0.0, -margin), -Y * np.exp(-np.logaddexp(0.0, margin))
    return terms.sum(axis=1), slopes
