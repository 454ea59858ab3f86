"""Pictures of results in files."""

from importlib.util import find_spec

from .files import PICTURES, check_target_file, replacing


def add_plot(parser):
    """Add the file of the picture."""
    parser.add_argument("--plot", metavar="FILE.png", help="save a picture (png, pdf or svg)")


def check_plot(path, option="--plot"):
    """Refuse, before any work is done, a picture that could not be saved."""
    if path is None:
        return
    check_target_file(path, option, PICTURES)
    if find_spec("matplotlib") is None:
        raise ImportError(f'{option} needs matplotlib: pip install "convexnn[plot]".')


def save_plot(result, path):
    """Save what ``result.plot(ax)`` draws, whole or not at all."""
    from ..plotting._figures import save_axes

    with replacing(path) as partial:
        save_axes(result.plot, partial)
