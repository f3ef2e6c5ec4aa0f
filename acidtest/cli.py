"""The command line: verify, check, replay, model, list, show.

How a command ends that has no verdict is in `ending.py`.
"""

from __future__ import annotations

import shlex
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from acidtest import __version__, ending, supervised
from acidtest.errors import UsageError
from acidtest.loading import entry_of, load
from acidtest.patterns import Pattern, entries, parts, pattern
from acidtest.saved import read_failure, write_json
from acidtest.search.hashing import start_anew_with_a_seed
from acidtest.search.verdict import Verdict, not_asked, with_exceptions
from acidtest.workers import cores
from acidtest.world.databases.table import BACKENDS, DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from acidtest.adopted import Adopted
    from acidtest.report.session import Elsewhere, Session
    from acidtest.search.failure import Failure
    from acidtest.search.film import Film
    from acidtest.workers import Team
    from acidtest.workload import Scope

EXIT = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 3}
_JSON = click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, writable=True), callback=ending.check_writable,
    help="Write the results as JSON.",
)  # fmt: skip

_HTML = click.option(
    "--html", "html_file", type=click.Path(dir_okay=False, writable=True), callback=ending.check_place,
    help="Write a page to look at: the failure step for step, or what was covered.",
)  # fmt: skip
_MERMAID = click.option(
    "--mermaid", "mermaid_file", type=click.Path(dir_okay=False, writable=True), callback=ending.check_place,
    help="Write the failure as a sequence diagram in Mermaid's language, of at most 40 steps.",
)  # fmt: skip

#: The commands that run code under test, which may end the interpreter: they run in a process of their own.
_RUNS_CODE = ("check", "replay", "witness")

_BACKEND = click.option(
    "--backend", type=click.Choice(BACKENDS), default=DEFAULT, show_default=True, help="The kind of the databases."
)


class _Commands(click.Group):
    """Ends every command with an exit code that says what happened."""

    command_class = ending.Command

    def main(self, *args: Any, standalone_mode: bool = True, **options: Any) -> Any:  # noqa: ANN401 - click's signature
        command = partial(super().main, *args, standalone_mode=False, **options)
        if not standalone_mode:
            return command()
        own = not args and options.get("args") is None
        asked = sys.argv[1:] if own else args[0] if args else options["args"]
        if own and asked and asked[0] in (*_RUNS_CODE, "verify"):
            start_anew_with_a_seed()
        whole = partial(ending.run, command)
        return sys.exit(supervised.run(whole) if asked and asked[0] in _RUNS_CODE else whole())

    def make_context(self, *args: Any, **options: Any) -> click.Context:  # noqa: ANN401 - click's signature
        with ending.carried():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        with ending.carried():
            return super().invoke(ctx)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:  # noqa: ANN401 - click's signature
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            what = "command"
            raise UsageError.unknown(what, args[0], self.list_commands(ctx))
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="acidtest")
def main() -> None:
    """Check implementations of transaction patterns through interleavings, crashes and lost replies."""


@main.command("list")
def list_() -> None:
    """The patterns that can be checked."""
    for entry in entries():
        click.echo(f"{entry.stem:<19} {entry.title} ({_extent(entry)})")


def _extent(entry: Pattern) -> str:
    """How much of a pattern there is."""
    if not entry.contract:
        return f"models; code: {', '.join(part.stem for part in parts(entry))}" if parts(entry) else "models only, so far"
    contract = entry.contract_class()
    return f"{len(contract.properties)} properties, {len(contract.scopes)} scopes"


@main.command()
@click.argument("stem", metavar="PATTERN")
def show(stem: str) -> None:
    """A pattern's port, properties, scopes, fault kinds and capabilities."""
    from acidtest.report.describe import describe_pattern

    click.echo("\n".join(describe_pattern(entry_of(stem))))


