"""Pictures of results in files."""

from pathlib import Path

from .._utils.atomic import write_whole
from .._utils.libraries import require
from .files import PICTURES, check_target_file

# Pictures of pixels have 130 of them per inch.
DPI = 130


def add_plot(parser):
    """Add the file of the picture."""
    parser.add_argument("--plot", metavar="FILE.png", help="save a picture (png, pdf or svg)")


def check_plot(path, option="--plot"):
    """Refuse, before any work is done, a picture that could not be saved."""
    if path is None:
        return
    check_target_file(path, option, PICTURES)
    require("matplotlib", "plot")


def save_plot(result, path):
    """Save what ``result.plot(ax)`` draws, whole or not at all."""
    from ..plotting._figures import figure_of

    save_figure(figure_of(result.plot), path)


def save_figure(figure, path):
    """Save a figure, whole or not at all."""
    ending = Path(path).suffix[1:].lower()
    write_whole(path, lambda file: figure.savefig(file, format=ending, dpi=DPI))
