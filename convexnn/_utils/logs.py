"""The logger of the package, "convexnn".

It has no handler of its own: where a program sets up no logging, Python shows warnings on standard error and nothing
else, and a NullHandler would swallow these too.
"""

import logging

logger = logging.getLogger("convexnn")