@main.command()
@click.argument("stem", metavar="PATTERN|own")
@click.option("--file", "file", type=click.Path(dir_okay=False), help="Where to write it; else test_my_PATTERN.py in the current folder.")
def new(stem: str, file: str | None) -> None:
    """Write an adapter for a pattern, with the methods of its port, or a contract of your own; and a test that runs."""
    from acidtest.scaffold import OWN, module_of, write, written

    entry = None if stem == OWN else pattern(stem)
    path = Path(file or f"test_my_{'seats' if entry is None else entry.stem}.py")
    text = written(entry, module_of(path))
    write(path, text)
    click.echo(f"{path} is written. {' '.join(text.splitlines()[2:4])}")


@main.command()
@click.argument("stem", metavar="PATTERN")
@click.argument("implementation", metavar="MODULE:FACTORY", default="")
@click.option("--search", type=click.Choice(["exhaustive", "stateful", "both"]), default="both", show_default=True)
@click.option("--scope", "scopes", multiple=True, metavar="NAME", help="Only this scope of the exhaustive search; may be given again.")
@click.option(
    "--budget", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
    help="For both searches together, shared fairly among the scopes; running out is inconclusive.",
)
@click.option(
    "--except", "without", multiple=True, metavar="PROPERTY",
    help="Leave this property out; may be given again. The verdict says so, and is never a plain pass.",
)
@click.option("--keep-going", is_flag=True, help="Go on after a failure, and report every property that is violated.")
@click.option(
    "--workers", type=click.IntRange(min=1), default=cores, metavar="N",
    help="How many processes explore at once, on SQLite, without --budget and --keep-going; as many as there are cores unless it is given.",
)
@click.option(
    "--dask", "address", metavar="ADDRESS",
    help="Have the searches done by a Dask cluster, whose scheduler is at this address; on SQLite, without --budget and --keep-going.",
)
@click.option("--seed", type=int, help="Of the stateful search.")
@click.option("--examples", type=click.IntRange(min=1), default=200, show_default=True, help="Of the stateful search.")
@_BACKEND
@_HTML
@_MERMAID
@_JSON
def check(
    stem: str, implementation: str, search: str, scopes: tuple[str, ...], budget: float | None,
    without: tuple[str, ...], keep_going: bool, workers: int, address: str | None, seed: int | None, examples: int, backend: str,  # noqa: FBT001
    html_file: str | None, mermaid_file: str | None, json_file: str | None,
) -> None:  # fmt: skip
    """Check an implementation.

    MODULE is importable from here; FACTORY(env) makes the implementation, or is a subclass of the pattern's contract.
    In place of a pattern name a contract of your own, as module:TestSeats; it makes its implementation itself, unless one is named.
    """
    from acidtest.adopted import adopt
    from acidtest.report.github import in_actions
    from acidtest.report.session import Session

    if address is not None and (budget is not None or keep_going or backend != DEFAULT or search == "stateful"):
        message = "--dask goes with the exhaustive search, or both, on SQLite, without --budget and --keep-going. Leave it out, or these."
        raise UsageError(message)
    implementation = implementation or _own_implementation(stem)
    adopted = adopt(entry_of(stem), load(implementation), implementation, without)
    with elsewhere(address, stem, adopted) as away:
        session = Session(
            adopted.contract, adopted.factory, adopted.implementation, echo=click.echo, backend=backend, seconds=budget,
            exceptions=adopted.exceptions, keep_going=keep_going, workers=workers, elsewhere=away, films=bool(html_file or mermaid_file or in_actions()),
        )  # fmt: skip
        if search in ("exhaustive", "both"):
            session.exhaustive(scopes, drawn=(examples, seed) if search == "both" else None)
        if search in ("stateful", "both") and (keep_going or session.failure is None):
            session.stateful(examples, seed)
    _finish(session, json_file, html_file, mermaid_file)


def _own_implementation(stem: str) -> str:
    """What is checked where no implementation is named: a contract of one's own has one.

    Raises:
        UsageError: it is a pattern.
    """
    if ":" in stem:
        return stem
    message = f"What is to be checked by the contract of {stem}? Name it, as module:Factory: acidtest check {stem} my_code:MyCode."
    raise UsageError(message)


