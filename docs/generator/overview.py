"""What the overview says where it compares patterns: its table and its flowchart, as data."""

from __future__ import annotations

from typing import NamedTuple

#: Said wherever the overview is spoken of, for a reader who does not know it.
THE_OVERVIEW = (
    "*The overview* stands for a kind of text that is widely read: a tour of transaction patterns that gives each a "
    "diagram, a short example, ticks for what it is good at and crosses for what it is not, and at the end a comparison "
    "table and a decision flowchart."
)

#: How the standing of a claim comes about.
STANDINGS = (
    "*Confirmed*: something proved or shown here speaks for it, and nothing against it. *Refuted*: a run shows the contrary, and "
    "nothing speaks for it. *Refined*: both. What no model can decide, as cost, load and habit, says so."
)

#: The words of its column on consistency, and a third that it has no word for.
IMMEDIATE, EVENTUAL = "immediate", "eventual"
PIECEMEAL = "atomic outcome, visible piecemeal"


#: The architectures in which what it recommends is put together and checked from end to end, by their places on a page of their own.
MONOLITH, MICROSERVICES, FINANCE, SHOP = (
    f"[{title}](architectures.md#{anchor})"
    for title, anchor in (("a monolith", "a-monolith"), ("microservices", "microservices"), ("finance", "finance"), ("e-commerce", "e-commerce"))
)


class Opinion(NamedTuple):
    """A row of the overview's table; `checked` is the architecture in which that use is checked, or why it is in none."""

    consistency: str
    complexity: str
    performance: str
    use: str
    checked: str


OPINIONS = {
    "acid": Opinion(IMMEDIATE, "low", "high", "a single database", MONOLITH),
    "two_phase_commit": Opinion(IMMEDIATE, "high", "low", "legacy distributed databases", "in none: the overview recommends it nowhere"),
    "saga": Opinion(EVENTUAL, "medium", "high", "microservices", f"{MICROSERVICES}, {SHOP}"),
    "event_sourcing": Opinion(EVENTUAL, "high", "medium", "an audit trail", FINANCE),
    "cqrs": Opinion(EVENTUAL, "high", "high", "reads and writes of very different load", f"{FINANCE}, {SHOP}; of load no model says anything"),
    "outbox": Opinion(EVENTUAL, "medium", "high", "message queues", f"{MONOLITH}, {MICROSERVICES}, {FINANCE}, {SHOP}"),
    "tcc": Opinion(IMMEDIATE, "high", "medium", "financial systems", f"{FINANCE}, and the warehouse of {SHOP}"),
    "reserve_confirm": Opinion(EVENTUAL, "medium", "medium", "external systems", SHOP),
}


#: What it says of no pattern by itself, why no model decides it, and what is checked of it all the same.
OF_ALL = (
    ("classes: local, distributed, eventual consistency, hybrid, external systems",
     "the names of shelves: CQRS and event sourcing are no less local than a transaction, and compensating transactions are part of a saga", "–"),
    ("complexity and performance, in its table", "models know no cost; what leaving out a rule costs is on each pattern's page", "–"),
    ("for a monolith: local ACID transactions", "what it tells others is outside of its transactions: it needs an outbox as well",
     MONOLITH),
    ("for microservices: a choreographed saga, an outbox, events",
     "that they hold together is checked; orchestration is proved to keep the same promises, and the outbox is needed by both",
     MICROSERVICES),
    ("for financial systems: event sourcing, CQRS, TCC and sagas",
     "that they hold together is checked; that several are combined is what its flowchart denies", FINANCE),
    ("for shops: sagas, an outbox, reserve/confirm, CQRS", "that they hold together is checked; which to combine, no model can say",
     SHOP),
    ("no approach is best: it depends on architecture, consistency, performance, domain and team", "so it is, as far as models show", "–"),
    ("most popular in 2026: saga, outbox, ACID, reserve/confirm, event sourcing; rarely used: 2PC, 3PC", "a matter for surveys", "–"),
)  # fmt: skip


class Question(NamedTuple):
    """A question of the overview's flowchart; no leads on to the next one.

    Arguments:
        text: the question.
        yes: the answer.
        stems: the patterns that the answer names.
        checked: the architecture in which that answer is checked, or why it is in none.
        remark: what the overview adds to it.
    """

    text: str
    yes: str
    stems: tuple[str, ...]
    checked: str
    remark: str = ""


FLOWCHART = (
    Question("Is it all in one database?", "local ACID transactions", ("acid",), MONOLITH),
    Question(
        "Several databases of one company?", "two-phase commit or a saga", ("two_phase_commit", "saga"),
        f"the saga in {MICROSERVICES}; which is rare is an opinion", "the former rarely",
    ),
    Question("Microservices?", "a saga and an outbox", ("saga", "outbox"), MICROSERVICES),
    Question("External systems?", "reserve/confirm", ("reserve_confirm",), SHOP),
    Question("Is an audit trail critical?", "event sourcing", ("event_sourcing",), FINANCE),
    Question("Do reads and writes differ much in load?", "CQRS", ("cqrs",), f"{SHOP}, {FINANCE}"),
)  # fmt: skip
