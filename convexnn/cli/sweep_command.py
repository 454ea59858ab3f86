"""Sweep over widths or strengths: what gradient descent finds beside the proven optimum, or how the optimum changes.

--widths runs gradient descent at every width; --betas follows the optimum and the set of optimal networks.
"""

from ..exceptions import InvalidInputError
from ..sweeps import regularization_path, width_sweep
from ..sweeps.strengths import LOSSES_OF_PATHS
from .arguments import (
    add_beta,
    add_data,
    add_effort,
    add_objective,
    add_require_proof,
    count,
    positive,
    seed,
    strengths,
    widths,
)
from .files import TABLES, check_target_file
from .objectives import load_objective
from .outcomes import Outcome, cell, prepared_text, print_table, proven_or_not
from .pictures import add_plot, check_plot, save_plot
from .streams import say, verbosity
from .tabular import write_frame

WIDTH_COLUMNS = {
    "width": "width",
    "best": "best",
    "median": "median",
    "worst": "worst",
    "share_reached": "share at p*",
    "n_components": "components",
    "regime": "regime",
}
LABEL_COLUMNS = {"n_global": "global", "n_strict": "strict", "n_escapable": "escapable", "n_saddle": "saddle"}
BETA_COLUMNS = {
    "beta": "beta",
    "optimal_value": "p*",
    "relative_gap": "gap",
    "proof": "proof",
    "loss": "loss",
    "penalty": "penalty",
    "m_star": "m*",
    "M_star": "M*",
    "is_unique": "unique",
}

SWEEP_FORMATS = {"relative_gap": ".1e", "share_reached": ".0%"}


def add_arguments(parser):
    """Add the arguments of the command."""
    add_data(parser)
    add_beta(add_objective(parser, LOSSES_OF_PATHS))
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--widths", type=widths, metavar="1:10", help="widths, such as 1:10, 1:20:2 or 1,2,8")
    kind.add_argument("--betas", type=strengths, metavar="10,1,0.1", help="strengths, or auto for --n-betas of them")
    runs = parser.add_argument_group("with --widths")
    runs.add_argument("--n-runs", type=count, default=100, metavar="N", help="runs at every width (default: 100)")
    runs.add_argument("--labels", action="store_true", help="say what kind of point every run ended at")
    runs.add_argument("--seed", type=seed, default=0, help="of the starts (default: 0)")
    path = parser.add_argument_group("with --betas")
    path.add_argument("--n-betas", type=count, default=20, metavar="N", help="of auto (default: 20)")
    path.add_argument("--eps", type=positive, default=1e-2, help="smallest over largest of auto (default: 0.01)")
    path.add_argument("--refine", type=positive, metavar="SHARE", help="narrow down changes to this relative distance")
    add_require_proof(add_effort(parser))
    parser.add_argument("--checkpoint", metavar="FILE", help="keep every record; the same command goes on from there")
    parser.add_argument("-o", "--output", metavar="TABLE.csv", help="save the table")
    add_plot(parser)


def run(arguments):
    """Run the sweep; return its `Outcome`."""
    _check_kind(arguments)
    check_plot(arguments.plot)
    check_target_file(arguments.output, "--output", TABLES, arguments.data)
    check_target_file(arguments.checkpoint, "--checkpoint")
    # Gradient descent is there for the squared loss only: it is the default over widths, whatever the task.
    objective = load_objective(arguments, loss="squared" if arguments.widths else None)
    try:
        found = (_over_widths if arguments.widths else _over_strengths)(objective, arguments)
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt("interrupted before the first record; nothing was saved.") from error
    rows = [record.row() for record in found.records]
    # A sweep is proven when each of its records is.
    proven = all(record.proof == "exact" for record in found.records)
    document = objective.described() | {"complete": found.complete, "proven": proven, "records": rows}
    if not found.complete:
        kept = "; the same command goes on from the checkpoint" if arguments.checkpoint else ""
        say(f"interrupted: {len(found)} records are finished and kept{kept}.")
    exit_code = proven_or_not(proven, not found.complete, arguments.require_proof)
    prepared = prepared_text(objective.data.preparation)
    return Outcome(
        document, lambda console: _show(console, found, rows, prepared), exit_code, lambda: _save(found, arguments)
    )


def _check_kind(arguments):
    """Refuse options of the one kind of sweep in the other."""
    if arguments.betas is not None:
        misplaced = {"--beta": arguments.beta != "scale", "--labels": arguments.labels}
        kind, other = "--betas", "--widths"
    else:
        other_loss = arguments.loss not in (None, "squared")
        misplaced = {"--refine": arguments.refine is not None, f"--loss {arguments.loss}": other_loss}
        kind, other = "--widths", "--betas"
    for option, is_given in misplaced.items():
        if is_given:
            raise InvalidInputError(f"{option} goes with {other}, not with {kind}.")


def _over_widths(objective, arguments):
    """Return the `WidthSweep`."""
    beta = objective.strength(arguments.beta)
    options = {"n_runs": arguments.n_runs, "labels": arguments.labels, "random_state": arguments.seed}
    options |= objective.options | _shared(arguments)
    return width_sweep(objective.data.X, objective.y, beta, arguments.widths, **options)


def _over_strengths(objective, arguments):
    """Return the `RegularizationPath`."""
    betas = None if arguments.betas == "auto" else arguments.betas
    options = {"n_betas": arguments.n_betas, "eps": arguments.eps, "refine": arguments.refine}
    return regularization_path(
        objective.data.X, objective.y, betas, **options, **objective.options, **_shared(arguments)
    )


def _shared(arguments):
    names = ("proof", "time_limit", "checkpoint")
    return {name: getattr(arguments, name) for name in names} | {"verbose": verbosity(arguments)}


def _save(found, arguments):
    if arguments.output is not None:
        write_frame(found.to_frame(), arguments.output)
    if arguments.plot is not None:
        save_plot(found, arguments.plot)


def _show(console, found, rows, prepared):
    console.print(repr(found))
    if prepared is not None:
        console.print(f"prepared: {prepared}")
    columns = BETA_COLUMNS
    if "width" in rows[0] and "n_global" in rows[0]:
        columns = WIDTH_COLUMNS | (LABEL_COLUMNS if rows[0]["n_global"] is not None else {})
    print_table(console, rows, columns, SWEEP_FORMATS)
    for change in getattr(found, "changes", ()):
        between = f"between beta {change.beta_before:.6g} and {change.beta_after:.6g}"
        name = BETA_COLUMNS[change.quantity]
        console.print(f"{name} from {cell(change.before)} to {cell(change.after)} {between}")
