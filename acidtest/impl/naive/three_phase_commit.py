"""Three-phase commit by the textbook's time-outs, as it is often told: nobody leads in place of a coordinator that has failed.

"On a time-out while waiting abort; on a time-out after PRECOMMIT commit; the coordinator aborts when a vote is missing, and commits
when an acknowledgement is." Nothing else is said, so a site that starts again does nothing about what is in doubt. The rule was first
seen at snormore.dev/lab/three-phase-commit; PATTERNS 3, N3.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from acidtest.environment import Outcome
from acidtest.impl.naive import Defect

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from acidtest.environment import Environment

SITES = ("north", "east", "south", "west")
_SCHEMA = (
    "CREATE TABLE accounts (id TEXT PRIMARY KEY, balance INTEGER)",
    "CREATE TABLE transactions (key TEXT PRIMARY KEY, coordinator TEXT, operations TEXT, state TEXT)",
)


class NaiveSite:
    """One site of the textbook's protocol.

    Arguments:
        env: gives the database, the network, and the name of the site.
    """

    def __init__(self, env: Environment) -> None:
        """Keep the environment; nobody has answered yet."""
        self.env = env
        self.answers: dict[tuple[str, str], set[str]] = {}

    def db(self) -> sqlite3.Connection:
        """A connection."""
        connection: sqlite3.Connection = self.env.connect("bank")
        return connection

    def install(self, accounts: dict[str, int]) -> None:
        """Create the tables and open the accounts."""
        db = self.db()
        for statement in _SCHEMA:
            db.execute(statement)
        db.executemany("INSERT INTO accounts VALUES (?, ?)", list(accounts.items()))
        db.commit()

    def begin(self, key: str, operations: Sequence[tuple[str, str, int]]) -> Outcome:
        """The coordinator asks for votes."""
        if not operations or any(site not in SITES or change == 0 for site, _, change in operations):
            return Outcome.REJECTED
        known = self.find(key)
        if known is not None:
            return Outcome.OK if known[1] == json.dumps(operations) else Outcome.REJECTED
        if self.vote(key, self.env.service, json.dumps(operations)):
            self.tell(key, "CAN-COMMIT", self.env.service, json.dumps(operations))
        return Outcome.OK

    def vote(self, key: str, coordinator: str, operations: str) -> bool:
        """Vote, durably."""
        db = self.db()
        balances = dict(db.execute("SELECT id, balance FROM accounts").fetchall())
        for site, account, change in json.loads(operations):
            if site == self.env.service:
                balances[account] = balances.get(account, -1) + change
        can = all(balance >= 0 for balance in balances.values())
        db.execute("INSERT INTO transactions VALUES (?, ?, ?, ?)", (key, coordinator, operations, "waiting" if can else "aborted"))
        db.commit()
        return can

    def on_message(self, sender: str, message: tuple[str, ...]) -> None:
        """The three phases."""
        kind, key, *rest = message
        known = self.find(key)
        if kind == "CAN-COMMIT" and known is None:
            self.env.network.send(sender, ("YES" if self.vote(key, *rest) else "NO", key))
        elif known is None or known[2] in ("committed", "aborted"):
            return
        elif kind == "PRE-COMMIT":
            self.end(key, "precommitted")
            self.env.network.send(sender, ("ACK", key))
        elif kind == "DO-COMMIT":
            self.end(key, "committed")
        elif kind in ("NO", "ABORT"):
            self.abort(key)
        elif kind in ("YES", "ACK"):
            self.answers.setdefault((kind, key), set()).add(sender)
            if self.answers[kind, key] == set(self.others(key)):
                self.next_phase(key, kind)

    def next_phase(self, key: str, kind: str) -> None:
        """All have voted, or have acknowledged."""
        self.end(key, "precommitted" if kind == "YES" else "committed")
        self.tell(key, "PRE-COMMIT" if kind == "YES" else "DO-COMMIT")

    def abort(self, key: str) -> None:
        """Abort; the coordinator tells all others."""
        self.end(key, "aborted")
        if self.is_coordinator(key):
            self.tell(key, "ABORT")

    def on_timeout(self, waiting_for: str) -> None:
        """In the first phase abort, in the second commit."""
        for key, coordinator, state in self.db().execute("SELECT key, coordinator, state FROM transactions").fetchall():
            if waiting_for not in self.others(key) or self.env.service not in (coordinator, *([] if waiting_for != coordinator else SITES)):
                continue
            if state == "waiting":
                self.abort(key)
            elif state == "precommitted":
                self.end(key, "committed")
                if self.is_coordinator(key):
                    self.tell(key, "DO-COMMIT")

    def recover(self) -> None:
        """Do nothing: the textbook's rule has no recovery."""

    def end(self, key: str, state: str) -> None:
        """Write how it stands, and change the accounts with a commit."""
        db = self.db()
        db.execute("UPDATE transactions SET state = ? WHERE key = ?", (state, key))
        if state == "committed":
            (operations,) = db.execute("SELECT operations FROM transactions WHERE key = ?", (key,)).fetchone()
            for site, account, change in json.loads(operations):
                if site == self.env.service:
                    db.execute("UPDATE accounts SET balance = balance + ? WHERE id = ?", (change, account))
        db.commit()

    def find(self, key: str) -> tuple[str, str, str] | None:
        """Coordinator, operations and state of a transaction."""
        found: tuple[str, str, str] | None = (
            self.db().execute("SELECT coordinator, operations, state FROM transactions WHERE key = ?", (key,)).fetchone()
        )
        return found

    def others(self, key: str) -> list[str]:
        """Everybody else who takes part."""
        found = self.find(key)
        assert found is not None  # noqa: S101 - it is asked of what is on record
        sites = {found[0], *(site for site, _, _ in json.loads(found[1]))}
        return [site for site in SITES if site in sites and site != self.env.service]

    def is_coordinator(self, key: str) -> bool:
        """Whether it was begun here."""
        found = self.find(key)
        return found is not None and found[0] == self.env.service

    def tell(self, key: str, kind: str, *more: str) -> None:
        """Send to everybody else who takes part."""
        for site in self.others(key):
            self.env.network.send(site, (kind, key, *more))

    def state(self, key: str) -> str | None:
        """How a transaction stands here."""
        found = self.find(key)
        return None if found is None else found[2]

    def balances(self) -> dict[str, int]:
        """The balance of every account."""
        return dict(self.db().execute("SELECT id, balance FROM accounts").fetchall())


_STAYS = "one site stays down"

DEFECTS: tuple[Defect, ...] = (
    Defect("N3", "the coordinator fails while it sends PRE-COMMIT: who has it commits, who has not aborts", NaiveSite, ("AC1",), _STAYS),
    Defect("N3.back", "a site that starts again does nothing about what is in doubt", NaiveSite, ("AC5",), _STAYS),
    Defect("N3.holds", "what is promised to one transaction is promised to the next as well", NaiveSite, ("G2",), "the last unit"),
)  # fmt: skip

NOT_EXHIBITED: dict[str, str] = {}
