"""The inbox beside running code: messages that lie on the broker are decided once each, and acknowledged, answered or set aside.

A message may be delivered any number of times, to whomever and whenever: that is internal. What is promised is that it takes
effect once or is declined for good; that it is acknowledged only when that is decided, or when it was set aside for all to see;
and that whoever asks, in whatever copy, gets the same answer. One id stands for one payload.

Sources: Helland, "Life beyond distributed transactions", 2007; PATTERNS 11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Model, Transition
from acidtest.models.shared.ledger import Call, Ledger, LedgerState, Request
from acidtest.models.shared.tuples import put

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: What has become of a copy of a message: on the broker or with somebody, acknowledged, or rejected.
WAITING, ACKED, BURIED = "waiting", "acked", "buried"
#: As many attempts as anybody is asked to make.
MANY = 10


class Mail(NamedTuple):
    """A message that is to be handled.

    Arguments:
        request: what it asks for; its key says of which subscription it is, and its id there.
        account: whom it is about.
        sequence: its number among the messages of that account.
        hopeless: it may be set aside although what it asks for is valid: it has no id, or kills who looks into it.
    """

    request: Request
    account: str
    sequence: int = 0
    hopeless: bool = False


class Copy(NamedTuple):
    """One copy of a message: the message's name, what has become of it, after how many attempts, and how old it was then, in seconds."""

    about: str
    status: str
    attempts: int = MANY
    age: float = 0.0


class Answer(NamedTuple):
    """What was answered to a message: its name, ok or rejected, and the id and the payload of the answer."""

    about: str
    outcome: str
    id: str = ""
    payload: str = ""


class InboxView(NamedTuple):
    """What an outsider sees.

    Arguments:
        opening: the balances at the start.
        balances: the balances now.
        mails: the messages, one for each copy in the order of the broker; equal ones go by the name of the first.
        copies: what has become of each.
        accepted: the messages that took effect, in the order in which they did.
        answers: what was answered, each answer once.
        letters: the messages that are among the dead letters, each once.
        happened: what befell the run so far.
        disturbances: how many attempts may have failed because something befell them.
        promises: what the implementation declares.
        window: the age in seconds from which it may refuse a message; endless where it declares none.
    """

    opening: tuple[tuple[str, int], ...]
    balances: tuple[tuple[str, int], ...]
    mails: tuple[Mail, ...]
    copies: tuple[Copy, ...]
    accepted: tuple[str, ...]
    answers: tuple[Answer, ...] = ()
    letters: tuple[str, ...] = ()
    happened: frozenset[str] = frozenset()
    disturbances: int = MANY
    promises: frozenset[str] = frozenset()
    window: float = float("inf")

    @property
    def calls(self) -> tuple[Call, ...]:
        """The messages as requests that somebody has made, each once for each copy."""
        return tuple([Call(m.request, copy.status, alone=False) for m, copy in zip(self.mails, self.copies, strict=True)])


class InboxState(NamedTuple):
    """What is decided; and by copy, what has become of it. Answers and letters by the number of the message."""

    ledger: LedgerState
    copies: tuple[str, ...]
    answers: frozenset[tuple[int, str]] = frozenset()
    letters: frozenset[int] = frozenset()


