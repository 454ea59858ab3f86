"""Formulas as MathML, which browsers set themselves: no script, no network, no LaTeX on the machine that builds.

docutils translates; two of its habits are put right here. It reads ``\\tfrac12`` as one number, twelve, and it leaves
the bars of norms and absolute values stretchy, so that a lone closing bar with an exponent grows and drops.
"""

import re

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.errors import SphinxError

NUMERATOR = re.compile(r"(\\[td]?frac)\s*(\d)")
BAR = re.compile(r"<mo>([|‖∣∥])</mo>")


def to_mathml(latex, as_block=False):
    """Return the MathML of a piece of LaTeX; raise ValueError where docutils cannot read it."""
    mathml = tex2mathml(NUMERATOR.sub(r"\1{\2}", latex), as_block=as_block)
    return BAR.sub(r'<mo stretchy="false" lspace="0" rspace="0">\1</mo>', mathml)


def translate(node, as_block):
    """Return the MathML of a node; a formula that cannot be read ends the build, naming its place."""
    try:
        return to_mathml(node.astext(), as_block)
    except ValueError as error:
        raise SphinxError(f"{node.source}:{node.line}: no MathML for {node.astext()!r}: {error}") from error


def visit_inline(self, node):
    self.body.append(f'<span class="formula">{translate(node, as_block=False)}</span>')
    raise nodes.SkipNode


def visit_block(self, node):
    # Wide formulas scroll on their own, also by the keyboard, and leave the page as narrow as the screen.
    self.body.append(f'<div class="formula" tabindex="0">{translate(node, as_block=True)}</div>')
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
