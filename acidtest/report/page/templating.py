"""Templates of pages: all that is put in is escaped, and nothing but the page's own script and style is obeyed."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_FOLDER = Path(__file__).parent / "templates"


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False
    )


def rendered(template: str, script: str = "", **values: Any) -> str:
    """A page.

    Arguments:
        template: the name of its file.
        script: the name of the file of its script; empty for none.
        values: what is put in.
    """
    style, code = "".join(map(part, ("colours.css", "drawing.css", "page.css"))), part(script) if script else ""
    allowed = [f"style-src {_hash(style)}", *([f"script-src {_hash(code)}"] if code else [])]
    policy = "; ".join(["default-src 'none'", *allowed, "img-src data:", "base-uri 'none'", "form-action 'none'"])
    own = {"style": Markup(style), "script": Markup(code), "policy": Markup(policy)}  # noqa: S704 - they are ours
    return _environment().get_template(template).render(**own, **values)


@cache
def part(name: str) -> str:
    """A style or a script of ours."""
    return (_FOLDER / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
