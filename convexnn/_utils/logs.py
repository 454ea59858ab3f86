"""The logger of the package, "convexnn", which is silent until a program gives it, or the root logger, a handler."""

import logging

logger = logging.getLogger("convexnn")
# Without a handler of its own, warnings of a library go to standard error by themselves.
logger.addHandler(logging.NullHandler())
