"""Files that hold trees of messages: every path is read, and each answer is trained once.

Compared with one conversation for each answer: what leads to it, and the answer.
"""

import copy
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import everyturn
from chats import Record, answer, to_jsonl, user
from everyturn.cli import main
from everyturn.io.sections import cut
from killed_runs import assert_resumed

ROLES = ("prompter", "assistant")


@dataclasses.dataclass(frozen=True)
class Node:
    """A message of a tree and its answers; their roles take turns."""

    text: str
    replies: tuple["Node", ...] = ()


TREES = st.recursive(
    st.builds(Node, st.sampled_from("abcde")),
    lambda nodes: st.builds(
        Node, st.sampled_from("abcde"), st.lists(nodes, min_size=1, max_size=3).map(tuple)
    ),
    max_leaves=8,
)


def nested(node: Node) -> Record:
    """Return the tree as OpenAssistant's nested records have it."""

    def message(node: Node, depth: int) -> Record:
        replies = [message(reply, depth + 1) for reply in node.replies]
        return {"text": node.text, "role": ROLES[depth % 2], "replies": replies}

    return {"message_tree_id": "t", "prompt": message(node, 0)}


def rows(node: Node) -> list[Record]:
    """Return it as a row for each message."""
    found: list[Record] = []

    def add(node: Node, parent: str | None, depth: int) -> None:
        name = f"m{len(found):02}"
        row = {"message_id": name, "parent_id": parent, "text": node.text}
        found.append({**row, "role": ROLES[depth % 2]})
        for reply in node.replies:
            add(reply, name, depth + 1)

    add(node, None, 0)
    return found


def exported(node: Node) -> Record:
    """Return it as ChatGPT exports it, below a root without a message."""
    nodes: dict[str, Record] = {"root": {"id": "root", "message": None, "parent": None}}

    def add(node: Node, parent: str, depth: int) -> None:
        name = f"n{len(nodes)}"
        role = ("user", "assistant")[depth % 2]
        content = {"content_type": "text", "parts": [node.text]}
        message = {"id": name, "author": {"role": role}, "content": content, "recipient": "all"}
        nodes[name] = {"id": name, "message": message, "parent": parent, "children": []}
        nodes[parent].setdefault("children", []).append(name)
        for reply in node.replies:
            add(reply, name, depth + 1)

    add(node, "root", 0)
    return {"title": "Birds", "mapping": nodes, "current_node": f"n{len(nodes) - 1}"}


def answers(node: Node) -> list[Record]:
    """Return a conversation for each answer, in which it alone is trained."""
    found: list[Record] = []

    def walk(node: Node, before: list[Record]) -> None:
        said = answer(node.text) if len(before) % 2 else user(node.text)
        if len(before) % 2:
            context = [{**message, "weight": 0} for message in before]
            found.append({"messages": [*context, said]})
        for reply in node.replies:
            walk(reply, [*before, said])

    walk(node, [])
    return found


Rows = list[tuple[list[int], list[int]]]


@pytest.fixture(scope="module")
def expander(models: dict[str, Path]) -> everyturn.Expander:
    """What turns sources into rows here."""
    return everyturn.Expander(models["chatml"], layout="per_turn")


def samples(expander: everyturn.Expander, source: Any) -> Rows:
    """Return the ids and labels of all samples, in an order of their own."""
    return sorted((row.input_ids.tolist(), row.labels.tolist()) for row in expander.expand(source))


@given(tree=TREES)
def test_each_answer_is_trained_once_after_what_leads_to_it(
    expander: everyturn.Expander, tree: Node
) -> None:
    """However the tree is written."""
    expected = samples(expander, answers(tree))
    for written in ([nested(tree)], rows(tree), [exported(tree)]):
        assert samples(expander, written) == expected


