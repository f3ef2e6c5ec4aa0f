"""The scopes of a resource manager: every sequence of so many calls, from each state that a branch can be in.

What the state table does not allow changes nothing, so all longer sequences lead to where one of these begins.
"""

from __future__ import annotations

from acidtest.properties.shared.scopes import BEFORE, DAY, environment
from acidtest.properties.xa_resource.view import BQUAL, BRANCHES, FORMAT
from acidtest.workload import Client, Operation, Scope

ACCOUNTS = (("A", 100), ("B", 60))
_CRASH = frozenset({"crash"})


def xid(name: str) -> tuple[int, str, str]:
    """The name of a branch."""
    return FORMAT, name, BQUAL


#: What calls are given beside the name of the branch.
_FLAGS = {"commit": (False,), "commit one phase": (True,), "decide to commit": (True,), "decide to roll back": (False,)}


def call(what: str, branch: str, turns: int = 0, name: str = "") -> Operation:
    """A call about a branch; `turns` is how many calls there may be in all, where they come in any order."""
    source = f"turn {turns}" if turns else ""
    if what == "change":
        return Operation(name, "change", BRANCHES[branch], 0, source)
    return Operation(name, what.partition(" ")[0], (xid(branch), *_FLAGS.get(what, ())), 0, source)


def _client(process: str, what: str, branch: str, turns: int, times: int) -> Client:
    """A client that makes one kind of call, in its turn."""
    name = f"{process}: {what} {branch}"
    return Client(name, process, tuple([call(what, branch, turns, f"{name}, {i + 1}") for i in range(times)]))


_OWN = ("start", "change", "end", "prepare", "commit", "commit one phase", "rollback", "forget")
_OTHERS = ("prepare", "commit", "rollback", "forget")


def _clients(process: str, kinds: tuple[str, ...], branch: str, turns: int, times: int = 1) -> tuple[Client, ...]:
    return tuple(_client(process, kind, branch, turns, times) for kind in kinds)


def _opening(*calls: str) -> Client:
    """A client that goes first."""
    return Client(BEFORE, "app-1", tuple([call(what, "b1", name=f"{BEFORE} {i + 1}") for i, what in enumerate(calls)]))


_WORKED = ("start", "change", "end")

SCOPES = (
    Scope(
        "from nothing", "every sequence of up to three calls about one branch, or four of those that do work; one crash anywhere",
        ACCOUNTS, (*_clients("app-1", _OWN[:4], "b1", 4), *_clients("app-1", _OWN[4:], "b1", 2)), faults=1, kinds=_CRASH,
    ),
    Scope(
        "from a branch at work", "every sequence of up to three calls about a branch at work, and about one that is not there",
        ACCOUNTS,
        (_opening("start", "change"), *_clients("app-1", _OWN, "b1", 3), *_clients("app-1", ("end", "rollback", "commit"), "b2", 3)),
        opening=(BEFORE,),
    ),
    Scope(
        "from an ended branch", "every sequence of up to two calls about a branch whose work was ended; one crash anywhere",
        ACCOUNTS, (_opening(*_WORKED), *_clients("app-1", _OWN, "b1", 2)), faults=1, kinds=_CRASH, opening=(BEFORE,),
    ),
    Scope(
        "from a prepared branch", "every sequence of up to three calls about a branch that is prepared",
        ACCOUNTS, (_opening(*_WORKED, "prepare"), *_clients("app-1", _OWN, "b1", 3)), opening=(BEFORE,),
    ),
    Scope(
        "crash in a second phase", "a prepared branch, committed or rolled back twice by one process; two crashes anywhere",
        ACCOUNTS, (_opening(*_WORKED, "prepare"), *_clients("app-1", ("commit", "rollback"), "b1", 3, 2)),
        faults=2, kinds=_CRASH, opening=(BEFORE,),
    ),
    Scope(
        "two sessions", "every sequence of up to three calls by the session that has prepared a branch and by another, also at once",
        ACCOUNTS,
        (
            _opening(*_WORKED, "prepare"), *_clients("app-1", ("start", "commit", "rollback"), "b1", 3),
            *_clients("app-2", _OTHERS, "b1", 3), *_clients("app-2", ("start", "change"), "b2", 3),
        ),
        opening=(BEFORE,),
    ),
    Scope(
        "long after", "a branch that is prepared, a day later; one process looks after them; one crash anywhere",
        ACCOUNTS,
        (
            _opening(*_WORKED, "prepare"), environment(("jump", DAY)), Client("app-1 looks", "app-1", (Operation("tick 1", "tick"),)),
            *_clients("app-1", ("commit", "rollback"), "b1", 2),
        ),
        faults=1, kinds=_CRASH, opening=(BEFORE,),
    ),
    Scope(
        "decided alone", "every sequence of up to three calls about a prepared branch that an operator decides",
        ACCOUNTS,
        (
            _opening(*_WORKED, "prepare"), *_clients("app-1", ("decide to commit", "decide to roll back"), "b1", 3),
            *_clients("app-1", ("commit", "rollback", "forget", "start"), "b1", 3, 2),
        ),
        opening=(BEFORE,),
    ),
)  # fmt: skip

#: The server of PostgreSQL needs longer to die and start again than any other effect takes. Only of a branch that is prepared it is
#: known how it stands then: what a session makes of work that it could not store is its own business.
SLOW_SCOPES = (
    Scope(
        "server death", "a prepared branch, committed or rolled back twice by one process; its database server is killed once, between any two effects",
        ACCOUNTS, (_opening(*_WORKED, "prepare"), *_clients("app-1", ("commit", "rollback"), "b1", 3, 2)),
        faults=1, kinds=frozenset({"restart database"}), opening=(BEFORE,),
    ),
)  # fmt: skip
