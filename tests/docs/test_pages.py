"""Every program and command on the pages is played as a reader would, and prints what the page shows."""

import pytest
from played import ROOT, Player

PAGES = [
    ROOT / "README.md",
    ROOT / "docs/index.md",
    ROOT / "docs/tutorial/find-the-bug-in-an-outbox.md",
    ROOT / "docs/explanation/models.md",
    *sorted(ROOT.glob("docs/how-to/*.md")),
]


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_a_page_can_be_played_and_prints_what_it_shows(page, tmp_path, request):
    if "--backend postgresql" in page.read_text(encoding="utf-8") and "postgresql" in page.stem:
        request.getfixturevalue("postgresql")
    assert "\n\n".join(Player(tmp_path).play(page)) == ""
