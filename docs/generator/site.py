"""Everything that is generated, by its path within docs/."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from acidtest.patterns import PATTERNS
from generator import reference
from generator.benchmarks import PATH as BENCHMARKS
from generator.benchmarks import benchmarks
from generator.choosing import DRAWING, OWN_DRAWING, choosing, flowchart, own_chart
from generator.diagrams import state_diagram
from generator.failures import pattern_picture, pattern_pictures, picture_path, readme_picture, tutorial_page
from generator.isolation import PATH, isolation
from generator.libraries import PATH as LIBRARIES
from generator.libraries import libraries
from generator.matrix import matrix
from generator.pattern_page import drawing_path, pattern_index, pattern_page
from generator.servers import PATH as SERVERS
from generator.servers import servers

if TYPE_CHECKING:
    from collections.abc import Callable


def pages() -> dict[str, Callable[[], str]]:
    """What makes each page."""
    found: dict[str, Callable[[], str]] = {
        "reference/ports.md": reference.ports,
        "reference/properties.md": reference.properties,
        "reference/mutants.md": reference.mutants,
        "reference/matrix.md": matrix,
        BENCHMARKS: benchmarks,
        LIBRARIES: libraries,
        SERVERS: servers,
        "explanation/choosing-a-pattern.md": choosing,
        f"explanation/{DRAWING}": flowchart,
        f"explanation/{OWN_DRAWING}": own_chart,
    }
    found["images/outbox-failure.svg"] = readme_picture
    found["tutorial/failure.html"] = tutorial_page
    found |= {f"patterns/{picture_path(stem)}": partial(pattern_picture, stem) for stem in pattern_pictures()}
    found["patterns/index.md"] = pattern_index
    for stem, entry in PATTERNS.items():
        found[f"patterns/{stem}.md"] = partial(pattern_page, stem)
        for index, study in enumerate(entry.theory().studies):
            if study.diagram is not None:
                found[f"patterns/{drawing_path(stem, index)}"] = partial(state_diagram, stem, index)
    return found


def pages_from_a_server() -> dict[str, Callable[[], str]]:
    """What makes each page that takes a PostgreSQL and a MariaDB server; where there is none, they are left as they are."""
    return {PATH: isolation}
