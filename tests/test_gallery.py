"""The pictures of the gallery: every block that draws one has words above it, which are its alternative text."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx_gallery")

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "docs" / "_ext"))

import captions  # noqa: E402
from sphinx_gallery.py_source_parser import split_code_and_text_blocks  # noqa: E402

EXAMPLES = sorted((ROOT / "examples").glob("plot_*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_picture_has_words_above_it(path):
    blocks = split_code_and_text_blocks(str(path))[1]
    drawn = [line for kind, code, line in blocks if kind == "code" and "plt.show()" in code]
    words = [captions.words_above(line, str(path)) for line in drawn]
    assert words and len(set(words)) == len(words)
    assert all(text.endswith((".", ":")) and len(text) > 50 and "``" not in text for text in words)


def test_no_figure_is_wider_than_a_page():
    for path in EXAMPLES:
        for part in path.read_text().split("figsize=(")[1:]:
            assert float(part.split(",")[0]) <= 9.0, path.stem


def test_the_words_replace_what_the_gallery_would_say(monkeypatch):
    monkeypatch.setattr(captions, "matplotlib_scraper", lambda *arguments, **options: "image\n   :alt: plot auer\n   x")
    source = str(ROOT / "examples" / "plot_auer.py")
    line = next(line for kind, code, line in split_code_and_text_blocks(source)[1] if "logspace(0, 7" in code)
    shown = captions.scrape(("code", "", line), {"src_file": source}, {})
    assert shown.startswith("image\n   :alt: One axis: every further point adds a minimum") and shown.endswith(
        ".\n   x"
    )
