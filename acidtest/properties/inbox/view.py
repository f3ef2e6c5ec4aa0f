"""How what was seen of an inbox becomes a view."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from acidtest.environment import Outcome
from acidtest.errors import ContractError
from acidtest.models.inbox.service import ACKED, BURIED, MANY, WAITING, Answer, Copy, InboxView, Mail
from acidtest.models.shared.ledger import Call, Request
from acidtest.properties.shared.attribution import narrowed, words_of
from acidtest.properties.shared.reading import shown
from acidtest.properties.shared.requests import took_effect

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from acidtest.outside import Message, Settled
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Scope, Sent

DEPOSITS, WITHDRAWALS = "deposits", "withdrawals"
#: Where answers and dead letters are published.
REPLIES, DEAD = "replies", "dead"
_SIGN = {"deposit": 1, "withdrawal": -1}


def view_of(scope: Scope, seen: Seen, before: InboxView | None, promises: frozenset[str], window: float) -> InboxView:
    """Say of balances, answers and dead letters which message they are about.

    Arguments:
        scope: the accounts at the start, and the messages.
        seen: what was observed.
        before: the view before; None at the start.
        promises: what the implementation declares.
        window: the age in seconds from which it may refuse a message.
    """
    opening, mails = tuple(sorted(scope.accounts)), mails_of(scope)
    settled = {found.place: found for _, found in seen.of("settled")}
    copies = tuple([_copy(mail, settled.get(place)) for place, mail in enumerate(mails)])
    balances: Any = seen.durable
    calls = tuple([Call(mail.request, copy.status, alone=False) for mail, copy in zip(mails, copies, strict=True)])
    accepted = _in_sequence(took_effect(before, opening, calls, balances), before, mails)
    log = seen.of("broker")
    copies = _still_waiting(copies, accepted, _passed_on(mails, accepted, log, settled))
    answers = {_answer(mails, accepted, message) for message in log if message.topic == REPLIES}
    letters = {_about(mails, accepted, message) for message in log if message.topic == DEAD}
    return InboxView(
        opening, balances, mails, copies, accepted, tuple(sorted(answers)), tuple(sorted(letters)), seen.happened,
        min(seen.disturbances, MANY), promises, window,
    )  # fmt: skip


@lru_cache(maxsize=64)  # a search asks for the same ones at every step
def mails_of(scope: Scope) -> tuple[Mail, ...]:
    """The messages of a scope, a copy each; equal ones carry the name of the first."""
    found: list[Mail] = []
    for place, sent in enumerate(scope.messages):
        mail = _mail(sent, place, frozenset(name for name, _ in scope.accounts))
        first = next((other for other in found if other.request.ask == mail.request.ask), mail)
        found.append(first)
    return tuple(found)


def _mail(sent: Sent, place: int, known: frozenset[str]) -> Mail:
    """What a message asks for; one without an id is like no other."""
    key = f"{sent.topic}/{sent.id}" if sent.id else f"{sent.topic}#{place}"
    try:
        asked = json.loads(sent.payload)
        sign, account, amount, sequence = _SIGN[asked["type"]], asked["account"], asked["amount"], asked["sequence"]
    except (ValueError, TypeError, KeyError):
        return Mail(Request(sent.name, key, (sent.payload,), (), valid=False), sent.key)
    whole = type(amount) is int and account in known
    valid, deltas = whole and amount > 0, ((account, sign * amount),) if whole else ()
    return Mail(Request(sent.name, key, (sent.payload,), deltas, valid), account, sequence, not sent.id or sent.deadly)


def _copy(mail: Mail, settled: Settled | None) -> Copy:
    if settled is None:
        return Copy(mail.request.name, WAITING, 0, 0.0)
    return Copy(mail.request.name, BURIED if settled.buried else ACKED, settled.attempts, settled.age)


def _passed_on(mails: Sequence[Mail], accepted: Sequence[str], log: Sequence[Message], settled: Container[int]) -> set[str]:
    """The names of the messages of which the consumer has sent a copy to itself that nobody has settled yet, as a retry does."""
    later = [(place, log[place]) for place in range(len(mails), len(log)) if log[place].topic in (DEPOSITS, WITHDRAWALS)]
    return {_about(mails, accepted, message) for place, message in later if place not in settled}


def _still_waiting(copies: tuple[Copy, ...], accepted: Sequence[str], passed_on: set[str]) -> tuple[Copy, ...]:
    """The copies, where one that was acknowledged for another that has taken its place waits still."""
    if not passed_on:
        return copies
    waits = [copy.status == ACKED and copy.about in passed_on and copy.about not in accepted for copy in copies]
    return tuple([copy._replace(status=WAITING) if still else copy for copy, still in zip(copies, waits, strict=True)])


def _in_sequence(accepted: tuple[str, ...], before: InboxView | None, mails: Sequence[Mail]) -> tuple[str, ...]:
    """What took effect; what did at one step is put in the order of the sequence, for no other is seen."""
    known = () if before is None else before.accepted
    if accepted[: len(known)] != known or len(accepted) - len(known) < 2:  # noqa: PLR2004 - several
        return accepted
    number = {mail.request.name: mail.sequence for mail in mails}
    return (*known, *sorted(accepted[len(known) :], key=lambda name: number.get(name, 0)))


def _answer(mails: Sequence[Mail], accepted: Sequence[str], message: Message) -> Answer:
    """An answer, with what it carries.

    Raises:
        ContractError: it says neither ok nor rejected.
    """
    try:
        outcome = Outcome(json.loads(message.payload)["outcome"]).value
    except (ValueError, TypeError, KeyError):
        text = (
            f"The answer {message.id!r} on the topic {REPLIES!r} has the payload {shown(message.payload)}. It must be JSON with an "
            'outcome, "ok" or "rejected", for example {"message": "m1", "outcome": "ok"}; else nobody knows what was answered.'
        )
        raise ContractError(text) from None
    return Answer(_about(mails, accepted, message, ok=outcome == Outcome.OK), outcome, message.id or "", f"{message.key}\0{message.payload}")


def _about(mails: Sequence[Mail], accepted: Sequence[str], message: Message, *, ok: bool = False) -> str:
    """The name of the message that an answer or a dead letter is about.

    The one with that payload and key, as the broker itself buries it; else the one whose id, topic, amount and account stand in it.
    Of those that are left, `ok` says that it is one that took effect; else it is one that did not.
    """
    same = [m.request.name for m in mails if m.request.payload == (message.payload,) and m.account == message.key]
    words = words_of(f"{message.id} {message.key} {message.payload}")
    requests = {m.request.name: m.request for m in mails if not same or m.request.name in same}
    accounts = {m.request.name: m.account for m in mails}
    likely = narrowed(
        requests.values(),
        lambda request: bool(words_of(request.key.replace("#", "/").partition("/")[2]) & words),
        lambda request: request.key.replace("#", "/").partition("/")[0] in words,
        lambda request: any(str(abs(change)) in words for _, change in request.deltas),
        lambda request: accounts[request.name] in words,
        lambda request: (request.name in accepted) == ok,
    )
    return likely[0].name if likely else "?"
