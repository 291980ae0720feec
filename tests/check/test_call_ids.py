"""Ids of tool calls that a template refuses: a copy has ids that it takes, a call and its result alike."""

import io
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import everyturn
from as_template import template_renderer
from chats import Record, to_jsonl
from checked_chats import ANSWER, SUM, USER, call, calling, chat, found, kinds, result, without
from everyturn.checks.checker import Checker
from everyturn.checks.finding import Change, Finding

CHATML = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' ~ message.role ~ '\\n' -}}"
    "{%- for call in message.tool_calls or [] -%}"
    "CHECK{{- call.function.name ~ ' ' ~ call.id -}}"
    "{%- endfor -%}"
    "{%- if message.role == 'tool' -%}RESULT{{- message.tool_call_id -}}{%- endif -%}"
    "{{- message.content ~ '<|im_end|>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)
REFUSES = "{%- if IT is not defined or IT|length != 9 -%}{{- raise_exception('nine letters') -}}{%- endif -%}"

#: Takes ids of nine letters only, of calls and of results.
NINE = template_renderer(
    "demo",
    chat_template=CHATML.replace("CHECK", REFUSES.replace("IT", "call.id")).replace(
        "RESULT", REFUSES.replace("IT", "message.tool_call_id")
    ),
)
#: Takes any.
ANY = template_renderer("demo", chat_template=CHATML.replace("CHECK", "").replace("RESULT", ""))
#: Takes none.
NONE = template_renderer(
    "demo",
    chat_template=CHATML.replace("CHECK", "{{- raise_exception('no') -}}").replace("RESULT", ""),
)
LONG = "call_Zx81kQpLm2"


def mended(
    line: bytes, renderer: everyturn.Renderer = NINE, **options: Any
) -> tuple[list[Record], list[Change], list[Finding]]:
    """Return the messages of the corrected copy, what was changed, and what is left."""
    output = io.BytesIO()
    items = list(Checker(renderer, **options).fix(line, output))
    changes = [item for item in items if isinstance(item, Change)]
    left = [item for item in items if isinstance(item, Finding)]
    return json.loads(output.getvalue())["messages"], changes, left


def ids(messages: list[Record]) -> tuple[list[str], list[str]]:
    """Return the ids of the calls, and those of the results."""
    calls = [each["id"] for message in messages for each in message.get("tool_calls", ())]
    return calls, [message["tool_call_id"] for message in messages if message["role"] == "tool"]


def test_a_refused_id_is_found_and_corrected() -> None:
    """The call and its result get the same id; what is left is nothing, and a second copy changes nothing."""
    line = chat(USER, calling(call(id=LONG)), result(tool_call_id=LONG), ANSWER)
    (finding,) = [each for each in found(line, renderer=NINE) if each.kind == "call_ids_refused"]
    assert (finding.message_index, finding.severity) == (1, "error")
    messages, changes, left = mended(line)
    (new,), results = ids(messages)
    assert results == [new]
    assert re.fullmatch("[0-9A-Za-z]{9}", new)
    assert [(change.message_index, change.kind) for change in changes] == [
        (1, "call_ids_refused"),
        (2, "call_ids_refused"),
    ]
    assert left == []
    again = mended(to_jsonl([{"messages": messages}]))
    assert again == (messages, [], [])
    assert mended(line)[0] == messages


@pytest.mark.parametrize("renderer", [ANY, NONE], ids=["takes any", "takes none"])
def test_ids_stay_where_others_would_not_help(renderer: everyturn.Renderer) -> None:
    """A template that takes them, or none: there is nothing to correct."""
    line = chat(USER, calling(call(id=LONG)), result(tool_call_id=LONG), ANSWER)
    assert "call_ids_refused" not in kinds(line, renderer=renderer)
    messages, changes, _ = mended(line, renderer)
    assert ids(messages) == ([LONG], [LONG])
    assert changes == []


def test_without_a_model_no_id_is_refused() -> None:
    """What a template takes is known by rendering alone."""
    line = chat(USER, calling(call(id=LONG)), result(tool_call_id=LONG), ANSWER)
    assert found(line) == found(line, renderer=ANY) == []


def test_an_ignored_kind_is_not_corrected() -> None:
    """As every correction."""
    line = chat(USER, calling(call(id=LONG)), result(tool_call_id=LONG), ANSWER)
    assert mended(line, ignore=["call_ids_refused"])[1] == []
    assert mended(line, select=["call_ids"])[1] != []


def test_a_chat_that_is_refused_for_something_else_keeps_its_ids() -> None:
    """The template's own words stay the only finding."""
    refuses_all = template_renderer(
        "demo", chat_template="{{- raise_exception('never') if messages|length > 2 -}}" + CHATML
    )
    line = chat(USER, calling(call(id=LONG)), result(tool_call_id=LONG), ANSWER)
    assert ids(mended(line, refuses_all)[0]) == ([LONG], [LONG])


