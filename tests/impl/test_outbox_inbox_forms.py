"""A chain in other forms than the reference: in order, by polling, and without saying what is owed; all pass completely."""

import pytest

from acidtest.errors import ContractError
from acidtest.impl.broken.outbox_inbox.senders import MarkBeforePublish, PublishedAfterCommit
from acidtest.impl.broken.outbox_inbox.takers import SeparateTransactions
from acidtest.impl.outbox_inbox import (
    Middle,
    OrderedTransfers,
    PollingTransfers,
    RestorableTransfers,
    Source,
    Transfers,
)
from acidtest.properties.outbox_inbox.contract import OutboxInboxContract
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict

CASES = [
    *((OrderedTransfers, scope) for scope in ("two of one account", "out of order", "late relays", "forty days")),
    (RestorableTransfers, "backup"),
    *((PollingTransfers, scope) for scope in ("one transfer", "out of order", "redelivery in flight", "late relays")),
]


def explored(factory, scope):
    contract = OutboxInboxContract()
    harness = Harness(contract, factory)
    try:
        return check_scope(harness, find_scope(contract, scope))
    finally:
        harness.close()


@pytest.mark.parametrize(("form", "scope"), CASES, ids=[f"{form.__name__}-{scope}" for form, scope in CASES])
def test_another_form_passes_a_scope_completely(form, scope):
    result = explored(form, scope)
    assert (result.verdict, result.violation, result.reasons) == (Verdict.PASS, None, ())


# What is owed need not be told.


class Silence:
    """Gives all that a service has, but for `owed`."""

    def __init__(self, service):
        self.service = service

    def __getattr__(self, name):
        if name == "owed":
            raise AttributeError(name)
        return getattr(self.service, name)


def silent(form):
    """The services of a form, of which none says what it owes."""
    return lambda env: Silence(form(env))


def test_a_chain_passes_that_does_not_say_what_it_owes():
    assert explored(silent(Transfers), "before the relay").verdict == Verdict.PASS


@pytest.mark.parametrize(
    ("form", "scope"), [(SeparateTransactions, "one transfer"), (PublishedAfterCommit, "one transfer"), (MarkBeforePublish, "outage")],
    ids=["owes later", "publishes after", "marks first"],
)
def test_what_is_never_sent_is_found_all_the_same(form, scope):
    assert explored(silent(form), scope).violation.property == "EO2"


# Mistakes of adapters.


class Neither(Source):
    """No way to come by a message."""


class Worried(Source):
    """Says in one text what it has noticed."""

    def alarms(self):
        """Nothing."""
        return "none"


class Both(Middle):
    """Two ways to come by a message."""

    def consume(self):
        """Poll."""


@pytest.mark.parametrize(("form", "said"), [(Neither, "neither handle nor consume"), (Both, "both handle and consume")])
def test_messages_come_in_one_way_behind_the_source(form, said):
    with pytest.raises(ContractError, match=f"which is the middle, has {said}"):
        OutboxInboxContract.check_port(form.__new__(form), "middle")


def test_the_source_is_asked_for_no_way_to_come_by_messages():
    OutboxInboxContract.check_port(Source.__new__(Source), "source")


class OwesFromTheStart(Middle):
    """Owes something that nobody has asked for."""

    def owed(self):
        return {"k9": 7}


class StartsOwing(Transfers):
    """A chain whose middle does."""

    middle = OwesFromTheStart


def test_what_is_owed_right_after_install_is_the_adapters_mistake():
    with pytest.raises(ContractError, match="owed\\(\\) of middle gives \\(\\('k9', 7\\),\\)"):
        explored(StartsOwing, "one transfer")


def test_who_pulls_is_asked_to_poll_and_who_never_cleans_is_not_asked_to():
    scope = find_scope(OutboxInboxContract(), "cleaning beside")
    offered = {"source": frozenset({"execute", "relay"}), "middle": frozenset({"consume", "relay"}), "sink": frozenset({"handle"})}
    fitted = OutboxInboxContract().fitted(scope, offered)
    asked = {client.name: [(op.method, op.source) for op in client.operations] for client in fitted.clients}
    assert asked["middle-1"] == [("consume", "")]
    assert asked["middle-2"] == []
    assert OutboxInboxContract().fitted(fitted, offered) == fitted


class StartsWorried(Transfers):
    """A chain whose source is."""

    source = Worried


def test_what_was_noticed_is_a_list_of_sentences():
    with pytest.raises(ContractError, match="alarms\\(\\) of source returned 'none'; it must return a list of sentences"):
        explored(StartsWorried, "one transfer")


def test_who_promises_nothing_about_backups_has_none_restored():
    result = explored(OrderedTransfers, "comparing")
    assert (result.verdict, "backup" in dict(result.coverage.faults)) == (Verdict.PASS, False)
