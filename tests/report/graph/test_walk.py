"""Runs on a state diagram: each step at its node, also where a run comes to what is not drawn otherwise; and the diagrams for other tools."""

import re

import pytest

from acidtest.checker.machine import Kind, Model, Property, Transition
from acidtest.checker.proof import prove, show
from acidtest.checker.theory import Diagram, Size, Study, Switch, Theorem
from acidtest.patterns import pattern
from acidtest.report.graph.dot import dot
from acidtest.report.graph.walk import walked
from acidtest.report.models import diagram_json
from acidtest.report.page.model import model_page


class Door(Model):
    """Opens and shuts; where it `breaks`, it is broken for ever."""

    name = "door"

    def __init__(self, *, breaks):
        self._breaks = breaks

    def initial_states(self):
        return ["shut"]

    def transitions(self):
        return [
            Transition("Open", lambda s: "open" if s == "shut" else None),
            Transition("Shut", lambda s: "shut" if s == "open" else None),
            Transition("Break", lambda s: "broken <b>" if s == "open" and self._breaks else None),
        ]

    def view(self, state):
        return state


BROKEN = Property("N1", "it breaks", Kind.SOMETIMES, lambda state: state.startswith("broken"))
OPEN = Property("D1", "it is never open", Kind.ALWAYS, lambda state: state != "open")


def door(label=str, properties=()):
    return Study(
        "a door", Door, (Size("one", {}, 2, 1), Size("again", {}, 2, 1)), properties, (Theorem(BROKEN, {"breaks": True}),),
        (Switch("breaks", default=False, meaning="it may break"),), diagram=Diagram({"breaks": False}, label),
    )  # fmt: skip


@pytest.fixture
def study():
    return door()


def walk_through(study):
    return walked(prove(study, study.sizes[0]), [show(study, theorem) for theorem in study.theorems])


def test_a_witness_is_a_way_from_node_to_node(study):
    found = walk_through(study)
    [walk] = found.walks
    assert [(stride.action, found.graph.nodes[stride.node]) for stride in walk.strides] == [("", "shut"), ("Open", "open"), ("Break", "broken <b>")]
    assert walk.standing == "breaks on"
    assert walk.strides[1].changes == ("state: shut → open",)


def test_what_only_runs_under_other_switches_come_to_is_drawn_as_such(study):
    found = walk_through(study)
    assert [found.graph.nodes[node] for node in found.extra] == ["broken <b>"]
    assert found.graph.edges[1, 2] == ("Break",)


def test_a_step_to_what_is_not_drawn_stays_where_it_is():
    found = walk_through(door(lambda state: None if state == "open" else state))
    assert [stride.node for stride in found.walks[0].strides][:2] == [0, 0]


def test_what_is_violated_is_walked_as_well():
    found = walk_through(door(properties=(OPEN,)))
    assert [walk.claim for walk in found.walks] == ["not always: it is never open", "it breaks"]


def test_the_page_escapes_what_models_say(study):
    page = model_page("door", "Doors <i>", "They open.", [walk_through(study)], "1")
    assert "<i>" not in page.partition("<main>")[0] and "broken <b>" not in page
    assert "broken &lt;b&gt;" in page


def test_a_diagram_for_graphviz_has_every_node_and_arrow(study):
    text = dot("door", [study])
    assert re.findall(r"^ +(n0_\d) \[label=(\"[^\"]*\")", text, re.MULTILINE) == [("n0_0", '"shut"'), ("n0_1", '"open"')]
    assert re.findall(r"(n0_\d -> n0_\d) \[label=(\"[^\"]*\")", text) == [("n0_0 -> n0_1", '"Open"'), ("n0_1 -> n0_0", '"Shut"')]
    assert text.count("{") == text.count("}")


def test_nothing_of_a_label_ends_it():
    odd = door(lambda state: f'{state}"\\\nnext')
    assert '[label="shut\\"\\\\\\nnext"' in dot("door", [odd])


def test_a_diagram_as_json_is_the_same(study):
    assert diagram_json(study) == {
        "nodes": ["shut", "open"], "initial": [0],
        "edges": [{"from": 0, "to": 1, "actions": ["Open"]}, {"from": 1, "to": 0, "actions": ["Shut"]}],
    }  # fmt: skip


def test_a_model_without_a_diagram_is_told_in_words():
    study = next(study for study in pattern("outbox_inbox").theory().studies if study.diagram is None)
    assert diagram_json(study) is None
    assert f"// {study.name}: no diagram" in dot("outbox_inbox", [study])
