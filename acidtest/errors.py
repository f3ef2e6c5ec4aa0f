"""Whose fault it is: every error that acidtest raises, by owner.

AcidtestError
├── UsageError            the caller's: unknown pattern, missing port method, wrong option
├── ContractError         the adapter's: wrong return type, a view that cannot be read
├── NondeterminismError   the code under test depends on something that acidtest does not control
├── BackendUnavailable    a server that is needed cannot be reached
└── HarnessError          ours: a bug in acidtest

Every message says what happened, with which value, why it matters and what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class AcidtestError(Exception):
    """The base of every error that acidtest raises on its own account."""


class UsageError(AcidtestError):
    """The caller asked for something that does not exist or cannot be done."""

    @classmethod
    def unknown(cls, what: str, value: object, known: Iterable[object]) -> UsageError:
        """The error for a name that is not in a list, with the list.

        Arguments:
            what: what kind of thing was named.
            value: the name that was given.
            known: those that there are.
        """
        listed = ", ".join(str(name) for name in known)
        return cls(f"There is no {what} {str(value)!r}. Known: {listed}.")


class ContractError(AcidtestError):
    """The adapter does not keep to its port: a missing method, a wrong return type, a view that cannot be read."""


class NondeterminismError(AcidtestError):
    """The same schedule gave different effects: the code under test uses something that is not controlled."""


class BackendUnavailable(AcidtestError):  # noqa: N818 - the name says what it is; "Error" would add nothing
    """A database server that is needed cannot be reached; the message says which and how to start it."""


class HarnessError(AcidtestError):
    """A bug in acidtest itself."""

    def __init__(self, message: str) -> None:
        """Add to `message` the request for a report."""
        super().__init__(f"{message} This is a bug in acidtest: please report it with this message.")
