"""The patterns' part of the site's navigation, in mkdocs.yml between two marks."""

from __future__ import annotations

from acidtest.patterns import PATTERNS
from generator.markdown import capital

_BEGIN = "      # patterns: written by docs/generate.py\n"
_END = "      # patterns: end\n"


def navigation(configuration: str) -> str:
    """The configuration with a line for the page of each pattern."""
    before, _, rest = configuration.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    lines = [f"      - {capital(entry.title)}: patterns/{stem}.md\n" for stem, entry in PATTERNS.items()]
    return "".join([before, _BEGIN, *lines, _END, after])
