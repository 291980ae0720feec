"""Keys of messages that a template never looks at: what they hold is not trained, and that is said."""

from pathlib import Path
from typing import Any

import pytest

import everyturn
from as_template import template_renderer
from chats import Record, Route

CHATML = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' ~ message.role ~ '\\n' -}}BODY{{- '<|im_end|>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)
PLAIN = "{{- message.content -}}"
REASONING = "{%- if message.REASONING -%}{{- message.REASONING -}}{%- endif -%}" + PLAIN
QUESTION: Record = {"role": "user", "content": "Well?"}


def unread(
    models: dict[str, Path], body: str, *messages: Record, source: Any = None, **options: Any
) -> dict[str, int]:
    """Return the keys that a template with this body has not read."""
    return dict(report_of(models, body, *messages, source=source, **options).unread_keys)


def report_of(
    models: dict[str, Path], body: str, *messages: Record, source: Any = None, **options: Any
) -> everyturn.Report:
    """Return what is said of messages that a template with this body renders."""
    template = CHATML.replace("BODY", body)
    renderer = template_renderer(models["chatml"], chat_template=template)
    expander = everyturn.Expander(renderer, **{"on_error": "skip", **options})
    return expander.expand(source or [{"messages": list(messages)}]).report


def answer(**more: Any) -> Record:
    """Return an answer."""
    return {"role": "assistant", "content": "So.", **more}


def test_keys_that_are_read_are_not_named(models: dict[str, Path]) -> None:
    """Neither the role nor the content, nor what a template looks at in passing."""
    assert unread(models, PLAIN, QUESTION, answer()) == {}
    body = "{%- if message.name is defined -%}{%- endif -%}" + PLAIN
    assert unread(models, body, {**QUESTION, "name": "Ann"}, answer()) == {}


def test_each_message_with_an_unread_key_counts_once(models: dict[str, Path], route: Route) -> None:
    """However often a message is rendered, and whatever its role; other messages have no such key."""
    records = [
        {"messages": [{**QUESTION, "name": "Ann"}, answer(name="Bo", mood="fine"),
                      QUESTION, answer(mood="good"), QUESTION, answer()]},
        {"messages": [QUESTION, answer(mood="bad")]},
    ]  # fmt: skip
    assert unread(models, PLAIN, source=route(records)) == {"mood": 3, "name": 2}


@pytest.mark.parametrize("layout", ["per_turn", "merged", "conversation"])
def test_every_layout_counts_alike(models: dict[str, Path], layout: str) -> None:
    """How rows are laid out changes nothing in what was read."""
    messages = [QUESTION, answer(mood="good"), QUESTION, answer(mood="bad")]
    assert unread(models, PLAIN, *messages, layout=layout) == {"mood": 2}


def test_keys_that_hold_nothing_or_steer_training_do_not_count(models: dict[str, Path]) -> None:
    """A null is not a key, and weights are not the template's to read."""
    for more in ({"mood": None}, {"weight": 1}, {"train": True}, {"loss_weight": 0.5}):
        assert unread(models, PLAIN, QUESTION, answer(**more)) == {}


def test_messages_that_are_never_rendered_are_not_looked_at(models: dict[str, Path]) -> None:
    """What comes after the last target is not part of any prompt."""
    messages = [QUESTION, answer(), {**QUESTION, "mood": "curious"}]
    assert unread(models, PLAIN, *messages, layout="per_turn") == {}


def test_a_key_is_read_by_the_rendering_of_any_target(models: dict[str, Path]) -> None:
    """One look is enough: a key that only a last message is asked for is read there."""
    body = PLAIN + "{%- if loop.last -%}{{- message.mood -}}{%- endif -%}"
    messages = [QUESTION, answer(mood="good"), QUESTION, answer(mood="bad")]
    assert unread(models, body, *messages, layout="per_turn") == {}


def test_printing_a_message_reads_all_of_it(models: dict[str, Path]) -> None:
    """Whole messages as JSON, or key by key."""
    for body in (
        "{{- message | tojson -}}",
        "{%- for key, value in message.items() -%}{{- value -}}{%- endfor -%}",
    ):
        assert unread(models, body, QUESTION, answer(mood="good")) == {}