class InboxModel(Model[InboxState]):
    """The inbox over the messages that lie on the broker.

    Arguments:
        opening: (account, balance) pairs.
        mails: the messages, one for each copy.
        resends: whether dead letters may be sent again.
    """

    name = "inbox"

    def __init__(self, opening: Iterable[tuple[str, int]], mails: Sequence[Mail], *, resends: bool = False) -> None:
        """Number the messages; all are asked for from the start."""
        self.mails = tuple(mails)
        self.resends = resends
        self.ledger = Ledger(opening, [mail.request for mail in mails])
        self.names = [self.ledger.requests[i].name for i in self.ledger.first]
        keys = list(dict.fromkeys(mail.request.key for mail in mails))
        self._key = [keys.index(mail.request.key) for mail in mails]

    def initial_states(self) -> Iterable[InboxState]:
        """Everything lies on the broker, and nothing is decided."""
        ledger = self.ledger.initial()
        yield InboxState(ledger._replace(status=("open",) * len(self.mails)), (WAITING,) * len(self.mails))

    def transitions(self) -> Sequence[Transition]:
        """What is decided first, then what is told of it."""
        distinct, copies = [(i,) for i in self.ledger.distinct], [(i,) for i in range(len(self.mails))]
        outcomes = [(i, outcome) for (i,) in distinct for outcome in ("ok", "rejected")]
        claims = [(i,) for (i,) in distinct if any(self._key[j] == self._key[i] and j != i for j in self.ledger.distinct)]
        return [
            *([Transition("claim", self.claim, claims)] if claims else []),
            Transition("accept", self.accept, distinct),
            Transition("decline", self.decline, distinct),
            Transition("answer", self.answer, outcomes),
            Transition("set_aside", self.set_aside, distinct),
            Transition("ack", self.ack, copies),
            Transition("bury", self.bury, copies),
            *([Transition("resend", self.resend, copies)] if self.resends else []),
        ]

    def claim(self, s: InboxState, i: int) -> InboxState | None:
        """An id is bound to this payload, whatever becomes of it."""
        return self._with(s, self.ledger.claim(s.ledger, i))

    def accept(self, s: InboxState, i: int) -> InboxState | None:
        """The message takes effect."""
        return self._with(s, self.ledger.accept(s.ledger, i))

    def decline(self, s: InboxState, i: int) -> InboxState | None:
        """The message is declined for good, for want of funds."""
        return self._with(s, self.ledger.decline(s.ledger, i))

    def answer(self, s: InboxState, i: int, outcome: str) -> InboxState | None:
        """What was decided is told; also that a message is invalid, or that its id is another's."""
        if (i, outcome) in s.answers or self.ledger.answer(s.ledger, i) != outcome:
            return None
        return s._replace(answers=s.answers | {(i, outcome)})

    def set_aside(self, s: InboxState, i: int) -> InboxState | None:
        """The message is put among the dead letters."""
        return None if i in s.letters else s._replace(letters=s.letters | {i})

    def ack(self, s: InboxState, p: int) -> InboxState | None:
        """A copy is acknowledged: its message is decided, was answered, or is among the dead letters."""
        i = self.ledger.first[p]
        if s.copies[p] != WAITING or not (self._is_decided(s, i) or i in s.letters or (i, "rejected") in s.answers):
            return None
        return s._replace(copies=put(s.copies, p, ACKED))

    def bury(self, s: InboxState, p: int) -> InboxState | None:
        """A copy is rejected, and so among the dead letters: it is too old, or was tried too often, whatever became of others."""
        if s.copies[p] != WAITING:
            return None
        return s._replace(copies=put(s.copies, p, BURIED), letters=s.letters | {self.ledger.first[p]})

    def resend(self, s: InboxState, p: int) -> InboxState | None:
        """A dead letter is sent again."""
        if s.copies[p] == WAITING or self.ledger.first[p] not in s.letters:
            return None
        return s._replace(copies=put(s.copies, p, WAITING))

    def leads_to(self, state: InboxState, view: InboxView) -> bool:
        """What took effect, was answered or was set aside stays so, and so does what was acknowledged unless it is sent again."""
        accepted = self.ledger.accepted(state.ledger)
        answers = {(answer.about, answer.outcome) for answer in view.answers}
        settled = self.resends or all(
            now in (WAITING, copy.status) for now, copy in zip(state.copies, view.copies, strict=True)
        )
        return (
            settled
            and accepted == view.accepted[: len(accepted)]
            and all((self.names[i], outcome) in answers for i, outcome in state.answers)
            and all(self.names[i] in view.letters for i in state.letters)
        )

    def at_rest(self, state: InboxState) -> bool:
        """Nothing lies on the broker any more, and all that was decided was answered."""
        decided = [i for i in self.ledger.distinct if self._is_decided(state, i)]
        return WAITING not in state.copies and all(self.answer(state, i, o) is None for i in decided for o in ("ok", "rejected"))

    def view(self, state: InboxState) -> InboxView:
        """Balances, what has become of messages, answers and dead letters."""
        return InboxView(
            self.ledger.opening,
            self.ledger.balances(state.ledger),
            self.mails,
            tuple([Copy(name, status) for name, status in zip(self.names, state.copies, strict=True)]),
            self.ledger.accepted(state.ledger),
            tuple(sorted([Answer(self.names[i], outcome) for i, outcome in state.answers])),
            tuple(sorted([self.names[i] for i in state.letters])),
        )

    def _with(self, s: InboxState, ledger: LedgerState | None) -> InboxState | None:
        return None if ledger is None else s._replace(ledger=ledger)

    def _is_decided(self, s: InboxState, i: int) -> bool:
        """Whether a message took effect or was declined, and did not just carry the id of another."""
        bound = s.ledger.bound[self._key[i]]
        return bound is not None and bound[0] == i and bound[1] != ""
