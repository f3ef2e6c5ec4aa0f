"""A failure as a pytest regression test, to be pasted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acidtest.search.failure import Failure


#: With more steps than these a test is not pasted.
_LONGEST = 200


def regression_test(failure: Failure) -> str:
    """A test that replays the schedule and fails as long as the bug is there."""
    module, _, name = failure.implementation.partition(":")
    slug = "".join(c if c.isalnum() else "_" for c in f"{failure.pattern}_{failure.property_id}".lower())
    usable = module and all(part.isidentifier() for part in [*module.split("."), name])
    imported = f"from {module} import {name}" if usable else "# import your implementation here"
    factory = name if usable else "MyImplementation"
    scope = repr(failure.scope) if failure.search == "stateful" else repr(failure.scope["name"])
    schedule = "".join(f"            {decision!r},\n" for decision in failure.schedule)
    backend = "" if failure.backend == "sqlite" else f"        backend={failure.backend!r},\n"
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
        f"{backend}"
        "    )\n"
    )
