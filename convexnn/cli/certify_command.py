"""Certify a saved network on a table: how far from the best network of any width it can be.

The figures are computed here, from the network and the table; what the file claims is printed beside them. A
network that was trained on a raw table gets this one prepared and standardised in the same way, by what its file says.
"""

from dataclasses import asdict

import numpy as np

from ..duality import certify
from ..exceptions import InvalidInputError
from .arguments import add_data, add_effort, positive
from .models import read_model, targets_for
from .outcomes import Outcome, certificate_entries, counted, loss_text, prepared_text, print_pairs, proven_or_not
from .prepared import training_data
from .streams import note, verbosity
from .tasks import ALL_LOSSES

# Objectives that differ by more than 1e-6 belong to other data or to another problem.
MAX_OBJECTIVE_DIFFERENCE = 1e-6


def add_arguments(parser):
    """Add the arguments of the command."""
    parser.add_argument("model", help="a network saved by fit or by convexnn.exchange")
    add_data(parser, training=False)
    group = parser.add_argument_group("objective (default: that of the file)")
    group.add_argument("--beta", type=positive, help="weight decay")
    group.add_argument("--loss", choices=(*ALL_LOSSES, "multinomial"))
    group.add_argument("--huber-delta", type=positive, metavar="D", help="where the huber loss bends")
    group.add_argument("--quantile", type=positive, metavar="Q", help="of the quantile loss")
    effort = add_effort(parser)
    effort.add_argument("--tol", type=positive, default=1e-6, help="relative gap that counts as proven (default: 1e-6)")


def run(arguments):
    """Certify the network; return the `Outcome`."""
    saved = read_model(arguments.model)
    data = _load_for(saved, arguments)
    problem = _problem(saved, arguments)
    y = targets_for(saved, data)
    effort = {name: getattr(arguments, name) for name in ("proof", "time_limit", "n_jobs")}
    effort["verbose"] = verbosity(arguments)
    certificate = certify(saved.network, data.X, y, sample_weight=data.weight, **problem, **effort)
    _compare(saved, certificate, data.weight)
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


def _load_for(saved, arguments):
    """Return the data: the columns that the file names, where the arguments name none."""
    target = arguments.target or (None if saved.target_names is None else ",".join(saved.target_names))
    if target is None:
        raise InvalidInputError(f"--target is needed: {arguments.model!r} does not say which column it predicts.")
    data = training_data(saved, arguments, target)
    if len(data.features) != saved.network.n_inputs:
        raise InvalidInputError(
            f"the network takes {counted(saved.network.n_inputs, 'input')}; the table has "
            f"{counted(len(data.features), 'feature')}: {', '.join(data.features)}. Choose them with --features."
        )
    return _scaled_for(saved, data, arguments)


def _scaled_for(saved, data, arguments):
    """Return the data as the network takes them: scaled as the file says, by themselves where it says nothing."""
    if not saved.is_scaled:
        return data.standardized() if arguments.standardize else data
    if arguments.standardize:
        # --standardize is harmless where it gives the scaling that the file has.
        table = data.standardized()
        center = 0.0 if saved.center is None else saved.center
        scale = 1.0 if saved.scale is None else saved.scale
        if np.any(np.abs([table.center - center, table.scale - scale]) > MAX_OBJECTIVE_DIFFERENCE * scale):
            raise InvalidInputError(
                f"--standardize: the table has other means and deviations than {arguments.model!r}, which keeps those "
                f"of its training rows. They are used without the flag; leave it out."
            )
    return data.scaled(saved.center, saved.scale)


def _problem(saved, arguments):
    """Return beta and the loss: as the arguments give them, else as the file does."""
    names = ("beta", "loss", "huber_delta", "quantile")
    problem = {name: getattr(arguments, name) or getattr(saved, name) for name in names}
    if problem["beta"] is None:
        raise InvalidInputError(f"--beta is needed: {arguments.model!r} does not say what the network was trained for.")
    return problem


def _compare(saved, certificate, weight):
    """Say so when the file's claim is about something else."""
    if saved.claimed is None:
        return
    claimed, found = saved.claimed.primal, certificate.primal
    if abs(claimed - found) > MAX_OBJECTIVE_DIFFERENCE * max(abs(claimed), abs(found)):
        causes = "another table, or another objective"
        if saved.sample_weight is not None and weight is None:
            causes += ", or the weights that it was trained with (--weight)"
        if not saved.is_scaled:
            causes += ", or not standardised alike (--standardize)"
        note(f"the file claims the objective {claimed:.10g}, here it is {found:.10g}: {causes}.")


def _show(console, saved, certificate, document):
    console.print(repr(saved.network))
    console.print(str(certificate))
    pairs = {"beta": document["beta"], "loss": loss_text(document["loss"]), "rows": document["n_samples"]}
    pairs["prepared"] = prepared_text(saved.preparation)
    if saved.claimed is not None:
        pairs["claimed"] = f"objective {saved.claimed.primal:.10g}, relative gap {saved.claimed.relative_gap:.2e}"
    print_pairs(console, pairs)
