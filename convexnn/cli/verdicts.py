"""What a proof file proves, as entries of a document."""

import decimal

from ..proofs.checker import as_decimal


def verdict_entries(verdict):
    """Return the figures of a `Verdict`: numbers to twelve digits, rounded to the safe side, and the sentence."""
    return {
        "lower_bound": _rounded(verdict.lower_bound, decimal.ROUND_FLOOR),
        "objective": _rounded(verdict.objective, decimal.ROUND_CEILING),
        "relative_gap": _rounded(verdict.relative_gap, decimal.ROUND_CEILING),
        "n_cones": verdict.n_cones,
        "statement": str(verdict),
        "problem": verdict.problem,
    }


def _rounded(value, rounding):
    return float(as_decimal(value, rounding, digits=12))
