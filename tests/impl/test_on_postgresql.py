"""The references on PostgreSQL, where rows are locked, transactions are prepared by the server, and deadlocks are broken."""

import pytest
import sqlalchemy as sa

from acidtest.environment import Outcome
from acidtest.impl.acid import Transfers, answered
from acidtest.impl.outbox import Outbox, claiming, due, first_of_key, outbox
from acidtest.patterns import pattern
from acidtest.properties.outbox.contract import OutboxContract
from acidtest.properties.shared.scopes import client
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness
from acidtest.search.stateful import check_statefully
from acidtest.search.verdict import Verdict
from acidtest.workload import Operation, Scope

#: The scopes that take seconds; `acidtest verify --backend postgresql` runs all of them.
CASES = [
    *(("acid", scope) for scope in ("one process", "rejected requests", "read and read again")),
    *(("outbox", scope) for scope in ("invalid requests", "late relay")),
    *(("inbox", scope) for scope in ("one message", "equal ids", "no funds", "out of order", "poison", "no id", "dead letters again")),
    *(("outbox_inbox", scope) for scope in ("invalid requests", "out of order", "late relays")),
    *(("compensation", scope) for scope in ("invalid requests", "long pause", "parked")),
    *(("tcc", scope) for scope in ("one branch", "rejected requests", "two branches", "other payload")),
    *(("reserve_confirm", scope) for scope in ("invalid requests", "callbacks alone", "crash in recovery", "in part or not at all")),
    *(("two_phase_commit", scope) for scope in ("lost replies", "the last cannot pay", "refused for good", "crash in recovery")),
    *(("three_phase_commit", scope) for scope in ("three sites", "keys")),
    *(("event_sourcing", scope) for scope in ("one command", "invalid commands", "snapshots", "old release", "newer release")),
    *(("event_store", scope) for scope in ("one append", "expected versions", "known events", "own subscriber", "two streams")),
    *(("cqrs", scope) for scope in ("invalid requests", "projectors of a closed account")),
    *(("tcc_coordinator", scope) for scope in ("invalid requests", "one id for several", "one service twice", "crash in recovery")),
]

pytestmark = pytest.mark.usefixtures("postgresql")


class AtRepeatableRead(Transfers):
    """The reference, with one snapshot per transaction."""

    level = "REPEATABLE READ"


class AtSerializable(Transfers):
    """The reference, as if one transaction ran after the other."""

    level = "SERIALIZABLE"


class OneStatement(Transfers):
    """Does everything in one statement, which is a transaction by itself; a key that is there already is an error."""

    level = "AUTOCOMMIT"
    everything = sa.text(
        "WITH debit AS (UPDATE accounts SET balance = balance - :amount WHERE id = :source AND balance >= :amount "
        "AND EXISTS (SELECT 1 FROM accounts payee WHERE payee.id = :target) RETURNING 1), "
        "credit AS (UPDATE accounts SET balance = balance + :amount WHERE id = :target AND EXISTS (SELECT 1 FROM debit)) "
        "INSERT INTO requests (key, source, target, amount, outcome) VALUES (:key, :source, :target, :amount, "
        "CASE WHEN EXISTS (SELECT 1 FROM debit) THEN 'ok' ELSE 'rejected' END) RETURNING outcome"
    )

    def _attempt(self, request):
        with self.engine.connect() as connection:
            try:
                return Outcome(connection.execute(self.everything, request._asdict()).scalar_one())
            except sa.exc.IntegrityError:
                known = connection.execute(answered, {"k": request.key}).one()
        same = (known.source, known.target, known.amount) == request[1:]
        return Outcome(known.outcome) if same else Outcome.REJECTED


_done = outbox.alias("done")


class GoesByNumber(Outbox):
    """Never goes back behind the highest number that was published."""

    claim = claiming(due, first_of_key, ~sa.exists().where(_done.c.published, _done.c.seq > outbox.c.seq))


#: Two accounts, so that no row lock makes one withdrawal wait for the other.
TWO_WRITERS = Scope(
    "two writers", "two withdrawals from two accounts at once, and a poll", (("A", 100), ("B", 100)),
    (
        client("app-1", Operation("w1", "execute", ("k1", "A", 61))),
        client("app-2", Operation("w2", "execute", ("k2", "B", 13)), Operation("poll", "relay")),
    ),
)  # fmt: skip


def explored(stem, factory, scope, seconds=None, backend="postgresql"):
    contract = pattern(stem).contract_class()()
    harness = Harness(contract, factory, backend)
    try:
        return check_scope(harness, find_scope(contract, scope), seconds=seconds)
    finally:
        harness.close()


@pytest.mark.parametrize(("stem", "scope"), CASES, ids=[f"{stem}-{scope}" for stem, scope in CASES])
def test_the_reference_passes_a_scope_completely(stem, scope):
    result = explored(stem, pattern(stem).reference_factory(), scope)
    assert (result.violation, result.reasons, result.verdict) == (None, (), Verdict.PASS)


@pytest.mark.parametrize("factory", [AtRepeatableRead, AtSerializable])
def test_the_reference_of_acid_is_right_at_every_level(factory):
    result = explored("acid", factory, "one process")
    assert (result.violation, result.reasons, result.verdict) == (None, (), Verdict.PASS)


def test_code_whose_statements_are_transactions_by_themselves_passes_although_one_may_come_late():
    result = explored("acid", OneStatement, "read and read again")
    assert (result.violation, result.reasons, result.verdict) == (None, (), Verdict.PASS)


LARGER = [
    ("outbox", "two relays"), ("two_phase_commit", "opposite runs"), ("acid", "competing transfers"),
    ("compensation", "third party"), ("tcc", "twice"), ("reserve_confirm", "two funded withdrawals"),
]  # fmt: skip


@pytest.mark.parametrize(("stem", "scope"), LARGER)
def test_nothing_is_found_in_a_larger_scope_in_a_few_seconds(stem, scope):
    result = explored(stem, pattern(stem).reference_factory(), scope, seconds=1.5)
    assert result.violation is None


@pytest.mark.parametrize(("backend", "found"), [("sqlite", None), ("postgresql", {"OB3", "OB11"})])
def test_rows_are_numbered_in_another_order_than_they_are_committed_in(backend, found):
    harness = Harness(OutboxContract(), GoesByNumber, backend)
    try:
        result = check_scope(harness, TWO_WRITERS)
    finally:
        harness.close()
    if found is None:
        assert result.violation is None
    else:
        assert result.violation.property in found


#: Where nobody else can write, what was read in the transaction is still so.
LOCKED = [("compensation", "checked-without-lock"), ("tcc", "tombstone-unseen"), ("tcc", "hold-read-without-lock")]


@pytest.mark.parametrize(("stem", "name"), LOCKED, ids=[f"{stem}-{name}" for stem, name in LOCKED])
def test_what_reads_without_a_lock_is_right_where_the_whole_database_is_locked(stem, name):
    (mutant,) = [mutant for mutant in pattern(stem).mutants() if mutant.name == name]
    assert mutant.backend == "postgresql"
    result = explored(stem, mutant.factory, mutant.scope, backend="sqlite")
    assert (result.violation, result.verdict) == (None, Verdict.PASS)


def test_the_stateful_search_runs_there_as_well():
    harness, result = check_statefully(
        pattern("acid").contract_class()(), pattern("acid").reference_factory(), examples=5, seed=1, backend="postgresql"
    )
    harness.close()
    assert result.violation is None
