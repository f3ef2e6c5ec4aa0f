"""The commit store of the library aett as an event store."""

import datetime as dt
import importlib
import uuid

from aett.domain import ConflictingCommitException, DuplicateCommitException, NonConflictingCommitException
from aett.eventstore import Commit, EventMessage, TopicMap
from sqlalchemy import make_url

from acidtest import Conflict

TENANT = "acidtest"


class Store:
    """Streams are streams of commits; an append is a commit, and what a subscriber reads are all commits by their checkpoints."""

    capabilities = frozenset({"versions_only"})

    def __init__(self, env):
        storage = f"aett.storage.synchronous.{env.backend}"
        commit_store, management = (importlib.import_module(f"{storage}.{name}") for name in ("commit_store", "persistence_management"))
        url = make_url(env.url("events")).set(drivername=env.backend)
        address = url.database if env.backend == "sqlite" else url.render_as_string(hide_password=False)
        self.commits = commit_store.CommitStore(address, TopicMap())
        self.management = management.PersistenceManagement(address, TopicMap())

    def install(self):
        self.management.initialize()

    def append(self, stream, expected_version, events):
        """Append to a stream if it is at that version; None is any. A conflict that the caller did not ask about is tried again."""
        while True:
            known = list(self.commits.get(TENANT, stream))
            version = known[-1].stream_revision if known else 0
            if expected_version not in (None, version):
                raise Conflict(stream)
            try:
                self.commits.commit(self.commit(stream, version, len(known), events))
            except NonConflictingCommitException as error:
                if expected_version is not None:
                    raise Conflict(stream) from error
                continue
            except (ConflictingCommitException, DuplicateCommitException) as error:
                raise Conflict(stream) from error
            return version + len(events)

    def commit(self, stream, version, sequence, events):
        return Commit(
            tenant_id=TENANT, stream_id=stream, stream_revision=version + len(events), commit_sequence=sequence + 1, headers={},
            commit_id=uuid.uuid4(), commit_stamp=dt.datetime.now(), checkpoint_token=0,  # noqa: DTZ005 - as the library does
            events=[EventMessage(body=list(event)) for event in events],
        )

    def read(self, stream, after=0):
        return [row[2:] for commit in self.commits.get(TENANT, stream) for row in self.rows(commit) if row[2] > after]

    def read_all(self, after, limit):
        rows = [row for commit in self.commits.get_all_to(TENANT) for row in self.rows(commit)]
        return [row for row in rows if row[0] > after][:limit]

    def rows(self, commit):
        first = commit.stream_revision - len(commit.events) + 1
        stream = commit.stream_id.strip()
        return [
            (commit.checkpoint_token * 1000 + n, stream, first + n, tuple(event.body)) for n, event in enumerate(commit.events)
        ]