@pytest.mark.parametrize("given", ["reasoning_content", "thinking", "reasoning"])
@pytest.mark.parametrize("read", ["reasoning_content", "thinking"])
def test_reasoning_is_read_by_any_of_its_names(
    models: dict[str, Path], given: str, read: str
) -> None:
    """A template that reads one of the names has read the reasoning, however a record calls it."""
    body = REASONING.replace("REASONING", read)
    assert unread(models, body, QUESTION, answer(**{given: "Hm."})) == {}


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"reasoning_content": "Hm."}, "reasoning_dropped"),
        ({"thinking": "Hm."}, "reasoning_dropped"),
        ({"reasoning": "Hm."}, "reasoning_dropped"),
        (
            {"tool_calls": [{"type": "function", "function": {"name": "look", "arguments": {}}}]},
            "tool_calls_dropped",
        ),
    ],
)
def test_what_is_counted_by_its_own_name_is_not_named_as_a_key(
    models: dict[str, Path], more: Record, name: str
) -> None:
    """Reasoning and calls that are not trained have warnings of their own, which say where."""
    report = report_of(models, PLAIN, QUESTION, answer(**more))
    assert report.unread_keys == {}
    assert report.warnings[name] == 1
    (place,) = report.warning_places[name]
    assert place.message_index == 1


def test_reasoning_of_a_message_that_is_no_target_is_named_as_a_key(
    models: dict[str, Path],
) -> None:
    """Nothing else would say that nobody reads it."""
    messages = [QUESTION, answer(reasoning="Hm.", weight=0), QUESTION, answer()]
    assert unread(models, PLAIN, *messages)["reasoning"] == 1


def test_the_words_of_a_report_name_the_keys(models: dict[str, Path]) -> None:
    """In words as in numbers."""
    samples = everyturn.Expander(models["chatml"]).expand(
        [{"messages": [QUESTION, answer(mood="x")]}]
    )
    (line,) = [line for line in samples.report.lines() if "mood" in line]
    assert (
        line
        == "note: unread_keys: the template never reads these keys of messages: mood (1 message)"
    )
    assert samples.report.to_dict()["unread_keys"] == {"mood": 1}


def test_reports_add_up_by_key(models: dict[str, Path]) -> None:
    """Part by part or at once, the counts are the same."""
    record = {"messages": [QUESTION, answer(mood="x")]}
    expander = everyturn.Expander(models["chatml"])
    parts = list(expander.stream([record] * 50, chunk_bytes=100))
    assert len(parts) > 1
    assert everyturn.Samples.concatenate(parts).report.unread_keys == {"mood": 50}


def test_a_refused_chat_makes_no_claims_about_keys(models: dict[str, Path]) -> None:
    """The template stopped: what it would have read after that is not known."""
    body = "{%- if message.content == 'stop' -%}{{- raise_exception('no') -}}{%- endif -%}" + PLAIN
    refused = [
        QUESTION,
        answer(mood="fine"),
        {"role": "user", "content": "stop"},
        answer(name="Bo"),
    ]
    assert unread(models, body, *refused) == {}
    source = [{"messages": refused}, {"messages": [QUESTION, answer(mood="fine")]}]
    assert unread(models, body, source=source) == {"mood": 1}


def expanded(record: Record, **options: Any) -> everyturn.Report:
    """Return what is said of a record on the demo model."""
    return (
        everyturn.Expander(everyturn.Renderer.from_dir("demo", **options)).expand([record]).report
    )


def calling(function: Record, **more: Any) -> Record:
    """Return a record whose answer is that call."""
    entry = {"id": "c1", "type": "function", "function": function, **more}
    return {"messages": [QUESTION, answer(tool_calls=[entry])]}


SERVERS: list[Any] = ["vllm", "sglang", "transformers", "llama.cpp", "template"]


@pytest.mark.parametrize("serve", SERVERS)
def test_keys_of_calls_that_nobody_reads_are_named_with_their_place(serve: Any) -> None:
    """Whether the server leaves them out or the template does not look at them."""
    function = {"name": "f", "arguments": "{}", "output": "the result"}
    report = expanded(calling(function, thought="Hm.", index=0), serve=serve)
    assert report.unread_keys == {"tool_calls.function.output": 1, "tool_calls.thought": 1}
    nothing = calling({"name": "f", "arguments": "{}", "output": ""}, thought=None)
    assert expanded(nothing, serve=serve).unread_keys == {}


