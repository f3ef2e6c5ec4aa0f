"""Markdown that reads the same on a code host and on the site."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

GENERATED = "<!-- Written by docs/generate.py. Do not edit. -->"
#: More switches than this are counted where there is little room.
_LISTED = 2
_SPECIAL = re.compile(r"([*\[\]`])")


def document(lines: Iterable[str]) -> str:
    """A generated page as text. Where a part is empty there is still one blank line only."""
    return re.sub(r"\n{3,}", "\n\n", "\n".join([GENERATED, "", *lines])).rstrip() + "\n"


def plain(text: str) -> str:
    """Text that is shown as it is: without markup, on one line."""
    escaped = _SPECIAL.sub(r"\\\1", " ".join(text.split()))
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def sentence(text: str) -> str:
    """The text with a capital letter and a full stop."""
    text = capital(text)
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def capital(text: str) -> str:
    """The text with a capital letter; the rest stays as it is."""
    return text[:1].upper() + text[1:]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table; its cells are Markdown."""
    yield f"| {' | '.join(head)} |"
    yield f"| {' | '.join('---' for _ in head)} |"
    for row in rows:
        yield f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in row)} |"


def anchor(name: str) -> str:
    """A place that links can lead to. Written out, as renderers disagree about what they make of a heading."""
    return f'<a id="{name}"></a>'


def slug(text: str) -> str:
    """An identifier for links made from any text."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def block(lines: Iterable[str], language: str = "text") -> Iterator[str]:
    """Lines that are shown as they are, in a typewriter face."""
    yield f"```{language}"
    yield from (line.rstrip() for line in lines)
    yield "```"


def number(value: int) -> str:
    """A number that can be read."""
    return f"{value:,}"


def counted(value: int, noun: str) -> str:
    """A number of things."""
    return f"{number(value)} {noun}{'' if value == 1 else 's'}"


def switches(turned: Mapping[str, bool]) -> str:
    """How switches stand, in words."""
    return ", ".join(f"`{name}` {'on' if on else 'off'}" for name, on in turned.items())


def condition(turned: Mapping[str, bool]) -> str:
    """What has to be turned, in few words; nothing where all switches may stay at their defaults."""
    if len(turned) > _LISTED:
        return f"with {len(turned)} switches turned"
    return f"with {switches(turned)}" if turned else ""
