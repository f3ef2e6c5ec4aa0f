"""A project on Celery, as somebody would write it who knows nothing of acidtest."""

import json
import sys

import sqlalchemy as sa
from celery import Celery
from celery.exceptions import Reject
from sqlalchemy.pool import NullPool

app = Celery("bookkeeping", broker="amqp://nowhere")
app.conf.task_ignore_result = True
app.conf.broker_transport_options = {"confirm_publish": True}
engine = sa.create_engine("sqlite:///bank", poolclass=NullPool)  # each child connects for itself

SCHEMA = (
    "CREATE TABLE account (id TEXT PRIMARY KEY, balance INTEGER NOT NULL)",
    "CREATE TABLE seen (topic TEXT, id TEXT, body TEXT NOT NULL, PRIMARY KEY (topic, id))",
)
SIGN = {"deposit": 1, "withdrawal": -1}


def work(topic, number, body):
    """Change a balance once for each id."""
    account, change = read(number, body)
    row = {"topic": topic, "id": number, "body": body}
    with engine.begin() as db:
        if db.execute(sa.text("INSERT INTO seen VALUES (:topic, :id, :body) ON CONFLICT DO NOTHING"), row).rowcount == 0:
            check_same(db, row)
            return
        if db.execute(sa.text("SELECT 1 FROM account WHERE id = :a"), {"a": account}).first() is None:
            raise Reject(account, requeue=False)
        update = "UPDATE account SET balance = balance + :c WHERE id = :a AND balance + :c >= 0"
        db.execute(sa.text(update), {"a": account, "c": change})


def read(number, body):
    try:
        asked = json.loads(body)
        account, amount, sign = asked["account"], asked["amount"], SIGN[asked["type"]]
    except (ValueError, KeyError, TypeError) as error:
        raise Reject(error, requeue=False) from error
    if amount <= 0 or not number:
        raise Reject(body, requeue=False)
    return account, sign * amount


def check_same(db, row):
    if db.execute(sa.text("SELECT body FROM seen WHERE topic = :topic AND id = :id"), row).scalar_one() != row["body"]:
        raise Reject(row, requeue=False)


def requeueing(topic, number, body):
    """What fails comes again."""
    try:
        work(topic, number, body)
    except sa.exc.DBAPIError as error:
        raise Reject(error, requeue=True) from error


book = app.task(acks_late=True, reject_on_worker_lost=True, name="book")(requeueing)
#: Acknowledged when it begins, as Celery does by itself.
book_acknowledged_early = app.task(reject_on_worker_lost=True, name="book early")(requeueing)
#: Where a child is lost, Celery acknowledges by itself.
book_lost_with_its_child = app.task(acks_late=True, name="book lost")(requeueing)
#: What fails is acknowledged by Celery, also late.
book_acknowledged_when_it_fails = app.task(acks_late=True, reject_on_worker_lost=True, name="book failing")(work)
book_again_later = app.task(
    acks_late=True, reject_on_worker_lost=True, name="book again", autoretry_for=(sa.exc.DBAPIError,), max_retries=None, default_retry_delay=5,
)(work)  # fmt: skip
#: Whoever publishes is told by kombu whether the broker took it only where that is asked for.
app_without_confirms = Celery("careless", broker="amqp://nowhere")
app_without_confirms.conf.task_ignore_result = True
book_again_without_confirms = app_without_confirms.task(
    acks_late=True, reject_on_worker_lost=True, name="book again", autoretry_for=(sa.exc.DBAPIError,), max_retries=None, default_retry_delay=5,
)(work)  # fmt: skip

attempts = []


@app.task(bind=True, acks_late=True, max_retries=2, default_retry_delay=60)
def fail_twice(self, note):
    attempts.append((note, self.request.retries))
    if self.request.retries < 2:
        raise self.retry()


@app.task
def early(note):
    attempts.append(note)


@app.task(acks_late=True)
def late(note):
    attempts.append(note)


@app.task(acks_late=True)
def exits(note):
    sys.exit(1)


@app.task(acks_late=True, reject_on_worker_lost=True)
def exits_and_comes_again(note):
    sys.exit(1)
