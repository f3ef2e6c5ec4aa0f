"""A quick look at acidtest itself: a part that is chosen by rules, and a verdict that nobody can take for that on all."""

import json
import re

from click.testing import CliRunner

from acidtest.cli import main
from acidtest.impl.acid import Transfers
from acidtest.impl.broken import Mutant
from acidtest.patterns import Pattern, coded, pattern
from acidtest.report.quick import FEW, cheapest, verify_quickly
from acidtest.search.verdict import Verdict


def looked_at(*entries, **options):
    lines = []
    verdict, value = verify_quickly(entries, echo=lines.append, **options)
    return verdict, value, "\n".join(lines)


def test_a_quick_look_says_in_text_and_json_how_little_it_was_and_never_pass_alone(tmp_path):
    file = tmp_path / "out.json"
    done = CliRunner().invoke(main, ["verify", "--quick", "acid", "xa", "--json", str(file)])
    assert done.exit_code == 0, done.output
    assert re.fullmatch(r"verdict: pass \(quick: \d+ of \d+ checks\)", done.output.strip().splitlines()[-1])
    assert re.findall(r"\bpass\b(?! \(quick)", done.output) == []
    out = json.loads(file.read_text(encoding="utf-8"))
    told = [out["verdict"], *(each["verdict"] for each in out["patterns"])]
    assert all(re.fullmatch(r"pass \(quick: \d+ of \d+ checks\)", words) for words in told)
    assert re.search(r"acid +│ +\d+ │ +2 │ .*│ pass \(quick\) +│ +2/2 │ +2/2 │", done.output)


def test_a_quick_look_takes_the_cheapest_scope_without_faults_and_with_some():
    for entry in coded():
        chosen = cheapest(entry.contract_class().scopes)
        assert [bool(scope.faults) for scope in chosen] == [False, True], entry.stem
    assert FEW > 1


def test_a_quick_look_that_came_to_no_check_is_inconclusive_and_says_so():
    verdict, value, text = looked_at(pattern("tcc_coordinator"), seconds=0.001)
    assert (verdict, value["verdict"]) == (Verdict.INCONCLUSIVE, "inconclusive")
    assert "tcc_coordinator: no check came to its end within its share of the time" in text


class _WithTameMutant(Pattern):
    """A pattern with a mutant that has no bug."""

    def mutants(self):
        return [Mutant("tame", Transfers, ("G2",), scope="one process")]


def test_what_fails_in_a_quick_look_fails():
    verdict, value, text = looked_at(_WithTameMutant(*pattern("acid")))
    assert (verdict, value["verdict"]) == (Verdict.FAIL, "fail")
    assert "acid: the mutant tame is not killed by a property that it is listed with" in text
