"""The questions that this project asks in place of the overview's flowchart: all of them, as their answers combine."""

from __future__ import annotations

from typing import NamedTuple


class Answer(NamedTuple):
    """What may be answered.

    Arguments:
        text: the answer.
        stems: the patterns that suit it.
        why: what the models say of it.
        by: (pattern, id) of what shows that.
    """

    text: str
    stems: tuple[str, ...]
    why: str
    by: tuple[tuple[str, str], ...]


class Asked(NamedTuple):
    """A question; whatever the answer, the next one is asked as well."""

    text: str
    answers: tuple[Answer, ...]


#: What patterns are called where there is little room, if that is not their stem.
SHORT = {"acid": "ACID", "two_phase_commit": "2PC", "xa": "XA", "tcc": "TCC", "event_sourcing": "event sourcing", "cqrs": "CQRS"}

QUESTIONS = (
    Asked("What must nobody ever see half done?", (
        Answer(
            "rows of one database", ("acid",),
            "one transaction; at a level below serializable a rule over two rows may still break",
            (("acid", "ACID-I.SER"), ("acid", "N1")),
        ),
        Answer(
            "rows of several databases that you run", ("two_phase_commit", "xa"),
            "the outcome is one, and readers see it at once only if they take locks",
            (("two_phase_commit", "AC1"), ("two_phase_commit", "N2")),
        ),
        Answer(
            "the end only", ("saga", "tcc", "outbox_inbox"),
            "in between others see a part, and may act on it",
            (("saga", "S1"), ("saga", "N1"), ("tcc", "N1"), ("outbox_inbox", "N1")),
        ),
    )),
    Asked("Who may never wait for somebody else who is down?", (
        Answer(
            "nobody who works on the same rows", ("saga", "outbox", "compensation"),
            "no lock outlives a local transaction: only the business that was begun waits",
            (("saga", "G9.alone"), ("compensation", "NB"), ("outbox", "OB8")),
        ),
        Answer(
            "nobody but who wants what is held", ("tcc", "reserve_confirm"),
            "what is held stays so until somebody is back, and all else can be spent",
            (("tcc", "T9"), ("tcc", "N4"), ("reserve_confirm", "N3")),
        ),
        Answer(
            "everybody may wait", ("two_phase_commit", "xa"),
            "prepared branches keep their locks while the coordinator is down",
            (("two_phase_commit", "N1"), ("xa", "N1")),
        ),
    )),
    Asked("Which part of it is outside of every transaction of yours?", (
        Answer(
            "a message to others", ("outbox", "inbox"),
            "committed with the change, sent as often as it takes, taken once",
            (("acid", "N4"), ("outbox", "N4"), ("outbox", "N1"), ("inbox", "IB1")),
        ),
        Answer(
            "a system of somebody else", ("reserve_confirm",),
            "silence says nothing: hold, ask until there is an answer, and then post or release",
            (("reserve_confirm", "N1"), ("reserve_confirm", "RC1")),
        ),
        Answer(
            "nothing that could not be undone by business means", ("compensation",),
            "what can be spent or is out of the house has no compensation",
            (("compensation", "CT1"), ("compensation", "N3")),
        ),
    )),
    Asked("What is to be known of the data later?", (
        Answer(
            "how they came about", ("event_sourcing",),
            "the log only grows; who follows all streams needs more than positions",
            (("event_sourcing", "ES1"), ("event_sourcing", "N2")),
        ),
        Answer(
            "answers in another shape, or to many more questions", ("cqrs",),
            "views are late, and nothing may be decided on them",
            (("cqrs", "CQ1"), ("cqrs", "N1"), ("cqrs", "N2")),
        ),
        Answer("what they are now", (), "nothing more is needed", ()),
    )),
)  # fmt: skip
