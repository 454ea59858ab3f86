"""Write a proof file for a saved network on a table: how far it is from the best one, for others to check.

The file holds the network, a dual point and a tree of cones. It is checked in exact arithmetic before it is written;
`convexnn check` checks it again, and so does ``python -m convexnn.proofs.checker``, which uses nothing of this package.
"""

from ..duality.records import LARGEST_OPTIMAL_GAP
from ..exceptions import InvalidInputError
from ..proofs import write_proof
from .arguments import add_data, add_effort, add_require_proof, positive
from .files import check_target_file
from .models import read_model, targets_for
from .outcomes import Outcome, loss_text, print_pairs, proven_or_not
from .proof_tables import recipe_of
from .saved_problems import add_saved_objective, compare_claim, load_for, saved_objective
from .streams import note, verbosity
from .verdicts import verdict_entries


def add_arguments(parser):
    """Add the arguments of the command."""
    add_data(parser, training=False)
    parser.add_argument("--model", required=True, help="a network saved by fit or by convexnn.exchange")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="the proof file, an .npz")
    add_saved_objective(parser)
    effort = add_effort(parser, proof=False)
    effort.add_argument("--tol", type=positive, default=1e-8, help="relative width of the search (default: 1e-8)")
    effort.add_argument("--checkpoint", metavar="FILE", help="keep the search; the same command goes on from there")
    add_require_proof(effort)


def run(arguments):
    """Prove, and write the file; return the `Outcome`."""
    check_target_file(arguments.output, "--output", (".npz",), arguments.data)
    check_target_file(arguments.checkpoint, "--checkpoint")
    saved = read_model(arguments.model)
    if not saved.penalize_bias:
        raise InvalidInputError(
            f"{arguments.model!r} was trained with a hidden bias that costs nothing, and proof files are about "
            f"penalised ones. convexnn certify proves it."
        )
    data = load_for(saved, arguments)
    problem, y = saved_objective(saved, arguments), targets_for(saved, data)
    # Before the search, which may take hours: is it about what the network was trained for?
    compare_claim(saved, saved.network.objective(data.X, y, sample_weight=data.weight, **problem), data.weight)
    table = recipe_of(saved, data, y, arguments)
    if table is None:
        note("the checker alone cannot read this table as it is prepared here: convexnn check --model can.")
    effort = {name: getattr(arguments, name) for name in ("tol", "time_limit", "checkpoint", "n_jobs")}
    verdict = write_proof(
        arguments.output, saved.network, data.X, y, sample_weight=data.weight, table=table, **problem, **effort,
        verbose=verbosity(arguments),
    )  # fmt: skip
    proven = verdict.relative_gap <= LARGEST_OPTIMAL_GAP
    document = {
        "model": arguments.model,
        "proof_file": arguments.output,
        "proven": proven,
        "n_samples": len(data.X),
        **problem,
        "standalone": table is not None,
        **verdict_entries(verdict),
    }
    return Outcome(
        document, lambda console: _show(console, verdict, document),
        proven_or_not(proven, required=arguments.require_proof),
    )  # fmt: skip


def _show(console, verdict, document):
    console.print(f"{verdict}\n({verdict.problem})", soft_wrap=True)
    pairs = {"beta": document["beta"], "loss": loss_text(document["loss"]), "rows": document["n_samples"]}
    print_pairs(console, pairs | {"cones": f"{verdict.n_cones:,}", "written": document["proof_file"]})
