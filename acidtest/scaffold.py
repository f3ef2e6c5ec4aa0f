"""What `acidtest new` writes: an adapter with the methods of a pattern's port, or a contract of one's own, and a test that runs.

An adapter is written from the port, whose docstrings say what each method must do; a contract of one's own is a small example
that passes, to be changed bit by bit.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from acidtest import environment
from acidtest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acidtest.patterns import Pattern
    from acidtest.properties.shared.contract import Contract

#: The name by which a contract of one's own is asked for.
OWN = "own"
#: Where names are imported from that a port uses in its annotations.
_STANDARD = {"collections.abc": ("Callable", "Collection", "Iterable", "Mapping", "Sequence"), "typing": ("Any", "Literal")}
_NAME = re.compile(r"\b[A-Za-z_]\w*\b")
#: How wide a signature may be, and how wide the text of a docstring.
_WIDTH, _WIDEST = 100, 112


def adapter(entry: Pattern) -> str:
    """The file of an adapter for a pattern.

    Raises:
        UsageError: the pattern has no contract.
    """
    contract = entry.contract_class()
    name = f"My{contract.__name__.removesuffix('Contract')}"
    methods = "\n\n".join("\n".join(_method(contract, each.name)) for each in contract.interface().methods if each.name not in contract.own)
    used = set(_NAME.findall(re.sub(r'"""[\s\S]*?"""', "", methods)))
    aliases = _aliases(contract, used)
    used |= {word for line in aliases for word in _NAME.findall(line)}
    lines = [
        f'"""An adapter for {entry.title}, and the test that checks it.',
        "",
        "Run it: pytest {module}.py,",
        f"or acidtest check {entry.stem} {{module}}:Test{name}",
        '"""',
        "",
        *_imports(contract, used),
        *(["", *aliases] if aliases else []),
        "",
        "",
        f"class {name}:",
        *_docstring(inspect.getdoc(contract.port) or f"{entry.title}.", 4),
        "",
        "    def __init__(self, env: Environment) -> None:",
        '        """Keep what is needed: databases are env.engine("name"), and what else there is, env has as well."""',
        "        self.env = env",
        "",
        methods,
        "",
        "",
        f"class Test{name}({contract.__name__}):",
        f'    """Runs {name} through every schedule of the contract\'s scopes."""',
        "",
        f"    def implementation(self, env: Environment) -> {name}:",
        '        """Make the implementation, at every start of a simulated process."""',
        f"        return {name}(env)",
    ]
    return "\n".join(lines) + "\n"


def _method(contract: type[Contract], name: str) -> Iterator[str]:
    """A method of the port, to be written."""
    declared = getattr(contract.port, name)
    signature = inspect.signature(declared)
    parameters = ", ".join(["self", *(_parameter(p) for p in signature.parameters.values() if p.name != "self")])
    returns = "None" if signature.return_annotation in (inspect.Signature.empty, None) else signature.return_annotation
    line = f"    def {name}({parameters}) -> {returns}:".replace("'", '"')
    if len(line) <= _WIDTH:
        yield line
    else:
        yield f"    def {name}("
        yield f"        {parameters}".replace("'", '"')
        yield f"    ) -> {returns}:".replace("'", '"')
    yield from _docstring(inspect.getdoc(declared) or name, 8)
    yield "        raise NotImplementedError"


def _parameter(parameter: inspect.Parameter) -> str:
    default = "" if parameter.default is inspect.Parameter.empty else f" = {parameter.default!r}"
    return f"{parameter.name}: {parameter.annotation}{default}"


def _docstring(text: str, indent: int) -> list[str]:
    """A docstring, as the port has it."""
    space = " " * indent
    lines = [wrapped for line in text.splitlines() for wrapped in _wrapped(f"{space}{line}".rstrip())]
    lines[0] = f'{space}"""{lines[0].strip()}'
    return [*lines[:-1], f'{lines[-1]}"""'] if len(lines) == 1 else [*lines, f'{space}"""']


def _wrapped(line: str) -> list[str]:
    """A line in as many as it takes; what follows stands where it stands."""
    space = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(line, _WIDEST, initial_indent="", subsequent_indent=space, drop_whitespace=True) or [""]


def _aliases(contract: type[Contract], used: set[str]) -> list[str]:
    """The names for types that a port gives itself."""
    source = inspect.getsource(inspect.getmodule(contract.port) or contract)
    found = re.findall(r"^ *(\w+)(?:: TypeAlias)? = (.+)$", source, re.MULTILINE)
    return [f"{name} = {value}" for name, value in found if name in used and name[:1].isupper() and name != name.upper()]


