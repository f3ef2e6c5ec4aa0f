"""The page in a real browser: stepping, folding, no request, nothing obeyed of what the code under test says."""

import json
import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from acidtest.checker.proof import prove, show
from acidtest.patterns import pattern
from acidtest.report.graph.walk import walked
from acidtest.report.mermaid import mermaid
from acidtest.report.page.failure import failure_page
from acidtest.report.page.model import model_page

pytestmark = pytest.mark.xdist_group("chromium")


class Reader:
    """Somebody who looks at a page from the disk."""

    def __init__(self, browser, file, text):
        self.browser, self.file = browser, file
        file.write_text(text, encoding="utf-8")
        self.size(1280)
        self.scheme("light")
        browser.get_log("browser"), browser.get_log("performance")
        browser.get(file.as_uri())

    def size(self, width, height=900):
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)

    def scheme(self, name):
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def says(self, expression):
        return self.browser.execute_script(f"return {expression}")

    def press(self, key, times=1):
        for _ in range(times):
            for kind in ("rawKeyDown", "keyUp"):
                code = {"ArrowLeft": 37, "ArrowRight": 39, "End": 35, "Home": 36}[key]
                self.browser.execute_cdp_cmd("Input.dispatchKeyEvent", {"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code})

    def click(self, selector):
        self.browser.find_element("css selector", selector).click()

    @property
    def step(self):
        return int(self.says("document.getElementById('slider').value"))

    @property
    def panel(self):
        return self.says("document.getElementById('panel').innerText")

    def requests(self):
        messages = [json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")]
        asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        return [url for url in asked if not url.startswith("data:")]


@pytest.fixture
def look(chromium, tmp_path):
    """Look at a page; in the end nothing was asked of anybody, and nothing was complained of."""
    readers = []

    def look(text):
        readers.append(Reader(chromium, tmp_path / "page.html", text))
        return readers[-1]

    yield look
    for reader in readers:
        assert reader.requests() == [reader.file.as_uri()]
        assert chromium.get_log("browser") == []


@pytest.fixture
def reader(look, told):
    return look(failure_page(*told))


def test_it_begins_at_the_step_after_which_it_was_too_late(reader, told):
    failure, _ = told
    assert reader.step == failure.too_late
    assert reader.says("document.querySelector('tr.chosen').id") == f"step-{failure.too_late}"


def test_arrow_keys_go_from_step_to_step_and_the_panel_says_what_is_there(reader, told):
    _, film = told
    reader.press("ArrowLeft")
    assert film.frames[reader.step - 1].shot.text in reader.panel
    reader.press("ArrowLeft", reader.step)
    assert reader.step == 0
    assert "Before the first step" in reader.panel
    reader.press("ArrowRight", 5)
    assert "COMMIT" in reader.panel
    assert reader.says("document.querySelectorAll('#details tr.changed').length") == 3  # account, request and outbox
    assert "w1" in reader.panel


def test_what_changed_is_marked_for_those_who_do_not_see_colours_as_well(reader):
    reader.press("ArrowLeft", reader.step)
    reader.press("ArrowRight", 5)
    assert reader.says("[...document.querySelectorAll('#details tr.changed td:first-child')].map(cell => cell.textContent.split(':')[0])") == [
        "changed", "new", "new",
    ]  # fmt: skip
    assert reader.says("[...document.querySelectorAll('#details td.other')].map(cell => cell.textContent)") == ["39"]


def test_the_slider_shows_a_step_that_is_folded_and_opens_what_it_is_in(reader, told):
    _, film = told
    last = len(film.frames)
    assert reader.says(f"document.getElementById('step-{last}').parentElement.hidden")
    reader.says("document.getElementById('slider').focus()")
    reader.press("End")
    assert reader.step == last
    assert not reader.says(f"document.getElementById('step-{last}').parentElement.hidden")
    assert "✗ OB3" in reader.panel


def test_arrow_keys_pass_over_what_is_folded(reader, told):
    failure, film = told
    reader.press("ArrowRight")
    assert reader.step == len(film.frames)
    reader.press("ArrowLeft")
    assert reader.step == len(film.frames) - 1  # the last step was looked at, so it is open now
    assert failure.at_rest


def test_what_is_folded_is_opened_and_closed_by_its_button_and_all_at_once(reader):
    hidden = "document.querySelectorAll('tbody.folded[hidden]').length"
    folded = reader.says(hidden)
    assert folded > 0
    reader.click("button.fold")
    assert reader.says(hidden) == folded - 1
    assert reader.says("document.querySelector('button.fold').getAttribute('aria-expanded')") == "true"
    reader.click("button.fold")
    assert reader.says(hidden) == folded
    reader.click("#unfold")
    assert reader.says(hidden) == 0


def test_choosing_a_row_shows_it(reader):
    reader.click("#step-5 .what")
    assert reader.step == 5
    assert reader.says("document.getElementById('step-5').getAttribute('aria-current')") == "step"


def test_every_step_is_in_the_table_as_text_and_the_drawing_is_not_read_aloud(reader, told):
    _, film = told
    assert reader.says("document.querySelectorAll('tr.step').length") == len(film.frames)
    assert reader.says("[...document.querySelectorAll('svg')].every(svg => svg.closest('[aria-hidden=true]') !== null)")
    assert reader.says("document.querySelectorAll('tr.step th[scope=row]').length") == len(film.frames)


def test_commits_and_what_never_came_back_are_drawn(reader, told):
    failure, _ = told
    piece = f"document.querySelector('#step-{failure.too_late} svg')"
    assert reader.says(f"{piece}.querySelectorAll('.arrow.weighty').length") == 1
    assert reader.says(f"{piece}.querySelectorAll('.arrow.unknown.lost').length") == 1
    assert reader.says(f"{piece}.querySelector('.sign.lost').textContent") == "✗"


def test_beside_it_is_the_nearest_run_that_goes_well_from_where_they_part(reader, told):
    failure, _ = told
    runs = [reader.says(f"document.querySelectorAll('.runs ol')[{n}].innerText") for n in (0, 1)]
    firsts = [reader.says(f"document.querySelectorAll('.runs ol')[{n}].firstElementChild.value") for n in (0, 1)]
    assert firsts == [failure.too_late] * 2
    assert "reply lost" in runs[0] and "broker: publish" not in runs[0]
    assert "reply lost" not in runs[1] and "broker: publish" in runs[1]


def test_what_is_violated_right_after_install_has_no_steps_but_is_shown(look, told):
    failure, film = told
    reader = look(failure_page(replace(failure, rows=(), resting=(), at_rest=False, too_late=None), replace(film, frames=(), beside=None)))
    assert reader.step == 0
    assert "✗ OB3" in reader.panel
    assert "right after install" in reader.says("document.querySelector('tr.violated').innerText")


@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_is_wider_than_the_screen(look, told, width):
    reader = look(failure_page(*told))
    reader.size(width)
    assert reader.says("document.documentElement.scrollWidth") <= width
    assert reader.says("document.querySelector('#step-5 svg').getBoundingClientRect().width") > width / 5


def test_it_is_dark_where_the_reader_wants_that(reader):
    ground = "getComputedStyle(document.body).backgroundColor"
    light = reader.says(ground)
    reader.scheme("dark")
    assert reader.says(ground) != light


def test_nothing_that_the_code_under_test_says_is_obeyed(look, hostile):
    reader = look(failure_page(*hostile))
    for _ in range(12):
        reader.press("ArrowLeft")
    reader.click("#unfold")
    assert "owned" not in reader.says("document.title").replace("document.title='owned'", "")
    assert reader.says("document.images.length") == 0
    assert reader.says("document.scripts.length") == 2  # the film and what steps through it
    assert reader.says("[...document.querySelectorAll('*')].flatMap(e => [...e.attributes]).filter(a => /^on|^style$/.test(a.name)).length") == 0


def test_what_turns_the_direction_of_text_and_what_is_no_character_is_shown_as_an_escape(look, hostile):
    reader = look(failure_page(*hostile))
    text = reader.says("document.documentElement.textContent")
    assert "\u202e" not in text and "\0" not in text
    assert "\\u202e" in reader.says("document.body.innerText")


def test_a_megabyte_is_cut_and_says_how_much_is_missing(hostile, told):
    page = failure_page(*hostile)
    assert len(page) < len(failure_page(*told)) + 100_000
    assert "characters more" in page


def test_no_script_runs_but_the_pages_own(chromium, tmp_path, told):
    page = failure_page(*told).replace("</body>", "<script>document.title = 'owned'</script></body>")
    reader = Reader(chromium, tmp_path / "page.html", page)
    assert reader.says("document.title") != "owned"
    assert any("Content Security Policy" in entry["message"] for entry in chromium.get_log("browser"))


def test_a_witness_is_stepped_through_on_the_state_diagram(look):
    theory = pattern("cqrs").theory()
    study = next(study for study in theory.studies if study.name == "a view that is told by messages")
    shown = [show(study, theorem) for theorem in study.theorems[:2]]
    found = walked(prove(study, study.sizes[0]), shown)
    reader = look(model_page("cqrs", "CQRS", theory.promise, [found], "1"))
    here = "Number(document.querySelector('.graph .here').dataset.node)"
    strides = found.walks[0].strides
    places = []
    for _ in strides:
        places.append(reader.says(here))
        reader.press("ArrowRight")
    assert places == [stride.node for stride in strides]
    moved = sum(one.node != other.node for one, other in pairwise(strides))
    assert moved > 0 and reader.says("document.querySelectorAll('.graph .arrow.passed, .graph .arrow.taken').length") > 0
    assert reader.says("document.querySelectorAll('ol.strides > li').length") == len(strides)


@pytest.mark.parametrize("which", ["told", "hostile"])
def test_mermaids_own_parser_takes_the_diagram(chromium, tmp_path, request, which):
    program = os.environ.get("ACIDTEST_MERMAID", "")
    if not Path(program).is_file():
        reason = "ACIDTEST_MERMAID does not name Mermaid's mermaid.min.js (from its npm package)"
        pytest.fail(reason, pytrace=False) if os.environ.get("ACIDTEST_REQUIRE_MERMAID") else pytest.skip(reason)
    page = tmp_path / "mermaid.html"
    page.write_text(f'<!DOCTYPE html><meta charset="utf-8"><body><script src="{Path(program).as_uri()}"></script>', encoding="utf-8")
    chromium.get(page.as_uri())
    asked = "const done = arguments[1]; mermaid.parse(arguments[0]).then((found) => done(found.diagramType), (error) => done(error.message))"
    assert chromium.execute_async_script(asked, mermaid(*request.getfixturevalue(which))) == "sequence"
    assert chromium.execute_async_script(asked, "sequenceDiagram\n  A->>") != "sequence"
