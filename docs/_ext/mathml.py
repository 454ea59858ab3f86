r"""Formulas as MathML, which browsers set themselves: no script, no network, no LaTeX on the machine that builds.

The writer of docutils, from which Sphinx's own derives, translates (docutils.conf asks it for MathML). Two of its
habits are put right here: it reads ``\tfrac12`` as one number, twelve, and it leaves the bars of norms and absolute
values stretchy, so that a lone closing bar with an exponent grows and drops, and spaced like operators.
"""

import re

from docutils.nodes import SkipChildren, SkipNode
from docutils.writers.html5_polyglot import HTMLTranslator

NUMERATOR = re.compile(r"(\\[td]?frac)\s*(\d)")
BAR = re.compile(r"<mo[^>]*>([|‖∣∥])</mo>")


def with_braces(latex):
    """Return the LaTeX with braces around numerators of one digit."""
    return NUMERATOR.sub(r"\1{\2}", latex)


def with_plain_bars(mathml):
    """Return the MathML with bars that neither stretch nor keep a distance."""
    return BAR.sub(r'<mo stretchy="false" lspace="0em" rspace="0em">\1</mo>', mathml)


def write(translator, node):
    """Append the formula; one that cannot be read is a warning that names its place, by docutils."""
    readable = type(node)("", with_braces(node.astext()))
    readable.source, readable.line = node.source, node.line
    start = len(translator.body)
    try:
        HTMLTranslator.visit_math(translator, readable)
    except SkipChildren:  # all is written
        pass
    translator.body[start:] = [with_plain_bars("".join(translator.body[start:]))]


def visit_inline(translator, node):
    translator.body.append('<span class="formula">')
    write(translator, node)
    translator.body.append("</span>")
    raise SkipNode


def visit_block(translator, node):
    # Wide formulas scroll on their own, also by the keyboard, and leave the page as narrow as the screen.
    translator.body.append('<div class="formula" tabindex="0">')
    write(translator, node)
    translator.body.append("</div>\n")
    raise SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
