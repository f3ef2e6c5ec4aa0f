"""What an implementation of CQRS offers."""

from __future__ import annotations

from typing import Any, Protocol

from acidtest.environment import Outcome
from acidtest.port import background, installation, operation, read


class CqrsPort(Protocol):
    """What accounts offer whose commands and queries are two sides."""

    @installation
    def install(self, accounts: dict[str, int]) -> None:
        """Create the schemas of both sides and open the accounts (minor units) on both; runs once, outside the schedule."""

    @operation
    def handle(self, key: str, account: str, amount: int) -> Outcome | tuple[Outcome, Any]:
        """Decide a command, once per `key`: put `amount` into `account`, or take it out where it is negative.

        Rejected, without any effect and for good, where the funds do not suffice or the account is closed; and, as invalid, where there
        is no such account, `amount` is 0, or `key` was used for something else. What else keeps it from being done, or leaves that open,
        is an exception: the client may ask again. Policies (see the capabilities) make this less.

        Returns how it ended; or that and a position, a plain value from which on a view shows it.
        """

    @operation
    def close(self, account: str) -> Outcome:
        """Close `account` for ever, whatever is in it; closing it again is no other command."""

    @background
    def project(self) -> None:
        """Take what was decided over into the view: one pump of the projector."""

    @operation
    def rebuild(self) -> Outcome:
        """Build the view anew from what was decided, beside all else; who cannot returns at once."""

    @read
    def query(self, account: str, after: Any) -> int | tuple[int | None, Any] | None:  # noqa: ANN401 - the adapter's own
        """The balance that the view shows, through the cache; None where it shows no such account, as when it is closed.

        `after` is a position that a command or a query on that account was answered with, or None. Who promises sessions answers
        by what is at least as new, or raises; all others need not look at it. A position may come with the answer.
        """

    @read
    def balances(self) -> dict[str, int | None]:
        """The committed balance of every account on the side that decides; None where it is closed."""
