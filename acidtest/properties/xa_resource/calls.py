"""What clients of a resource manager call: itself, with its answers as plain values; it says whose turn it is by the last argument."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acidtest.environment import Xa, XaError, Xid

if TYPE_CHECKING:
    from collections.abc import Callable


class Calls:
    """A resource manager as clients call it.

    Arguments:
        implementation: the resource manager.
    """

    def __init__(self, implementation: Any) -> None:  # noqa: ANN401 - anybody's
        """Stand before `implementation`."""
        self.__wrapped__ = implementation
        if callable(getattr(implementation, "tick", None)):
            self.tick = implementation.tick

    def install(self, accounts: dict[str, int]) -> None:
        """Create the schema and open the accounts."""
        self.__wrapped__.install(accounts)

    def start(self, xid: tuple[int, str, str], turn: int = 0) -> str:  # noqa: ARG002 - the device counts them; likewise below
        """Begin a branch."""
        return self._answer("start", Xid(*xid))

    def change(self, account: str, amount: int, turn: int = 0) -> str:  # noqa: ARG002
        """Change an account in the branch at work."""
        return self._answer("change", account, amount)

    def end(self, xid: tuple[int, str, str], turn: int = 0) -> str:  # noqa: ARG002
        """End the work of a branch."""
        return self._answer("end", Xid(*xid))

    def prepare(self, xid: tuple[int, str, str], turn: int = 0) -> str:  # noqa: ARG002
        """Vote."""
        return self._answer("prepare", Xid(*xid))

    def commit(self, xid: tuple[int, str, str], one_phase: bool = False, turn: int = 0) -> str:  # noqa: ARG002, FBT001, FBT002
        """Commit."""
        return self._answer("commit", Xid(*xid), **({"one_phase": True} if one_phase else {}))

    def rollback(self, xid: tuple[int, str, str], turn: int = 0) -> str:  # noqa: ARG002
        """Roll back."""
        return self._answer("rollback", Xid(*xid))

    def forget(self, xid: tuple[int, str, str], turn: int = 0) -> str:  # noqa: ARG002
        """Drop what is kept of a decision."""
        return self._answer("forget", Xid(*xid))

    def decide(self, xid: tuple[int, str, str], commits: bool, turn: int = 0) -> str:  # noqa: ARG002, FBT001
        """Have a branch decided alone."""
        return self._answer("decide", Xid(*xid), commits)

    def recover(self) -> Any:  # noqa: ANN401 - what it returns
        """The branches in doubt."""
        return self.__wrapped__.recover()

    def balances(self) -> Any:  # noqa: ANN401 - what it returns
        """The committed balances."""
        return self.__wrapped__.balances()

    def _answer(self, method: str, *arguments: Any, **options: Any) -> str:
        """The code that a call is answered."""
        try:
            given = getattr(self.__wrapped__, method)(*arguments, **options)
        except XaError as error:
            return str(error.code.value)
        return str(Xa(given).value) if method == "prepare" else Xa.OK.value


def called(factory: Callable[[Any], Any]) -> Callable[[Any], Calls]:
    """A factory of what clients call, for one of resource managers."""
    return lambda env: Calls(factory(env))
