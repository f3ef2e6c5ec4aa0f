"""XA transactions: all resource managers vote, one log decides, all carry it out; and what one of them decided alone is told.

A run enlists its branches as it comes to them. An only branch is told to commit in one phase; of several each is prepared, those
that only read are done by that, and the decision is the first row in the log under the key. The transaction manager tries to write
"commit" once all have voted yes, recovery tries to write "abort" for any branch of ours that it finds without a decision (presumed
abort), and whoever comes second obeys what is written. Other managers use the same servers: a branch is ours if its name says so.

What the answers to the second phase mean (X/Open, xa_commit): RETRY and RMFAIL, that the branch is still in doubt, and recovery goes
on; RMERR, that it was rolled back; NOTA, that it is complete where somebody else may have finished it, and otherwise that nobody
knows. HEURCOM and its like tell that the resource manager has decided alone: that is written down, and only then forgotten there.
A caller is told ok when every branch is known to be committed, and otherwise what is known. Where the only branch does not answer,
nobody will ever know: after an hour that is called a hazard.

Sources: X/Open, "Distributed Transaction Processing: The XA Specification" (C193, 1991); Mohan, Lindsay & Obermarck, "Transaction
management in the R* distributed database management system", 1986 (presumed abort).
"""

from __future__ import annotations

import json
from contextlib import suppress
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from acidtest.environment import HeuristicOutcome, Outcome, Xa, XaError, Xid
from acidtest.impl.dialects import Name, Once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.environment import Environment, Resource

RESOURCES = ("left", "right", "third")
FORMAT, NODE = 1, "acidtest"  #: what the names of our branches begin with
COMMIT, ABORT, DELEGATED, HAZARD = "commit", "abort", "delegated", "hazard"
PATIENCE = 3600.0  #: seconds after which an only branch that did not answer is given up
HEURISTIC = frozenset({Xa.HEURCOM, Xa.HEURRB, Xa.HEURMIX, Xa.HEURHAZ})
#: A branch that answers one of these is in doubt as before.
STILL_IN_DOUBT = frozenset({Xa.RETRY, Xa.RMFAIL, Xa.PROTO})