#: Messages, and which call each result answers; None where it answers none.
PAIRS: dict[str, tuple[list[Record], list[int | None]]] = {
    "parallel calls, answered in another order": (
        [
            calling(call(id="call_a"), call(id="call_b")),
            result(tool_call_id="call_b"),
            result(tool_call_id="call_a"),
        ],
        [1, 0],
    ),
    "the same id in two turns": (
        [calling(call()), result(), USER, calling(call()), result()],
        [0, 1],
    ),
    "the same id of two parallel calls": (
        [calling(call(), call()), result(), result()],
        [0, 1],
    ),
    "no id of a call": (
        [calling(without(call(), "id")), result()],
        [0],
    ),
    "an id of one of two calls": (
        [
            calling(without(call(), "id"), call(id="b")),
            result(tool_call_id="b"),
            result(tool_call_id="x"),
        ],
        [1, 0],
    ),
    "no id of a result": (
        [
            calling(call(), call(id="b")),
            without(result(), "tool_call_id"),
            result(tool_call_id="b"),
        ],
        [0, 1],
    ),
    "no ids at all": (
        [calling(without(call(), "id")), without(result(), "tool_call_id")],
        [0],
    ),
    "an id that has the form already": (
        [calling(call(id="abcdefgh1"), call()), result(tool_call_id="abcdefgh1"), result()],
        [0, 1],
    ),
    "ids that are numbers": (
        [calling(call(id=1), call(id=2)), result(tool_call_id=2), result(tool_call_id=1)],
        [1, 0],
    ),
    "a result of no call": (
        [calling(call()), result(tool_call_id="other"), result()],
        [None, 0],
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_result_has_the_id_of_the_call_that_it_answers(name: str) -> None:
    """Calls have ids of their own, whatever they had before."""
    messages, pairs = PAIRS[name]
    calls, results = ids(mended(chat(USER, *messages, ANSWER))[0])
    assert len(set(calls)) == len(calls)
    assert all(re.fullmatch("[0-9A-Za-z]{9}", each) for each in [*calls, *results])
    assert [calls.index(each) if each in calls else None for each in results] == pairs


def test_an_id_that_has_the_form_stays() -> None:
    """And no other call gets it."""
    kept = calling(call(id="abcdefgh1"), call(id=LONG))
    calls, _ = ids(mended(chat(USER, kept, result(tool_call_id=LONG), ANSWER))[0])
    assert calls[0] == "abcdefgh1"


def test_a_made_id_avoids_those_that_stay() -> None:
    """The id that would be made is another call's already."""
    alone, _ = ids(mended(chat(USER, calling(call(id=LONG)), ANSWER))[0])
    both = calling(call(id=LONG), call(id=alone[0]))
    calls, _ = ids(mended(chat(USER, both, ANSWER))[0])
    assert calls[1] == alone[0]
    assert calls[0] != alone[0]


def test_chats_that_begin_alike_still_do() -> None:
    """Ids are made of the old ones."""
    first = [USER, calling(call(id=LONG)), result(tool_call_id=LONG), ANSWER]
    longer = [*first, USER, calling(call(id="call_2")), result(tool_call_id="call_2"), ANSWER]
    assert mended(chat(*longer))[0][: len(first)] == mended(chat(*first))[0]


CALLS = st.lists(st.sampled_from([None, "", "a", "b", LONG, "abcdefgh1"]), max_size=3)
TURNS = st.lists(st.tuples(CALLS, CALLS), min_size=1, max_size=3)


@given(TURNS)
def test_whatever_ids_there_are_the_template_takes_what_is_made(turns: Any) -> None:
    """What is changed has a distinct id for each call; ids that the template takes stay, be they the same."""
    messages: list[Record] = []
    for calls, results in turns:
        made = [call(**({} if each is None else {"id": each})) for each in calls]
        made = [
            without(each, "id") if given is None else each
            for each, given in zip(made, calls, strict=True)
        ]
        messages += [USER, calling(*made) if made else ANSWER]
        messages += [
            without(result(), "tool_call_id") if each is None else result(tool_call_id=each)
            for each in results[: len(made)]
        ]
    line = chat(*messages, USER, ANSWER)
    copy, changes, left = mended(line)
    assert not {"call_ids_refused", "template"} & {finding.kind for finding in left}
    calls, _ = ids(copy)
    assert len(set(calls)) == len(calls) or not changes


def test_published_templates_that_refuse_ids_take_those_that_are_made(data: Any) -> None:
    """Each template that asks for nine letters; with every server's handling of a request."""
    refusing = [
        path
        for path in sorted((data / "templates").glob("*.jinja"))
        if re.search(r"length\s*!=\s*9", path.read_text(encoding="utf-8"))
    ]
    assert len(refusing) > 3
    line = chat(USER, calling(call(id=LONG)), result(tool_call_id=LONG), ANSWER, tools=[SUM])
    for path in refusing:
        for serve in ("vllm", "sglang", "transformers", "template"):
            renderer = everyturn.Renderer.from_dir(
                "demo", chat_template=path.read_text(encoding="utf-8"), serve=serve
            )
            assert "call_ids_refused" in kinds(line, renderer=renderer), (path.name, serve)
            messages, _, left = mended(line, renderer)
            assert not [each for each in left if each.severity == "error"], (path.name, serve)
            samples = everyturn.Expander(renderer).expand([{"messages": messages, "tools": [SUM]}])
            assert samples.report.targets_trained == 2
