"""How what is named on a command line is imported: "module:name", also from the current folder."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acidtest import ending
from acidtest.errors import ContractError, UsageError, place_of, text_of, told
from acidtest.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Callable

    from acidtest.patterns import Pattern

#: How many times as long as for others one waits for a module to be imported: it imports many.
_IMPORTS = 6


def load(path: str, folder: str = "") -> Callable[[Any], Any]:
    """Import "module:name", also from the current folder.

    Arguments:
        path: the module and the name in it.
        folder: where else to look for the module.

    Raises:
        UsageError: there is no such module or name; says what is missing.
    """
    module_name, _, name = path.partition(":")
    if not module_name or not name:
        message = f"{path!r} does not name an implementation. Write module:Factory, for example my_outbox:MyOutbox."
        raise UsageError(message)
    if "/" in module_name or "\\" in module_name or "" in module_name.split(".") or Path(module_name).is_file():
        stem = Path(module_name.replace("\\", "/")).stem or "my_outbox"
        message = (
            f"{module_name!r} is a path, and not the name of a module, so it cannot be imported. Write {stem}:{name} in the "
            f"folder of {stem}.py; of a package, package.module:{name} in the folder of the package."
        )
        raise UsageError(message)
    from acidtest.world import interpose

    interpose.install()
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    if folder and str(Path(folder).absolute()) not in sys.path:
        sys.path.append(str(Path(folder).absolute()))
    module = _import(module_name)
    factory: Any = module
    try:
        for part in name.split("."):
            factory = getattr(factory, part, None)
    except (Exception, SystemExit) as error:
        message = f"{name} cannot be looked up in {module_name}: {ending.adapters_mistake(error)}"
        raise UsageError(message) from error
    if not callable(factory):
        known = [n for n, value in vars(module).items() if callable(value) and not n.startswith("_")]
        what = f"factory in {module_name}"
        raise UsageError.unknown(what, name, known)
    made: Callable[[Any], Any] = factory
    return made


def entry_of(stem: str, folder: str = "") -> Pattern:
    """The pattern that is named on a command line; or a contract of somebody's own, "module:TestSeats", whose module is imported.

    Arguments:
        stem: its name.
        folder: where else to look for the module.

    Raises:
        UsageError: there is none; says what is missing.
    """
    if ":" in stem:
        load(stem, folder)
    return pattern(stem)


def _import(name: str) -> Any:  # noqa: ANN401 - a module, or what it has put in its place
    """Import a module of the user's.

    Raises:
        UsageError: that is not possible, or ends in any exception; says where.
    """
    from acidtest.world.core import journal
    from acidtest.world.core.exits import Exit, watched
    from acidtest.world.core.patience import bounded
    from acidtest.world.core.process import is_of_code

    try:
        with journal.outside(f"import {name}"), bounded(_IMPORTS), watched():
            return importlib.import_module(name)
    except ContractError as error:
        message = f"{name!r} cannot be imported: {error}"
        raise UsageError(message) from error
    except BaseException as error:
        if not is_of_code(error):
            raise
        where = place_of(error)
        if isinstance(error, ImportError) and not where:
            message = f"{name!r} cannot be imported: {text_of(error)}. It is looked for in the current folder and where Python looks."
            raise UsageError(message) from error
        what = f"{_told_exit(error)} ends the interpreter" if isinstance(error, (SystemExit, Exit)) else told(error)
        at = f" ({where})" if where else ""
        message = f"{name!r} cannot be imported: {what}{at}. Nothing can be checked before `import {name}` works."
        raise UsageError(message) from error


def _told_exit(error: BaseException) -> str:
    return f"SystemExit: sys.exit({error.code!r})" if isinstance(error, SystemExit) else text_of(error)
