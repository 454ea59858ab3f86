"""Six hundred wild cases: no claim of the package is refuted. ``make attack`` tries a hundred thousand."""

import pytest

from .cases import make_case
from .run import run
from .shrinking import reproduction

CASES, AT_ONCE = 600, 50


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, CASES, AT_ONCE))
def test_no_claim_is_refuted(first):
    refuted = [outcome for outcome in run(range(first, first + AT_ONCE)) if outcome.refutations]
    assert not refuted, "\n".join(line for outcome in refuted for line in told(outcome))


def told(outcome):
    """Return lines that say what was refuted, and how to see it."""
    return [
        f"case {outcome.number} ({outcome.entry}):",
        *(f"    {refutation}" for refutation in outcome.refutations),
        *(f"    {line}" for line in reproduction(make_case(outcome.number))),
    ]


@pytest.mark.slow
def test_most_cases_end_in_a_claim():
    outcomes = run(range(100))
    assert sum(bool(outcome.refusal) for outcome in outcomes) < 10
    assert {outcome.entry for outcome in outcomes} == {"certify", "price", "beta_max", "fit", "set"}
