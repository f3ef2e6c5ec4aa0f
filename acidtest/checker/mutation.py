"""Mutants of models: the source of a transition with one small mistake, and which of a study's claims fall by it.

That a property holds says little if it would hold of a wrong model as well. So each function by which a model steps is
changed in one place at a time, in the ways in which such code goes wrong: a guard is dropped, a comparison negated, an
update forgotten, `and` taken for `or` (DeMillo, Lipton & Sayward, "Hints on test data selection", IEEE Computer 11(4),
1978, of programs; Black, Okun & Yesha, "Mutation operators for specifications", ASE 2000, of models).

A mutant is a code object that takes the place of the function's own, so that whoever holds the function runs it.
"""

from __future__ import annotations
import __future__

import ast
import functools
import inspect
import sys
import textwrap
from contextlib import contextmanager
from copy import deepcopy
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.checker.check import reachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from acidtest.checker.machine import Model

#: The ways in which a function is changed.
DROPPED, PART_DROPPED, NEGATED, FORGOTTEN, SWAPPED = (
    "guard dropped", "condition dropped", "comparison negated", "update forgotten", "and/or swapped",
)  # fmt: skip
#: Functions that give a copy of their first argument with one thing changed.
_CHANGES = frozenset({"put", "with_status", "marked", "put_branch", "put_known"})
_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


class Mutant(NamedTuple):
    """One mistake.

    Arguments:
        function: where it is, as module and qualified name.
        kind: what sort of mistake.
        text: what stands there, and what is made of it.
        code: the function's code with the mistake.
    """

    function: str
    kind: str
    text: str
    code: CodeType

    @property
    def name(self) -> str:
        """What it is known by."""
        return f"{self.function}: {self.kind}: {self.text}"


def functions_of(model: Model[Any], package: str) -> dict[str, FunctionType]:
    """The functions by which a model steps, by module and qualified name: those of a package that run while it is explored.

    Arguments:
        model: whose.
        package: where they are to be looked for, for example "acidtest.models".
    """
    known = {function.__code__: function for function in _functions(package)}
    used: dict[CodeType, None] = {}

    def note(frame: Any, event: str, _: object) -> None:  # noqa: ANN401 - a frame
        if event == "call" and frame.f_code in known:
            used[frame.f_code] = None

    states = reachable(model).states
    previous = sys.getprofile()
    sys.setprofile(note)
    try:
        for state in states:
            for _, effect, args in model.table():
                effect(state, *args)
    finally:
        sys.setprofile(previous)
    return {name_of(known[code]): known[code] for code in used}


def name_of(function: Callable[..., Any]) -> str:
    """Module and qualified name."""
    return f"{function.__module__}.{function.__qualname__}"


def _functions(package: str) -> Iterator[FunctionType]:
    for name, module in list(sys.modules.items()):
        if name == package or name.startswith(f"{package}."):
            for value in list(vars(module).values()):
                members = vars(value).values() if inspect.isclass(value) and value.__module__ == name else (value,)
                for each in members:
                    function = inspect.unwrap(each) if callable(each) else each
                    if isinstance(function, FunctionType) and function.__module__ == name:
                        yield function


def mutants_of(function: FunctionType) -> list[Mutant]:
    """All mutants of a function, in the order of its source; none of one whose source cannot be compiled alone."""
    definition = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    if not isinstance(definition, ast.FunctionDef):
        return []
    definition.decorator_list = []
    made = []
    for number, node in enumerate(ast.walk(definition)):
        for kind, change in _changes(node):
            copy = deepcopy(definition)
            place = next(each for n, each in enumerate(ast.walk(copy)) if n == number)
            before = _shown(place)
            change(place)
            code = _compiled(copy, function)
            if code is not None:
                made.append(Mutant(name_of(function), kind, f"{before} → {_shown(place)}", code))
    return made


