"""Two-phase commit: all databases promise, one log decides, all databases carry it out.

A participant that votes yes has written its branch durably: it can commit after any crash, for what it promised to pay
is held back from everyone else. The decision is the first row in the log under the key. The coordinator tries to write
"commit" once all have voted yes, recovery tries to write "abort" for any branch that it finds without a decision
(presumed abort), and whoever comes second obeys what is written: so recovery is sound beside a coordinator that is
still at work. What the log says is carried out again and again until no branch is in doubt; a branch is gone once it
is carried out, so doing it twice does nothing.

Every attempt at a key has an id of its own, and the log says which attempt won: a client that asks again, or from two
processes, can neither find half of an earlier attempt nor apply anything twice.

Sources: Gray, "Notes on Data Base Operating Systems", 1978; Mohan, Lindsay & Obermarck, "Transaction management in the
R* distributed database management system", 1986 (presumed abort).
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from acidtest.environment import Outcome
from acidtest.impl.dialects import Name, Once

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from acidtest.environment import Environment

DATABASES = ("left", "right", "third")  #: the participants
COMMIT, ABORT = "commit", "abort"
FAILURES = (SQLAlchemyError, psycopg.Error)  #: errors of a database
FORMAT = 1  #: the format number of our transaction ids, as X/Open has it

participant_schema = sa.MetaData()
accounts = sa.Table(
    "accounts", participant_schema,
    sa.Column("id", Name, primary_key=True),
    sa.Column("balance", sa.Integer, sa.CheckConstraint("balance >= 0"), nullable=False),
)  # fmt: skip
branches = sa.Table(
    "branches", participant_schema,
    sa.Column("xid", Name, primary_key=True),
    sa.Column("account", Name, primary_key=True),
    sa.Column("change", sa.Integer, nullable=False),
)  # fmt: skip

log_schema = sa.MetaData()
decisions = sa.Table(
    "decisions", log_schema,
    sa.Column("key", Name, primary_key=True),
    sa.Column("xid", Name, nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("outcome", Name, nullable=False),
)  # fmt: skip

promise = sa.text(
    "INSERT INTO branches (xid, account, change) SELECT :xid, id, :change FROM accounts WHERE id = :account AND "
    "(:change > 0 OR balance + :change + "
    "(SELECT coalesce(sum(change), 0) FROM branches WHERE account = :account AND change < 0) >= 0)"
)
_branch = branches.c.xid == sa.bindparam("xid")
apply = (
    sa.update(accounts)
    .where(accounts.c.id.in_(sa.select(branches.c.account).where(_branch)))
    .values(
        balance=accounts.c.balance
        + sa.select(branches.c.change).where(_branch, branches.c.account == accounts.c.id).scalar_subquery()
    )
)
forget = sa.delete(branches).where(_branch)
_in_doubt = sa.select(branches.c.xid).distinct().order_by(branches.c.xid)
_record = Once(
    "INSERT INTO decisions (key, xid, payload, outcome) VALUES (:key, :xid, :payload, :outcome) "
    "ON CONFLICT (key) DO NOTHING"
)
#: A branch in doubt keeps its locks until it is resolved; whoever waits longer for it votes no.
_patience = "SET LOCAL lock_timeout = '5s'"
_patience_of_session = "SET SESSION innodb_lock_wait_timeout = 5"
XAER_NOTA = 1397  #: what MariaDB says of a branch that is decided, or that a session still has
_move = "UPDATE accounts SET balance = balance + %(change)s WHERE id = %(account)s AND balance + %(change)s >= 0"
decision_of = sa.select(decisions.c.xid, decisions.c.payload, decisions.c.outcome).where(
    decisions.c.key == sa.bindparam("k")
)


class Participant:
    """One database that takes part: it can promise, commit and roll back. Other kinds of databases differ here alone.

    Arguments:
        engine: the database.
    """

    #: What tells its branches from those of other participants on the same server.
    name: str = ""

    def __init__(self, engine: sa.Engine) -> None:
        """Keep the engine."""
        self.engine = engine

    def install(self, opening: dict[str, int]) -> None:
        """Create the schema and open the accounts."""
        participant_schema.create_all(self.engine)
        with self.engine.begin() as connection:
            for name, balance in opening.items():
                connection.execute(sa.insert(accounts), {"id": name, "balance": balance})

    def prepare(self, xid: str, changes: dict[str, int]) -> bool:
        """Promise to be able to commit these changes, durably; False, and nothing kept, if that is impossible."""
        with self.engine.connect() as connection:
            for branch in self._branches(xid, changes):
                if connection.execute(promise, branch).rowcount == 0:
                    return False
            connection.commit()
        return True

    def _branches(self, xid: str, changes: dict[str, int]) -> list[dict[str, str | int]]:
        return [{"xid": xid, "account": account, "change": change} for account, change in changes.items()]

    def commit(self, xid: str) -> None:
        """Apply what was promised; nothing if that is done already."""
        with self.engine.begin() as connection:
            connection.execute(apply, {"xid": xid})
            connection.execute(forget, {"xid": xid})

    def rollback(self, xid: str) -> None:
        """Forget what was promised."""
        with self.engine.begin() as connection:
            connection.execute(forget, {"xid": xid})

    def let_go(self, xid: str) -> None:
        """Leave it to others to decide a branch, where nothing was decided here."""

    def in_doubt(self) -> list[str]:
        """The branches that were promised and are neither committed nor rolled back."""
        with self.engine.connect() as connection:
            return list(connection.execute(_in_doubt).scalars())

    def balances(self) -> dict[str, int]:
        """The balance of every account."""
        with self.engine.connect() as connection:
            return {row.id: row.balance for row in connection.execute(sa.select(accounts))}


class PreparedParticipant(Participant):
    """A participant on PostgreSQL: the server itself keeps what was promised, with its locks, also when it is killed.

    A server may hold branches of several participants: each has its own by the branch qualifier.
    """

    @contextmanager
    def _session(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection of psycopg. It is not used again: between two phases, it can do nothing else."""
        pooled = self.engine.raw_connection()
        try:
            session: Any = pooled.driver_connection
            yield session
        finally:
            pooled.invalidate()

    def prepare(self, xid: str, changes: dict[str, int]) -> bool:
        """Do the work, and promise it; False, and nothing kept, if an account cannot pay or does not exist."""
        with self._session() as session:
            session.tpc_begin(session.xid(FORMAT, xid, self.name))
            session.execute(_patience)
            for account, change in sorted(changes.items()):
                if session.execute(_move, {"account": account, "change": change}).rowcount == 0:
                    session.tpc_rollback()
                    return False
            session.tpc_prepare()
        return True

    def commit(self, xid: str) -> None:
        """Let what was promised take effect; nothing if that is done already."""
        with self._session() as session:
            try:
                session.tpc_commit(session.xid(FORMAT, xid, self.name))
            except psycopg.errors.UndefinedObject:
                return

    def rollback(self, xid: str) -> None:
        """Forget what was promised."""
        with self._session() as session:
            try:
                session.tpc_rollback(session.xid(FORMAT, xid, self.name))
            except psycopg.errors.UndefinedObject:
                return

    def in_doubt(self) -> list[str]:
        """The branches in `pg_prepared_xacts` that are ours."""
        with self._session() as session:
            return sorted(str(xid.gtrid) for xid in session.tpc_recover() if xid.bqual == self.name)


