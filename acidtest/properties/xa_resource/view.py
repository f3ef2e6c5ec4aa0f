"""How what was seen of a resource manager becomes a view: what its answers say of every branch, and what is to be seen of it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from acidtest.environment import Xid
from acidtest.errors import ContractError
from acidtest.models.shared.atomic_commitment import PREPARED
from acidtest.models.xa.branch import ACTIVE, HEUR
from acidtest.models.xa.resource import DECISIONS, Held, RmView, Told, answers, lost
from acidtest.properties.shared.reading import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope

#: The branches of all workloads: name, account, and what one change of it is.
BRANCHES = {"b1": ("A", -13), "b2": ("B", 7)}
NUMBERS = {name: number for number, name in enumerate(BRANCHES)}
#: The first and the last part of their names.
FORMAT, BQUAL = 1, "bank"
_ANSWERLESS = ("new", "open", "unknown")


@lru_cache(maxsize=64)  # a search asks for the same ones at every step
def told_of(scope: Scope) -> tuple[Told, ...]:
    """The calls of a scope, in the order of its operations."""
    return tuple([_told(operation, client.process) for client in scope.clients for operation in client.operations if _is_call(operation)])


def _is_call(operation: Operation) -> bool:
    return operation.method not in ("jump", "recover", "balances", "tick")


def _told(operation: Operation, process: str) -> Told:
    first, *rest = operation.arguments
    if operation.method == "change":
        branch = next(number for number, (account, _) in enumerate(BRANCHES.values()) if account == first)
        return Told(operation.name, process, "change", branch)
    name = str(first[1])  # type: ignore[index] # the name of a branch
    flag = bool(rest and rest[0])
    call = {("commit", True): "commit one phase", ("decide", True): "decide to commit", ("decide", False): "decide to roll back"}
    return Told(operation.name, process, call.get((operation.method, flag), operation.method), NUMBERS[name])


def accounts_of(scope: Scope) -> list[tuple[str, int, int]]:
    """Per branch its account, with the opening balance, and what one change of it is."""
    opening = dict(scope.accounts)
    return [(account, opening[account], change) for account, change in BRANCHES.values()]


def view_of(scope: Scope, seen: Seen, before: RmView | None) -> RmView:
    """What the answers so far say of every branch, and what is seen.

    Arguments:
        scope: the calls.
        seen: what was observed.
        before: the view before; None at the start.
    """
    durable: Any = seen.durable
    balances, doubt = durable
    known = {op.name: str(status) for op, status in zip(scope.operations(), seen.status, strict=True)}
    status = tuple([(told, known[told.name]) for told in told_of(scope)])
    ended = tuple([told.name for told, now in status if now not in ("new", "open")])
    held = (Held(),) * len(BRANCHES) if before is None else before.branches
    if "crash" in seen.happened and (before is None or "crash" not in before.happened):
        for session in dict.fromkeys(told.session for told, _ in status):
            # How often it was changed matters still, where the call in progress has prepared it.
            held = tuple([lost(branch, session)._replace(changes=branch.changes) for branch in held])
    wrong = "" if before is None else before.wrong
    last = () if before is None else before.last
    for told, answer in status:
        if before is not None and told.name not in before.ended and told.name in ended:
            held, wrong = _after(held, told, answer)
            last = (told.call, told.name.partition(" ")[0], f"b{told.branch + 1}", answer)
            if answer == "unknown":
                held = _as_seen(scope, held, told, balances, doubt)
    opening = tuple((account, n) for account, n, _ in accounts_of(scope))
    return RmView(opening, balances, doubt, held, wrong, tuple([told.call for told, now in status if now == "open"]), last, seen.happened, ended, scope_changes())


def scope_changes() -> tuple[int, ...]:
    """What one change of each branch is."""
    return tuple([change for _, change in BRANCHES.values()])


def _after(held: tuple[Held, ...], told: Told, answer: str) -> tuple[tuple[Held, ...], str]:
    """How the branches stand after an answer, and what it should have been."""
    if answer in _ANSWERLESS:
        return held, ""
    busy = any(branch.status == ACTIVE and branch.owner == told.session for branch in held)
    allowed = answers(held[told.branch], told, busy=busy)
    for code, branch in allowed:
        if code == answer:
            return (*held[: told.branch], branch, *held[told.branch + 1 :]), ""
    return held, " or ".join(code for code, _ in allowed)


def _as_seen(scope: Scope, held: tuple[Held, ...], told: Told, balances: Sequence[tuple[str, int]], doubt: Sequence[str]) -> tuple[Held, ...]:
    """How a branch stands whose call nobody answered, for its process died: as it is seen to stand."""
    number = told.branch
    account, opening, change = accounts_of(scope)[number]
    branch = held[number]
    applied = (dict(balances)[account] - opening) // change
    if f"b{number + 1}" in doubt and told.call == "decide to commit" and applied > branch.applied:
        branch = branch._replace(status=HEUR, owner="", alone=DECISIONS[told.call], applied=applied)
    elif f"b{number + 1}" in doubt:
        branch = branch._replace(status=HEUR if branch.status == HEUR else PREPARED, owner="")
    else:
        branch = Held(applied=applied)
    return (*held[:number], branch, *held[number + 1 :])


def doubt_of(value: object) -> tuple[str, ...]:
    """What `recover` returned: the names of branches, in order; of one that is not of the workload, all of its name.

    Raises:
        ContractError: it is no collection of names of branches.
    """
    try:
        xids = [Xid(*xid) for xid in value]  # type: ignore[attr-defined]
    except TypeError as error:
        message = f"recover() returned {shown(value)}; it must return the names of branches: Xid(format_id, gtrid, bqual), as given to start()."
        raise ContractError(message) from error
    return tuple(sorted(xid.gtrid if (xid.format_id, xid.bqual) == (FORMAT, BQUAL) else "/".join(map(str, xid)) for xid in xids))
