"""Libraries of the extras, imported when they are needed."""

import importlib

from ..exceptions import MissingLibraryError


def require(library, extra):
    """Return a library, or say which extra brings it.

    Raises
    ------
    MissingLibraryError
        Which is an ImportError.
    """
    try:
        return importlib.import_module(library)
    except ModuleNotFoundError as error:
        package = library.split(".")[0]
        if (error.name or "").split(".")[0] != package:
            raise
        raise MissingLibraryError(
            f"{package} is not installed; it comes with an extra: pip install 'convexnn[{extra}]'."
        ) from error
