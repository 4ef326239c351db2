"""What Sphinx is told of the site; copied beside the pages before it is built."""

import re

from sphinx.application import Sphinx

project = "hadron-optics"
copyright = "the hadron-optics authors, Apache-2.0"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["**.ipynb"]
html_theme = "furo"
html_title = "hadron-optics"
html_show_sphinx = False
myst_heading_anchors = 4
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = ["Equation", "Shapes", "Source"]
suppress_warnings = ["misc.highlighting_failure"]  # command lines and study files are shown as they are

#: Literals and examples stay; signs of formulas (``|S|``, ``f*``) are no markup in a docstring.
_LITERAL = re.compile(r"(``.*?``|:\w+:`.*?`)")


def plain(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Formulas of a docstring as they are written, not taken for markup."""
    for row, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            parts = _LITERAL.split(line)
            lines[row] = "".join(part if n % 2 else re.sub(r"([|*_]+)", _escaped, part) for n, part in enumerate(parts))


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"\\{sign}" for sign in found[1])


def setup(app: Sphinx) -> None:
    """Before napoleon (priority 400) takes a docstring's sections apart."""
    app.connect("autodoc-process-docstring", plain, priority=400)
