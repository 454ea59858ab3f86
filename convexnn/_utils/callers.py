"""Which line a warning points to: that of the user, however many frames of the library lie between."""

import sys

INNER_PACKAGES = ("convexnn", "sklearn")


def stacklevel_of_user():
    """Return the ``stacklevel`` with which the caller's warning points to the first line outside of the library."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in INNER_PACKAGES:
        frame, level = frame.f_back, level + 1
    return level
