"""What every test of the world starts from: a site of its own, with two accounts in the database "bank"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from small_world import install

from acidtest.world import interpose
from acidtest.world.site import Site

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def site() -> Iterator[Site]:
    interpose.install()
    made = Site()
    install(made)
    yield made
    made.close()
