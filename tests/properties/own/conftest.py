"""Makes `seats` importable, which is beside this file."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
