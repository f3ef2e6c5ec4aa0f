"""A failure as a pytest regression test, to be pasted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from acidtest.search.failure import Failure


#: With more steps than these a test is not pasted.
_LONGEST = 200
#: What stands together in one line: strings, what is between them without a space, and the space before.
_PARTS = re.compile(r"""\s*(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^\s'"])+""")


def regression_test(failure: Failure, width: int = 100) -> str:
    """A test that replays the schedule and fails as long as the bug is there.

    Arguments:
        failure: what it is made from.
        width: how wide it may be, as far as that can be.
    """
    module, _, name = failure.implementation.partition(":")
    slug = "".join(c if c.isalnum() else "_" for c in f"{failure.pattern}_{failure.property_id}".lower())
    usable = module and all(part.isidentifier() for part in [*module.split("."), *name.split(".")])
    imported = f"from {module} import {name.partition('.')[0]}" if usable else "# import your implementation here"
    factory = name if usable else "MyImplementation"
    if usable and failure.adapter:  # its name alone would make pytest run all its tests again, in this file
        imported, factory = f"import {module}", f"{module}.{name}"
    scope = _fitted(_brief(failure.scope) if failure.search == "stateful" else failure.scope["name"], width, 8, "scope=")
    schedule = "".join(f"            {_fitted(decision, width, 12)},\n" for decision in failure.schedule)
    backend = "" if failure.backend == "sqlite" else f"        backend={failure.backend!r},\n"
    excepted = f"        exceptions={_fitted(list(failure.excepted), width, 8, 'exceptions=')},\n" if failure.excepted else ""
    if len(failure.schedule) > _LONGEST:
        return f"# The schedule has {len(failure.schedule)} steps: keep the failure file, and replay it.\n"
    return (
        f"{imported}\n"
        "from acidtest import assert_schedule\n\n\n"
        f"def test_{slug}():\n"
        "    assert_schedule(\n"
        f"        {failure.pattern!r},\n"
        f"        {factory},\n"
        f"        scope={scope},\n"
        "        schedule=[\n"
        f"{schedule}"
        "        ],\n"
        f"{backend}{excepted}"
        "    )\n"
    )


def _brief(scope: dict[str, Any]) -> dict[str, Any]:
    """A scope without what is nought or empty, and may be left out."""
    needed = ("name", "summary", "accounts", "clients", "faults", "kinds", "arguments", "method", "process", "operations")

    def kept(value: Any) -> Any:  # noqa: ANN401 - plain values
        if isinstance(value, dict):
            return {name: kept(part) for name, part in value.items() if part or name in needed}
        return [kept(part) for part in value] if isinstance(value, list) else value

    brief: dict[str, Any] = kept(scope)
    return brief


def _fitted(value: Any, width: int, indent: int, before: str = "") -> str:  # noqa: ANN401 - plain values
    """A value as Python, over several lines where one would be too wide and there is a space outside of its strings."""
    lines = [""]
    for part in _PARTS.findall(repr(value)):
        if indent + len(lines[-1]) + len(part) > width - len(before) - 1 and lines[-1]:
            lines.append(part.lstrip())
        else:
            lines[-1] += part
    return f"\n{' ' * (indent + 4)}".join(line.rstrip() for line in lines)
