"""Writes the generated pages and drawings of the documentation from the code and from what its models prove.

    python docs/generate.py [WORD]...

With words only the pages whose path contains one of them are written. The patterns' part of the navigation in mkdocs.yml
and the run on the page on models are written, too. A test fails when a page differs from what this writes. How pages are made is in docs/generator/.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from acidtest.errors import BackendUnavailable
from generator.evidence import NotProvedError
from generator.example import with_example
from generator.navigation import navigation
from generator.site import pages, pages_from_a_server

FOLDER = Path(__file__).parent
CONFIGURATION = FOLDER.parent / "mkdocs.yml"


def main(words: list[str]) -> int:
    """Write the pages; those that cannot be written, because a claim does not hold, are reported and left as they are."""
    chosen = [path for path in {**pages(), **pages_from_a_server()} if not words or any(word in path for word in words)]
    # A page proves what it says, and no two prove the same: so they can be made side by side.
    with ProcessPoolExecutor() as pool:
        problems = [problem for problem in pool.map(write, chosen) if problem]
    for path, change in ((CONFIGURATION, navigation), (FOLDER / "explanation/models.md", with_example)):
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    return 1 if problems else 0


def write(path: str) -> str:
    """Write one page; what is wrong, if it cannot be."""
    try:
        text = {**pages(), **pages_from_a_server()}[path]()
    except (BackendUnavailable, NotProvedError) as error:
        return f"{path} not written. {error}"
    target = FOLDER / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