metadata = sa.MetaData()
decisions = sa.Table(
    "decisions", metadata,
    sa.Column("key", Name, primary_key=True),
    sa.Column("gtrid", Name, nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("outcome", Name, nullable=False),
    sa.Column("due", sa.Double, nullable=False),
    sa.Column("recovered", sa.Integer, nullable=False, default=0),
)  # fmt: skip
heuristics = sa.Table(
    "heuristics", metadata,
    sa.Column("key", Name, primary_key=True),
    sa.Column("resource", Name, primary_key=True),
    sa.Column("kind", Name, nullable=False),
)  # fmt: skip

_record = Once(
    "INSERT INTO decisions (key, gtrid, payload, outcome, due, recovered) VALUES (:key, :gtrid, :payload, :outcome, :due, 0) "
    "ON CONFLICT (key) DO NOTHING"
)
_report = Once("INSERT INTO heuristics (key, resource, kind) VALUES (:key, :resource, :kind) ON CONFLICT (key, resource) DO NOTHING")
_known = sa.select(decisions).where(decisions.c.key == sa.bindparam("k"))
_delegated = sa.update(decisions).where(decisions.c.key == sa.bindparam("k"), decisions.c.outcome == DELEGATED)
_overdue = sa.select(decisions).where(decisions.c.outcome == DELEGATED, decisions.c.due <= sa.bindparam("now")).order_by(decisions.c.key)
_taken_over = sa.update(decisions).where(decisions.c.key == sa.bindparam("k")).values(recovered=1)


class Unfinished(Exception):  # noqa: N818 - not an error: nobody knows yet
    """Nobody knows yet: some branch is still in doubt, or another process is at it."""


class Decision(NamedTuple):
    """What the log says of a key: the transaction that was decided first, what it asked for, and how it was decided.

    `due` is when an only branch that did not answer is given up; `recovered` says that recovery has come upon it.
    """

    key: str
    gtrid: str
    payload: str
    outcome: str
    due: float = 0.0
    recovered: int = 0


class Log:
    """The durable decisions of the transaction manager, and what resource managers decided alone.

    Arguments:
        engine: its own database.
    """

    def __init__(self, engine: sa.Engine) -> None:
        """Keep the engine."""
        self.engine = engine

    def install(self) -> None:
        """Create the schema."""
        metadata.create_all(self.engine)

    def find(self, key: str) -> Decision | None:
        """The decision under `key`, if there is one."""
        with self.engine.connect() as connection:
            row = connection.execute(_known, {"k": key}).one_or_none()
            return None if row is None else Decision(*row)

    def decide(self, decision: Decision) -> Decision:
        """Write a decision unless there is one under the key, and return the one that stands."""
        with self.engine.begin() as connection:
            connection.execute(_record, decision._asdict())
            return Decision(*connection.execute(_known, {"k": decision.key}).one())

    def conclude(self, key: str, outcome: str, resource: str = "") -> Decision:
        """Write how an only branch ended, unless that was given up; for a hazard, report it."""
        with self.engine.begin() as connection:
            changed = connection.execute(_delegated.values(outcome=outcome), {"k": key}).rowcount
            if changed and outcome == HAZARD:
                connection.execute(_report, {"key": key, "resource": resource, "kind": Xa.HEURHAZ.value})
            return Decision(*connection.execute(_known, {"k": key}).one())

    def take_over(self, key: str) -> None:
        """Note that recovery finishes branches of a run from now on, perhaps beside whoever has begun it."""
        with self.engine.begin() as connection:
            connection.execute(_taken_over, {"k": key})

    def overdue(self, now: float) -> list[Decision]:
        """The only branches that did not answer and are given up now."""
        with self.engine.connect() as connection:
            return [Decision(*row) for row in connection.execute(_overdue, {"now": now})]

    def report(self, key: str, resource: str, kind: Xa) -> None:
        """Write down what a resource manager decided alone; the first word stands."""
        with self.engine.begin() as connection:
            connection.execute(_report, {"key": key, "resource": resource, "kind": kind.value})

    def heuristics(self) -> set[tuple[str, str]]:
        """What was decided alone, as (key, kind) pairs."""
        with self.engine.connect() as connection:
            return {(row.key, row.kind) for row in connection.execute(sa.select(heuristics))}


class TransactionManager:
    """Runs that change accounts of several resource managers, all of them or none.

    Arguments:
        env: gives the resource managers "left", "right" and "third", the database "manager", ids of transactions, and time.
    """

    log_type: type[Log] = Log

    def __init__(self, env: Environment) -> None:
        """Keep what is needed; nothing is read or written yet."""
        self.resources: dict[str, Resource] = {name: env.resource(name) for name in RESOURCES}
        self.log = self.log_type(env.engine("manager"))
        self.new_id = env.new_id
        self.clock = env.clock

    def install(self, opening: dict[str, dict[str, int]]) -> None:  # noqa: ARG002 - the resource managers have them already
        """Create the schema of the log."""
        self.log.install()

    def run(self, key: str, operations: Sequence[tuple[str, str, int]]) -> Outcome:
        """Change accounts by (resource, account, change in minor units), all or none, once per `key`."""
        if not operations or any(name not in self.resources for name, _, _ in operations):
            return Outcome.REJECTED
        payload = json.dumps(operations)
        decision = self.log.find(key)
        if decision is None:
            decision = self._execute(key, payload, operations)
        return self._answer(decision, payload)

    def _answer(self, decision: Decision, payload: str) -> Outcome:
        """The answer to a request for `payload` under a key of which this was decided.

        Raises:
            HeuristicOutcome: the outcome is mixed.
            Unfinished: it is not known yet.
        """
        if asked_by(decision.gtrid) != fingerprint(payload):
            return Outcome.REJECTED
        if any(key == decision.key for key, _ in self.log.heuristics()):
            raise HeuristicOutcome(decision.key)
        if decision.outcome == DELEGATED or self._in_doubt(decision):
            raise Unfinished(decision.key)
        return Outcome.OK if decision.outcome == COMMIT else Outcome.REJECTED

    def _in_doubt(self, decision: Decision) -> bool:
        """Whether a branch of any attempt at the key may still be decided otherwise."""
        names = dict.fromkeys(name for name, _, _ in json.loads(decision.payload)) if decision.payload else self.resources
        return any(self._is_ours(xid) and key_of(xid) == decision.key for name in names for xid in self.resources[name].recover())

    def _execute(self, key: str, payload: str, operations: Sequence[tuple[str, str, int]]) -> Decision:
        """All of a run."""
        decision = Decision(key, self._new_gtrid(key, payload), payload, ABORT)
        enlisted = self._work(decision.gtrid, operations)
        if enlisted is None:
            return self.log.decide(decision)
        if len(enlisted) == 1:
            return self._in_one_phase(decision, *enlisted)
        promised, left = self._vote(enlisted)
        if promised:
            decision = self.log.decide(decision._replace(outcome=COMMIT))
        for xid in left:
            self._finish(decision, xid, first=True)
        return decision if promised else self.log.decide(decision)

    def _new_gtrid(self, key: str, payload: str) -> str:
        """A name for an attempt at `key` that was never used; recovery can tell by it the key, and what was asked for."""
        return f"{NODE}:{key}#{fingerprint(payload)}.{self.new_id()}"

    def _work(self, gtrid: str, operations: Sequence[tuple[str, str, int]]) -> list[Xid] | None:
        """Do the work in branches, enlisted as it comes to them; None, and nothing kept, where that is impossible."""
        started: list[Xid] = []
        try:
            for name, account, change in operations:
                xid = Xid(FORMAT, gtrid, name)
                if xid not in started:
                    self.resources[name].start(xid)
                    started.append(xid)
                if change:
                    self.resources[name].change(account, change)
                else:
                    self.resources[name].read(account)
            for xid in started:
                self.resources[xid.bqual].end(xid)
        except XaError:
            self._undo(started)
            return None
        return started

    def _undo(self, started: Sequence[Xid]) -> None:
        """Roll back branches at work, each whatever the others answer."""
        for xid in started:
            with suppress(XaError):
                self.resources[xid.bqual].end(xid)
            with suppress(XaError):
                self.resources[xid.bqual].rollback(xid)

    def _in_one_phase(self, decision: Decision, xid: Xid) -> Decision:
        """Leave the decision to the only branch; first write down that nobody else may begin."""
        due = self.clock.now() + PATIENCE
        try:
            mine = self.log.decide(decision._replace(outcome=DELEGATED, due=due))
        except SQLAlchemyError:
            self._undo([xid])
            raise
        if mine.gtrid != decision.gtrid:
            self._undo([xid])
            return mine
        try:
            self.resources[xid.bqual].commit(xid, one_phase=True)
        except XaError as error:
            return mine if error.code == Xa.RMFAIL else self.log.conclude(decision.key, ABORT)
        return self.log.conclude(decision.key, COMMIT)

    def _vote(self, enlisted: Sequence[Xid]) -> tuple[bool, list[Xid]]:
        """Phase one: whether all promise, and the branches that have to be told the outcome. No answer is a no."""
        left = list(enlisted)
        try:
            for xid in enlisted:
                if self.resources[xid.bqual].prepare(xid) == Xa.RDONLY:
                    left.remove(xid)
        except XaError:
            return False, left
        return True, left

    def _finish(self, decision: Decision, xid: Xid, *, first: bool) -> None:
        """Phase two of one branch; what cannot be carried out now stays in doubt.

        `first` says that nobody else has told it, unless recovery has come upon it.
        """
        commits = decision.outcome == COMMIT and decision.gtrid == xid.gtrid
        resource = self.resources[xid.bqual]
        try:
            if commits:
                resource.commit(xid)
            else:
                resource.rollback(xid)
        except XaError as error:
            self._came_to(decision.key, xid, error.code, commits=commits, first=first)

    def _came_to(self, key: str, xid: Xid, code: Xa, *, commits: bool, first: bool) -> None:
        """What an answer to the second phase means."""
        if code in HEURISTIC:
            if code != (Xa.HEURCOM if commits else Xa.HEURRB):
                self.log.report(key, xid.bqual, code)
            with suppress(XaError):
                self.resources[xid.bqual].forget(xid)
        elif not commits or code in STILL_IN_DOUBT:
            return
        elif code == Xa.NOTA:
            if first and not self._was_taken_over(key):
                self.log.report(key, xid.bqual, Xa.HEURHAZ)
        else:
            self.log.report(key, xid.bqual, Xa.HEURRB)

    def _was_taken_over(self, key: str) -> bool:
        decision = self.log.find(key)
        return decision is not None and bool(decision.recovered)

    def recover(self) -> None:
        """Resolve every branch of ours that is in doubt: as the log says, and where it says nothing it says abort from now on."""
        for name, resource in self.resources.items():
            for xid in self._scan(resource):
                if self._is_ours(xid):
                    self._resolve(xid._replace(bqual=name))
        for decision in self.log.overdue(self.clock.now()):
            self.log.conclude(decision.key, HAZARD, json.loads(decision.payload)[0][0])

    def _scan(self, resource: Resource) -> tuple[Xid, ...]:
        """What a resource manager has in doubt; where it does not say, that is for the next time."""
        try:
            return resource.recover()
        except XaError:
            return ()

    def _is_ours(self, xid: Xid) -> bool:
        return xid.format_id == FORMAT and xid.gtrid.startswith(f"{NODE}:")

    def _resolve(self, xid: Xid) -> None:
        key = key_of(xid)
        decision = self.log.decide(Decision(key, xid.gtrid, "", ABORT))
        if decision.outcome == COMMIT and not decision.recovered:
            self.log.take_over(key)
        self._finish(decision, xid, first=False)

    def heuristics(self) -> set[tuple[str, str]]:
        """What resource managers decided alone, against the decision."""
        return self.log.heuristics()

    def balances(self, resource: str) -> dict[str, int]:
        """The balance of every account of `resource`."""
        return self.resources[resource].balances()


def key_of(xid: Xid) -> str:
    """The key that a branch is about."""
    return xid.gtrid.removeprefix(f"{NODE}:").rpartition("#")[0]


def fingerprint(payload: str) -> str:
    """What stands for a payload in the name of a transaction."""
    return blake2b(payload.encode(), digest_size=4).hexdigest()


def asked_by(gtrid: str) -> str:
    """The fingerprint of what a transaction was asked for."""
    return gtrid.rpartition("#")[2].partition(".")[0]
