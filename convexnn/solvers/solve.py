"""Choose a solver and its patterns, refuse pairings that cannot work, and bring the width under its limit."""

import warnings
from copy import deepcopy

import numpy as np

from .._utils.clock import now
from .._utils.validation import check_choice, check_count
from ..arrangements import ActivationPatterns, count_patterns, enumerate_patterns, sample_patterns
from ..duality.certificate import certify_problem
from ..exceptions import InvalidInputError, PatternLimitError, WidthWarning
from ..programs.posing import NO_CONE_PROGRAM
from .base import Status, conclude, proof_options
from .column_generation import MAX_ITER, solve_column_generation
from .free_bias import solve_free_bias
from .given_patterns import solve_given_patterns
from .limited_width import narrow_network
from .proximal_steps import solve_kinked

SOLVERS = ("auto", "column_generation", "working_set", "cvxpy")
PATTERNS = ("auto", "exact", "sampled")
MAX_PROGRAM_PATTERNS = 2000  # up to so many patterns `patterns="auto"` takes all of them
MAX_EXACT_PATTERNS = {"working_set": 100_000, "cvxpy": 10_000}  # more cannot be expected of a solver
N_SAMPLED_PATTERNS = 200  # by default, where there are too many


def check_pairing(solver, patterns, loss="squared", several=False):
    """Return the solver's name, ``"auto"`` resolved; refuse pairings that cannot work, `several` meaning outputs."""
    check_choice(solver, "solver", SOLVERS)
    if isinstance(patterns, str):
        check_choice(patterns, "patterns", PATTERNS)
    elif not isinstance(patterns, ActivationPatterns):
        raise InvalidInputError(
            f"patterns must be {', '.join(map(repr, PATTERNS))} or an ActivationPatterns, such as sample_patterns and "
            f"ActivationPatterns.from_masks make; got {type(patterns).__name__}."
        )
    chosen = not isinstance(patterns, str) or patterns != "auto"
    if solver == "column_generation" and chosen:
        raise InvalidInputError(
            "solver='column_generation' finds its own patterns and cannot be paired with "
            f"patterns={patterns!r}: leave patterns='auto', or use solver='working_set'."
        )
    if several and chosen and loss in ("absolute", "quantile"):
        raise InvalidInputError(
            f"patterns={patterns!r} with several outputs needs a smooth loss; got loss={loss!r}. Leave patterns='auto'."
        )
    if several and solver == "cvxpy":
        raise InvalidInputError(f"solver='cvxpy' is there for one output only: {NO_CONE_PROGRAM}.")
    if solver == "working_set" and loss != "squared" and not several:
        raise InvalidInputError(
            f"solver='working_set' solves the program of the squared loss; got loss={loss!r}. Use "
            f"solver='column_generation', or solver='cvxpy' for given patterns."
        )
    if solver == "auto" and chosen:
        return "working_set" if loss == "squared" or several else "cvxpy"
    return "column_generation" if solver == "auto" else solver


def check_free_bias_options(solver, patterns, max_width):
    """Refuse what is not there where the hidden bias costs nothing."""
    for name, value, default in (
        ("solver", solver, "auto"),
        ("patterns", patterns, "auto"),
        ("max_width", max_width, None),
    ):
        if value is not default and value != default:
            raise InvalidInputError(
                f"{name}={value!r} is not there with penalize_bias=False. Leave {name}={default!r}, or penalise "
                f"the bias."
            )


