"""Which conversations are the same: what is rendered decides, not the bytes of the record."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import everyturn
from chats import Record, answer, user

EXPANDER = everyturn.Expander("demo", on_error="skip")

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=8)
turns = st.lists(st.tuples(texts, texts), min_size=1, max_size=4)


def id_of(line: Any) -> str:
    """Return the id of one record, as a dict or as a line."""
    source = line if isinstance(line, bytes) else [line]
    (found,) = set(EXPANDER.expand(source).conversation_id)
    return str(found)


def messages_of(pairs: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return the messages of turns."""
    return [message for asked, said in pairs for message in (user(asked), answer(said))]


def shuffled(value: Any, order: random.Random) -> Any:
    """Return a value with the keys of each object in another order."""
    if isinstance(value, dict):
        pairs = [(key, shuffled(of, order)) for key, of in value.items()]
        order.shuffle(pairs)
        return dict(pairs)
    return [shuffled(of, order) for of in value] if isinstance(value, list) else value


@given(pairs=turns, order=st.randoms(use_true_random=False), ascii_only=st.booleans())
def test_the_way_in_which_a_record_is_written_is_nothing_to_it(
    pairs: list[tuple[str, str]],
    order: random.Random,
    ascii_only: bool,  # noqa: FBT001
) -> None:
    """Another id, spaces, escapes, order of keys, weights, and another format."""
    record: dict[str, Any] = {
        "messages": messages_of(pairs),
        "tools": [
            {"type": "function", "function": {"name": "f", "parameters": {"a": 1, "b": [2]}}}
        ],
    }
    plain = id_of(record)
    other = shuffled({**record, "id": order.random()}, order)
    other["messages"][-1]["weight"] = 0.5
    line = json.dumps(other, ensure_ascii=ascii_only, separators=(" ,  ", ":\t"))
    assert id_of(line.encode("utf-8", "surrogatepass") + b"\n") == plain
    sharegpt = [
        {"from": "human" if message["role"] == "user" else "gpt", "value": message["content"]}
        for message in record["messages"]
    ]
    assert id_of({"conversations": sharegpt, "tools": record["tools"]}) == plain


@given(one=turns, other=turns)
def test_what_is_said_otherwise_is_another_conversation(
    one: list[tuple[str, str]], other: list[tuple[str, str]]
) -> None:
    """Equal ids, equal messages; equal first halves, equal openings."""
    ids = [id_of({"messages": messages_of(pairs)}) for pairs in (one, other)]
    assert (ids[0] == ids[1]) == (one == other)
    assert (ids[0][:16] == ids[1][:16]) == (one[0] == other[0])


@pytest.mark.parametrize(
    "change",
    [
        {"tools": [{"type": "function", "function": {"name": "g"}}]},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"n": 1.0}}}]},
        {"chat_template_kwargs": {"n": 1}},
        {"messages": [user("a", name="Ada"), answer("b")]},
        {"messages": [{"role": "system", "content": ""}, user("a"), answer("b")]},
        {"messages": [user("a"), answer("b"), user("c"), answer("d")]},
    ],
)
def test_whatever_a_template_may_show_counts(change: dict[str, Any]) -> None:
    """Tools, template arguments, other keys of messages; numbers as they are printed."""
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"n": 1}}}]
    record = {"messages": [user("a"), answer("b")], "tools": tools}
    assert id_of({**record, **change}) != id_of(record)


def test_the_same_conversation_is_found_by_every_command() -> None:
    """Expansion, stats and check agree on copies."""
    chat: Record = {"messages": [user("a"), answer("b")]}
    records: list[Record] = [chat, {"id": 1, **chat}, {"messages": [user("a"), answer("c")]}]
    assert EXPANDER.expand(records).duplicates == 1
    assert EXPANDER.stats(records).duplicates == 1
    assert EXPANDER.replace(deduplicate=True).expand(records).line.tolist() == [1, 3]
    found = [finding for finding in everyturn.check(records) if finding.kind == "duplicate"]
    assert [(finding.line, finding.text) for finding in found] == [
        (2, "the same conversation as <records>:1")
    ]
