"""Sphinx configuration: ``make docs`` builds the site into docs/_build/html, without the network."""

import sys
import warnings
from pathlib import Path

DOCS = Path(__file__).parent
ROOT = DOCS.parent
sys.path[:0] = [str(ROOT), str(DOCS / "_ext")]

from project_urls import project_urls  # noqa: E402

import convexnn  # noqa: E402

project = "convexnn"
author = "the convexnn developers"
copyright = "the convexnn developers"
version = release = convexnn.__version__
URLS = project_urls(ROOT / "setup.cfg")

extensions = [
    "changelog",
    "mathml",
    "matplotlib.sphinxext.plot_directive",
    "numpydoc",
    "public_names",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
default_role = "py:obj"  # `name` in a docstring is a link where the name is public, and the name itself elsewhere
templates_path = ["_templates"]
exclude_patterns = ["_build"]

# Formulas: see _ext/mathml.py and docutils.conf.
html_math_renderer = "mathml"

autosummary_generate = True
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False
# The types stand in words under Parameters; in signatures, spelled-out unions would hide the names.
autodoc_typehints = "none"
maximum_signature_line_length = 88

# Pictures of the pages: the scripts in _plots.
plot_formats = ["svg"]
plot_html_show_formats = False
plot_html_show_source_link = False
plot_include_source = False

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"[/\\]plot_",
    "ignore_pattern": r"demo\.py",
    "copyfile_regex": r"index\.rst",  # examples/index.rst: the gallery by subject
    "abort_on_example_error": False,
    "only_warn_on_example_error": True,  # with -W a failure still
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
    "remove_config_comments": True,
    "capture_repr": (),  # what an example prints, and not the value of its last line
    "thumbnail_size": (800, 560),
    "image_srcset": ["2x"],
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("convexnn",),
    "image_scrapers": ("captions.scrape",),  # see _ext/captions.py
    "matplotlib_animations": False,
}
warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")

html_theme = "pydata_sphinx_theme"
html_title = f"convexnn {release}"
html_favicon = "_static/favicon.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
# Pages of pictures or programs beside each other, which need all the room, and pages of the navigation bar.
WIDE = ("index", "auto_examples/index", "from_cvxpy", "from_mlpregressor", "from_scnn")
TOP = ("getting_started", "mathematics", "limits", "quality", "benchmarks", "changelog")
html_sidebars = {page: [] for page in WIDE + TOP}
html_theme_options = {
    "logo": {
        "text": "convexnn",
        "image_light": "_static/logo-light.svg",
        "image_dark": "_static/logo-dark.svg",
    },
    "navbar_start": ["navbar-logo", "project-version"],
    "navbar_align": "left",
    "icon_links": [{"name": "Source", "url": URLS["Source"], "icon": "fa-brands fa-github"}],
    "header_links_before_dropdown": 6,
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": ["project-version"],
    "secondary_sidebar_items": {"**": ["page-toc"]} | {page: [] for page in WIDE},
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}


def leave_to_scikit_learn(app, what, name, member, skip, options):
    """Methods that an estimator has from scikit-learn are documented there."""
    return skip or str(getattr(member, "__module__", "")).startswith("sklearn.") or None


def setup(app):
    app.connect("autodoc-skip-member", leave_to_scikit_learn)
