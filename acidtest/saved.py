"""Failure files: written by `acidtest check --json` and by pytest, read by `acidtest replay`."""

from __future__ import annotations

import json
import reprlib
from pathlib import Path
from typing import Any

from acidtest.errors import UsageError

#: What is needed of a failure, and what it is.
_KINDS: dict[str, type] = {"pattern": str, "implementation": str, "scope": dict, "schedule": list}


def read_failure(file: str, which: str = "") -> dict[str, Any]:
    """Read a failure from a file.

    Arguments:
        file: its name.
        which: of several, which: its number, from 1 on, or the id of the property that it violates; empty for the first.

    Raises:
        UsageError: it cannot be read, holds no failure, or not that one.
    """
    try:
        value = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        message = f"{file} cannot be read as a failure file: {error}. `acidtest check … --json FILE` writes one."
        raise UsageError(message) from error
    failures = _failures(value)
    if not failures:
        message = f"{file} holds no failure: a check that passed has nothing to replay."
        raise UsageError(message)
    names = {str(number): saved for number, saved in enumerate(failures, 1)}
    names |= {str(saved.get("property", "")): saved for saved in reversed(failures)}
    if which and which not in names:
        what = f"failure of {file}"
        raise UsageError.unknown(what, which, (f"{n} ({saved.get('property', '?')})" for n, saved in enumerate(failures, 1)))
    return _sound(file, names[which or "1"])


def _failures(value: object) -> list[dict[str, Any]]:
    """The failures of a file: those of a check, or the one that is all that it holds."""
    if not isinstance(value, dict):
        return []
    several = value.get("failures")
    given = [value.get("failure", value), *(several[1:] if isinstance(several, list) else ())]
    return [saved for saved in given if isinstance(saved, dict) and saved.keys() >= _KINDS.keys()]


def _sound(file: str, saved: dict[str, Any]) -> dict[str, Any]:
    """A failure of which each part is of the kind that it should be.

    Raises:
        UsageError: one is not.
    """
    for key, kind in {**_KINDS, "except": list, "folder": str}.items():
        if not isinstance(saved.get(key, kind()), kind):
            message = f"{file} is damaged: its {key} is {reprlib.repr(saved[key])}. Write it anew with `acidtest check … --json FILE`."
            raise UsageError(message)
    return saved


def write_json(file: str, value: dict[str, Any]) -> None:
    """Write a JSON file.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        Path(file).write_text(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
    except OSError as error:
        message = f"{file} cannot be written: {error}."
        raise UsageError(message) from error
