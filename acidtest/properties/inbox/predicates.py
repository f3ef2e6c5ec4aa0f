"""What must hold of an inbox, as predicates over views: PATTERNS section 11.

A message is *lost* where it was acknowledged as if it had been handled and had no effect although nothing stood against it; it took
effect *twice* where it did under one id. Which rule was broken is told by what befell the run, and by what else there is.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from acidtest.models.inbox.service import ACKED, BURIED, WAITING, InboxView, Mail
from acidtest.properties.shared.balances import folded
from acidtest.properties.shared.predicates import is_payable_in_any_case, once

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acidtest.models.inbox.service import Copy

#: So many attempts are made of everything that can be handled.
ATTEMPTS = 3


def has_happened(view: InboxView, what: str) -> bool:
    """Whether something befell the run: a fault kind, crash, or a change of the environment."""
    return any(event.split(" ", 1)[0] == what for event in view.happened)


def is_refused(view: InboxView, mail: Mail) -> bool:
    """Whether it is to be seen that a message was not handled: it is among the dead letters, or was answered with a rejection."""
    name = mail.request.name
    return name in view.letters or any(answer.about == name and answer.outcome == "rejected" for answer in view.answers)


def is_contested(view: InboxView, mail: Mail) -> bool:
    """Whether another message carries the id of this one, with another payload."""
    return any(m.request.key == mail.request.key and m.request.ask != mail.request.ask for m in view.mails)


def is_sound(mail: Mail) -> bool:
    """Whether there is no reason to set a message aside that lies in itself."""
    return mail.request.valid and not mail.hopeless


def is_early(view: InboxView, mail: Mail) -> bool:
    """Whether a message has to wait for an earlier one of its account, where order was promised."""
    if "ordered" not in view.promises:
        return False
    earlier = [m for m in view.mails if m.account == mail.account and m.sequence < mail.sequence and m.request.deltas]
    return any(m.request.name not in view.accepted and not _is_acked(view, m) for m in earlier)


def _is_acked(view: InboxView, mail: Mail) -> bool:
    return any(copy.status == ACKED for copy in view.copies if copy.about == mail.request.name)


def each_copy(view: InboxView) -> Iterator[tuple[Mail, Copy]]:
    """Every copy, with what is in it."""
    return zip(view.mails, view.copies, strict=True)


def lost(view: InboxView) -> list[Mail]:
    """The messages that were acknowledged, could have taken effect whatever else did, did not, and are nowhere to be seen."""
    found = {
        mail.request.name: mail
        for mail, copy in each_copy(view)
        if copy.status == ACKED and copy.about not in view.accepted and is_sound(mail) and copy.about not in view.letters
    }  # fmt: skip
    payable = {c.request.name for c in view.calls if c.request.name in found and is_payable_in_any_case(view, c)}
    return [mail for name, mail in found.items() if name in payable and not is_early(view, mail)]


def kept(view: InboxView) -> bool:
    """Nothing took effect twice, and nothing was lost."""
    return once(view) and not lost(view)


def no_imposter(view: InboxView) -> bool:
    """Of several payloads under one id at most one takes effect, and at most one is acknowledged without its being seen."""
    passed: dict[str, set[str]] = {}
    for mail, copy in each_copy(view):
        quiet = copy.status == ACKED and not is_refused(view, mail)
        if is_contested(view, mail) and (copy.about in view.accepted or quiet):
            passed.setdefault(mail.request.key, set()).add(copy.about)
    return all(len(names) == 1 for names in passed.values())


def told_apart(view: InboxView) -> bool:
    """Nothing is lost, without any fault, that has the id of a message of the other subscription."""
    if view.happened:
        return True
    ids = Counter({(m.request.key.partition("/")[2], m.request.key) for m in view.mails})
    shared = Counter(number for number, _ in ids)
    return all(shared[mail.request.key.partition("/")[2]] <= 1 for mail in lost(view) if "/" in mail.request.key)


def equals_are_two(view: InboxView) -> bool:
    """Nothing is lost, without any fault, that moves as much as another message of the same account."""
    if view.happened:
        return True
    moves = Counter({mail.request.name: mail.request.deltas for mail in view.mails}.values())
    return all(moves[mail.request.deltas] <= 1 for mail in lost(view))


def nothing_dropped(view: InboxView) -> bool:
    """What was acknowledged, although it is invalid or hopeless, took effect or is to be seen."""
    return all(
        copy.about in view.accepted or is_refused(view, mail)
        for mail, copy in each_copy(view)
        if copy.status == ACKED and not is_sound(mail)
    )


def given_up(view: InboxView) -> list[Copy]:
    """What was set aside without an effect although it can be handled, and no copy of it is older than the window.

    By the copies that were rejected, if there are any; what was tried most often stands for all.
    """
    settled: dict[str, list[Copy]] = {}
    for mail, copy in each_copy(view):
        if copy.status != WAITING and copy.about in view.letters and is_sound(mail) and not is_contested(view, mail):
            settled.setdefault(copy.about, []).append(copy)
    found = []
    for name, copies in settled.items():
        relevant = [copy for copy in copies if copy.status == BURIED] or copies
        if name not in view.accepted and "resend" not in view.happened and all(copy.age < view.window for copy in relevant):
            found.append(max(relevant, key=lambda copy: copy.attempts))
    return found


def tried(view: InboxView) -> bool:
    """What can be handled is set aside only after some attempts."""
    return all(copy.attempts >= ATTEMPTS for copy in given_up(view))


def not_wedged(view: InboxView) -> bool:
    """What can be handled is set aside only after attempts that failed because something befell them."""
    return all(_has_reason(view, copy) for copy in given_up(view) if copy.attempts >= ATTEMPTS)


def _has_reason(view: InboxView, copy: Copy) -> bool:
    """Whether a copy was tried often enough, and something befell each attempt."""
    return ATTEMPTS <= copy.attempts <= view.disturbances + 1


def stays_declined(before: InboxView, after: InboxView) -> bool:
    """Nothing takes effect of which a copy was acknowledged before, without an effect."""
    declined = {
        copy.about for mail, copy in each_copy(before)
        if copy.status == ACKED and copy.about not in before.accepted and not is_early(before, mail) and copy.about not in before.letters
    }  # fmt: skip
    return declined.isdisjoint(after.accepted)


def truthful(view: InboxView) -> bool:
    """Ok was answered to what took effect, rejected to what did not."""
    return all((answer.outcome == "ok") == (answer.about in view.accepted) for answer in view.answers)


def same_answer(view: InboxView) -> bool:
    """All answers to a message are one."""
    return all(n == 1 for n in Counter(answer.about for answer in view.answers).values())


def answered(view: InboxView) -> bool:
    """Whatever was acknowledged and decided was answered; it has an id to be named by."""
    told = {answer.about for answer in view.answers} | set(view.letters)
    return all(copy.about in told for mail, copy in each_copy(view) if copy.status == ACKED and is_sound(mail))


def in_sequence(view: InboxView) -> bool:
    """What took effect did so in the order of the sequence, per account."""
    mails = {mail.request.name: mail for mail in view.mails}
    last: dict[str, int] = {}
    for name in view.accepted:
        if name in mails:
            mail = mails[name]
            if mail.sequence < last.get(mail.account, 0):
                return False
            last[mail.account] = mail.sequence
    return True


def as_in_sequence(view: InboxView) -> bool:
    """What took effect is what does if all is handled in the order of the sequence; of accounts where nothing stands in the way."""
    plain = {m.account for m in view.mails} - {m.account for m in view.mails if not is_sound(m) or is_contested(view, m)}
    plain -= {mail.account for mail in view.mails if mail.request.name in view.letters}
    balances, accepted = dict(view.opening), set[str]()
    for mail in sorted({m.request.name: m for m in view.mails}.values(), key=lambda m: m.sequence):
        after = dict(folded(tuple(balances.items()), [mail.request.deltas]))
        if mail.account in plain and all(after[account] >= 0 for account, _ in mail.request.deltas):
            balances = after
            accepted.add(mail.request.name)
    return accepted == {mail.request.name for mail in view.mails if mail.account in plain and mail.request.name in view.accepted}


def waiting(view: InboxView) -> list[Mail]:
    """The messages that can be handled and are still on the broker."""
    settled = {mail.request.key for mail, copy in each_copy(view) if copy.status != WAITING}
    return [
        mail for mail, copy in each_copy(view)
        if copy.status == WAITING and is_sound(mail) and not is_early(view, mail)
        and not (is_contested(view, mail) and mail.request.key in settled)
    ]  # fmt: skip


def all_handled(view: InboxView) -> bool:
    """Nothing that can be handled waits, unless another copy of it has taken effect."""
    return all(mail.request.name in view.accepted for mail in waiting(view))


def duplicates(view: InboxView) -> list[Copy]:
    """The copies of what took effect."""
    found = [copy for mail, copy in each_copy(view) if not is_contested(view, mail) and not mail.hopeless]
    return [copy for copy in found if copy.about in view.accepted]


def no_duplicate_set_aside(view: InboxView) -> bool:
    """Of what took effect no copy is set aside but for its age, or since attempts failed that something befell."""
    return not any(
        copy.status == BURIED and copy.age < view.window and not _has_reason(view, copy) for copy in duplicates(view)
        if "resend" not in view.happened
    )  # fmt: skip


def duplicates_acknowledged(view: InboxView) -> bool:
    """Of what took effect no copy waits."""
    return all(copy.status != WAITING for copy in duplicates(view))


def all_parked(view: InboxView) -> bool:
    """Whatever cannot be handled is among the dead letters, or was answered with a rejection."""
    return all(
        is_refused(view, mail) or copy.about in view.accepted
        for mail, copy in each_copy(view)
        if not is_sound(mail) and "resend" not in view.happened
    )


def resent(view: InboxView) -> list[tuple[Mail, Copy]]:
    """The messages that were repaired, and sent again if they were among the dead letters."""
    if "resend" not in view.happened:
        return []
    return [(m, copy) for m, copy in each_copy(view) if m.hopeless and m.request.valid and "/" in m.request.key]


def resent_not_dropped(view: InboxView) -> bool:
    """Of what was repaired and sent again nothing was acknowledged without an effect."""
    return all(copy.status != ACKED or copy.about in view.accepted for _, copy in resent(view))


def resent_handled(view: InboxView) -> bool:
    """What was repaired and sent again has taken effect, unless it was older than the window by then."""
    return all(copy.about in view.accepted or copy.age >= view.window for _, copy in resent(view))
