"""The documentation is true and whole: its code runs, its outputs are right, its links lead somewhere."""

import contextlib
import doctest
import importlib
import io
import os
import re
import shutil
import subprocess
import sys
import textwrap
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit

import pytest

import convexnn
from convexnn._utils.site import DOCUMENTATION

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in [*DOCS.glob("*.rst"), *DOCS.glob("api/*.rst")])
PUBLIC = [
    "convexnn",
    "convexnn.activations",
    "convexnn.arrangements",
    "convexnn.dask",
    "convexnn.datasets",
    "convexnn.deep",
    "convexnn.duality",
    "convexnn.estimators",
    "convexnn.exceptions",
    "convexnn.exchange",
    "convexnn.gated",
    "convexnn.interpolation",
    "convexnn.landscape",
    "convexnn.optimal_sets",
    "convexnn.plotting",
    "convexnn.programs",
    "convexnn.responses",
    "convexnn.solvers",
    "convexnn.sweeps",
]
BLOCK = re.compile(
    r"^(?P<indent> *)\.\. code-block:: (?P<language>python|text)\n(?P<options>(?:(?P=indent) +:[^\n]*\n)*)\n"
    r"(?P<code>(?:(?P=indent) +[^\n]*\n|\n)+)",
    re.M,
)
REMARK = re.compile(r"^ *\.\. (not run|needs): (.+)\n\s*\Z", re.M)  # just before a block
NUMBER = re.compile(r"\d+\.\d+(?:e[+-]\d+)?")
# Blocks of any language; the longest line of code that a page shows without scrolling at 1280 pixels.
ANY_BLOCK = re.compile(
    r"^(?P<indent> *)\.\. code-block:: (?P<language>\w+)\n(?:(?P=indent) +:[^\n]*\n)*\n"
    r"(?P<code>(?:(?P=indent) +[^\n]*\n|\n)+)",
    re.M,
)
LONGEST = 88
# What docutils documents for those who extend it.
PUBLIC_DOCUTILS = {"docutils", "docutils.nodes", "docutils.parsers.rst", "docutils.writers.html5_polyglot"}


def blocks(page):
    """Yield (kind, code) of a page in order: ``run`` for Python, ``output`` for what the block before it prints."""
    text = (DOCS / page).read_text()
    for match in BLOCK.finditer(text):
        code = "\n" * text.count("\n", 0, match.start("code")) + textwrap.dedent(match["code"])
        if match["language"] == "text":
            if ":class: output" in match["options"]:
                yield "output", textwrap.dedent(match["code"]).strip()
        elif runs(REMARK.search(text, 0, match.start())):
            yield "run", code
        else:
            compile(code, page, "exec")


def runs(remark):
    """Whether a block with this remark before it is to be run: ``.. not run: why``, ``.. needs: torch, onnx``."""
    if remark is None:
        return True
    return remark[1] == "needs" and all(find_spec(name.strip()) for name in remark[2].split(","))


def numbers(text):
    return [float(number) for number in NUMBER.findall(text)]


