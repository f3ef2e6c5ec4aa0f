"""An inbox in other forms than the reference: messages are pulled, or kept in order; both pass every scope completely."""

import pytest

from acidtest.errors import ContractError
from acidtest.impl.inbox import Inbox, OrderedInbox, PullingInbox
from acidtest.properties.inbox.contract import InboxContract
from acidtest.properties.inbox.scopes import SCOPES
from acidtest.search.check import check_scope
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict

FORMS = (OrderedInbox, PullingInbox)


@pytest.mark.parametrize("scope", SCOPES, ids=[scope.name for scope in SCOPES])
@pytest.mark.parametrize("form", FORMS, ids=[form.__name__ for form in FORMS])
def test_another_form_passes_a_scope_completely(form, scope):
    harness = Harness(InboxContract(), form)
    try:
        result = check_scope(harness, scope)
    finally:
        harness.close()
    assert (result.verdict, result.violation, result.reasons) == (Verdict.PASS, None, ())


class Neither:
    """No way to come by a message."""

    def install(self, accounts):
        """Nothing."""

    def balances(self):
        """Nothing."""
        return {}


class Both(Inbox):
    """Two ways to come by a message."""

    def consume(self):
        """Poll."""


@pytest.mark.parametrize(("form", "said"), [(Neither, "neither handle nor consume"), (Both, "both handle and consume")])
def test_messages_come_in_one_way(form, said):
    with pytest.raises(ContractError, match=said):
        InboxContract.check_port(form.__new__(form))


class Endless(Inbox):
    """A window of no length that anybody could know."""

    window = None


def test_whoever_declares_a_window_says_how_long_it_is():
    with pytest.raises(ContractError, match="attribute `window` is None"):
        InboxContract().capabilities(Endless.__new__(Endless))


def test_who_pulls_is_asked_to_poll_and_who_never_cleans_is_not_asked_to():
    scope = next(scope for scope in SCOPES if scope.name == "two days")
    fitted = InboxContract().fitted(scope, {"": frozenset({"install", "consume", "balances"})})
    assert [(op.method, op.source) for client in fitted.clients for op in client.operations] == [("consume", ""), ("consume", ""), ("jump", "")]
    assert InboxContract().fitted(fitted, {"": frozenset({"install", "consume", "balances"})}) == fitted


class AnswersInWords(Inbox):
    """Answers so that nobody knows what."""

    def _answer(self, message, outcome):
        self.broker.publish("x", message.key, "all went well", topic="replies")


def test_an_answer_without_an_outcome_is_the_adapters_mistake():
    harness = Harness(InboxContract(), AnswersInWords)
    try:
        with pytest.raises(ContractError, match="It must be JSON with an outcome"):
            check_scope(harness, SCOPES[0])
    finally:
        harness.close()
