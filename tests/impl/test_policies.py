"""Policies: code that needs one passes with it and fails without it, and what is broken beside it fails with it all the same."""

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from acidtest.environment import Outcome
from acidtest.impl.acid import Transfers, refuse
from acidtest.impl.broken.acid.keys import FundsCheckedAgain, NoRequestHash, RejectionNotRemembered
from acidtest.impl.broken.cqrs import commands as cqrs
from acidtest.impl.broken.event_sourcing import commands as event_sourcing
from acidtest.impl.broken.outbox import writers
from acidtest.impl.broken.outbox_inbox import senders
from acidtest.impl.outbox import Outbox
from acidtest.impl.outbox import refuse as refuse_withdrawal
from acidtest.models.shared.ledger import FORGETS_REJECTIONS, IGNORES_PAYLOAD, REJECTS_ON_ERROR
from acidtest.patterns import pattern
from acidtest.search.check import beginning_with, check_exhaustively, check_scope
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict


def declaring(factory, *policies):
    """What `factory` makes, with these policies declared beside what it declares itself."""

    def make(env):
        made = factory(env)
        made.capabilities = frozenset(getattr(made, "capabilities", ())) | set(policies)
        return made

    return make


class TransferRejectedOnError(Transfers):
    """Binds a rejection to the key where a statement was refused, and takes back what the transfer had done."""

    def _decide(self, connection, request):
        try:
            with connection.begin_nested():
                return super()._decide(connection, request)
        except SQLAlchemyError:
            connection.execute(refuse, {"k": request.key})
            return Outcome.REJECTED


class WithdrawalRejectedOnError(Outbox):
    """The same of withdrawals."""

    def _decide(self, connection, key, account, amount):
        try:
            with connection.begin_nested():
                return super()._decide(connection, key, account, amount)
        except SQLAlchemyError:
            connection.execute(refuse_withdrawal, {"k": key})
            return Outcome.REJECTED


class TransferRejectedOnAnyError(Transfers):
    """Says rejected also where COMMIT was not answered."""

    def transfer(self, key, source, target, amount):
        try:
            return super().transfer(key, source, target, amount)
        except SQLAlchemyError:
            return Outcome.REJECTED


class KeyAndPayloadAreOne(Transfers):
    """Takes the key for used only where the same is asked for."""

    def _answered(self, connection, request):
        hashed = request._replace(key=f"{request.key} {request.amount} {request.target}")
        return super()._answered(connection, hashed)


class Forgetful(writers.RejectionForgotten):
    """Forgets all that is old with what was refused."""

    def _decide(self, connection, key, account, amount):
        outcome = super()._decide(connection, key, account, amount)
        if outcome == Outcome.REJECTED:
            connection.execute(sa.text("DELETE FROM requests"))
        return outcome


#: Pattern, what needs the policy, and the policy.
NEEDY = [
    ("acid", RejectionNotRemembered, FORGETS_REJECTIONS),
    ("outbox", writers.RejectionForgotten, FORGETS_REJECTIONS),
    ("event_sourcing", event_sourcing.RejectionForgotten, FORGETS_REJECTIONS),
    ("cqrs", cqrs.RejectionForgotten, FORGETS_REJECTIONS),
    ("outbox_inbox", senders.RejectionForgotten, FORGETS_REJECTIONS),
    ("acid", NoRequestHash, IGNORES_PAYLOAD),
    ("outbox", writers.PayloadNotCompared, IGNORES_PAYLOAD),
    ("event_sourcing", event_sourcing.PayloadNotCompared, IGNORES_PAYLOAD),
    ("cqrs", cqrs.PayloadNotCompared, IGNORES_PAYLOAD),
    ("outbox_inbox", senders.PayloadNotCompared, IGNORES_PAYLOAD),
    ("acid", TransferRejectedOnError, REJECTS_ON_ERROR),
    ("outbox", WithdrawalRejectedOnError, REJECTS_ON_ERROR),
]


def concerns(scope, policy):
    """Whether the policy makes a difference there: a key comes twice, or a statement may be refused."""
    keys = [op.arguments[0] for op in scope.operations() if op.method in ("transfer", "execute", "handle") and op.arguments]
    return "refused" in scope.kinds if policy == REJECTS_ON_ERROR else len(set(keys)) < len(keys)


SCOPES = [
    pytest.param(stem, factory, policy, scope, id=f"{stem} {policy}, {scope.name}")
    for stem, factory, policy in NEEDY
    for scope in pattern(stem).contract_class().scopes
    if concerns(scope, policy)
]


@pytest.mark.parametrize(("stem", "factory", "policy", "scope"), SCOPES)
def test_who_needs_a_policy_and_declares_it_passes_a_scope_completely(stem, factory, policy, scope):
    harness = Harness(pattern(stem).contract_class()(), declaring(factory, policy))
    try:
        result = check_scope(harness, scope)
    finally:
        harness.close()
    assert (result.violation, result.reasons, result.verdict) == (None, (), Verdict.PASS)


def failure(stem, factory, scope=""):
    contract = pattern(stem).contract_class()()
    results = [result for _, result in check_exhaustively(contract, factory, scopes=beginning_with(contract, scope))]
    return results[-1].violation and results[-1].violation.property


@pytest.mark.parametrize(
    ("stem", "factory", "violates"),
    [("acid", TransferRejectedOnError, "G4"), ("outbox", WithdrawalRejectedOnError, "G4")],
    ids=["acid", "outbox"],
)
def test_what_is_rejected_on_an_error_fails_where_that_is_not_declared(stem, factory, violates):
    assert failure(stem, factory) == violates


#: Pattern, what is broken, the policy that it declares, and what it violates in spite of it; with the scope in which it shows.
BROKEN = [
    ("acid", FundsCheckedAgain, FORGETS_REJECTIONS, "G4", "rejected requests"),
    ("outbox", Forgetful, FORGETS_REJECTIONS, "G3", ""),
    ("acid", KeyAndPayloadAreOne, IGNORES_PAYLOAD, "G3", "same key"),
    ("outbox", writers.KeyCheckedBefore, IGNORES_PAYLOAD, "G3", "same key"),
    ("acid", TransferRejectedOnAnyError, REJECTS_ON_ERROR, "G4", "one transfer"),
    ("outbox", writers.ErrorIsRejection, REJECTS_ON_ERROR, "G4", "one withdrawal"),
]


@pytest.mark.parametrize(("stem", "factory", "policy", "violates", "scope"), BROKEN, ids=[f"{b[0]} {b[2]}" for b in BROKEN])
def test_what_is_broken_fails_although_it_declares_a_policy(stem, factory, policy, violates, scope):
    assert failure(stem, declaring(factory, policy), scope) == violates
