"""The shape of the code: imports point one way, the core knows no pattern, modules and functions stay small."""

import ast
from functools import cache
from pathlib import Path

import networkx as nx
import pytest

import acidtest

ROOT = Path(acidtest.__file__).parent
LONGEST_MODULE = 500
LONGEST_FUNCTION = 60

#: What anybody may use: values and errors.
VALUES = ("environment", "errors", "outside", "port", "workload")
#: What modules of each folder may import of ours. A folder may always import itself.
ALLOWED = {
    "checker": (),
    "models": ("checker",),
    "properties": ("checker", "models", *VALUES),
    "world": VALUES,
    "world.core": VALUES,
    "world.devices": ("world.core", "world.python.memory", *VALUES),
    "world.python": ("world.core", *VALUES),
    "world.script": ("world.core", *VALUES),
    "world.databases": ("world.core", "world.python", *VALUES),
    "impl": ("environment",),
    "search": ("world", "checker", "models", "properties", *VALUES),
    "report": (
        "search", "checker", "models", "properties", "impl", "patterns", "workers", "world.core.effects", "world.databases.table", *VALUES,
    ),
}  # fmt: skip
#: Folders where a pattern has a module of its own; elsewhere patterns have no names.
BY_PATTERN = ("models", "properties", "impl")
STEMS = (
    "acid", "two_phase_commit", "three_phase_commit", "xa", "xa_resource", "saga", "saga_orchestration", "saga_choreography", "compensation",
    "event_sourcing", "event_store", "cqrs", "outbox", "inbox", "outbox_inbox", "tcc", "tcc_coordinator", "reserve_confirm",
)  # fmt: skip
#: The one table of patterns, and the names that an adopter imports.
TABLES = ("patterns", "__init__")

MODULES = sorted(path.relative_to(ROOT).with_suffix("") for path in ROOT.rglob("*.py"))


def name(module: Path) -> str:
    return ".".join(module.parts)


@cache
def tree(module: Path) -> ast.Module:
    return ast.parse((ROOT / module).with_suffix(".py").read_text())


def imported(module: Path) -> set[str]:
    """What a module imports of ours, wherever in it, without the package's name."""
    found = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(module)} imports relatively"
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {target.removeprefix("acidtest.") for target in found if target.startswith("acidtest.")}


def full_name(module: Path) -> str:
    return ".".join((acidtest.__name__, *module.parts)).removesuffix(".__init__")


def needed(module: Path, known: set[str]) -> set[str]:
    """Those of the `known` modules that a module needs, wherever in it and what for, types included."""
    found = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            members = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {member if member in known else str(node.module) for member in members}
    return found & known


def is_module(target: str) -> bool:
    path = ROOT.joinpath(*target.split("."))
    return path.is_dir() or path.with_suffix(".py").exists()


@pytest.mark.parametrize("folder", ALLOWED)
def test_imports_point_one_way(folder):
    allowed = (folder, *ALLOWED[folder])
    modules = [module for module in MODULES if name(module).startswith(f"{folder}.")]
    found = {(name(m), target) for m in modules for target in imported(m) if is_module(target)}
    assert found
    assert not {(m, t) for m, t in found if not any(t == a or t.startswith(f"{a}.") for a in allowed)}


def test_no_two_modules_need_each_other():
    """Nor do more of them in a circle."""
    known = set(map(full_name, MODULES))
    graph = nx.DiGraph((full_name(module), other) for module in MODULES for other in needed(module, known))
    circles = [sorted(part) for part in nx.strongly_connected_components(graph) if len(part) > 1]
    assert not circles


def test_no_backend_knows_another():
    folders = {path.name for path in (ROOT / "world" / "databases").iterdir() if path.is_dir()}
    own = [(m, m.parts[2]) for m in MODULES if m.parts[:2] == ("world", "databases") and m.parts[2] in folders]
    assert own
    others = {(name(m), t) for m, folder in own for t in imported(m) for f in folders - {folder} if f"databases.{f}" in t}
    assert not others


def test_nobody_but_their_table_names_a_device():
    devices = [module for module in MODULES if module.parts[:2] == ("world", "devices") and module.stem not in ("__init__", "table")]
    rooms = {".".join(module.parts[:3]) for module in devices}
    assert {"world.devices.broker", "world.devices.clock", "world.devices.externals"} <= rooms
    found = {(name(m), target) for m in MODULES if name(m) != "world.devices.table" for target in imported(m)}
    assert not {(m, t) for m, t in found for room in rooms if f"{t}.".startswith(f"{room}.") and not f"{m}.".startswith(f"{room}.")}


def test_values_and_errors_import_nothing_of_ours():
    values = [module for module in MODULES if module.parts[0] in ("environment", "errors", "workload")]
    assert len(values) > len(("environment", "errors", "workload"))
    assert not {(name(m), target) for m in values for target in imported(m) if not target.startswith("environment.")}


def test_the_core_names_no_pattern():
    core = [module for module in MODULES if module.parts[0] not in BY_PATTERN and module.stem not in TABLES]
    named = {(name(m), part) for m in core for target in [name(m), *imported(m)] for part in target.split(".")}
    texts = {(name(m), node.value) for m in core for node in ast.walk(tree(m)) if isinstance(node, ast.Constant)}
    assert not {(module, what) for module, what in named | texts if what in STEMS}


def test_no_module_is_too_long():
    lengths = {name(module): (ROOT / module).with_suffix(".py").read_text().count("\n") for module in MODULES}
    assert not {module: length for module, length in lengths.items() if length > LONGEST_MODULE}


def test_no_function_is_too_long():
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    functions = [(name(m), f) for m in MODULES for f in ast.walk(tree(m)) if isinstance(f, kinds)]
    lengths = {f"{module}.{f.name}": f.end_lineno - f.lineno + 1 for module, f in functions}
    assert not {function: length for function, length in lengths.items() if length > LONGEST_FUNCTION}
