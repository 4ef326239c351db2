"""``python -m docs.pages [FOLDER]``: build the site (by default ``site``), offline; a warning of Sphinx ends with 1."""

from __future__ import annotations

import sys
from pathlib import Path

from docs.pages.building import build

if __name__ == "__main__":
    sys.exit(build(Path(sys.argv[1] if len(sys.argv) > 1 else "site")))
