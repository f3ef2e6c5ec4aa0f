"""A full disk: nobody's failure but ours, to be told with what to do about it, and never an answer to the code under test."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from acidtest.errors import BackendUnavailable, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What the operating system says, in whatever somebody else has made of it.
SAYING = "No space left on device"
_SQLITE, _POSTGRESQL = "SQLITE_FULL", "53100"
_MARIADB = 1021, 1114  # the disk, or the table space, is full


def no_space(what: str) -> BackendUnavailable:
    """The error to be raised.

    Arguments:
        what: could not be done.
    """
    message = (
        f"The disk is full: {what}. That is no fault of the code under test, so there is no verdict. Make room in the temporary "
        "folder and in /dev/shm, or name another temporary folder in TMPDIR."
    )
    return BackendUnavailable(message)


def full_disk(error: BaseException) -> BackendUnavailable | None:
    """The error to be raised in the place of one that says that the disk is full; None where it does not."""
    name, state, number = (getattr(error, field, None) for field in ("sqlite_errorname", "sqlstate", "errno"))
    of_mariadb = type(error).__module__.startswith("pymysql.") and error.args[:1] in [(code,) for code in _MARIADB]
    found = of_mariadb or name == _SQLITE or state == _POSTGRESQL or number == errno.ENOSPC
    return no_space(text_of(error).partition("\n")[0]) if found else None


def caused_by_full_disk(error: BaseException) -> BackendUnavailable | None:
    """The same, also for what was raised because of such an error: only where no fault was injected, which looks the same."""
    return next((full for one in _causes(error) if (full := full_disk(one)) is not None), None)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and what has caused it, and what that was raised beside: libraries wrap what a driver raises."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
