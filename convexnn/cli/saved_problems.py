"""The problem that a saved network is judged on: table and objective as its file names them, or the arguments do."""

import numpy as np

from ..exceptions import InvalidInputError
from .arguments import positive
from .outcomes import counted
from .prepared import training_data
from .streams import note
from .tasks import ALL_LOSSES

# Objectives that differ by more than 1e-6 belong to other data or to another problem; scalings likewise.
MAX_OBJECTIVE_DIFFERENCE = 1e-6


def add_saved_objective(parser):
    """Add what may replace the objective of the file."""
    group = parser.add_argument_group("objective (default: that of the file)")
    group.add_argument("--beta", type=positive, help="weight decay")
    group.add_argument("--loss", choices=(*ALL_LOSSES, "multinomial"))
    group.add_argument("--huber-delta", type=positive, metavar="D", help="where the huber loss bends")
    group.add_argument("--quantile", type=positive, metavar="Q", help="of the quantile loss")


def load_for(saved, arguments):
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


def saved_objective(saved, arguments):
    """Return beta and the loss: as the arguments give them, else as the file does."""
    names = ("beta", "loss", "huber_delta", "quantile")
    problem = {name: getattr(arguments, name) or getattr(saved, name) for name in names}
    problem["loss"] = problem["loss"] or "squared"  # a file of a network alone names none
    if problem["beta"] is None:
        raise InvalidInputError(f"--beta is needed: {arguments.model!r} does not say what the network was trained for.")
    return problem if saved.penalize_bias else problem | {"penalize_bias": False}


def compare_claim(saved, found, weight):
    """Say so when the file's claim is about something else than the objective that was found on the table."""
    if saved.claimed is None:
        return
    claimed = saved.claimed.primal
    if abs(claimed - found) > MAX_OBJECTIVE_DIFFERENCE * max(abs(claimed), abs(found)):
        causes = "another table, or another objective"
        if saved.sample_weight is not None and weight is None:
            causes += ", or the weights that it was trained with (--weight)"
        if not saved.is_scaled:
            causes += ", or not standardised alike (--standardize)"
        note(f"the file claims the objective {claimed:.10g}, here it is {found:.10g}: {causes}.")
