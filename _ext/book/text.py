"""What a reader sees of HTML, as plain text."""

from __future__ import annotations

import re
from html import unescape

UNSEEN = re.compile(r"<math\b.*?</math>|<[^>]*>", re.DOTALL)
"""Tags, and what of a formula is read aloud alone."""


def plain(html: str) -> str:
    """Return the text of HTML, with single spaces."""
    return " ".join(unescape(UNSEEN.sub("", html)).split())
