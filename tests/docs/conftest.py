"""Makes the generator of the documentation importable, which is no part of the package; `pages` is beside this file."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))
