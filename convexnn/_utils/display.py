"""How records show themselves: a line in the terminal, a small table in a notebook."""

from decimal import ROUND_CEILING, Context, Decimal
from html import escape

# Cells have no colours of their own: those of the notebook, light or dark, stay.
CELL_STYLE = "text-align:left;padding:0.1em 1em 0.1em 0"
# Tables in a notebook show 40 rows.
MAX_TABLE_ROWS = 40
# Three digits, rounded up: "at most" stays true.
UPWARDS = Context(prec=3, rounding=ROUND_CEILING)


class Shown:
    """Mixin of records: `_shown` says once what both the line and the table are made of."""

    def _shown(self):
        """Return the title and the pairs (name, text) that a person wants to know first."""
        raise NotImplementedError

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{name} {text}' for name, text in self._shown()[1])})"

    def _repr_html_(self):
        title, pairs = self._shown()
        return html_table(title, pairs)


def html_table(title, rows, head=None):
    """Return a table in HTML with a title, escaped, without scripts and without anything from elsewhere.

    Parameters
    ----------
    title : str
    rows : sequence of sequences of str
        The first entry of each is its name.
    head : sequence of str, optional
        The names of the columns.
    """
    hidden = len(rows) - MAX_TABLE_ROWS
    body = [_row(row) for row in rows[:MAX_TABLE_ROWS]]
    if hidden > 0:
        body.append(_row([f"and {hidden} more", *[""] * (len(rows[0]) - 1)]))
    columns = "" if head is None else f"<thead>{_row(head, 'col')}</thead>"
    caption = f'<caption style="caption-side:top;color:inherit;{CELL_STYLE}"><b>{escape(title)}</b></caption>'
    return (
        f'<table class="convexnn" style="border-collapse:collapse">{caption}{columns}'
        f"<tbody>{''.join(body)}</tbody></table>"
    )


def _row(cells, scope="row"):
    """Return a row: all of them headings of columns, or the first one the heading of the row."""

    def cell(k, text):
        kind = f'th scope="{scope}"' if scope == "col" or k == 0 else "td"
        return f'<{kind} style="{CELL_STYLE}">{escape(str(text))}</{kind[:2]}>'

    return f"<tr>{''.join(cell(k, text) for k, text in enumerate(cells))}</tr>"


def text_table(head, rows, side="<"):
    """Return a table as lines of text, its columns aligned to the left (``<``) or to the right (``>``).

    Examples
    --------
    >>> print(text_table(["n", "value"], [["10", "0.5"], ["2", "12"]], ">"))
     n  value
    10    0.5
     2     12
    """
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = ["  ".join(f"{text:{side}{w}}" for text, w in zip(row, widths, strict=True)) for row in (head, *rows)]
    return "\n".join(line.rstrip() for line in lines)


def figure(value, digits=10):
    """Return a number with so many digits at most, a dash for None."""
    return "-" if value is None else f"{value:.{digits}g}"


def percent_above(share):
    """Return a share in per cent with three digits, rounded up.

    Examples
    --------
    >>> percent_above(0.5784), percent_above(0.25), percent_above(1.0)
    ('57.9 %', '25 %', '100 %')
    """
    # The shift by two places rounds as well: a share of double precision has more than three digits.
    return f"{UPWARDS.scaleb(Decimal(share), 2).normalize(UPWARDS):f} %"


def share_above(share, digits=3):
    """Return a share in scientific notation, rounded up: a proven gap is at most what is printed.

    Examples
    --------
    >>> share_above(0.88206), share_above(2.1277e-9, digits=2), share_above(0.0)
    ('8.83e-01', '2.2e-09', '0.00e+00')
    """
    rounded = Decimal(share).normalize(Context(prec=digits, rounding=ROUND_CEILING))
    return f"{float(rounded):.{digits - 1}e}"


def counted(n, noun):
    """Return ``1 neuron``, ``2 neurons``."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def between(bounds):
    """Return bounds on an integer as text: ``3`` where they are equal, else ``2 to 5``."""
    return str(bounds[0]) if bounds[0] == bounds[1] else f"{bounds[0]} to {bounds[1]}"


def optimum(value, bound, proof):
    """Return an optimal value as text, and how far it is proven."""
    if proof == "exact":
        return f"{value:.10g} (exact)"
    return f"at most {value:.10g}, at least {bound:.10g} ({proof})"
