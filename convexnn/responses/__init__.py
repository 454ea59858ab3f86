"""How an optimal network answers when the data change a little: one linear solve in place of many fits."""

from .records import LeaveOneOut

__all__ = ["LeaveOneOut"]
