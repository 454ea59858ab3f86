"""Certify a saved network on a table: how far from the best network of any width it can be.

The figures are computed here, from the network and the table; what the file claims is printed beside them. A
network that was trained on a raw table gets this one prepared and standardised in the same way, by what its file says.
"""

from dataclasses import asdict

from .._utils.display import share_above
from ..duality import certify
from .arguments import add_data, add_effort, positive
from .models import read_model, targets_for
from .outcomes import Outcome, certificate_entries, loss_text, prepared_text, print_pairs, proven_or_not
from .saved_problems import add_saved_objective, compare_claim, load_for, saved_objective
from .streams import verbosity


def add_arguments(parser):
    """Add the arguments of the command."""
    parser.add_argument("model", help="a network saved by fit or by convexnn.exchange")
    add_data(parser, training=False)
    add_saved_objective(parser)
    effort = add_effort(parser)
    effort.add_argument("--tol", type=positive, default=1e-6, help="relative gap that counts as proven (default: 1e-6)")


def run(arguments):
    """Certify the network; return the `Outcome`."""
    saved = read_model(arguments.model)
    data = load_for(saved, arguments)
    problem = saved_objective(saved, arguments)
    y = targets_for(saved, data)
    effort = {name: getattr(arguments, name) for name in ("proof", "time_limit", "n_jobs")}
    effort["verbose"] = verbosity(arguments)
    certificate = certify(saved.network, data.X, y, sample_weight=data.weight, **problem, **effort)
    compare_claim(saved, certificate.primal, data.weight)
    proven = certificate.relative_gap <= arguments.tol
    document = {
        "model": arguments.model,
        "proven": proven,
        "n_samples": len(data.X),
        "features": data.features,
        "targets": data.targets,
        "preparation": None if saved.preparation is None else saved.preparation.to_json(),
        "center": data.center,
        "scale": data.scale,
        **problem,
        "width": saved.network.width,
        "certificate": certificate_entries(certificate),
        "claimed": None if saved.claimed is None else asdict(saved.claimed),
    }
    return Outcome(document, lambda console: _show(console, saved, certificate, document), proven_or_not(proven))


def _show(console, saved, certificate, document):
    console.print(repr(saved.network))
    console.print(str(certificate))
    pairs = {"beta": document["beta"], "loss": loss_text(document["loss"]), "rows": document["n_samples"]}
    pairs["prepared"] = prepared_text(saved.preparation)
    if saved.claimed is not None:
        pairs["claimed"] = (
            f"objective {saved.claimed.primal:.10g}, relative gap {share_above(saved.claimed.relative_gap)}"
        )
    print_pairs(console, pairs)
