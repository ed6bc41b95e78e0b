"""Sphinx configuration; every page with code is executed at build, and warnings are errors."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
os.environ["JAX_PLATFORMS"] = "cpu"

from rheobase import __version__

project = "rheobase"
author = "The rheobase authors"
copyright = author
version = release = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.mathjax",
    "sphinx_design",
    "reference",
    "gallery",
]
exclude_patterns = ["_build"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

nb_execution_mode = "force"  # a cached result would survive a change of the library
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_output_stderr = "remove-warn"
nb_merge_streams = True

html_theme = "furo"
html_title = "rheobase"
html_show_sphinx = False
