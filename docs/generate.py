"""Writes the generated pages and drawings of the documentation from the code and from what its models prove.

    python docs/generate.py [WORD]...

With words only the pages whose path contains one of them are written. The patterns' part of the navigation in mkdocs.yml
is written, too. A test fails when a page differs from what this writes. How pages are made is in docs/generator/.
"""

from __future__ import annotations

import sys
from pathlib import Path

from generator.evidence import NotProvedError
from generator.navigation import navigation
from generator.site import pages

FOLDER = Path(__file__).parent
CONFIGURATION = FOLDER.parent / "mkdocs.yml"


def main(words: list[str]) -> int:
    """Write the pages; those that cannot be written, because a claim does not hold, are reported and left as they are."""
    failures = 0
    for path, make in pages().items():
        if words and not any(word in path for word in words):
            continue
        try:
            text = make()
        except NotProvedError as error:
            failures += 1
            sys.stderr.write(f"{path} not written. {error}\n")
            continue
        target = FOLDER / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    CONFIGURATION.write_text(navigation(CONFIGURATION.read_text(encoding="utf-8")), encoding="utf-8")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
