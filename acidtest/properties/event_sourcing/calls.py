"""What clients of event-sourced accounts call: the accounts, with refusals as plain values; what may be left out does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acidtest.environment import UnknownEvent

if TYPE_CHECKING:
    from collections.abc import Callable

#: What a client is told where there is an event that the release does not know.
UNREADABLE = "unreadable"
#: What a client is told whose call has no other answer.
DONE = "done"


class Calls:
    """Event-sourced accounts as clients call them.

    Arguments:
        implementation: the accounts.
        env: gives the subscriber, which notes whether others are told of events.
    """

    def __init__(self, implementation: Any, env: Any) -> None:  # noqa: ANN401 - anybody's; an environment
        """Stand before `implementation`."""
        self.__wrapped__ = implementation
        self._subscriber = env.subscriber

    def install(self, accounts: dict[str, int]) -> None:
        """Create the schema and open the accounts."""
        self.__wrapped__.install(accounts)

    def handle(self, key: str, account: str, amount: int) -> Any:  # noqa: ANN401 - whatever it answers
        """Handle a command."""
        return self._answered("handle", key, account, amount)

    def legacy(self, key: str, account: str, amount: int) -> Any:  # noqa: ANN401 - likewise
        """Handle it as the previous release; where there was none, as this one."""
        return self._answered("legacy" if self._has("legacy") else "handle", key, account, amount)

    def balances(self) -> Any:  # noqa: ANN401 - likewise
        """Ask for balances."""
        return self._answered("balances")

    def newer(self, account: str) -> str:
        """Store what a newer release would."""
        return self._done("newer", account)

    def snapshot(self, account: str) -> str:
        """Store a snapshot."""
        return self._done("snapshot", account)

    def rebuild(self) -> str:
        """Make anew what is derived."""
        return self._done("rebuild")

    def poll(self) -> None:
        """Tell others."""
        if self._has("poll"):
            self._subscriber.polled()
            self.__wrapped__.poll()

    def _has(self, method: str) -> bool:
        return callable(getattr(self.__wrapped__, method, None))

    def _answered(self, method: str, *arguments: Any) -> Any:  # noqa: ANN401 - likewise
        try:
            return getattr(self.__wrapped__, method)(*arguments)
        except UnknownEvent:
            return UNREADABLE

    def _done(self, method: str, *arguments: Any) -> str:  # noqa: ANN401 - likewise
        if not self._has(method):
            return f"no {method}"
        return DONE if self._answered(method, *arguments) != UNREADABLE else UNREADABLE


def called(factory: Callable[[Any], Any]) -> Callable[[Any], Calls]:
    """A factory of what clients call, for one of event-sourced accounts."""
    return lambda env: Calls(factory(env), env)
