"""Makes the generator of the documentation and the benchmarks importable, which are no part of the package; `pages` is beside this file."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "docs"), str(ROOT)]
