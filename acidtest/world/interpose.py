"""Where code under test is taken over: everything that is replaced before it is imported."""

from __future__ import annotations

from acidtest.world.core import interrupt
from acidtest.world.databases import others
from acidtest.world.databases.sqlite import driver
from acidtest.world.python import ends, standard_library


def install_threads() -> None:
    """Replace what makes threads and their locks; harmless when called again. Everything else is as it was."""
    standard_library.install_threads()


def install() -> None:
    """Replace what of the standard library leads out of the world; harmless when called again.

    Do it before the code under test is imported. What is bound earlier is found out by `uncontrolled`. The driver of
    another database is replaced when its backend is opened.
    """
    interrupt.listen()
    standard_library.install()
    ends.install()
    driver.install()
    others.install()
