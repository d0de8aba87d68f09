"""How `make docs` builds the guide and the API reference."""

import sys
from pathlib import Path

import ifrs

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

from commands import markdown

project = "ifrs"
author = copyright = "the ifrs authors"
version = release = ifrs.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "ifrs"
html_static_path = ["static"]
html_css_files = ["guide.css"]
html_js_files = ["guide.js"]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "deflist"]
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "signature"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
nitpicky = False
# Quotes and ellipses, but no dashes: two hyphens begin an option.
smartquotes_action = "qe"
exclude_patterns = ["_build"]


def _commands(_: object, page: str, source: list[str]) -> None:
    """Put the reference of the command line where its page has a mark."""
    if page == "reference/commands":
        source[0] = source[0].replace("<!-- commands -->", markdown())


def setup(app: object) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _commands)  # type: ignore[attr-defined]