@contextmanager
def elsewhere(address: str | None, stem: str, adopted: Adopted) -> Iterator[Elsewhere | None]:
    """What has searches done by the Dask cluster at an address; None for no address.

    Raises:
        UsageError: there is no such cluster.
    """
    if address is None:
        yield None
        return
    from acidtest.cluster import Cluster
    from acidtest.piece import Piece

    cluster = Cluster(address)
    asked = Piece(stem, adopted.implementation, str(Path.cwd()), tuple(adopted.exceptions))

    def started(scopes: Sequence[Scope | None], drawn: tuple[int, int | None], costs: Sequence[float], tell: Callable[[str], object]) -> Team:
        return cluster.team([asked._replace(scope=scope, examples=drawn[0], seed=drawn[1]) for scope in scopes], costs, tell)

    try:
        yield started
    finally:
        cluster.close()


@main.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--failure", "which", default="", metavar="NUMBER|PROPERTY", help="Which of several; the first unless it is given.")
@_HTML
@_MERMAID
@_JSON
def replay(file: str, which: str, html_file: str | None, mermaid_file: str | None, json_file: str | None) -> None:
    """Run the schedule of a failure file again, step for step."""
    from acidtest.adopted import adopt
    from acidtest.report.session import replay_file

    saved = read_failure(file, which)
    name, folder = saved["implementation"], saved.get("folder", "")
    adopted = adopt(entry_of(saved["pattern"], folder), load(name, folder), name, map(str, saved.get("except", ())))
    shown = partial(_show, file, which, html_file, mermaid_file) if html_file or mermaid_file else None
    code, text = replay_file(saved, adopted.contract, adopted.factory, adopted.exceptions, shown)
    click.echo(text)
    for wanted in (html_file, mermaid_file):
        if wanted:
            click.echo(f"\n{wanted}  (to look at it)" if code == 1 else f"\n{wanted} is not written: there is no failure to look at any more.")
    if json_file:
        write_json(json_file, {"verdict": text.partition(":")[0] if code != 1 else "fail", "file": file})
    sys.exit(code)


def _show(file: str, which: str, html_file: str | None, mermaid_file: str | None, failure: Failure, film: Film) -> None:
    """Write what was asked for of a failure that was replayed."""
    from acidtest.report.mermaid import mermaid
    from acidtest.report.page.failure import failure_page
    from acidtest.report.shown import write_text

    again = shlex.quote(file) + (f" --failure {shlex.quote(which)}" if which else "")
    if html_file:
        write_text(html_file, failure_page(failure, film, replay=again))
    if mermaid_file:
        write_text(mermaid_file, mermaid(failure, film))


@main.command()
@click.argument("stem", metavar="PATTERN")
@click.argument("implementation", metavar="[MODULE:FACTORY]", default="")
@_BACKEND
def witness(stem: str, implementation: str, backend: str) -> None:
    """Show what cannot hold where an assumption fails, by schedules of the reference, or of an implementation."""
    from acidtest.adopted import adopt
    from acidtest.report.witnesses import tell_witnesses

    entry = pattern(stem)
    name = implementation or f"acidtest.impl.{entry.stem}:{entry.reference}"
    adopted = adopt(entry, load(name), name, ())
    tell_witnesses(adopted.contract, adopted.factory, adopted.implementation, click.echo, backend)


