"""Sphinx configuration: ``make docs`` builds the site into docs/_build/html, without the network."""

import sys
import warnings
from pathlib import Path

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS.parent), str(DOCS / "_ext")]

import convexnn  # noqa: E402

project = "convexnn"
author = "the convexnn developers"
copyright = "the convexnn developers"
version = release = convexnn.__version__

extensions = [
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

# Formulas: see _ext/mathml.py.
html_math_renderer = "mathml"

autosummary_generate = True
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False

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
    "thumbnail_size": (400, 280),
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("convexnn",),
    "image_scrapers": ("captions.scrape",),  # see _ext/captions.py
    "matplotlib_animations": False,
}
warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")

html_theme = "pydata_sphinx_theme"
html_title = "convexnn"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_sidebars = {page: [] for page in ("index", "getting_started", "mathematics", "limits", "benchmarks")}
html_theme_options = {
    "logo": {"text": "convexnn"},
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}


def leave_to_scikit_learn(app, what, name, member, skip, options):
    """Methods that an estimator has from scikit-learn are documented there."""
    return skip or str(getattr(member, "__module__", "")).startswith("sklearn.") or None


def setup(app):
    app.connect("autodoc-skip-member", leave_to_scikit_learn)
