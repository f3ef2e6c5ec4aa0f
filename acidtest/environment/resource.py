"""What a transaction manager may ask of a resource manager, as X/Open has it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, Protocol


class Xa(StrEnum):
    """The answers of a resource manager, as X/Open's XA specification (C193, 1991) has them."""

    OK = "XA_OK"  #: done; of `prepare`: it votes yes
    RDONLY = "XA_RDONLY"  #: of `prepare`: the branch only read, and is done
    RETRY = "XA_RETRY"  #: not now: the branch is prepared as before
    RBROLLBACK = "XA_RBROLLBACK"  #: the branch was rolled back; or, of `end`, can only be rolled back
    RBDEADLOCK = "XA_RBDEADLOCK"  #: likewise, as it was the victim of a deadlock
    RBTIMEOUT = "XA_RBTIMEOUT"  #: likewise, as it took too long
    HEURCOM = "XA_HEURCOM"  #: the resource manager had decided alone to commit, and keeps that until `forget`
    HEURRB = "XA_HEURRB"  #: it had decided alone to roll back
    HEURMIX = "XA_HEURMIX"  #: it had decided alone to commit some of the work, and to roll back the rest
    HEURHAZ = "XA_HEURHAZ"  #: it had decided alone, and does not know what
    RMERR = "XAER_RMERR"  #: an error; of `commit`: the branch was rolled back, and is not known any more
    RMFAIL = "XAER_RMFAIL"  #: it cannot be reached: nobody knows whether it did what it was told
    NOTA = "XAER_NOTA"  #: it knows no such branch
    PROTO = "XAER_PROTO"  #: not in the state in which the branch is
    DUPID = "XAER_DUPID"  #: there is a branch of that name
    INVAL = "XAER_INVAL"  #: it cannot be asked that: an account that is not there, or that cannot pay


class Xid(NamedTuple):
    """The name of a branch.

    Arguments:
        format_id: says who makes such names.
        gtrid: the global transaction, equal in all of its branches.
        bqual: tells one branch of it from the others.
    """

    format_id: int
    gtrid: str
    bqual: str


class XaError(Exception):
    """An answer of a resource manager that is neither `Xa.OK` nor `Xa.RDONLY`; `code` says which."""

    code: Xa

    @classmethod
    def of(cls, code: Xa, what: str) -> XaError:
        """The error for an answer, of a subclass that is named after it; `what` was asked."""
        kind: type[XaError] = _XA_ERRORS.setdefault(code, type(code.value, (XaError,), {"code": code, "__module__": cls.__module__}))
        return kind(f"{code.value}: {what}")


_XA_ERRORS: dict[Xa, type[XaError]] = {}


class HeuristicOutcome(Exception):  # noqa: N818 - as JTA has it
    """The definite answer that resource managers decided alone: neither was all of it done nor nothing; or nobody knows."""


class Resource(Protocol):
    """A resource manager of distributed transactions: it holds accounts, and takes part by branches.

    A branch is at work in the call of a port method that has started it, until that ends it. What is not prepared is rolled
    back with the process, or with the connection, which is lost where the answer is `RMFAIL`.
    """

    def start(self, xid: Xid) -> None:
        """Begin a branch: what follows is done in it. Errors: DUPID, PROTO, RMERR, RMFAIL."""

    def change(self, account: str, amount: int) -> None:
        """Change an account in the branch at work. Errors: INVAL (which the branch survives), RBROLLBACK, PROTO, RMFAIL."""

    def read(self, account: str) -> int:
        """The balance of an account, within the branch at work. Errors: as for `change`."""

    def end(self, xid: Xid) -> None:
        """End the work of a branch. Errors: RBROLLBACK, RBTIMEOUT, NOTA, PROTO, RMFAIL."""

    def prepare(self, xid: Xid) -> Xa:
        """Vote: `Xa.OK`, or `Xa.RDONLY`. Errors: RBROLLBACK and the like (it votes no, and has rolled back), NOTA, PROTO, RMFAIL."""

    def commit(self, xid: Xid, *, one_phase: bool = False) -> None:
        """Commit what is prepared; or, in one phase, what is not. Errors: RETRY, HEURCOM and the like, RMERR, RBROLLBACK, NOTA, PROTO, RMFAIL."""

    def rollback(self, xid: Xid) -> None:
        """Roll back, prepared or not. Errors: HEURCOM and the like, NOTA, PROTO, RMFAIL."""

    def recover(self) -> tuple[Xid, ...]:
        """The branches that are prepared, or were decided heuristically; also those of other managers. Errors: RMERR, RMFAIL."""

    def forget(self, xid: Xid) -> None:
        """Drop what is kept of a heuristic decision. Errors: NOTA, PROTO, RMERR, RMFAIL."""

    def balances(self) -> dict[str, int]:
        """What is committed, outside of any branch."""


class AsyncResource(Protocol):
    """A resource manager for coroutines: what `Resource` does, awaited, with the same answers."""

    async def start(self, xid: Xid) -> None:
        """Begin a branch; as `Resource.start`."""

    async def change(self, account: str, amount: int) -> None:
        """Change an account in the branch at work; as `Resource.change`."""

    async def read(self, account: str) -> int:
        """The balance of an account, within the branch at work; as `Resource.read`."""

    async def end(self, xid: Xid) -> None:
        """End the work of a branch; as `Resource.end`."""

    async def prepare(self, xid: Xid) -> Xa:
        """Vote; as `Resource.prepare`."""

    async def commit(self, xid: Xid, *, one_phase: bool = False) -> None:
        """Commit what is prepared; or, in one phase, what is not; as `Resource.commit`."""

    async def rollback(self, xid: Xid) -> None:
        """Roll back, prepared or not; as `Resource.rollback`."""

    async def recover(self) -> tuple[Xid, ...]:
        """The branches that are prepared, or were decided heuristically; as `Resource.recover`."""

    async def forget(self, xid: Xid) -> None:
        """Drop what is kept of a heuristic decision; as `Resource.forget`."""

    def balances(self) -> dict[str, int]:
        """What is committed, outside of any branch; not awaited."""