class XaParticipant(Participant):
    """A participant on MariaDB: the server itself keeps what was promised, with its locks, also when it is killed.

    While the session that has promised is there, it alone can decide; to anybody else the server says that it knows no such
    branch. So the session is kept until then, and let go where nothing can be decided: then the branch is anybody's.
    """

    def __init__(self, engine: sa.Engine) -> None:
        """Keep the engine."""
        super().__init__(engine)
        self._promised: dict[str, sa.Connection] = {}

    def _session(self) -> sa.Connection:
        """A connection on which no transaction begins by itself: else it could not decide what others have promised."""
        return self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def _xa(self, session: sa.Connection, verb: str, xid: str) -> None:
        session.exec_driver_sql(f"XA {verb} %(xid)s, %(name)s, {FORMAT}", {"xid": xid, "name": self.name})

    def prepare(self, xid: str, changes: dict[str, int]) -> bool:
        """Do the work, and promise it; False, and nothing kept, if an account cannot pay or does not exist."""
        session = self._promised[xid] = self._session()
        try:
            session.exec_driver_sql(_patience_of_session)
            self._xa(session, "START", xid)
            paid = [session.exec_driver_sql(_move, {"account": a, "change": n}).rowcount for a, n in sorted(changes.items())]
            self._xa(session, "END", xid)
            if 0 in paid:
                self._decide("ROLLBACK", xid)
                return False
            self._xa(session, "PREPARE", xid)
        except SQLAlchemyError:
            self.let_go(xid)
            raise
        return True

    def commit(self, xid: str) -> None:
        """Let what was promised take effect; nothing if that is done already."""
        self._decide("COMMIT", xid)

    def rollback(self, xid: str) -> None:
        """Forget what was promised."""
        self._decide("ROLLBACK", xid)

    def _decide(self, verb: str, xid: str) -> None:
        session = self._promised.get(xid) or self._session()
        try:
            self._xa(session, verb, xid)
        except SQLAlchemyError as error:
            session.invalidate()
            if XAER_NOTA not in getattr(getattr(error, "orig", None), "args", ()):
                raise
        finally:
            self._promised.pop(xid, None)
            session.close()

    def let_go(self, xid: str) -> None:
        """End the session that has promised, if there still is one."""
        session = self._promised.pop(xid, None)
        if session is not None:
            session.invalidate()
            session.close()

    def in_doubt(self) -> list[str]:
        """The branches in `XA RECOVER` that are ours."""
        with self._session() as session:
            found = [(bytes(row.data), row.gtrid_length) for row in session.exec_driver_sql("XA RECOVER")]
        return sorted(data[:length].decode() for data, length in found if data[length:].decode() == self.name)


