"""Transactions of two phases of SQLAlchemy's, over three databases, as two-phase commit."""

import json
from contextlib import ExitStack, suppress

import sqlalchemy as sa

from acidtest import Outcome

NAMES = ("left", "right", "third")
tables = sa.MetaData()
accounts = sa.Table("accounts", tables, sa.Column("id", sa.String(64), primary_key=True), sa.Column("balance", sa.Integer, nullable=False))
done = sa.Table("done", tables, sa.Column("id", sa.String(64), primary_key=True), sa.Column("asked", sa.String(400), nullable=False))
refused = sa.Table("refused", sa.MetaData(), sa.Column("id", sa.String(64), primary_key=True))
PATIENCE = {"postgresql": "SET LOCAL lock_timeout = '5s'", "mariadb": "SET SESSION innodb_lock_wait_timeout = 5"}


class Desk:
    """What was done stands in each database, and what was refused in one of its own.

    All are prepared, and all are committed, as `Session(twophase=True).commit()` does it; but in the order of their names, where a session
    goes by that of a set of objects. As in a session, nothing is written in between.
    """

    def __init__(self, env):
        self.engines = {name: env.engine(name) for name in NAMES}
        self.desk = env.engine("desk")
        self.patience = sa.text(PATIENCE[env.backend])
        self.new_id = env.new_id

    def install(self, opening):
        refused.metadata.create_all(self.desk)
        for name, engine in self.engines.items():
            tables.create_all(engine)
            with engine.begin() as connection:
                for account, balance in opening[name].items():
                    connection.execute(accounts.insert().values(id=account, balance=balance))

    def run(self, key, operations):
        if not operations or any(name not in self.engines or not change for name, _, change in operations):
            return Outcome.REJECTED
        with self.desk.connect() as connection:
            if connection.execute(sa.select(refused).where(refused.c.id == key)).first():
                return Outcome.REJECTED
        found = self.attempt(key, sorted(operations), json.dumps(operations))
        if not found:
            with self.desk.begin() as connection:
                connection.execute(refused.insert().values(id=key))
        return found or Outcome.REJECTED

    def attempt(self, key, operations, asked):
        """Both phases, as a session with twophase=True goes through them; what `work` has found, or that it is done."""
        with ExitStack() as stack:
            opened = {name: stack.enter_context(self.engines[name].connect()) for name, _, _ in operations}
            transactions = {name: one.begin_twophase(f"{name}-{key}-{self.new_id()}") for name, one in opened.items()}
            try:
                found = self.work(opened, key, operations, asked)
                if found is not None:
                    return found
                for transaction in transactions.values():
                    transaction.prepare()
                for transaction in transactions.values():
                    transaction.commit()
            finally:
                for transaction in transactions.values():
                    if transaction.is_active:
                        with suppress(sa.exc.SQLAlchemyError):
                            transaction.rollback()
        return Outcome.OK

    def work(self, opened, key, operations, asked):
        """Do it; what is known where it was done before, and None where it is done now."""
        for connection in opened.values():
            connection.execute(self.patience)
        known = {connection.scalar(sa.select(done.c.asked).where(done.c.id == key)) for connection in opened.values()}
        if known == {asked, None}:
            message = f"{key} is done in a part of the databases"
            raise RuntimeError(message)
        if known != {None}:
            return Outcome.OK if known == {asked} else Outcome.REJECTED
        for name, account, change in operations:
            move = accounts.update().where(accounts.c.id == account, accounts.c.balance + change >= 0).values(balance=accounts.c.balance + change)
            if not opened[name].execute(move).rowcount:
                return False
        for connection in opened.values():
            connection.execute(done.insert().values(id=key, asked=asked))
        return None

    def recover(self):
        """Nobody has written down what was decided, so that what is in doubt can only be rolled back."""
        for name, engine in self.engines.items():
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                for xid in self.prepared(name, connection):
                    with suppress(sa.exc.SQLAlchemyError):
                        connection.rollback_prepared(xid, recover=True)

    def prepared(self, name, connection):
        """The branches of a database: the server tells of those of all."""
        found = [xid.decode() if isinstance(xid, bytes) else xid for xid in connection.recover_twophase()]
        return [xid for xid in found if xid.startswith(f"{name}-")]

    def balances(self, database):
        with self.engines[database].connect() as connection:
            return dict(connection.execute(sa.select(accounts)).all())

    def in_doubt(self, database):
        with self.engines[database].connect() as connection:
            return [xid.split("-")[1] for xid in self.prepared(database, connection)]
