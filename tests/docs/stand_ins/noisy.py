"""An outbox that logs each withdrawal under a key that nobody controls."""

from uuid import uuid4

from acidtest.impl.outbox import Outbox


class Noisy(Outbox):
    def __init__(self, env):
        super().__init__(env)
        self.env = env

    def install(self, accounts):
        super().install(accounts)
        with self.env.engine("bank").begin() as db:
            db.exec_driver_sql("CREATE TABLE log (id TEXT)")

    def execute(self, key, account, amount):
        with self.env.engine("bank").begin() as db:
            db.exec_driver_sql("INSERT INTO log VALUES (?)", (str(uuid4()),))
        return super().execute(key, account, amount)
