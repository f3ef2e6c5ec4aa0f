"""Drivers that cannot be driven are refused to code under test by name, and to nobody else."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from small_world import Small

from acidtest.errors import UsageError
from acidtest.world.databases import others

if TYPE_CHECKING:
    from pathlib import Path

    from acidtest.world.core.cluster import Cluster

DRIVEN = {"psycopg": "postgresql", "psycopg2": "postgresql", "asyncpg": "postgresql", "pymysql": "mariadb"}
NOT_DRIVEN = sorted(set(others.DRIVERS) - set(DRIVEN))


def connecting(module: Any, name: str) -> Any:
    def use(env: Any) -> None:
        del env
        try:
            getattr(module, others.DRIVERS[name].functions[0])("host=example.org")
        except Exception as error:
            raise RuntimeError from error  # what it makes of it does not matter

    return use


@pytest.mark.parametrize("name", NOT_DRIVEN)
def test_a_driver_is_refused_with_what_to_do_instead(cluster: Cluster, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = ModuleType(name)
    for function in others.DRIVERS[name].functions:
        setattr(module, function, lambda *_: "connected")
    monkeypatch.setitem(sys.modules, name, module)
    others.install()
    assert getattr(module, others.DRIVERS[name].functions[0])("anywhere") == "connected"
    world = Small(cluster, connecting(module, name))
    with pytest.raises(UsageError, match=rf"connects by {name}, .* Use "):
        world.begin("use")
    world.close()


@pytest.mark.parametrize(("name", "backend"), DRIVEN.items())
def test_a_driver_of_another_backend_is_refused_with_the_backend(cluster: Cluster, name: str, backend: str) -> None:
    others.install()
    world = Small(cluster, connecting(importlib.import_module(name), name))
    with pytest.raises(UsageError, match=f"connects by {name}, .*--backend {backend}"):
        world.begin("use")
    world.close()


def test_a_class_that_is_called_is_refused_as_well(cluster: Cluster) -> None:
    others.install()
    extensions = importlib.import_module("psycopg2.extensions")
    world = Small(cluster, lambda env: extensions.connection("host=example.org"))
    with pytest.raises(UsageError, match=r"connects by psycopg2, .*--backend postgresql"):
        world.begin("<lambda>")
    world.close()


def test_one_that_is_imported_later_is_refused_as_well(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "apsw.py").write_text("class Connection:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "apsw", raising=False)
    others.install()

    def use(env: Any) -> None:
        del env
        importlib.import_module("apsw").Connection("file")

    world = Small(cluster, use)
    with pytest.raises(UsageError, match="connects by apsw"):
        world.begin("use")
    world.close()
    monkeypatch.delitem(sys.modules, "apsw", raising=False)
