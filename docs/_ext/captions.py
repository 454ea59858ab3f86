"""Words for the pictures of the gallery: the text above a picture says what to see, and is its alternative text."""

import re

from sphinx_gallery.py_source_parser import split_code_and_text_blocks
from sphinx_gallery.scrapers import matplotlib_scraper


def scrape(block, block_vars, gallery_conf, **options):
    """Save the pictures of a block as Sphinx-Gallery does, and give them the words above the block."""
    words = words_above(block[2], block_vars["src_file"])
    shown = matplotlib_scraper(block, block_vars, gallery_conf, **options)
    return re.sub(r"(?m)^( *:alt:) .*$", lambda found: f"{found[1]} {words}", shown)


def words_above(line, source):
    """Return the last paragraph of the text above a line of an example, on one line and without marks of code."""
    texts = [text for kind, text, start in split_code_and_text_blocks(source)[1] if kind == "text" and start < line]
    return " ".join(texts[-1].strip().split("\n\n")[-1].replace("``", "").split())
