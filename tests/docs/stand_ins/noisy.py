"""An outbox that numbers its withdrawals by what outlives its processes."""

from itertools import count

from acidtest.impl.outbox import Outbox

numbers = (n for n in count())  # nobody can put a generator back


class Noisy(Outbox):
    def __init__(self, env):
        super().__init__(env)
        self.env = env

    def install(self, accounts):
        super().install(accounts)
        with self.env.engine("bank").begin() as db:
            db.exec_driver_sql("CREATE TABLE log (number INTEGER)")

    def execute(self, key, account, amount):
        with self.env.engine("bank").begin() as db:
            db.exec_driver_sql("INSERT INTO log VALUES (?)", (next(numbers),))
        return super().execute(key, account, amount)
