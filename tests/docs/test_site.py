"""The site has every page, and every link on it leads somewhere."""

import re
from pathlib import Path

import pytest

from generator.example import with_example
from generator.navigation import navigation

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("**/*.md"))
CONFIGURATION = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


def prose(page):
    """The text without what is shown as it is."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors(page):
    """The places of a page: those that are written out, and its headings, as both renderers name them."""
    text = prose(page)
    headings = [re.sub(r"[^\w\s-]", "", h).strip().lower() for h in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]
    return [*re.findall(r'<a id="([^"]+)"', text), *(re.sub(r"[-\s]+", "-", heading) for heading in headings)]


def leads_nowhere(page, link):
    path, _, place = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if DOCS not in target.parents or not target.is_file():
        return True
    return bool(place) and place not in anchors(target)


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(DOCS)) for page in PAGES])
def test_links_lead_to_places_on_the_site(page):
    links = {link for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)) if "://" not in link}
    assert sorted(link for link in links if leads_nowhere(page, link)) == []


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(DOCS)) for page in PAGES])
def test_no_place_is_named_twice(page):
    named = re.findall(r'<a id="([^"]+)"', prose(page))
    assert sorted({name for name in named if named.count(name) > 1}) == []


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(DOCS)) for page in PAGES])
def test_no_code_in_a_table_has_a_bar_which_only_one_of_both_renderers_shows_as_such(page):
    assert re.findall(r"`[^`\n]*\\\|[^`\n]*`", prose(page)) == []


def test_the_navigation_names_every_page():
    nav = CONFIGURATION[CONFIGURATION.index("\nnav:") :]
    named = re.findall(r"[: -] (\S+\.md)$", nav, re.MULTILINE)
    assert sorted(named) == sorted(str(page.relative_to(DOCS)) for page in PAGES)


def test_the_front_page_shows_an_example_and_leads_to_every_page_but_those_of_single_patterns():
    front = DOCS / "index.md"
    text = front.read_text(encoding="utf-8")
    assert re.search(r"```python\n.*?^FAIL  outbox ", text, re.DOTALL | re.MULTILINE)
    wanted = [page for page in PAGES if page != front and (page.parent.name != "patterns" or page.stem == "index")]
    assert [str(page.relative_to(DOCS)) for page in wanted if f"({page.relative_to(DOCS)})" not in text] == []


def test_the_navigation_is_up_to_date():
    assert navigation(CONFIGURATION) == CONFIGURATION, "run: python docs/generate.py"


def test_the_site_asks_no_other_host():
    settings = "\n".join(line.split(" #")[0] for line in CONFIGURATION.splitlines() if not line.lstrip().startswith("#"))
    assert "font: false" in settings
    assert "assets/iframe-worker.js" in settings
    assert "://" not in settings


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(DOCS)) for page in PAGES])
def test_no_page_shows_anything_from_another_host(page):
    assert re.findall(r"!\[[^\]]*\]\(\w+://|<(?:img|script|link|iframe)\b", prose(page)) == []


def test_the_worked_example_is_on_the_page_that_it_explains():
    text = (DOCS / "explanation/models.md").read_text(encoding="utf-8")
    assert with_example(text) == text, "run: python docs/generate.py"
    shown = re.findall(r"^```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    page = (DOCS / "patterns/two_phase_commit.md").read_text(encoding="utf-8")
    assert shown
    assert [block for block in shown if block not in page] == []
