"""Where databases lie, and what of them is left: nothing of runs that have ended, however they did."""

import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
from small_world import Small

from acidtest.environment import Outcome
from acidtest.errors import BackendUnavailable
from acidtest.world.databases import folders


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A RAM disk and a temporary folder of the test's own."""
    memory, temporary = tmp_path / "memory", tmp_path / "temporary"
    memory.mkdir()
    temporary.mkdir()
    monkeypatch.setattr(folders, "MEMORY", memory)
    monkeypatch.setattr(folders.tempfile, "tempdir", str(temporary))
    monkeypatch.setattr(folders.shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 40))
    folders.sweep.cache_clear()
    yield memory, temporary
    folders.sweep.cache_clear()


def test_what_dead_processes_have_left_is_removed_by_the_next_run(places):
    memory, temporary = places
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True)
    mine = folders.make()
    left = memory / f"acidtest-{dead.stdout.strip()}-12-abc"
    later = temporary / mine.name.replace(f"-{os.getpid()}-", f"-{os.getpid()}-9")  # the number of a process came again
    others = memory / "acidtest-pg-1-x", memory / "acidtest-abc", memory / "another"
    for folder in (left, later, *others):
        folder.mkdir()
        (folder / "bank.db").touch()
    folders.sweep.cache_clear()
    folders.sweep()
    assert sorted(memory.iterdir()) == sorted([mine, *others])
    assert not list(temporary.iterdir())


def test_a_small_ram_disk_is_not_used(places, monkeypatch):
    memory, temporary = places
    assert folders.make().parent == memory
    monkeypatch.setattr(folders.shutil, "disk_usage", lambda _: SimpleNamespace(free=folders.ROOM - 1))
    assert folders.make().parent == temporary


def test_a_ram_disk_that_takes_nothing_is_not_used(places):
    memory, temporary = places
    shutil.rmtree(memory)
    assert folders.make().parent == temporary


def test_a_full_disk_is_no_answer_to_the_code_under_test(cluster):
    def fills(env):
        db = env.connect("bank")
        db.execute("PRAGMA max_page_count = 2")  # SQLite says of a full disk what it says of this
        try:
            db.execute("UPDATE accounts SET id = zeroblob(100000)")
        except Exception:  # noqa: BLE001 - whatever code makes of it
            return "went on"

    world = Small(cluster, fills)
    with pytest.raises(BackendUnavailable, match="The disk is full"):
        world.finish("fills")
    world.close()


def test_what_a_search_refuses_as_if_the_disk_were_full_is_still_an_answer(cluster):
    """A COMMIT that is refused says that the disk is full; what code raises while it handles that has that as its context."""

    def refused(env):
        db = env.connect("bank")
        db.execute("UPDATE accounts SET balance = 1")
        try:
            db.commit()
        except Exception:  # noqa: BLE001 - whatever it is
            try:
                db.execute("SELECT nothing FROM nowhere")
            except Exception:  # noqa: BLE001 - likewise
                return Outcome.REJECTED

    world = Small(cluster, refused)
    world.begin("refused")
    world.step("refused")
    world.step("refused", "refused")
    world.finish("refused")
    assert world.answers["refused"] == Outcome.REJECTED
    world.close()
