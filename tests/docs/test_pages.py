"""Every program and command on the pages is played as a reader would, and prints what the page shows."""

import re
from types import SimpleNamespace

import pytest
from played import ROOT, Player

from acidtest.cli import main
from acidtest.plugin import pytest_addoption

PAGES = [
    ROOT / "README.md",
    ROOT / "docs/index.md",
    ROOT / "docs/tutorial/find-the-bug-in-an-outbox.md",
    ROOT / "docs/explanation/models.md",
    ROOT / "docs/explanation/architectures.md",
    *sorted(ROOT.glob("docs/how-to/*.md")),
]


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_a_page_can_be_played_and_prints_what_it_shows(page, tmp_path, request):
    for server in ("postgresql", "mariadb"):
        if page.stem == f"check-on-{server}":
            request.getfixturevalue(server)
    assert "\n\n".join(Player(tmp_path).play(page)) == ""


UNTRUE = """
```python
print("what am I for?")
```

<!-- file: one.py -->

```python
X = 1
```

<!-- in one.py, from "Y" up to the end -->

```python
X = 2
```

```sh
acidtest shew outbox
acidtest show outbox
```

```text
outbox: transactional outbox

Port (the methods that nobody needs):
```
"""


def test_what_is_not_so_on_a_page_is_found(tmp_path):
    page = tmp_path / "untrue.md"
    page.write_text(UNTRUE, encoding="utf-8")
    found = [problem.splitlines()[0] for problem in Player(tmp_path).play(page)]
    assert found == [
        "untrue.md, line 2: nobody knows what this block is for; say so above it",
        "untrue.md, line 14: one.py has no such lines",
        "untrue.md, line 18: `acidtest shew outbox` ended with 2:",
        "untrue.md, line 23: this is not printed:",
    ]


ALL = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def options_of_pytest():
    """The options that the plugin adds."""
    added = []
    group = SimpleNamespace(addoption=lambda name, **_: added.append(name))
    pytest_addoption(SimpleNamespace(getgroup=lambda _: group))
    return added


@pytest.mark.parametrize("page", ALL, ids=[str(page.relative_to(ROOT)) for page in ALL])
def test_a_command_in_prose_exists_with_its_options(page):
    known = {name: {option for p in command.params for option in p.opts} for name, command in main.commands.items()}
    asked = re.findall(r"`acidtest ([a-z]+)([^`]*)`", page.read_text(encoding="utf-8"))
    assert [name for name, _ in asked if name not in known] == []
    assert [(name, option) for name, rest in asked for option in re.findall(r"--[a-z-]+", rest) if option not in known[name]] == []
    ours = re.findall(r"--acidtest-[a-z]+", page.read_text(encoding="utf-8"))
    assert sorted(set(ours) - set(options_of_pytest())) == []