@given(tree=TREES, data=st.data())
def test_the_order_of_rows_does_not_matter(
    models: dict[str, Path], tree: Node, data: st.DataObject
) -> None:
    """The same rows in any order make the same samples, in every layout."""
    in_order = rows(tree)
    shuffled = data.draw(st.permutations(in_order))
    expander = everyturn.Expander(models["chatml"], layout="merged")
    assert samples(expander, shuffled) == samples(expander, in_order)


BIRDS = Node(
    "Name a bird.",
    (
        Node(
            "Robin.",
            (
                Node(
                    "Another?",
                    (
                        Node(
                            "Wren.",
                        ),
                    ),
                ),
            ),
        ),
        Node("Owl."),
    ),
)


def test_samples_say_where_they_come_from(expander: everyturn.Expander) -> None:
    """A path is at the line of its tree, or of the row that it ends with, and has an id of its own."""
    trees = expander.expand(to_jsonl([nested(BIRDS), nested(BIRDS)]))
    assert trees.line.tolist() == [1, 1, 1, 2, 2, 2]
    of_rows = expander.expand(b"\n" + to_jsonl(rows(BIRDS)))
    assert of_rows.line.tolist() == [5, 5, 6]
    assert of_rows.targets.tolist() == [1, 3, 1]
    assert len(set(of_rows.conversation_id)) == 2
    assert of_rows.report.records_read == 2
    assert of_rows.report.blank_lines == 1


def test_a_first_message_may_lack_its_parent(expander: everyturn.Expander) -> None:
    """As it does in a table, where null is as good as absent."""
    found = rows(BIRDS)
    without = [{key: row[key] for key in row if row[key] is not None} for row in found]
    assert samples(expander, without) == samples(expander, found)


def test_siblings_are_in_the_order_of_their_ranks(expander: everyturn.Expander) -> None:
    """What two paths share is trained on the path of the best answer."""
    question, first, second = rows(Node("a", (Node("b"), Node("c"))))
    below = [{**first, "message_id": f"x{rank}", "parent_id": "m01", "role": "prompter", "rank": rank}
             for rank in (1, 0)]  # fmt: skip
    found = expander.expand([question, first, second, *below])
    assert found.line.tolist() == [3, 5]


def test_thoughts_of_an_export_are_reasoning(models: dict[str, Path]) -> None:
    """They belong to the answer after them; what is set beside the conversation is counted."""
    tree = exported(Node("a", (Node("b"),)))
    nodes = tree["mapping"]
    thoughts = {"content_type": "thoughts", "thoughts": [{"summary": "s", "content": "Hm."}]}
    nodes["t"] = {
        "message": {"author": {"role": "assistant"}, "content": thoughts},
        "parent": "n1",
        "children": ["n2"],
    }
    nodes["n1"]["children"] = ["t"]
    profile = {"content_type": "user_editable_context", "user_profile": "x"}
    nodes["root"]["message"] = {"author": {"role": "user"}, "content": profile}
    chat = {"messages": [user("a"), answer("b", reasoning_content="Hm.")]}
    expander = everyturn.Expander("demo")
    assert samples(expander, [tree]) == samples(expander, [chat]) != []
    counted = everyturn.Expander(models["chatml"]).expand([tree]).report
    assert counted.unread_keys["user_editable_context"] == 1
    assert counted.unread_record_keys["title"] == 1


def _missing_parent(found: list[Record]) -> None:
    del found[1]


def _parent_of_itself(found: list[Record]) -> None:
    found[1]["parent_id"] = "m03"


def _deleted(found: list[Record]) -> None:
    found[4]["deleted"] = True


def _twice(found: list[Record]) -> None:
    found.append({**found[0]})


