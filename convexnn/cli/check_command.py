"""Check a proof file against its table in exact arithmetic: does it prove what it says, and about these data?

The work is done by one file that imports nothing of this package, ``convexnn/proofs/checker.py``, which reads the table
by itself where the proof says how. With --model the table is read and prepared as for that network.
"""

from ..exceptions import InvalidInputError
from ..proofs.checker import ProofError, read_proof, read_table
from ..proofs.writing import checked, checked_data
from .arguments import add_data
from .models import read_model, targets_for
from .outcomes import ExitCode, Outcome
from .saved_problems import load_for
from .streams import verbosity
from .verdicts import verdict_entries

# The options that say how a table is read.
READING = ("target", "weight", "standardize", "features", "drop", "separator", "decimal", "thousands", "encoding")
READING += ("na_values", "keep_na")


def add_arguments(parser):
    """Add the arguments of the command."""
    parser.add_argument("proof", help="a file written by prove")
    add_data(parser, training=False)
    parser.add_argument("--model", help="the network whose file says how the table is prepared")


def run(arguments):
    """Check the file; return the `Outcome`."""
    _refuse_options(arguments)
    document = {"proof_file": arguments.proof, "holds": False, "reason": None}
    try:
        header, arrays = read_proof(arguments.proof)
        verdict = checked(header, arrays, _data(arguments, header), verbosity(arguments))
    except FileNotFoundError as error:
        raise InvalidInputError(f"there is no file {error.filename!r}.") from error
    except ProofError as error:
        document["reason"] = reason = str(error)
        return Outcome(document, lambda console: console.print(reason, soft_wrap=True), ExitCode.not_proven)
    document |= {"holds": True} | verdict_entries(verdict)
    return Outcome(document, lambda console: console.print(f"{verdict}\n({verdict.problem})", soft_wrap=True))


def _refuse_options(arguments):
    """Refuse what would change how the table is read: the proof says that, or the file of the model."""
    given = [name for name in READING if getattr(arguments, name)]
    if given and arguments.model is None:
        option = f"--{given[0].replace('_', '-')}"
        raise InvalidInputError(
            f"{option} counts with --model only: the proof says how its table is read. Leave it out."
        )


def _data(arguments, header):
    """Return X, y and weights, as the header of the proof says or as for a network."""
    if arguments.model is None:
        return read_table(arguments.data, header)
    saved = read_model(arguments.model)
    data = load_for(saved, arguments)
    return checked_data(data.X, targets_for(saved, data), data.weight)
