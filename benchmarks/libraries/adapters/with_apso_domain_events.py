"""The outbox of the library apso-domain-events, for withdrawals from accounts."""

import json

import sqlalchemy as sa
from apso_domain_events import Base, DefaultDomainEventMapper, DomainEventRelay, register_capture
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column, sessionmaker

from acidtest import Outcome


class Account(Base):
    __tablename__ = "accounts"
    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    balance: Mapped[int]


class Request(Base):
    __tablename__ = "requests"
    key: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    account: Mapped[str] = mapped_column(sa.String(36))
    amount: Mapped[int]
    outcome: Mapped[str] = mapped_column(sa.String(36))


class MoneyWithdrawn(Base):
    __tablename__ = "withdrawals"
    key: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    account: Mapped[str] = mapped_column(sa.String(36))
    amount: Mapped[int]


class Mapper(DefaultDomainEventMapper):
    """An event has the account and the amount."""

    def to_payload(self, entity, action):  # noqa: ARG002 - as the library calls it
        return {"type": type(entity).__name__, "account": entity.account, "amount": entity.amount}


class Broker:
    """A destination."""

    name = "acidtest"

    def __init__(self, broker):
        self.broker = broker

    def deliver(self, event):
        self.broker.publish(event.id, event.payload["account"], json.dumps(event.payload))


register_capture([MoneyWithdrawn], Mapper())


class Withdrawals:
    """The session that changes the balance adds the event; the relay is polled."""

    capabilities = frozenset()

    def __init__(self, env):
        self.sessions = sessionmaker(env.engine("bank"))
        self.poller = DomainEventRelay(self.sessions, [Broker(env.broker)])

    def install(self, accounts):
        with self.sessions.begin() as session:
            Base.metadata.create_all(session.connection())
            session.add_all([Account(id=name, balance=balance) for name, balance in accounts.items()])

    def execute(self, key, account, amount):
        if amount <= 0:
            return Outcome.REJECTED
        try:
            with self.sessions.begin() as session:
                return self.decide(session, Request(key=key, account=account, amount=amount, outcome="ok"))
        except IntegrityError:
            with self.sessions() as session:
                known = session.get_one(Request, key)
                return Outcome(known.outcome) if (known.account, known.amount) == (account, amount) else Outcome.REJECTED

    def decide(self, session, request):
        session.add(request)
        session.flush()  # of two with one key the second waits here, and fails
        enough = (Account.id == request.account) & (Account.balance >= request.amount)
        if session.execute(sa.update(Account).where(enough).values(balance=Account.balance - request.amount)).rowcount:
            session.add(MoneyWithdrawn(key=request.key, account=request.account, amount=request.amount))
        else:
            request.outcome = "rejected"
        return Outcome(request.outcome)

    def relay(self):
        self.poller.process_pending()

    def balances(self):
        with self.sessions() as session:
            return dict(session.execute(sa.select(Account.id, Account.balance)).tuples().all())