def choose_patterns(design, patterns, n_patterns, solver, rng, n_jobs):
    """Return (ActivationPatterns of `design`, whether these are all of them)."""
    if isinstance(patterns, ActivationPatterns):
        return patterns, False
    if patterns == "exact" or (patterns == "auto" and count_patterns(design) <= MAX_PROGRAM_PATTERNS):
        possible = count_patterns(design)
        if possible > MAX_EXACT_PATTERNS[solver]:
            raise PatternLimitError(
                f"patterns='exact' would pose one convex program over up to {possible} patterns, more than the "
                f"{MAX_EXACT_PATTERNS[solver]} that solver={solver!r} can be expected to solve. Use "
                f"solver='column_generation', which needs no list of patterns, or patterns='sampled' for an upper "
                f"bound."
            )
        return enumerate_patterns(design, n_jobs=n_jobs), True
    n_patterns = N_SAMPLED_PATTERNS if n_patterns is None else check_count(n_patterns, "n_patterns")
    return sample_patterns(design, n_patterns, random_state=rng), False


def solve(
    problem,
    *,
    solver="auto",
    patterns="auto",
    n_patterns=None,
    max_width=None,
    tol=1e-6,
    max_iter=MAX_ITER,
    deadline=None,
    proof="auto",
    n_jobs=None,
    rng=None,
    start=None,
    report=None,
    max_work=None,
):
    """Train a network on a `Problem` of one output or several; see `ConvexReLURegressor` for the options.

    Several outputs have no cvxpy program. `max_work` is a budget as `solve_column_generation` has it; the other
    solvers, and losses with kinks of one output, train without one. `rng` is by default that of the seed 0.

    Returns
    -------
    Solution
    """
    if problem.has_free_bias:
        check_free_bias_options(solver, patterns, max_width)
        options = {"tol": tol, "max_iter": max_iter, "deadline": deadline, "proof": proof, "n_jobs": n_jobs}
        return solve_free_bias(problem, **options, start=start, report=report)
    solver = check_pairing(solver, patterns, problem.loss.name, several=problem.y.ndim == 2)
    rng = np.random.default_rng(0) if rng is None else rng
    first_rng = deepcopy(rng)  # what `max_width` draws does not depend on what training has drawn
    if solver != "column_generation":
        chosen, complete = choose_patterns(problem.design, patterns, n_patterns, solver, rng, n_jobs)
        solution = solve_given_patterns(
            problem,
            chosen,
            solver=solver,
            complete=complete,
            tol=tol,
            max_iter=max_iter,
            deadline=deadline,
            proof=proof,
            n_jobs=n_jobs,
            report=report,
        )
    else:
        options = {"tol": tol, "max_iter": max_iter, "deadline": deadline, "proof": proof, "n_jobs": n_jobs}
        options |= {"rng": rng, "start": start, "report": report}
        if problem.loss.is_smooth:
            solution = solve_column_generation(problem, max_work=max_work, **options)
        else:
            solution = solve_kinked(problem, max_work=max_work if problem.y.ndim == 2 else None, **options)
    if max_width is None or solution.network.width <= max_width:
        return solution
    if solution.status is Status.interrupted:
        deadline = now()
    return _narrow(problem, solution, max_width, tol, proof, rng=first_rng, deadline=deadline, n_jobs=n_jobs)


def _narrow(problem, solution, max_width, tol, proof, **options):
    """Bring a solution under `max_width`: by optimal pruning where that is enough, else by local searches."""
    network, status = solution.network.pruned(problem.features), solution.status
    pruned_width = network.width
    if pruned_width > max_width:
        network = narrow_network(problem, network, max_width, **options)
        known = f"the critical width m* is at most {pruned_width}"
        if status is Status.restricted:
            known = f"over the given patterns {pruned_width} neurons are enough"
        status = Status.max_width
        warnings.warn(
            f"max_width={max_width} was not enough to reach the optimum over all widths: {known}. The best network of "
            f"width {network.width} that was found is returned.",
            WidthWarning,
            stacklevel=4,
        )
    certificate = certify_problem(
        network,
        problem,
        dual_points=[solution.certificate.dual_point[problem.rows]],  # of the wide network, which is nearly optimal
        **proof_options(tol, proof, options["deadline"], options["n_jobs"]),
    )
    return conclude(network, certificate, status, tol=tol, n_iter=solution.n_iter, history=solution.history)