def _shown(node: ast.AST) -> str:
    """What a reader needs of the place: of a statement that is a guard, its condition."""
    return ast.unparse(node.test if isinstance(node, ast.If) else node)


def _changes(node: ast.AST) -> Iterator[tuple[str, Callable[[Any], None]]]:
    """What may be done wrong at a node: each changes a copy of it."""
    if isinstance(node, ast.If) and _is_guard(node):
        yield DROPPED, lambda place: setattr(place, "test", ast.Constant(value=False))
    if isinstance(node, ast.IfExp) and _is_nothing(node.body) != _is_nothing(node.orelse):
        enabled = _is_nothing(node.orelse)
        yield DROPPED, lambda place: setattr(place, "test", ast.Constant(value=enabled))
    if isinstance(node, ast.BoolOp):
        for place in range(len(node.values)):
            yield PART_DROPPED, functools.partial(_without, place)
        yield SWAPPED, lambda place: setattr(place, "op", ast.And() if isinstance(place.op, ast.Or) else ast.Or())
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield NEGATED, lambda place: setattr(place, "ops", [_OPPOSITE[type(place.ops[0])]()])
    if isinstance(node, ast.Call):
        yield from _forgettings(node)


def _forgettings(node: ast.Call) -> Iterator[tuple[str, Callable[[Any], None]]]:
    replaces = isinstance(node.func, ast.Attribute) and node.func.attr == "_replace"
    changes = isinstance(node.func, ast.Name) and node.func.id in _CHANGES
    if replaces or changes:
        for place in range(len(node.keywords)):
            yield FORGOTTEN, functools.partial(_without_keyword, place)
    if changes and not node.keywords:
        yield FORGOTTEN, _unchanged


def _without(number: int, place: ast.BoolOp) -> None:
    neutral: ast.expr = ast.Constant(value=isinstance(place.op, ast.And))
    place.values = [neutral if each == number else value for each, value in enumerate(place.values)]


def _without_keyword(number: int, place: ast.Call) -> None:
    place.keywords = [*place.keywords[:number], *place.keywords[number + 1 :]]


def _unchanged(place: ast.Call) -> None:
    """A call that returns its first argument as it is."""
    place.func = ast.parse("(lambda was, *_: was)", mode="eval").body


def _is_guard(node: ast.If) -> bool:
    return not node.orelse and len(node.body) == 1 and isinstance(node.body[0], ast.Return) and _is_nothing(node.body[0].value)


def _is_nothing(node: ast.expr | None) -> bool:
    return node is None or (isinstance(node, ast.Constant) and node.value is None)


def _compiled(definition: ast.FunctionDef, function: FunctionType) -> CodeType | None:
    """The code of a changed definition; None where it takes another environment than the function has."""
    # A method that calls super() has a cell for its class, which only a function around it can give.
    module = ast.parse(f"def around({', '.join(function.__code__.co_freevars)}):\n    return {definition.name}")
    around: Any = module.body[0]
    around.body.insert(0, definition)
    # Annotations are not evaluated, as in the modules that the functions come from.
    whole = compile(ast.fix_missing_locations(module), "<mutant>", "exec", dont_inherit=True, flags=__future__.annotations.compiler_flag)
    code = _within(_within(whole, "around"), definition.name)
    return code if code.co_freevars == function.__code__.co_freevars else None


def _within(code: CodeType, name: str) -> CodeType:
    return next(each for each in code.co_consts if isinstance(each, CodeType) and each.co_name == name)


@contextmanager
def put_in(function: FunctionType, mutant: Mutant, package: str) -> Iterator[None]:
    """Run with a mutant in place of a function. What the functions of the package remember is forgotten before and after."""
    own = function.__code__
    function.__code__ = mutant.code
    _forget(package)
    try:
        yield
    finally:
        function.__code__ = own
        _forget(package)


def _forget(package: str) -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{package}."):
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear"):
                    value.cache_clear()