@main.command()
@click.argument("stem", metavar="PATTERN")
@click.option("--size", type=click.IntRange(min=0), default=0, show_default=True, help="Which of the sizes, the smallest first.")
@click.option("--assume", multiple=True, metavar="NAME=on|off", help="Turn an assumption switch; may be given again.")
@click.option("--study", default="", metavar="NAME", help="Only the models whose name contains this.")
@click.option("--max-states", type=click.IntRange(min=1), help="Give up rather than keep more states; that is inconclusive.")
@click.option(
    "--html", "html_file", type=click.Path(dir_okay=False, writable=True), callback=ending.check_place,
    help="Write a page with the state diagrams, on which the witnesses are stepped through.",
)  # fmt: skip
@click.option(
    "--dot", "dot_file", type=click.Path(dir_okay=False, writable=True), callback=ending.check_place,
    help="Write the state diagrams in Graphviz's language.",
)  # fmt: skip
@_JSON
def model(
    stem: str, size: int, assume: tuple[str, ...], study: str, max_states: int | None,
    html_file: str | None, dot_file: str | None, json_file: str | None,
) -> None:  # fmt: skip
    """Check a pattern's abstract state machines: counts, properties, theorems with their witnesses."""
    from acidtest.report.models import check_models
    from acidtest.report.shown import write_models

    entry, proofs = pattern(stem), []
    lines, value, verdict = check_models(
        entry, size, assume, study_name=study, max_states=max_states, told=lambda *proof: proofs.append(proof)
    )
    click.echo("\n".join(lines))
    write_models(entry, proofs, html_file, dot_file)
    if json_file:
        write_json(json_file, value)
    sys.exit(EXIT[verdict])


@main.command()
@click.argument("stems", metavar="[PATTERN]...", nargs=-1)
@click.option("--quick", is_flag=True, help="A part of it, in under half a minute. The verdict says which part, and is never a plain pass.")
@click.option(
    "--workers", type=click.IntRange(min=1), default=cores, metavar="N",
    help="How many patterns are verified at once, on SQLite; as many as there are cores unless it is given.",
)
@_BACKEND
@_JSON
def verify(stems: tuple[str, ...], quick: bool, workers: int, backend: str, json_file: str | None) -> None:  # noqa: FBT001
    """Check acidtest's own models, references, mutants and naive versions, of all patterns or of these."""
    from acidtest.report.quick import verify_quickly
    from acidtest.report.verify import verify_patterns

    asked = [pattern(stem) for stem in stems]
    chosen = [entry for one in asked for entry in (one, *parts(one))] or entries()
    chosen = list(dict.fromkeys(chosen))
    if quick:
        verdict, value = verify_quickly(chosen, echo=click.echo, backend=backend)
    else:
        verdict, value = verify_patterns(chosen, echo=click.echo, interactive=sys.stderr.isatty(), backend=backend, workers=workers)
    if json_file:
        write_json(json_file, value)
    sys.exit(EXIT[verdict])


def _finish(session: Session, json_file: str | None, html_file: str | None, mermaid_file: str | None) -> None:
    """Print the failures and the verdict, write the files, and exit."""
    from acidtest.report.columns import render_explanation
    from acidtest.report.inert import inert
    from acidtest.report.session import check_json
    from acidtest.report.shown import write_shown

    failures, results = session.failures, session.results
    verdict, missing = session.verdict()
    for number, failure in enumerate(failures, 1):
        if len(failures) > 1:  # their schedules stand further up, and they are explained down here
            click.echo("\n" + inert(f"{failure.property_id}: {failure.name}"))
        click.echo(render_explanation(failure, replay_file=_replay(json_file, number)))
    if failures and not json_file:
        click.echo("\n(add --json FILE to keep the schedule, and replay it with: acidtest replay FILE)")
    if len(failures) > 1:
        click.echo(f"\n{len(failures)} properties are violated: {', '.join(failure.property_id for failure in failures)}")
    click.echo(f"\n{session.contract.pattern}: {with_exceptions(verdict, session.exceptions, session.waivers)}")
    for reason in dict.fromkeys([*(reason for result in results for reason in result.reasons), *missing]):
        click.echo(f"  {reason}")
    if verdict != Verdict.FAIL and (told := not_asked(results)):
        click.echo(f"  {told}")
    if json_file:
        write_json(json_file, check_json(session, verdict))
    replays = [_replay(json_file, number) for number in range(1, len(failures) + 1)]
    write_shown(session, html_file, mermaid_file, replays, click.echo)
    sys.exit(EXIT[verdict])


def _replay(json_file: str | None, number: int) -> str:
    """What `acidtest replay` is to be given for one of the failures of a file; nothing where there is none."""
    if not json_file:
        return ""
    return shlex.quote(json_file) + (f" --failure {number}" if number > 1 else "")
