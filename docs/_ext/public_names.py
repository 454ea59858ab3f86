"""A public name that stands in ``double backticks`` leads to the API, at its first place on a page."""

from docutils import nodes
from sphinx.util.nodes import make_refnode

PACKAGES = (
    "convexnn",
    "convexnn.landscape",
    "convexnn.plotting",
    "convexnn.deep",
    "convexnn.duality",
    "convexnn.solvers",
)


def find(objects, name):
    """Return the documented object of this name, or None."""
    return next((found for package in PACKAGES if (found := objects.get(f"{package}.{name}"))), None)


def link(app, doctree, page):
    objects = app.env.get_domain("py").objects
    seen = set()
    for literal in list(doctree.findall(nodes.literal)):
        name = literal.astext().removesuffix("()")
        found = find(objects, name)
        taken = name in seen or isinstance(literal.parent, (nodes.reference, nodes.title, nodes.term))
        if found is None or found.docname == page or taken:
            continue
        seen.add(name)
        target = make_refnode(app.builder, page, found.docname, found.node_id, literal.deepcopy(), name)
        literal.parent.replace(literal, target)


def setup(app):
    app.connect("doctree-resolved", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
