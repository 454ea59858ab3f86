"""How an optimal network answers when the data change a little: one linear solve in place of many fits."""

from .influence import Influence
from .records import LeaveOneOut

__all__ = ["Influence", "LeaveOneOut"]