def _imports(contract: type[Contract], used: set[str]) -> Iterator[str]:
    """The imports for the names that are used."""
    for module, names in _STANDARD.items():
        wanted = [name for name in names if name in used]
        if wanted:
            yield f"from {module} import {', '.join(wanted)}"
    if any(name in used for names in _STANDARD.values() for name in names):
        yield ""
    from acidtest import __all__ as exported

    ours = sorted({"Environment", *(name for name in used if name in vars(environment) and name[:1].isupper())} - set(_STANDARD["typing"]))
    public = sorted([contract.__name__, *(name for name in ours if name in exported)])
    yield f"from acidtest import {', '.join(public)}"
    others = [name for name in ours if name not in exported]
    if others:
        yield f"from acidtest.environment import {', '.join(others)}"


#: A contract of one's own that passes.
_EXAMPLE = '''"""A contract of your own, and the code that it checks.

Run it: pytest {module}.py,
or acidtest check {module}:TestSeats
"""

import sqlalchemy as sa

from acidtest import (
    Contract,
    Environment,
    Scope,
    Seen,
    always,
    client,
    installation,
    operation,
    read,
    sometimes,
    told_means_done,
)


class Booking:
    """The code under test: put yours here, or import it."""

    def __init__(self, engine: sa.Engine) -> None:
        """Keep what is needed."""
        self.engine = engine

    def create(self) -> None:
        """Create the schema."""
        with self.engine.begin() as db:
            db.execute(sa.text("CREATE TABLE seat (id TEXT PRIMARY KEY, who TEXT)"))
            db.execute(sa.text("INSERT INTO seat VALUES ('7', NULL), ('8', NULL)"))

    def book(self, seat: str, who: str) -> str:
        """Book a seat, unless somebody else has it."""
        update = "UPDATE seat SET who = :who WHERE id = :seat AND (who IS NULL OR who = :who)"
        with self.engine.begin() as db:
            booked = db.execute(sa.text(update), {{"seat": seat, "who": who}})
            return "booked" if booked.rowcount else "taken"

    def seats(self) -> dict[str, str]:
        """Who has which seat."""
        with self.engine.connect() as db:
            rows = db.execute(sa.text("SELECT id, who FROM seat WHERE who IS NOT NULL"))
            return {{row.id: row.who for row in rows}}


class TestSeats(Contract):
    """What the code must keep to, and how it is exercised."""

    def implementation(self, env: Environment) -> Booking:
        """Make the implementation, at every start of a simulated process."""
        return Booking(env.engine("seats"))

    create = installation("create")  # called once, before all else
    book = operation("book", seat=("7", "8"), who=("ann", "bob"))  # what clients call
    seats = read("seats")  # what an outsider sees

    scopes = (
        Scope(
            "two for one seat",
            client("web-1", book("7", "ann")),
            client("web-2", book("7", "bob")),
            crashes=1,
        ),
        Scope("no reply", client("web-1", book("7", "ann", retries=1)), faults=1),
    )

    # What a client was told is so from then on.
    done = told_means_done(book, lambda seen, call: seen.seats.get(call["seat"]) == call["who"], "booked")

    @always
    def nobody_has_what_he_has_not_asked_for(self, seen: Seen) -> bool:
        """Whoever has a seat has asked for it."""
        asked = {{(call["seat"], call["who"]) for call in seen.asked(self.book)}}
        return set(seen.seats.items()) <= asked

    @sometimes
    def somebody_is_refused(self, seen: Seen) -> bool:
        """Somebody is told that the seat is taken: else there would be nothing to see here."""
        return bool(seen.told(self.book, "taken"))
'''


def written(entry: Pattern | None, module: str) -> str:
    """The text of a new file.

    Arguments:
        entry: the pattern; None for a contract of one's own.
        module: what the file will be imported as.
    """
    return _EXAMPLE.format(module=module) if entry is None else adapter(entry).replace("{module}", module)


def write(file: Path, text: str) -> None:
    """Write a new file, and nothing over an old one.

    Raises:
        UsageError: it is there already, or cannot be written.
    """
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    except FileExistsError:
        message = f"{file} is there already, and what is in it may be yours. Name another file: acidtest new … --file NAME.py."
        raise UsageError(message) from None
    except OSError as error:
        message = f"{file} cannot be written: {error}. Name another file: acidtest new … --file NAME.py."
        raise UsageError(message) from error


def module_of(file: Path) -> str:
    """What a file is imported as.

    Raises:
        UsageError: it cannot be.
    """
    if file.suffix != ".py" or not file.stem.isidentifier():
        message = f"{file} cannot be imported, so it could not be checked. Name a file as a module: test_booking.py."
        raise UsageError(message)
    return file.stem