def test_a_key_of_a_call_that_the_template_prints_is_read() -> None:
    """Where the server passes it on."""
    template = CHATML.replace("BODY", PLAIN + "{{- (message.tool_calls or []) | tojson -}}")
    record = calling({"name": "f", "arguments": "{}"}, thought="Hm.")
    assert expanded(record, chat_template=template).unread_keys == {}
    of_sglang = expanded(record, chat_template=template, serve="sglang")
    assert of_sglang.unread_keys == {"tool_calls.thought": 1}


@pytest.mark.parametrize("is_bare", [True, False])
def test_keys_of_tools_that_nobody_reads_are_named_with_their_place(*, is_bare: bool) -> None:
    """Once for each record; a template that prints whole tools reads what the server passes on."""
    function = {"name": "f", "parameters": {}, "returns": {"type": "string"}, "strict": True}
    tool = function if is_bare else {"type": "function", "function": function, "mood": "x"}
    record = {"messages": [QUESTION, answer(), QUESTION, answer()], "tools": [tool, tool]}
    expected = {"tools.function.returns": 1} | ({} if is_bare else {"tools.mood": 1})
    assert expanded(record).unread_keys == expected
    assert expanded(record, serve="template").unread_keys == {}
    assert expanded({**record, "tools": []}).unread_keys == {}


@pytest.mark.parametrize(
    ("messages", "names"),
    [
        ([answer(content=[{"type": "text", "text": "a", "mood": "x"}])], ["content.mood"]),
        ([answer(content=[{"type": "text", "text": "a", "cache_control": {"type": "e"}}])], []),
        ([answer(content=[{"type": "output_text", "text": "a", "annotations": [], "logprobs": {}}])], []),
        ([answer(content=[{"type": "thinking", "thinking": "a", "signature": "s", "mood": "x"}])],
         ["content.mood"]),
        ([answer(content=[{"type": "tool_use", "id": "1", "name": "f", "input": {}, "caller": "me"}])],
         ["content.caller"]),
        ([answer(content=[{"type": "tool_call", "value": {"name": "f"}, "mood": "x"}])],
         ["content.mood"]),
        ([answer(content=[{"type": "tool_use", "id": "1", "name": "f", "input": {}}]),
          {"role": "user", "content": [
              {"type": "tool_result", "tool_use_id": "1", "mood": "x",
               "content": [{"type": "text", "text": "b", "citations": ["c"]}]},
              {"type": "text", "text": "c", "mood": "x"}]},
          answer()],
         ["content.citations", "content.mood", "tool_call_id"]),
    ],
)  # fmt: skip
def test_keys_of_parts_that_nothing_reads_are_named_once_for_each_message(
    messages: list[Record], names: list[str]
) -> None:
    """A message is made anew of what its parts say; what APIs say of each part is not named."""
    report = expanded({"messages": [QUESTION, *messages]})
    assert report.unread_keys == dict.fromkeys(names, 1)


def test_keys_of_parts_of_responses_are_named() -> None:
    """Of texts, of reasoning, and of what a tool returned."""
    text = {"type": "output_text", "text": "a", "annotations": [{"url": "u"}]}
    thought = {"type": "summary_text", "text": "t", "mood": "x"}
    output = [{"type": "input_text", "text": "r", "mood": "x"}]
    record = {
        "input": "q",
        "output": [
            {"type": "reasoning", "summary": [thought]},
            {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "1", "output": output},
            {"type": "message", "role": "assistant", "content": [text]},
        ],
    }
    names = ["content.annotations", "output.mood", "summary.mood", "tool_call_id"]
    assert expanded(record).unread_keys == dict.fromkeys(names, 1)


def test_keys_of_parts_of_the_system_message_beside_the_messages_are_named() -> None:
    """Under its own name."""
    system = [{"type": "text", "text": "s", "mood": "x"}]
    record = {"system": system, "messages": [QUESTION, answer()]}
    assert expanded(record).unread_keys == {"system.mood": 1}


def test_a_form_that_is_never_rendered_has_no_unread_keys() -> None:
    """An answer that a server would show otherwise later on is rendered as the answer alone."""
    record = {"messages": [QUESTION, answer(reasoning_content="Hm.")]}
    assert expanded(record, serve="transformers").unread_keys == {}