@pytest.fixture
def drawn():
    """Pictures are drawn on no screen and closed again."""
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_runs_and_prints_what_it_says(page, drawn, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names, printed = {"__name__": page}, ""
    for kind, code in blocks(page):
        if kind == "run":
            with contextlib.redirect_stdout(io.StringIO()) as stream:
                exec(compile(code, DOCS / page, "exec"), names)
            printed = stream.getvalue().strip()
        else:
            assert NUMBER.sub("#", printed).split() == NUMBER.sub("#", code).split()
            # Gaps are rounding and differ from machine to machine; what they say does not.
            assert numbers(printed) == pytest.approx(numbers(code), rel=1e-6, abs=1e-6)
    outside = BLOCK.sub("\n", (DOCS / page).read_text())  # prompts in the text itself
    prompts = doctest.DocTestParser().get_doctest(outside, names, page, page, 0)
    assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(prompts).failed == 0


def test_blocks_are_found_at_any_indent():
    kinds = [kind for kind, _ in blocks("from_cvxpy.rst")]
    assert kinds == ["run", "run", "output", "run", "output"]
    kinds = [kind for kind, _ in blocks("from_scnn.rst")]
    assert kinds == ["run", *["run", "output"] * 3]  # two are not run


def documented():
    """Yield the dotted name of every entry of the API pages."""
    for page in sorted((DOCS / "api").glob("*.rst")):
        for line in page.read_text().splitlines():
            if line.startswith(".. currentmodule::"):
                module = line.split()[-1]
            elif re.fullmatch(r"   [\w.]+", line):
                yield f"{module}.{line.strip()}"


def resolve(name):
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def test_every_public_name_is_in_the_api_pages_once():
    entries = [resolve(name) for name in documented()]
    assert len({id(entry) for entry in entries}) == len(entries)
    for package in PUBLIC:
        module = importlib.import_module(package)
        for name in module.__all__:
            value = getattr(module, name)
            if name != "__version__" and not isinstance(value, ModuleType):
                assert any(value is entry for entry in entries), f"{package}.{name} is missing in docs/api"


def test_every_example_is_in_the_gallery_once():
    index = (ROOT / "examples" / "index.rst").read_text()
    examples = sorted(path.stem for path in (ROOT / "examples").glob("plot_*.py"))
    assert sorted(re.findall(r"^   \.\./examples/(\w+)\.py$", index, re.M)) == examples
    assert sorted(re.findall(r"^   (plot_\w+)$", index, re.M)) == examples


def build(folder):
    """Build the site in a folder of its own, the gallery's scripts not run; return the folder of its pages."""
    made = shutil.ignore_patterns("_build", "auto_examples", "generated", "__pycache__")
    shutil.copytree(DOCS, folder / "docs", ignore=made)
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=made)
    for name in ("CHANGELOG.md", "setup.cfg"):
        shutil.copy(ROOT / name, folder)
    options = ["-q", "-W", "--keep-going", "-D", "plot_gallery=0"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    finished = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, folder / "docs", folder / "html"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return folder / "html"


class Page(HTMLParser):
    """The links, pictures, anchors and outside resources of a page."""

    def __init__(self, path):
        super().__init__()
        self.links, self.pictures, self.anchors, self.loaded = [], [], set(), []
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.anchors |= {found[key] for key in ("id", "name") if found.get(key)}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag == "img":
            self.pictures.append(found)
        if tag in ("script", "img", "iframe") and "src" in found:
            self.loaded.append(found["src"])
        if tag == "link" and found.get("rel") in ("stylesheet", "preload", "icon"):
            self.loaded.append(found["href"])


def check_pages(html):
    for page in PAGES:
        assert (html / page).with_suffix(".html").exists()
    for example in (ROOT / "examples").glob("plot_*.py"):
        assert (html / "auto_examples" / f"{example.stem}.html").exists()
    for name in documented():
        assert (html / "generated" / f"{name}.html").exists()


def check_signatures(html):
    """Signatures have names and defaults; what an argument may be is said in words below."""
    for page in (html / "generated").glob("*.html"):
        for signature in re.findall(r'<dt class="sig .*?</dt>', page.read_text(), re.S):
            assert "Literal" not in signature and "NestedSequence" not in signature, page.name


def check_reachable(html, pages):
    """A reader who follows links from the first page finds every other."""
    known, ahead = set(), [(html / "index.html").resolve()]
    while ahead:
        path = ahead.pop()
        if path in pages and path not in known:
            known.add(path)
            ahead += [(path.parent / unquote(urlsplit(link).path)).resolve() for link in pages[path].links]
    assert known >= {(html / page).with_suffix(".html").resolve() for page in PAGES}


def check_internal_links(path, page, pages):
    for link in page.links:
        parts = urlsplit(link)
        if parts.scheme or not (parts.path or parts.fragment):
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        assert target.exists(), f"{path.name}: {link}"
        if parts.fragment and target in pages:
            assert unquote(parts.fragment) in pages[target].anchors, f"{path.name}: {link}"


def check_outside_links(path, page):
    """They are https, and nothing is loaded from outside: no script, style or picture."""
    for link in page.links:
        if urlsplit(link).scheme not in ("", "mailto"):
            assert re.fullmatch(r"https://[\w.-]+\.\w+(/\S*)?", link), f"{path.name}: {link}"
    assert not [source for source in page.loaded if urlsplit(source).netloc], path.name


def check_pictures(path, page):
    for picture in page.pictures:
        assert (path.parent / unquote(picture["src"])).resolve().exists(), f"{path.name}: {picture['src']}"
        # Thumbnails and the logo say nothing that the words beside them do not: their text is empty, and that is right.
        beside_words = picture["src"].endswith("_thumb.png") or "logo__image" in picture.get("class", "")
        assert picture.get("alt", "").strip() or beside_words, f"{path.name}: {picture['src']}"


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_is_whole(tmp_path):
    for needed in ("sphinx", "numpydoc", "pydata_sphinx_theme", "sphinx_gallery", "sphinx_copybutton", "sphinx_design"):
        pytest.importorskip(needed)
    html = build(tmp_path)
    check_pages(html)
    check_signatures(html)
    pages = {path.resolve(): Page(path) for path in html.rglob("*.html") if "_static" not in path.parts}
    check_reachable(html, pages)
    for path, page in pages.items():
        check_internal_links(path, page, pages)
        check_outside_links(path, page)
        check_pictures(path, page)
    text = (html / "mathematics.html").read_text()
    assert text.count("<math") >= 40 and "mathjax" not in text.lower()
    assert f'<span class="project-version">{convexnn.__version__}</span>' in text
    assert 'href="generated/convexnn.minimal_pruning.html' in (html / "pruning.html").read_text()


@pytest.fixture
def extensions(monkeypatch):
    """The extensions of the site can be imported."""
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(DOCS / "_ext")


def test_fractions_of_digits_and_bars_are_set_right(extensions):
    mathml = importlib.import_module("mathml")
    assert mathml.with_braces(r"\tfrac12 \frac\beta2 \tfrac1{2n}") == r"\tfrac{1}2 \frac\beta2 \tfrac{1}{2n}"
    flat = mathml.with_plain_bars('<mo stretchy="true">|</mo><mi>u</mi><mo>‖</mo><mo>(</mo>')
    assert flat.count('stretchy="false" lspace="0em" rspace="0em"') == 2 and flat.endswith("<mo>(</mo>")


def test_extensions_use_the_public_parts_of_docutils():
    for path in (DOCS / "_ext").glob("*.py"):
        used = re.findall(r"^\s*(?:from|import) (docutils[\w.]*)", path.read_text(), re.M)
        assert set(used) <= PUBLIC_DOCUTILS, path.name


def test_the_changelog_is_translated_to_rest(extensions):
    to_rest = importlib.import_module("changelog").to_rest
    markdown = "# Changelog\n\n## [0.1.0]\n\n- [a](https://b.c/d_e): `x_` and m*,\n  `y\n  z`\n"
    rest = "\n0.1.0\n-----\n\n- `a <https://b.c/d_e>`__: ``x_`` and m\\*,\n  ``y\n  z``\n"
    assert to_rest(markdown) == rest


@pytest.mark.parametrize("page", PAGES)
def test_lines_of_code_are_as_wide_as_the_page(page):
    for match in ANY_BLOCK.finditer((DOCS / page).read_text()):
        for line in textwrap.dedent(match["code"]).splitlines():
            # What a program prints wraps, as in a terminal; what is typed does not.
            typed = match["language"] == "python" or line.startswith(("$ ", ">>> "))
            assert not typed or len(line) <= LONGEST, line


def test_code_of_the_readme_is_as_wide_as_the_page():
    for code in re.findall(r"^```\w*\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S):
        assert max(map(len, code.splitlines())) <= LONGEST


def test_addresses_in_the_readme_are_the_projects_own(extensions):
    """They are absolute, since an index shows README too, and lead to a page or a file that exists."""
    urls = importlib.import_module("project_urls").project_urls(ROOT / "setup.cfg")
    site, source = urls["Documentation"], urls["Source"].removeprefix("https://github.com/")
    pages = {site, f"{site}auto_examples/index.html"} | {site + page.replace(".rst", ".html") for page in PAGES}
    files = re.compile(rf"https://(?:github\.com/{source}/blob|raw\.githubusercontent\.com/{source})/main/(.+)")
    text = (ROOT / "README.md").read_text()
    found = re.findall(r'^\[[^\]]+\]: (\S+)$|\bsrc="([^"]+)"', text, re.M)
    assert len(found) >= 15
    for address in map("".join, found):
        file = files.fullmatch(address)
        assert address in pages or (file and (ROOT / file[1]).exists()), address
    defined = {name.lower() for name in re.findall(r"^\[([^\]]+)\]: ", text, re.M)}
    assert {name.lower() for name in re.findall(r"(?<!`)\[([A-Za-z][\w. ]+)\](?![(:\]])", unfenced(text))} == defined
    assert f"repository-code: {urls['Source']}\nurl: {site}\n" in (ROOT / "CITATION.cff").read_text()
    assert DOCUMENTATION == site


def unfenced(markdown):
    """The text without its code."""
    return re.sub(r"^```.*?^```|`[^`]*`", "", markdown, flags=re.M | re.S)


def test_links_of_pages_and_readme_are_files_of_the_project():
    for source in [ROOT / "README.md", ROOT / "CHANGELOG.md"]:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", source.read_text()):
            assert re.match(r"https://[\w.-]+\.\w+", target) or (source.parent / target).exists(), target
