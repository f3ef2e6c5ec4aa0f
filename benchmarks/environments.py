"""Virtual environments for what is measured beside acidtest, or by it, and is no part of it.

They are made in a folder of the user's caches, with what pip finds in the package index that it is configured for, and kept.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Absent(Exception):  # noqa: N818 - not an error: what else there is is measured
    """Something cannot be had here; says why."""


def interpreter(least: tuple[int, int]) -> str:
    """A Python of at least that version: this one, or another that is installed.

    Raises:
        Absent: there is none.
    """
    if sys.version_info[:2] >= least:
        return sys.executable
    names = [f"{least[0]}.{minor}" for minor in range(least[1], least[1] + 4)]
    beside = [path for name in names for path in sorted(Path(sys.base_prefix).parent.glob(f"{name}*/bin/python"))]
    for program in (*map(str, beside), *filter(None, (shutil.which(f"python{name}") for name in names))):
        if subprocess.run([program, "-m", "ensurepip", "--version"], capture_output=True, check=False).returncode == 0:  # noqa: S603
            return program  # some that are on the path only say that there is none
    message = f"needs Python {least[0]}.{least[1]} or newer; only {platform.python_version()} is installed"
    raise Absent(message)


def environment(name: str, requirements: Sequence[str], least: tuple[int, int]) -> Path:
    """The folder of programs of a virtual environment, which is made where there is none.

    Arguments:
        name: of its folder, among others of its kind: another one for other requirements.
        requirements: what pip installs.
        least: the least version of Python that it takes.

    Raises:
        Absent: there is no Python for it, or it cannot be installed.
    """
    python = interpreter(least)
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = caches / "acidtest" / name.replace("==", "-").replace("[", "-").replace("]", "")
    done = folder / "installed"
    if not done.exists():
        pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
        for command in ([python, "-m", "venv", "--clear", str(folder)], pip):
            ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed commands
            if ended.returncode:
                message = f"cannot be installed: {(ended.stderr.strip().splitlines() or ['pip says nothing'])[-1]}"
                raise Absent(message)
        done.touch()
    return folder / "bin"
