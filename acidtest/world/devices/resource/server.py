"""Resource managers that are databases of a server: X/Open's calls, carried out by the statements that the server has for them.

What a server does not have is answered as it would: neither PostgreSQL nor MariaDB decides alone, so there is nothing to forget; both
keep a branch that only read, and promise it like any other. What a branch is at before it is prepared, PostgreSQL leaves to its client.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import sqlalchemy as sa

from acidtest.environment import Xa, XaError, Xid
from acidtest.errors import ContractError, UsageError
from acidtest.outside import BranchSeen, ResourceSeen
from acidtest.world.core.process import complain, current_task
from acidtest.world.devices.resource.dialects import DIALECTS, Dialect
from acidtest.world.devices.resource.manager import ACTIVE, IDLE, PREPARED, ROLLBACK_ONLY
from acidtest.world.devices.resource.naming import named, parsed, prepared_name, xid_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from acidtest.world.devices.resource.works import Works

_NAME = sa.String(64)
_metadata = sa.MetaData()
accounts = sa.Table("accounts", _metadata, sa.Column("id", _NAME, primary_key=True), sa.Column("balance", sa.Integer, nullable=False))
#: What branches have changed: committed with them, so that whoever looks knows whose it was.
changes = sa.Table(
    "changes", _metadata,
    sa.Column("branch", sa.String(190), primary_key=True),
    sa.Column("step", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("account", _NAME, nullable=False),
    sa.Column("amount", sa.Integer, nullable=False),
)  # fmt: skip
_MOVE = "UPDATE accounts SET balance = balance + %(amount)s WHERE id = %(account)s AND balance + %(amount)s >= 0"
_NOTE = "INSERT INTO changes (branch, step, account, amount) VALUES (%(branch)s, %(step)s, %(account)s, %(amount)s)"
_READ = "SELECT balance FROM accounts WHERE id = %(account)s"


def database_of(name: str) -> str:
    """The database of the world in which a resource manager keeps what it has."""
    return f"resource {name}"


def install(engine: sa.Engine, opened: Iterable[tuple[str, int]]) -> None:
    """Create the tables of a resource manager, and open its accounts."""
    _metadata.create_all(engine)
    with engine.begin() as connection:
        for account, balance in opened:
            connection.execute(sa.insert(accounts), {"id": account, "balance": balance})


def seen(name: str, contents: Mapping[str, Any], works: Works) -> ResourceSeen:
    """The truth about a resource manager, of what is committed in its database and of what is prepared there."""
    committed: dict[str, list[tuple[str, int]]] = {}
    for branch, _, account, amount in sorted(contents.get("changes", ())):
        committed.setdefault(branch, []).append((account, amount))
    found = []
    for branch, done in committed.items():
        owner = parsed(branch)
        if owner is not None:
            found.append(BranchSeen(*owner[1], "committed", tuple(done), len(done), notes=tuple(sorted(works.of(*owner).notes))))
    for (branch,) in sorted(contents.get("prepared transactions", ())):
        owner = prepared_name(branch)
        if owner is not None:
            work = works.of(*owner)
            found.append(BranchSeen(*owner[1], "prepared", tuple(work.changes), notes=tuple(sorted(work.notes))))
    there = {branch[:3] for branch in found}
    found += [BranchSeen(*xid, "aborted", notes=tuple(sorted(notes))) for xid, notes in works.noted(name) if xid not in there]
    return ResourceSeen(name, tuple(sorted(contents.get("accounts", ()))), tuple(found))


@dataclass
class _Branch:
    """A branch that this process has a session for: whose call works on it, how it stands, what it was told, and its number of changes."""

    connection: Any
    task: str
    status: str = ACTIVE
    why: Xa = Xa.RBROLLBACK
    steps: int = 0


class ServerResource:
    """A resource manager in a database, as one process reaches it; see `acidtest.environment.Resource`.

    Arguments:
        name: identifies it.
        host: what connects to its database.
        works: what the branches of all processes have done.
    """

    def __init__(self, name: str, host: Any, works: Works) -> None:
        """No branch is at work."""
        self.name = name
        self._host = host
        self._works = works
        self._branches: dict[Xid, _Branch] = {}
        self._working: dict[str, Xid] = {}

    # What a transaction manager calls:

    def start(self, xid: Xid) -> None:
        """Begin a branch, in a session of its own."""
        xid, task = xid_of(xid), self._task("start")
        if task in self._working or xid in self._branches:
            self._refuse(Xa.PROTO if task in self._working else Xa.DUPID, "start", xid)
        branch = _Branch(self._connect("start", xid), task)
        try:
            with self._answers("start", xid):
                self._run(branch, self._dialect.start, xid)
                self._run(branch, self._dialect.patience, xid)
        except XaError:
            self._close(branch)
            raise
        self._branches[xid], self._working[task] = branch, xid
        self._works.began(self.name, xid)

    def change(self, account: str, amount: int) -> None:
        """Change an account in the branch at work."""
        if type(amount) is not int:
            complain(ContractError(f"{self.name} was told to change {account!r} by {amount!r}; amounts are integer minor units."))
        xid, branch = self._at_work("change")
        with self._in_branch("change", xid, branch):
            fits = bool(self._execute(branch, _MOVE if amount else _READ, {"account": account, "amount": amount}).rowcount)
            if fits and amount:
                noted = {"branch": named(self.name, xid), "step": branch.steps, "account": account, "amount": amount}
                self._execute(branch, _NOTE, noted)
        if not fits:
            self._refuse(Xa.INVAL, "change", xid)
        branch.steps += 1
        if amount:
            self._works.changed(self.name, xid, account, amount)

    def read(self, account: str) -> int:
        """The balance of an account, within the branch at work."""
        xid, branch = self._at_work("read")
        with self._in_branch("read", xid, branch):
            found = self._execute(branch, _READ, {"account": account}).fetchone()
        if found is None:
            self._refuse(Xa.INVAL, "read", xid)
        return int(found[0])

    def end(self, xid: Xid) -> None:
        """End the work of a branch."""
        xid, branch = xid_of(xid), self._branches.get(xid)
        if branch is None or self._working.get(self._task("end")) != xid:
            self._refuse(Xa.NOTA if branch is None else Xa.PROTO, "end", xid)
        del self._working[branch.task]
        with self._in_branch("end", xid, branch):
            self._run(branch, self._dialect.end, xid)
        if branch.status == ROLLBACK_ONLY:
            self._refuse(branch.why, "end", xid)
        branch.status = IDLE
        self._works.ended(self.name, xid)

    def prepare(self, xid: Xid) -> Xa:
        """Vote."""
        xid, branch = xid_of(xid), self._ended("prepare", xid)
        self._undo_if_doomed("prepare", xid, branch)
        try:
            with self._answers("prepare", xid):
                self._run(branch, self._dialect.prepare, xid)
        except XaError:
            self._drop(xid)
            raise
        branch.status = PREPARED
        if not self._dialect.keeps_session:
            self._drop(xid)
        return Xa.OK

    def commit(self, xid: Xid, *, one_phase: bool = False) -> None:
        """Commit what is prepared; or, in one phase, what is not."""
        xid = xid_of(xid)
        if not one_phase:
            self._decide("commit", xid, self._dialect.commit)
            return
        branch = self._ended("commit one phase", xid)
        self._undo_if_doomed("commit one phase", xid, branch)
        self._works.told_alone(self.name, xid)
        try:
            with self._answers("commit one phase", xid):
                self._run(branch, self._dialect.one_phase, xid)
        except XaError:
            self._drop(xid)
            raise
        self._drop(xid)

    def rollback(self, xid: Xid) -> None:
        """Roll back, prepared or not."""
        xid, branch = xid_of(xid), self._branches.get(xid)
        if branch is None or branch.status == PREPARED:
            self._decide("rollback", xid, self._dialect.rollback)
        elif xid in self._working.values():
            self._refuse(Xa.PROTO, "rollback", xid)
        else:
            self._undo(xid, branch)
        self._works.gone(self.name, xid)

    def recover(self) -> tuple[Xid, ...]:
        """The branches that are prepared in this database, whoever's they are."""
        session = _Branch(self._connect("recover"), "")
        with self._answers("recover"):
            found = self._execute(session, self._dialect.recover, {"resource": f"{self.name}|"}).fetchall()
        session.connection.close()
        return self._dialect.found(found, self.name)

    def forget(self, xid: Xid) -> None:
        """Nothing was ever decided alone, so that nothing is kept of it."""
        self._refuse(Xa.NOTA, "forget", xid_of(xid))

    def balances(self) -> dict[str, int]:
        """What is committed."""
        with self._host.engine(database_of(self.name)).connect() as connection:
            return {row.id: row.balance for row in connection.execute(sa.select(accounts))}

    # Inside:

    @property
    def _dialect(self) -> Dialect:
        kind = self._host.kind_of(database_of(self.name))
        if kind not in DIALECTS:
            message = (
                f"The scope has {self.name} be a database that takes part in two phases, and {kind} cannot prepare transactions. "
                "Run it with --backend postgresql or --backend mariadb."
            )
            complain(UsageError(message))
        return DIALECTS[kind]

    def _task(self, method: str) -> str:
        task = current_task()
        if task is None:
            message = f"{self.name}.{method}() was called outside of any call, for example in a constructor or by a read."
            raise ContractError(message)
        return task.name

    def _connect(self, method: str, xid: Xid | None = None) -> Any:
        """A session on which no transaction begins by itself."""
        self._task(method)
        with self._answers(method, xid):
            return self._host.connect(database_of(self.name), autocommit=True)

    def _run(self, branch: _Branch, statement: str, xid: Xid) -> None:
        if statement:
            self._execute(branch, statement.format(self._dialect.literal(self.name, xid)))

    @staticmethod
    def _execute(branch: _Branch, statement: str, parameters: Mapping[str, Any] | None = None) -> Any:
        cursor = branch.connection.cursor()
        cursor.execute(statement, parameters)
        return cursor

    def _refuse(self, code: Xa, method: str, xid: Xid | None = None) -> NoReturn:
        what = method if xid is None else f"{method} {xid.gtrid}/{xid.bqual}"
        raise XaError.of(code, f"{self.name} was told to {what}")

    @contextmanager
    def _answers(self, method: str, xid: Xid | None = None) -> Iterator[None]:
        """Answer what the server says as X/Open has it."""
        try:
            yield
        except self._dialect.error() as error:
            what = method if xid is None else f"{method} {xid.gtrid}/{xid.bqual}"
            raise XaError.of(self._dialect.code(error, method), f"{self.name} was told to {what}: {error}") from error

    @contextmanager
    def _in_branch(self, method: str, xid: Xid, branch: _Branch) -> Iterator[None]:
        """Work of a branch: an error dooms it, and with the connection it is gone."""
        try:
            with self._answers(method, xid):
                yield
        except XaError as error:
            branch.status, branch.why = ROLLBACK_ONLY, error.code
            if error.code == Xa.RMFAIL:
                self._drop(xid)
            raise

    def _at_work(self, method: str) -> tuple[Xid, _Branch]:
        xid = self._working.get(self._task(method))
        if xid is None:
            self._refuse(Xa.PROTO, method)
        branch = self._branches[xid]
        if branch.status != ACTIVE:
            self._refuse(branch.why, method, xid)
        return xid, branch

    def _ended(self, method: str, xid: Xid) -> _Branch:
        """A branch whose work has ended, and that is not prepared."""
        branch = self._branches.get(xid)
        if branch is None:
            self._refuse(Xa.NOTA, method, xid)
        if branch.status not in (IDLE, ROLLBACK_ONLY) or xid in self._working.values():
            self._refuse(Xa.PROTO, method, xid)
        return branch

    def _undo_if_doomed(self, method: str, xid: Xid, branch: _Branch) -> None:
        if branch.status == ROLLBACK_ONLY:
            self._undo(xid, branch)
            self._works.gone(self.name, xid)
            self._refuse(branch.why, method, xid)

    def _undo(self, xid: Xid, branch: _Branch) -> None:
        try:
            with self._answers("rollback", xid):
                self._run(branch, self._dialect.undo, xid)
        except XaError:
            self._drop(xid)  # with its session the server rolls it back
            raise
        self._drop(xid)

    def _decide(self, method: str, xid: Xid, statement: str) -> None:
        """Phase two: in the session that has promised, where there still is one and the server wants it; or in any."""
        branch = self._branches.get(xid)
        if branch is not None and branch.status != PREPARED:
            self._refuse(Xa.PROTO, method, xid)
        session = branch or _Branch(self._connect(method, xid), "")
        try:
            with self._answers(method, xid):
                self._run(session, statement, xid)
        except XaError:
            self._close(session)
            self._drop(xid)
            raise
        self._close(session)
        self._drop(xid)

    def _drop(self, xid: Xid) -> None:
        """End the session of a branch."""
        branch = self._branches.pop(xid, None)
        if branch is not None:
            self._working = {task: known for task, known in self._working.items() if known != xid}
            self._close(branch)

    @staticmethod
    def _close(branch: _Branch) -> None:
        if not branch.connection.lost:
            branch.connection.close()
