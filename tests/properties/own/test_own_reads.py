"""What a client reads itself, in its own program, is an answer like any other: invariants can ask for its own writes in it."""

import pytest

from acidtest import Contract, Scope, always, background, check, client, installation, operation, read
from acidtest.search.verdict import Verdict


class Seats:
    """Seats in a database, and a plan of them in another, which follows when `project` runs."""

    def __init__(self, env):
        self.books, self.plan = env.connect("books", isolation_level=None), env.connect("plan", isolation_level=None)

    def install(self):
        self.books.execute("CREATE TABLE seat (id TEXT PRIMARY KEY, who TEXT)")
        self.plan.execute("CREATE TABLE seat (id TEXT PRIMARY KEY, who TEXT)")

    def book(self, seat, who):
        self.books.execute("INSERT OR IGNORE INTO seat VALUES (?, ?)", (seat, who))
        return self.look(seat) == who

    def look(self, seat):
        found = self.books.execute("SELECT who FROM seat WHERE id = ?", (seat,)).fetchone()
        return found[0] if found else None

    def project(self):
        for row in self.books.execute("SELECT id, who FROM seat").fetchall():
            self.plan.execute("INSERT OR REPLACE INTO seat VALUES (?, ?)", row)

    def taken(self):
        return dict(self.books.execute("SELECT id, who FROM seat").fetchall())


class LooksAtThePlan(Seats):
    """It shows the plan to those who look, which may be late."""

    def book(self, seat, who):
        self.books.execute("INSERT OR IGNORE INTO seat VALUES (?, ?)", (seat, who))
        return super().look(seat) == who

    def look(self, seat):
        found = self.plan.execute("SELECT who FROM seat WHERE id = ?", (seat,)).fetchone()
        return found[0] if found else None


class Booked(Contract):
    install = installation("install")
    book = operation("book", seat=["7"], who=["ann", "bob"])
    look = operation("look", seat=["7"])
    project = background("project")
    taken = read("taken")
    scopes = (
        Scope("book and look", client("web-1", book("7", "ann"), look("7")), client("web-2", project())),
    )

    @always
    def whoever_has_booked_sees_it(self, seen):
        yes = {call["seat"]: call["who"] for call in seen.told("book", True)}  # noqa: FBT003 - the answer
        return all(call.answer == yes[call["seat"]] for call in seen.told("look") if call["seat"] in yes)


def test_a_client_sees_its_own_writes():
    assert [result.verdict for result in check(Booked, Seats)] == [Verdict.PASS]
    with pytest.raises(AssertionError, match="whoever has booked sees it"):
        check(Booked, LooksAtThePlan)