#: What is done to rows, the lines that are refused then, and what is said of the first.
FAULTS: dict[str, tuple[Callable[[list[Record]], None], list[int], str]] = {
    "missing parent": (
        _missing_parent,
        [2, 3],
        'it is the message "m02" of a tree, and no first message leads to it by way of its parent "m01"',
    ),
    "circle": (_parent_of_itself, [2, 3, 4], "or answers itself"),
    "deleted": (_deleted, [5], 'it is the message "m04" of a tree, which is deleted'),
    "twice": (_twice, [6], "an earlier row has the same id"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_rows_that_no_first_message_leads_to_are_refused_by_name(
    models: dict[str, Path], name: str
) -> None:
    """Each at its line; the others are read."""
    change, lines, reason = FAULTS[name]
    found = rows(BIRDS)
    change(found)
    expander = everyturn.Expander(models["chatml"], on_error="skip")
    report = expander.expand(found).report
    assert [fault.line for fault in report.faults] == lines
    assert reason in str(report.faults[0])
    assert report.records_read == report.records_kept + len(lines)


def _unknown_role(tree: Record) -> None:
    tree["prompt"]["role"] = "narrator"


def _deleted_answer(tree: Record) -> None:
    tree["prompt"]["replies"][0] |= {"deleted": True, "message_id": "m1"}


def _missing_node(tree: Record) -> None:
    del tree["mapping"]["n2"]


def _unreached_node(tree: Record) -> None:
    tree["mapping"]["n1"]["children"] = ["n2"]


def _tool(tree: Record) -> None:
    tree["mapping"]["n2"]["message"]["recipient"] = "python"


def _image(tree: Record) -> None:
    part = {"content_type": "image_asset_pointer"}
    tree["mapping"]["n1"]["message"]["content"] = {
        "content_type": "multimodal_text",
        "parts": [part],
    }


#: A tree, what is done to it, and what is said then.
BROKEN: dict[str, tuple[Record, Callable[[Record], None], str]] = {
    "unknown role": (nested(BIRDS), _unknown_role, 'role "narrator" is unknown'),
    "deleted": (nested(BIRDS), _deleted_answer, 'the message "m1" is deleted'),
    "missing": (exported(BIRDS), _missing_node, 'the message "n2" is missing'),
    "not reached": (exported(BIRDS), _unreached_node, 'no first message leads to "n5"'),
    "tool": (exported(BIRDS), _tool, 'message "n2": it calls the tool "python"'),
    "image": (exported(BIRDS), _image, 'type "image_asset_pointer" is not text'),
}


@pytest.mark.parametrize("name", BROKEN)
def test_trees_that_cannot_be_read_are_refused_by_name(models: dict[str, Path], name: str) -> None:
    """With the message that is the cause; the trees after it are read."""
    tree, change, reason = BROKEN[name]
    broken = copy.deepcopy(tree)
    change(broken)
    expander = everyturn.Expander(models["chatml"], on_error="skip")
    report = expander.expand([broken, tree]).report
    assert {fault.line for fault in report.faults} == {1}
    assert reason in str(report.faults[0])
    assert report.records_kept > 0
    assert any(reason in str(finding) for finding in everyturn.check([broken]))


#: What makes the first path of a tree one that cannot be read, and the message that is changed.
UNREADABLE: dict[str, dict[str, Any]] = {
    "unknown role": {"role": "robot"},
    "no text": {"text": None},
    "media": {"text": "<image>"},
    "not a weight": {"weight": -1},
}


@pytest.mark.parametrize("form", ["nested", "rows"])
@pytest.mark.parametrize("name", UNREADABLE)
def test_an_answer_is_trained_on_its_first_path_that_can_be_read(
    expander: everyturn.Expander, name: str, form: str
) -> None:
    """A fault below it costs what comes after it, and nothing else."""
    below = (Node("Another?", (Node("Wren."),)), Node("A third?", (Node("Owl."),)))
    tree = Node("Name a bird.", (Node("Robin.", below),))
    if form == "nested":
        written = [nested(tree)]
        changed = written[0]["prompt"]["replies"][0]["replies"][0]
    else:
        written = rows(tree)
        changed = written[2]
    changed |= UNREADABLE[name]
    skipping = expander.replace(on_error="skip")
    rest = Node("Name a bird.", (Node("Robin.", below[1:]),))
    assert samples(skipping, written) == samples(expander, answers(rest))
    report = skipping.expand(written).report
    assert (report.records_read, report.records_kept, len(report.faults)) == (2, 1, 1)


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_no_path_is_not_called_a_record_of_no_format(name: str) -> None:
    """Its kind and its text are of the cause."""
    change, lines, _ = FAULTS[name]
    found = rows(BIRDS)
    change(found)
    report = everyturn.Expander("demo", on_error="skip").expand(found).report
    assert {fault.kind for fault in report.faults} == {"shape"}
    assert all("it is the message" in fault.text for fault in report.faults)
    assert not any("shows its format" in fault.text for fault in report.faults)
    findings = [finding for finding in everyturn.check(found) if finding.severity == "error"]
    assert [finding.line for finding in findings] == lines


def test_no_corrected_copy_is_made_of_trees(tmp_path: Path) -> None:
    """Their lines are not those that are checked."""
    path = tmp_path / "trees.jsonl"
    path.write_text(json.dumps(nested(BIRDS)) + "\n", encoding="utf-8")
    assert main(["check", str(path), "--fix", "-o", str(tmp_path / "fixed.jsonl")]) != 0
    assert not (tmp_path / "fixed.jsonl").exists()


def test_paths_are_counted_and_shown_as_conversations(expander: everyturn.Expander) -> None:
    """Stats and streams see what expansion sees, whatever the size of chunks."""
    lines = to_jsonl(rows(BIRDS))
    assert expander.stats(lines).conversations == 2
    streamed = [row for part in expander.stream(lines, chunk_bytes=1) for row in part.line.tolist()]
    assert streamed == expander.expand(lines).line.tolist()


def forked(number: int) -> Record:
    """A tree with two paths, whose second one has an answer more."""
    last = Node("c", (Node("d", (Node("e"),)),))
    tree = nested(Node(f"Question {number}", (Node("a"), Node("b", (last,)))))
    return {**tree, "message_tree_id": f"t{number}"}


def forked_rows(number: int) -> list[Record]:
    """The same as rows."""
    tree = Node(f"Question {number}", (Node("a"), Node("b")))
    keys = ("message_id", "parent_id")
    return [
        {**row, **{key: row[key] and f"{number:03}-{row[key]}" for key in keys}}
        for row in rows(tree)
    ]


FORKED = [forked(number) for number in range(8)]
FORKED_ROWS = [row for number in range(8) for row in forked_rows(number)]


@pytest.mark.parametrize(
    "content",
    [
        to_jsonl(FORKED),
        to_jsonl(FORKED).replace(b"\n", b"\n\n"),
        json.dumps(FORKED).encode(),
        json.dumps(FORKED, indent=1).encode(),
        to_jsonl(FORKED_ROWS),
        b"\n\n" + to_jsonl(FORKED_ROWS).replace(b"\n", b"\n\n"),
    ],
    ids=["lines", "blank lines", "list", "pretty list", "rows", "rows and blank lines"],
)
def test_a_killed_run_over_trees_is_resumed(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After any shard, whether it ends with a tree or within one: no path is lost or doubled."""
    path = tmp_path / "trees.json"
    path.write_bytes(content)
    assert_resumed(everyturn.Expander("demo", layout="per_turn"), path, tmp_path, monkeypatch)


def test_a_killed_run_over_a_section_of_trees_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sections end between trees."""
    path = tmp_path / "trees.jsonl"
    path.write_bytes(to_jsonl(FORKED))
    expander = everyturn.Expander("demo", layout="per_turn")
    parts = cut(str(path), section_bytes=path.stat().st_size // 2, **expander.reading())
    for number, part in enumerate(parts[:2]):
        (tmp_path / f"{number}").mkdir()
        assert_resumed(expander, part, tmp_path / f"{number}", monkeypatch)
