"""Formulas as MathML, which browsers set themselves: no script, no network, no LaTeX on the machine that builds."""

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.errors import SphinxError


def to_mathml(node, as_block):
    """Return the MathML of a node's LaTeX; a formula that cannot be read ends the build, naming its place."""
    try:
        return tex2mathml(node.astext(), as_block=as_block)
    except SyntaxError as error:
        raise SphinxError(f"{node.source}:{node.line}: no MathML for {node.astext()!r}: {error}") from error


def visit_inline(self, node):
    self.body.append(f'<span class="math">{to_mathml(node, as_block=False)}</span>')
    raise nodes.SkipNode


def visit_block(self, node):
    # Wide formulas scroll on their own, also by the keyboard, and leave the page as narrow as the screen.
    self.body.append(f'<div class="math" tabindex="0">{to_mathml(node, as_block=True)}</div>')
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
