"""What several tests share: small outboxes, right and wrong, as a stranger would write them."""

import os
import signal
import textwrap

import pytest

from acidtest.errors import BackendUnavailable


def pytest_configure():
    """What a shell starts in the background ignores Ctrl-C, or that the terminal is gone, and so does all that is started there."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, handler)


#: A correct outbox with raw sqlite3, of the size that a tutorial would show.
RIGHT = textwrap.dedent("""
    import json
    from acidtest import BrokerRefused, BrokerTimeout, Outcome


    class MyOutbox:
        def __init__(self, env):
            self.env = env

        def _connect(self):
            return self.env.connect("bank", isolation_level=None)

        def install(self, accounts):
            db = self._connect()
            db.execute("CREATE TABLE account (id TEXT PRIMARY KEY, balance INTEGER NOT NULL)")
            db.execute("CREATE TABLE request (key TEXT PRIMARY KEY, what TEXT NOT NULL, outcome TEXT NOT NULL)")
            db.execute("CREATE TABLE outbox (n INTEGER PRIMARY KEY, key TEXT, account TEXT, amount INTEGER, sent INTEGER)")
            db.executemany("INSERT INTO account VALUES (?, ?)", accounts.items())
            db.close()

        def execute(self, key, account, amount):
            if amount <= 0:
                return Outcome.REJECTED
            db = self._connect()
            try:
                db.execute("BEGIN IMMEDIATE")
                what = f"{account} {amount}"
                known = db.execute("SELECT what, outcome FROM request WHERE key = ?", (key,)).fetchone()
                if known:
                    db.execute("ROLLBACK")
                    return Outcome(known[1]) if known[0] == what else Outcome.REJECTED
                paid = db.execute(
                    "UPDATE account SET balance = balance - ? WHERE id = ? AND balance >= ?", (amount, account, amount)
                ).rowcount
                outcome = Outcome.OK if paid else Outcome.REJECTED
                db.execute("INSERT INTO request VALUES (?, ?, ?)", (key, what, str(outcome)))
                if paid:
                    db.execute("INSERT INTO outbox (key, account, amount, sent) VALUES (?, ?, ?, 0)", (key, account, amount))
                db.execute("COMMIT")
                return outcome
            finally:
                db.close()

        def relay(self):
            db = self._connect()
            try:
                n = 0
                while True:
                    db.execute("BEGIN IMMEDIATE")  # one relay at a time
                    query = "SELECT n, key, account, amount FROM outbox WHERE sent = 0 AND n > ? ORDER BY n LIMIT 1"
                    row = db.execute(query, (n,)).fetchone()
                    if row is None:
                        break
                    n, key, account, amount = row
                    try:
                        self.env.broker.publish(key, account, {"account": account, "amount": amount})
                    except (BrokerRefused, BrokerTimeout):
                        db.execute("ROLLBACK")
                        continue
                    db.execute("UPDATE outbox SET sent = 1 WHERE n = ?", (n,))
                    db.execute("COMMIT")
                db.execute("ROLLBACK")
            finally:
                db.close()

        def balances(self):
            db = self._connect()
            try:
                return dict(db.execute("SELECT id, balance FROM account"))
            finally:
                db.close()
""")

#: The same, but the row is marked before the message is published.
WRONG = RIGHT.replace(
    """                try:
                    self.env.broker.publish(key, account, {"account": account, "amount": amount})
                except (BrokerRefused, BrokerTimeout):
                    db.execute("ROLLBACK")
                    continue
                db.execute("UPDATE outbox SET sent = 1 WHERE n = ?", (n,))
                db.execute("COMMIT")
""",
    """                db.execute("UPDATE outbox SET sent = 1 WHERE n = ?", (n,))
                db.execute("COMMIT")
                try:
                    self.env.broker.publish(key, account, {"account": account, "amount": amount})
                except (BrokerRefused, BrokerTimeout):
                    pass
""",
)
assert WRONG != RIGHT


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with my_right.py and my_wrong.py, which is the current one."""
    (tmp_path / "my_right.py").write_text(RIGHT, encoding="utf-8")
    (tmp_path / "my_wrong.py").write_text(WRONG, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def running(server, variable):
    """A server of this test run; without one the test is skipped, or fails where it must not be."""
    try:
        return server()
    except BackendUnavailable as error:
        if os.environ.get(variable):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def postgresql():
    """The PostgreSQL server of this test run."""
    from acidtest.world.databases.postgresql.server import server

    return running(server, "ACIDTEST_REQUIRE_POSTGRESQL")


@pytest.fixture(scope="session")
def mariadb():
    """The MariaDB server of this test run."""
    pytest.importorskip("pymysql")
    from acidtest.world.databases.mariadb.server import server

    return running(server, "ACIDTEST_REQUIRE_MARIADB")