class Decision(NamedTuple):
    """What the log says of a key: the attempt that was decided first, what it asked for, and commit or abort."""

    xid: str
    payload: str
    outcome: str


class DecisionLog:
    """The coordinator's durable decisions; the first one under a key stands.

    Arguments:
        engine: the coordinator's own database.
    """

    def __init__(self, engine: sa.Engine) -> None:
        """Keep the engine."""
        self.engine = engine

    def install(self) -> None:
        """Create the schema."""
        log_schema.create_all(self.engine)

    def find(self, key: str) -> Decision | None:
        """The decision under `key`, if there is one."""
        with self.engine.connect() as connection:
            row = connection.execute(decision_of, {"k": key}).one_or_none()
            return None if row is None else Decision(*row)

    def decide(self, key: str, decision: Decision) -> Decision:
        """Write a decision unless there is one, and return the one that stands."""
        with self.engine.begin() as connection:
            connection.execute(_record, {"key": key, **decision._asdict()})
            return Decision(*connection.execute(decision_of, {"k": key}).one())


class Coordinator:
    """Runs that change accounts in several databases, all of them or none.

    Arguments:
        env: gives the databases "coordinator", "left", "right" and "third", and ids of attempts.
    """

    participant: type[Participant] = Participant
    #: Participants on databases that can prepare transactions by themselves, by SQLAlchemy's name of the kind.
    native: ClassVar[Mapping[str, type[Participant]]] = {
        "postgresql": PreparedParticipant, "mysql": XaParticipant, "mariadb": XaParticipant,
    }  # fmt: skip
    decision_log: type[DecisionLog] = DecisionLog

    def __init__(self, env: Environment) -> None:
        """Keep what is needed; nothing is read or written yet."""
        self.participants = {name: self._join(name, env.engine(name)) for name in DATABASES}
        self.log = self.decision_log(env.engine("coordinator"))
        self.new_id = env.new_id

    def _join(self, name: str, engine: sa.Engine) -> Participant:
        participant = self.native.get(engine.dialect.name, self.participant)(engine)
        participant.name = name
        return participant

    def install(self, opening: dict[str, dict[str, int]]) -> None:
        """Create the schemas and open the accounts of every database."""
        self.log.install()
        for name, participant in self.participants.items():
            participant.install(opening[name])

    def run(self, key: str, operations: Sequence[tuple[str, str, int]]) -> Outcome:
        """Change accounts by (database, account, change in minor units), all or none, once per `key`."""
        if not self._valid(operations):
            return Outcome.REJECTED
        payload = json.dumps(operations)
        decision = self.log.find(key)
        if decision is None:
            decision = self._execute(key, payload, _by_database(operations))
        return self._answer(decision, payload)

    def _valid(self, operations: Sequence[tuple[str, str, int]]) -> bool:
        return bool(operations) and all(name in self.participants and change != 0 for name, _, change in operations)

    def _answer(self, decision: Decision, payload: str) -> Outcome:
        """The answer to a request for `payload` under a key of which this was decided."""
        committed = decision.outcome == COMMIT and decision.payload == payload
        return Outcome.OK if committed else Outcome.REJECTED

    def _execute(self, key: str, payload: str, work: dict[str, dict[str, int]]) -> Decision:
        """Both phases."""
        xid = self._new_xid(key)
        try:
            outcome = COMMIT if self._all_promise(xid, work) else ABORT
            decision = self.log.decide(key, Decision(xid, payload, outcome))
            self._finish(xid, work, decision)
        finally:
            for name in work:
                self.participants[name].let_go(xid)
        return decision

    def _new_xid(self, key: str) -> str:
        """An id for an attempt at `key`, of which the key can be read off."""
        return f"{key}#{self.new_id()}"

    def _all_promise(self, xid: str, work: dict[str, dict[str, int]]) -> bool:
        """Phase one: ask every database; no answer is a no, for as long as nothing is decided aborting is safe."""
        try:
            return all(self.participants[name].prepare(xid, changes) for name, changes in work.items())
        except FAILURES:
            return False

    def _finish(self, xid: str, work: dict[str, dict[str, int]], decision: Decision) -> None:
        """Phase two. What cannot be carried out now stays in doubt; recovery will do it, and the decision stands."""
        for name in work:
            try:
                self._carry_out(self.participants[name], xid, decision)
            except FAILURES:
                continue

    def _carry_out(self, participant: Participant, xid: str, decision: Decision) -> None:
        """Commit the attempt that the decision is about, roll back any other."""
        if decision.outcome == COMMIT and decision.xid == xid:
            participant.commit(xid)
        else:
            participant.rollback(xid)

    def recover(self) -> None:
        """Resolve every branch in doubt: as the log says, and where it says nothing it says abort from now on."""
        for participant in self.participants.values():
            for xid in participant.in_doubt():
                self._resolve(participant, xid)

    def _resolve(self, participant: Participant, xid: str) -> None:
        decision = self.log.decide(key_of(xid), Decision(xid, "", ABORT))
        self._carry_out(participant, xid, decision)

    def balances(self, database: str) -> dict[str, int]:
        """The balance of every account of `database`."""
        return self.participants[database].balances()

    def in_doubt(self, database: str) -> set[str]:
        """The keys whose branch in `database` is prepared, and neither committed nor rolled back there."""
        return {key_of(xid) for xid in self.participants[database].in_doubt()}


def key_of(xid: str) -> str:
    """The key that an attempt is about."""
    return xid.rpartition("#")[0]


def _by_database(operations: Sequence[tuple[str, str, int]]) -> dict[str, dict[str, int]]:
    """The changes per database, those of one account added up.

    Always in the order of `DATABASES`: of two runs that wait for each other's branches, no single database would know.
    """
    work: dict[str, dict[str, int]] = {}
    for database, account, change in operations:
        changes = work.setdefault(database, {})
        changes[account] = changes.get(account, 0) + change
    return {database: work[database] for database in DATABASES if database in work}
