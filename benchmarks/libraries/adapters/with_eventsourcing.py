"""The recorders of the library eventsourcing as an event store."""

import json

from eventsourcing.persistence import InfrastructureFactory, IntegrityError, StoredEvent
from eventsourcing.utils import Environment
from sqlalchemy import make_url

from acidtest import Conflict


class Store:
    """Streams are aggregates, whose ids are texts; what a subscriber reads are notifications."""

    capabilities = frozenset({"versions_only"})

    def __init__(self, env):
        url = make_url(env.url("events"))
        names = {"ORIGINATOR_ID_TYPE": "text", "CREATE_TABLE": "false"}
        if env.backend == "sqlite":
            names |= {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": url.database}
        else:
            host = url.host or url.query.get("host", "")
            names |= {"PERSISTENCE_MODULE": "eventsourcing.postgres", "POSTGRES_DBNAME": url.database, "POSTGRES_HOST": host}
            names |= {"POSTGRES_PORT": str(url.port or url.query.get("port", "")), "POSTGRES_USER": url.username, "POSTGRES_PASSWORD": url.password or ""}
        self.names = names
        self.recorder = self.recorder_of(names)

    def recorder_of(self, names):
        return InfrastructureFactory.construct(Environment("events", names)).application_recorder()

    def install(self):
        self.recorder_of({**self.names, "CREATE_TABLE": "true"})

    def append(self, stream, expected_version, events):
        """Append to a stream if it is at that version; None is any. A conflict that the caller did not ask about is tried again."""
        while True:
            last = self.recorder.select_events(stream, desc=True, limit=1)
            version = last[0].originator_version if last else 0
            if expected_version not in (None, version):
                raise Conflict(stream)
            stored = [StoredEvent(stream, version + n, type_, json.dumps([id_, data]).encode()) for n, (id_, type_, data) in enumerate(events, 1)]
            try:
                self.recorder.insert_events(stored)
            except IntegrityError as error:
                if expected_version is not None:
                    raise Conflict(stream) from error
                continue
            return version + len(events)

    def read(self, stream, after=0):
        return [(one.originator_version, self.event(one)) for one in self.recorder.select_events(stream, gt=after)]

    def read_all(self, after, limit):
        found = self.recorder.select_notifications(after, limit, inclusive_of_start=False)
        return [(one.id, one.originator_id, one.originator_version, self.event(one)) for one in found]

    def event(self, stored):
        id_, data = json.loads(stored.state)
        return id_, stored.topic, data
