"""Lets nbconvert make pages with boxes, numbers and references: ``--config`` names this file."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
get_config().HTMLExporter.preprocessors = ["book.exporting.Markdown"]  # noqa: F821
