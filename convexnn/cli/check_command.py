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


def add_arguments(parser):
    """Add the arguments of the command."""
    parser.add_argument("proof", help="a file written by prove")
    add_data(parser, training=False)
    parser.add_argument("--model", help="the network whose file says how the table is prepared")


def run(arguments):
    """Check the file; return the `Outcome`."""
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
    return Outcome(document, lambda console: console.print(str(verdict), soft_wrap=True))


def _data(arguments, header):
    """Return X, y and weights, as the header of the proof says or as for a network."""
    if arguments.model is None:
        return read_table(arguments.data, header)
    saved = read_model(arguments.model)
    data = load_for(saved, arguments)
    return checked_data(data.X, targets_for(saved, data), data.weight)
