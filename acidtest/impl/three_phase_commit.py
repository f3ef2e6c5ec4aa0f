"""Three-phase commit: all sites vote, all learn that all have, and only then does anybody commit.

A site that is told to precommit knows that all have voted yes. Whoever commits knows that everybody else who is up knows that.
So where the coordinator dies, the others find out by themselves: the first that is left leads, asks the others what they know, and
decides by that. If anybody has aborted, or nobody knows more than its own vote, it aborts; if anybody has committed, it commits; else
it first moves everybody up, and commits then. It may die as well, whenever that is: the next one does the same.

A site that comes back in doubt has no part in that any more, for others may have given it up. It asks; who knows the outcome
tells it. Where nobody knows, all sites have failed, and they wait for one another: once all are back, or one that had given up all others
and so was the last to fail, what they know is enough again.

All of this takes sites that stop when they fail, a network that is not cut, and time-outs that only come for those who have failed.

Sources: Skeen, "Nonblocking Commit Protocols", SIGMOD 1981; Bernstein, Hadzilacos & Goodman, "Concurrency Control and Recovery in
Database Systems", 1987, section 7.5; Skeen, "Determining the Last Process to Fail", ACM TOCS 3(1), 1985.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from acidtest.environment import Outcome
from acidtest.impl.dialects import Name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from acidtest.environment import Environment

SITES = ("north", "east", "south", "west")  #: all sites, in the order in which they lead
WAITING, PRECOMMITTED, COMMITTED, ABORTED = "waiting", "precommitted", "committed", "aborted"
IN_DOUBT, ENDED = (WAITING, PRECOMMITTED), (COMMITTED, ABORTED)

#: What sites tell each other: each message says what the sender knows of a transaction. `EVERYBODY` stands in it for the sites that
#: were given up where all had failed.
VOTE_REQ, YES, NO, PRECOMMIT, ACK, DECIDED = "VOTE-REQ", "YES", "NO", "PRECOMMIT", "ACK", "DECIDED"
STATE_REQ, STATE, QUERY, ASK, DOUBT, EVERYBODY = "STATE-REQ", "STATE", "QUERY", "ASK", "DOUBT", "everybody"

#: What a site does about a transaction: obey, or lead, which is to collect votes, states, or acknowledgements; or ask, being back in doubt.
FOLLOWING, VOTING, INQUIRING, MOVING, ASKING = "following", "voting", "inquiring", "moving", "asking"
LEADING = VOTING, INQUIRING, MOVING

schema = sa.MetaData()
accounts = sa.Table(
    "accounts", schema,
    sa.Column("id", Name, primary_key=True),
    sa.Column("balance", sa.Integer, sa.CheckConstraint("balance >= 0"), nullable=False),
)  # fmt: skip
transactions = sa.Table(
    "transactions", schema,
    sa.Column("key", Name, primary_key=True),
    sa.Column("coordinator", Name, nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("status", Name, nullable=False),
    sa.Column("failed", sa.Text, nullable=False),
)  # fmt: skip
find = sa.select(transactions).where(transactions.c.key == sa.bindparam("k"))
in_doubt = sa.select(transactions).where(transactions.c.status.in_(IN_DOUBT)).order_by(transactions.c.key)
change = (
    sa.update(transactions).where(transactions.c.key == sa.bindparam("k"))
    .values(status=sa.bindparam("new_status"), failed=sa.bindparam("new_failed"))
)  # fmt: skip
move = sa.text("UPDATE accounts SET balance = balance + :change WHERE id = :account")


class Transaction(NamedTuple):
    """What is on record of a transaction: `failed` are the sites that this one has given up, as text."""

    key: str
    coordinator: str
    payload: str
    status: str
    failed: str = ""

    @property
    def operations(self) -> list[tuple[str, str, int]]:
        """The changes, as (site, account, change)."""
        return [tuple(operation) for operation in json.loads(self.payload)]

    @property
    def sites(self) -> list[str]:
        """Who takes part, in the order in which they lead: the coordinator first."""
        named = {site for site, _, _ in self.operations}
        return [self.coordinator, *(site for site in SITES if site in named and site != self.coordinator)]

    def before(self, site: str) -> list[str]:
        """Who leads before a site does."""
        return self.sites[: self.sites.index(site)]

    @property
    def given_up(self) -> set[str]:
        """The sites that this one knows to have failed."""
        return set(self.failed.split())


class Part:
    """What a site does about a transaction, in memory.

    `heard` is what others have answered to what it leads, or asks, by site; `curious` are those who have asked how it ends; `regrouped`
    says that all sites had failed.
    """

    def __init__(self, role: str) -> None:
        """Take a role; nobody has answered yet."""
        self.role = role
        self.heard: dict[str, str] = {}
        self.curious: set[str] = set()
        self.regrouped = False

    def lead(self, role: str) -> None:
        """Collect other answers from now on."""
        self.role = role
        self.heard = {}


class Site:
    """One site; all run this.

    Arguments:
        env: gives the database "bank", the network, and the name of the site.
    """

    def __init__(self, env: Environment) -> None:
        """Keep what is needed; nothing is read or sent yet."""
        self.name = env.service
        self.engine = env.engine("bank")
        self.network = env.network
        self.parts: dict[str, Part] = {}

    def install(self, opening: dict[str, int]) -> None:
        """Create the schema and open the accounts."""
        schema.create_all(self.engine)
        with self.engine.begin() as connection:
            for name, balance in opening.items():
                connection.execute(sa.insert(accounts), {"id": name, "balance": balance})

    # The three phases:

    def begin(self, key: str, operations: Sequence[tuple[str, str, int]]) -> Outcome:
        """Begin a transaction as its coordinator, once per key."""
        asked = self.asked(key, operations)
        if asked is None:
            return Outcome.REJECTED
        known, voted = self.vote(asked)
        if known:
            return Outcome.OK if voted[:3] == asked[:3] else Outcome.REJECTED
        if voted.status == WAITING:
            self.parts[key] = Part(VOTING)
            self.tell(self.left(voted), VOTE_REQ, voted)
            self.go_on(voted)
        return Outcome.OK

    def asked(self, key: str, operations: Sequence[tuple[str, str, int]]) -> Transaction | None:
        """What is to be begun here; None for what is invalid."""
        if not operations or any(site not in SITES or change == 0 for site, _, change in operations):
            return None
        return Transaction(key, self.name, json.dumps(operations), WAITING)

    def vote(self, asked: Transaction) -> tuple[bool, Transaction]:
        """Promise, durably, to commit if all do, or refuse; whether there was a record already, and the one that there is."""
        with self.engine.begin() as connection:
            row = connection.execute(find, {"k": asked.key}).one_or_none()
            if row is not None:
                return True, Transaction(*row)
            voted = asked._replace(status=WAITING if self.can_pay(connection, asked) else ABORTED)
            connection.execute(sa.insert(transactions), voted._asdict())
        return False, voted

    def can_pay(self, connection: sa.Connection, asked: Transaction) -> bool:
        """Whether all accounts are there, and have enough beside what is promised already."""
        left = {row.id: row.balance for row in connection.execute(sa.select(accounts))}
        for row in connection.execute(in_doubt):
            for account, change in self.changes(Transaction(*row)).items():
                left[account] += min(change, 0)
        changes = self.changes(asked)
        return all(account in left and left[account] + change >= 0 for account, change in changes.items())

    def changes(self, transaction: Transaction) -> dict[str, int]:
        """What a transaction changes here, by account."""
        sums: dict[str, int] = {}
        for site, account, change in transaction.operations:
            if site == self.name:
                sums[account] = sums.get(account, 0) + change
        return sums

    def go_on(self, transaction: Transaction) -> None:
        """As a leader, take the next step once everybody has answered who is not known to have failed."""
        part = self.parts[transaction.key]
        silent = set(self.others(transaction)) - part.heard.keys()
        if silent - transaction.given_up:
            return
        if part.role == VOTING:
            self.count_votes(transaction, complete=not silent)
        elif part.role == INQUIRING:
            self.terminate(transaction, {transaction.status, *part.heard.values()}, complete=not silent)
        elif part.role == MOVING:
            self.decide(transaction, COMMITTED)

    def count_votes(self, transaction: Transaction, *, complete: bool) -> None:
        """Go on to the second phase with every vote; without the vote of one that failed, abort."""
        if complete:
            self.move_up(transaction)
        else:
            self.decide(transaction, ABORTED)

    def move_up(self, transaction: Transaction) -> None:
        """Precommit, and tell all others to."""
        moved = self.record(transaction._replace(status=PRECOMMITTED))
        self.parts[moved.key].lead(MOVING)
        self.tell(self.left(moved), PRECOMMIT, moved)
        self.go_on(moved)

    def decide(self, transaction: Transaction, outcome: str) -> None:
        """End a transaction here, and tell everybody who takes part in it, or has asked."""
        ended, curious = self.end(transaction, outcome)
        self.tell([site for site in self.others(ended) if site in curious or site not in ended.given_up], DECIDED, ended)

    def end(self, transaction: Transaction, outcome: str) -> tuple[Transaction, set[str]]:
        """Commit or abort, durably; who has asked about it."""
        ended = transaction._replace(status=outcome)
        with self.engine.begin() as connection:
            self.write(connection, ended)
            for account, change in self.changes(ended).items() if outcome == COMMITTED else ():
                connection.execute(move, {"account": account, "change": change})
        part = self.parts.pop(transaction.key, None)
        return ended, set() if part is None else part.curious

    # What arrives:

    def on_message(self, sender: str, message: tuple[str, ...]) -> None:
        """Take in a message: a kind, a transaction by its key, coordinator and operations, and what the sender knows of it."""
        kind, told = message[0], Transaction(*message[1:])
        if kind == VOTE_REQ:
            known, transaction = self.vote(told._replace(status=WAITING, failed=""))
        else:
            known, transaction = self.refuse(told)
        if not known and kind == VOTE_REQ:
            self.answer_vote(sender, transaction)
        elif transaction.status in ENDED:
            self.repeat(sender, kind, transaction)
        elif kind == DECIDED:
            self.obey(sender, transaction, told.status)
        elif self.part(transaction).role == ASKING:
            self.ask_on(sender, kind, transaction, regrouped=told.failed == EVERYBODY)
        else:
            self.take_in(sender, kind, transaction, told.status)

    def refuse(self, told: Transaction) -> tuple[bool, Transaction]:
        """The record of a transaction; where there is none it is aborted, for this site has not voted and now never will."""
        with self.engine.begin() as connection:
            row = connection.execute(find, {"k": told.key}).one_or_none()
            if row is not None:
                return True, Transaction(*row)
            refused = told._replace(status=ABORTED, failed="")
            connection.execute(sa.insert(transactions), refused._asdict())
        return False, refused

    def answer_vote(self, sender: str, transaction: Transaction) -> None:
        """Vote, which is on record by now."""
        if transaction.status == WAITING:
            self.parts[transaction.key] = Part(FOLLOWING)
        self.tell([sender], YES if transaction.status == WAITING else NO, transaction)

    def repeat(self, sender: str, kind: str, transaction: Transaction) -> None:
        """Say how it has ended, to who asks."""
        if kind == STATE_REQ:
            self.tell([sender], STATE, transaction)
        elif kind in (QUERY, ASK, VOTE_REQ):
            self.tell([sender], DECIDED, transaction)

    def obey(self, sender: str, transaction: Transaction, outcome: str) -> None:
        """End as told, and tell who has asked; and, of one that leads, everybody: they wait for it alone."""
        waiting = self.led_by(transaction)
        ended, curious = self.end(transaction, outcome)
        self.tell(sorted(curious.union(waiting) - {sender}), DECIDED, ended)

    def led_by(self, transaction: Transaction) -> list[str]:
        """Who waits for what this site decides; nobody where it does not lead."""
        return self.left(transaction) if self.part(transaction).role in LEADING else []

    def take_in(self, sender: str, kind: str, transaction: Transaction, status: str) -> None:
        """Follow a leader, or go on as one."""
        part = self.part(transaction)
        if kind == PRECOMMIT:
            self.tell([sender], ACK, self.record(transaction._replace(status=PRECOMMITTED)))
        elif kind == STATE_REQ:
            self.tell([sender], STATE, transaction)
        elif kind in (QUERY, ASK):
            part.curious.add(sender)
        elif kind == NO and part.role == VOTING:
            self.decide(transaction, ABORTED)
        elif (kind, part.role) in ((YES, VOTING), (STATE, INQUIRING), (ACK, MOVING)):
            part.heard[sender] = status
            self.go_on(transaction)

    # Where somebody has failed:

    def on_timeout(self, waiting_for: str) -> None:
        """Give a site up: without it, lead if all before this one have failed, or go on as the leader."""
        with self.engine.begin() as connection:
            found = [Transaction(*row) for row in connection.execute(in_doubt)]
        for transaction in found:
            if waiting_for in self.others(transaction) and self.part(transaction).role != ASKING:
                self.give_up(waiting_for, transaction)

    def give_up(self, site: str, transaction: Transaction) -> None:
        """A site has failed."""
        if site not in transaction.given_up:
            transaction = self.record(transaction._replace(failed=" ".join(sorted({*transaction.given_up, site}))))
        if self.part(transaction).role != FOLLOWING:
            self.go_on(transaction)
        elif transaction.given_up.issuperset(transaction.before(self.name)):
            self.lead(transaction)
        else:  # who is to lead may have ended, and then does nothing by itself
            leader = next(one for one in transaction.before(self.name) if one not in transaction.given_up)
            self.tell([leader], QUERY, transaction)

    def lead(self, transaction: Transaction) -> None:
        """Ask everybody who is left what they know."""
        part = self.part(transaction)
        part.lead(INQUIRING)
        self.tell(self.left(transaction), STATE_REQ, transaction._replace(failed=EVERYBODY if part.regrouped else ""))
        self.go_on(transaction)

    def terminate(self, transaction: Transaction, states: set[str], *, complete: bool) -> None:  # noqa: ARG002 - who failed knows no more
        """Decide by what everybody knows who is left."""
        if ABORTED in states or states == {WAITING}:
            self.decide(transaction, ABORTED)
        elif COMMITTED in states:
            self.decide(transaction, COMMITTED)
        else:
            self.move_up(transaction)

    # Where this site had failed:

    def recover(self) -> None:
        """Ask how everything has ended that is in doubt since before this site was started, or decide it where that is safe."""
        with self.engine.begin() as connection:
            found = [Transaction(*row) for row in connection.execute(in_doubt)]
        for transaction in found:
            if self.part(transaction).role == ASKING:
                self.resume(transaction)

    def resume(self, transaction: Transaction) -> None:
        """Go on with a transaction after a start."""
        if transaction.status == WAITING and transaction.coordinator == self.name:
            self.decide(transaction, ABORTED)  # it has told nobody to precommit, so nobody is further than that
        elif transaction.given_up.issuperset(self.others(transaction)):
            self.lead(transaction)  # it was the last to fail: nobody knows more
        else:
            self.tell(self.others(transaction), ASK, transaction)

    def ask_on(self, sender: str, kind: str, transaction: Transaction, *, regrouped: bool) -> None:
        """While in doubt, find out whether everybody is; others that lead have given this site up, and are not answered."""
        part = self.part(transaction)
        if kind == ASK:
            part.curious.add(sender)
            self.tell([sender], DOUBT, transaction)
        if kind in (ASK, DOUBT):
            part.heard[sender] = DOUBT
            if part.heard.keys() >= set(self.others(transaction)):
                self.regroup(transaction)
        elif kind == STATE_REQ and regrouped:
            self.tell([sender], STATE, self.join(transaction))

    def regroup(self, transaction: Transaction) -> None:
        """All sites have failed, and are back: begin anew, with what all of them know."""
        joined = self.join(transaction)
        if not joined.before(self.name):
            self.lead(joined)

    def join(self, transaction: Transaction) -> Transaction:
        """Take part again, with everybody."""
        part = self.part(transaction)
        part.lead(FOLLOWING)
        part.regrouped = True
        return self.record(transaction._replace(failed=""))

    # What is kept, and told:

    def part(self, transaction: Transaction) -> Part:
        """What this site does about a transaction in doubt: ask, if it knows of it only by its record."""
        return self.parts.setdefault(transaction.key, Part(ASKING))

    def others(self, transaction: Transaction) -> list[str]:
        """Everybody else who takes part."""
        return [site for site in transaction.sites if site != self.name]

    def left(self, transaction: Transaction) -> list[str]:
        """Everybody else who is not known to have failed."""
        return [site for site in self.others(transaction) if site not in transaction.given_up]

    def tell(self, sites: Iterable[str], kind: str, transaction: Transaction) -> None:
        """Send what this site knows of a transaction."""
        for site in sites:
            self.network.send(site, (kind, *transaction))

    def record(self, transaction: Transaction) -> Transaction:
        """Write what is known of a transaction; nothing may be told of it before."""
        with self.engine.begin() as connection:
            self.write(connection, transaction)
        return transaction

    def write(self, connection: sa.Connection, transaction: Transaction) -> None:
        """Change the record of a transaction."""
        connection.execute(change, {"k": transaction.key, "new_status": transaction.status, "new_failed": transaction.failed})

    def state(self, key: str) -> str | None:
        """What is on record of a transaction."""
        with self.engine.connect() as connection:
            row = connection.execute(find, {"k": key}).one_or_none()
            return None if row is None else str(row.status)

    def balances(self) -> dict[str, int]:
        """The balance of every account."""
        with self.engine.connect() as connection:
            return {row.id: row.balance for row in connection.execute(sa.select(accounts))}
