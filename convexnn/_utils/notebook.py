"""Bars of progress in a notebook: a small table below the cell, which is written anew while the work goes on.

Jupyter's own protocol is enough for that. The bars of rich would need ipywidgets there.
"""

import time
from dataclasses import dataclass
from html import escape

from .display import CELL_STYLE


@dataclass
class Row:
    """What one bar shows."""

    name: str
    started: float
    done: int = 0
    total: int | None = None
    figures: str = ""
    is_open: bool = True

    def html(self):
        """Return the bar as a row of a table; without a total it shows only that something goes on."""
        share = "" if self.total is None else f' value="{self.done}" max="{max(self.total, 1)}"'
        cells = (escape(self.name), f"<progress{share}></progress>", self._elapsed(), escape(self.figures))
        return "<tr>" + "".join(f'<td style="{CELL_STYLE}">{cell}</td>' for cell in cells) + "</tr>"

    def text(self):
        """Return the bar as a line, for what shows no HTML."""
        of = "" if self.total is None else f" of {self.total}"
        return f"{self.name}: {self.done}{of}, {self._elapsed()}, {self.figures}"

    def _elapsed(self):
        return f"{time.monotonic() - self.started:.0f} s"


class NotebookBars:
    """The bars of one reporter, drawn in the output of the cell that runs; they have the methods of `Bars`."""

    def __init__(self):
        self.rows, self.handle, self.n_made = {}, None, 0

    def open(self, name):
        """Return the number of a new bar."""
        bar, self.n_made = self.n_made, self.n_made + 1
        self.rows[bar] = Row(name, time.monotonic())
        return bar

    def update(self, bar, done, total, figures):
        """Draw a bar with what is done and these figures behind it."""
        row = self.rows[bar]
        row.done, row.total, row.figures = done, total, figures
        self._draw()

    def close(self, bar, keep):
        """End a bar, which stays to be seen or not."""
        self.rows[bar].is_open = False
        if not keep:
            del self.rows[bar]
        self._draw()
        if not any(row.is_open for row in self.rows.values()):
            self.stop()

    def stop(self):
        """End all bars; the next ones are drawn below what has been printed since."""
        self.rows, self.handle = {}, None

    def _draw(self):
        from IPython.display import display

        rows = self.rows.values()
        table = "".join(row.html() for row in rows)
        html = f'<table class="convexnn" style="border-collapse:collapse">{table}</table>'
        bundle = {"text/html": html if rows else "", "text/plain": "\n".join(row.text() for row in rows)}
        if self.handle is None:
            self.handle = display(bundle, raw=True, display_id=True)
        else:
            self.handle.update(bundle, raw=True)
