"""``.. changelog:: FILE`` shows the changelog, whose Markdown is headings, lists, code and links."""

import re
from pathlib import Path

from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

UNDERLINES = {"##": "-", "###": "~"}
HEADING = re.compile(r"(#+) (.*)")
SPAN = re.compile(r"(?P<code>`[^`]+`)|\[(?P<text>[^\]]+)\]\((?P<target>[^)\s]+)\)|(?P<special>[*|_\\])")


def translate_span(match):
    """Return the reST of a piece of code, a link, or a character that reST would take for markup."""
    if match["code"]:
        return f"`{match['code']}`"
    if match["target"]:
        return f"`{match['text']} <{match['target']}>`__"
    return "\\" + match["special"]


def to_rest(markdown):
    """Return the reST of a changelog without its title."""
    lines = []
    for line in SPAN.sub(translate_span, markdown).splitlines():
        heading = HEADING.fullmatch(line)
        if heading is None:
            lines.append(line)
        elif heading[1] in UNDERLINES:
            title = heading[2].strip("[]")
            lines += [title, UNDERLINES[heading[1]] * len(title)]
    return "\n".join(lines) + "\n"


class Changelog(SphinxDirective):
    required_arguments = 1
    final_argument_whitespace = True

    def run(self):
        path = Path(self.env.srcdir, directives.path(self.arguments[0]))
        self.env.note_dependency(str(path))
        return self.parse_text_to_nodes(to_rest(path.read_text(encoding="utf-8")), allow_section_headings=True)


def setup(app):
    app.add_directive("changelog", Changelog)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
