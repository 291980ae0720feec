"""Formats by their own shape: Anthropic's blocks, items of Responses, records of ms-swift and xtuner.

Each is compared with the same chat as OpenAI's messages.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

import everyturn
from as_template import template_renderer
from chats import Record, answer, user
from converted_chats import CHATS, Chat, as_anthropic, as_messages, as_responses
from everyturn.cli import main
from record_formats import SHOWING_TEMPLATE

SYSTEM = {"role": "system", "content": "Be brief."}
#: Also who a message of a tool answers.
TEMPLATE = SHOWING_TEMPLATE.replace(
    "{{- '<|im_end|>\\n' -}}", "{{- message.tool_call_id -}}{{- '<|im_end|>\\n' -}}"
)


@pytest.fixture(scope="module")
def renderer(models: dict[str, Path]) -> everyturn.Renderer:
    """A renderer that shows what the template is given."""
    return template_renderer(models["chatml"], chat_template=TEMPLATE)


def texts(renderer: everyturn.Renderer, record: Record, **options: Any) -> list[tuple[str, str]]:
    """Return the prompt and the trained text of each target."""
    expander = everyturn.Expander(renderer, layout="per_turn", **options)
    samples = expander.expand([record])
    return [
        (renderer.decode(sample.input_ids), renderer.decode(sample.trained_ids))
        for sample in samples
    ]


def assert_same(renderer: everyturn.Renderer, record: Record, expected: Record) -> None:
    """Hold that a record gives the samples of another."""
    assert texts(renderer, record) == texts(renderer, expected) != []


@given(chat=CHATS)
def test_blocks_of_anthropic_are_the_same_chat(renderer: everyturn.Renderer, chat: Chat) -> None:
    """Whatever is thought, said, called and answered, and however it is cut into blocks."""
    assert_same(renderer, as_anthropic(chat), as_messages(chat, arguments="object"))


@given(chat=CHATS)
def test_items_of_responses_are_the_same_chat(renderer: everyturn.Renderer, chat: Chat) -> None:
    """What the assistant says before somebody else does is one turn."""
    assert_same(renderer, as_responses(chat), as_messages(chat, arguments="text"))


CALL = {"type": "function", "function": {"name": "aqi", "arguments": {"city": "Bonn"}}}
USE = {"type": "tool_use", "id": "t1", "name": "aqi", "input": {"city": "Bonn"}}

#: A record, and the same one as messages.
SAME: dict[str, tuple[Record, Record]] = {
    "results before what else the user says": (
        {
            "messages": [
                user("Air?"),
                answer([USE, {**USE, "id": "t2"}]),
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "And now?"},
                        {"type": "tool_result", "tool_use_id": "t1", "content": "10"},
                        {"type": "tool_result", "tool_use_id": "t2"},
                    ],
                },
                answer("Fine."),
            ]
        },
        {
            "messages": [
                user("Air?"),
                {"role": "assistant", "tool_calls": [{"id": "t1", **CALL}, {"id": "t2", **CALL}]},
                {"role": "tool", "tool_call_id": "t1", "content": "10"},
                {"role": "tool", "tool_call_id": "t2", "content": ""},
                user("And now?"),
                answer("Fine."),
            ]
        },
    ),
    "parts of Responses as messages": (
        {
            "messages": [
                user([{"type": "input_text", "text": "Ping?"}]),  # type: ignore[arg-type]
                answer([{"type": "output_text", "text": "Pong.", "annotations": []}]),
            ]
        },
        {
            "messages": [
                user([{"type": "text", "text": "Ping?"}]),  # type: ignore[arg-type]
                answer([{"type": "text", "text": "Pong."}]),
            ]
        },
    ),
    "input is a text, output has items": (
        {
            "instructions": "Be brief.",
            "input": "Ping?",
            "output": [
                {"type": "reasoning", "summary": [], "encrypted_content": "x"},
                {
                    "type": "message",
                    "role": "assistant",
                    "content": [{"type": "refusal", "refusal": "No."}],
                },
            ],
        },
        {"messages": [SYSTEM, user("Ping?"), answer("No.")]},
    ),
    "answers of the input are context": (
        {
            "input": [user("a"), answer("one"), user("b")],
            "output": [{"type": "message", "role": "assistant", "content": "two"}],
        },
        {"messages": [user("a"), answer("one", weight=0), user("b"), answer("two")]},
    ),
    "ms-swift": (
        {"system": "Be brief.", "history": [["a", "one"]], "query": "b", "response": "two"},
        {"messages": [SYSTEM, user("a"), answer("one"), user("b"), answer("two")]},
    ),
    "ms-swift with exchanges": (
        {
            "system": "Be brief.",
            "conversation": [
                {"human": "a", "assistant": "one", "loss": 0},
                {"human": "b", "assistant": "two"},
            ],
        },
        {"messages": [SYSTEM, user("a"), answer("one", loss=0), user("b"), answer("two")]},
    ),
    "xtuner": (
        {
            "conversation": [
                {"system": "Be brief.", "input": "a", "output": "one"},
                {"input": "b", "output": "two"},
            ]
        },
        {"messages": [SYSTEM, user("a"), answer("one"), user("b"), answer("two")]},
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_a_record_means_its_messages(renderer: everyturn.Renderer, name: str) -> None:
    """It makes no difference whether its format is found or named."""
    record, messages = SAME[name]
    expected = texts(renderer, messages)
    assert expected
    assert texts(renderer, record) == expected


def test_a_named_format_is_read_as_the_one_that_is_found(renderer: everyturn.Renderer) -> None:
    """The names of the formats are those of the option."""
    for name, record in [
        ("responses", SAME["answers of the input are context"][0]),
        ("query_response", SAME["ms-swift"][0]),
        ("exchanges", SAME["xtuner"][0]),
    ]:
        assert texts(renderer, record, input_format=name) == texts(renderer, record) != []


def test_what_cannot_be_trained_of_an_answer_is_counted(models: dict[str, Path]) -> None:
    """Encrypted reasoning is no text, and a failed tool is not shown as one: both are named."""
    redacted = {"type": "redacted_thinking", "data": "x"}
    failed = {"type": "tool_result", "tool_use_id": "t1", "content": "No.", "is_error": True}
    records: list[Record] = [
        {
            "messages": [
                user("Air?"),
                answer([redacted, USE]),
                {"role": "user", "content": [failed]},
                answer([redacted, {"type": "text", "text": "Fine."}]),
            ]
        },
        {
            "input": "Ping?",
            "output": [
                {"type": "reasoning", "summary": [], "encrypted_content": "x"},
                {"type": "message", "role": "assistant", "content": "Pong."},
            ],
        },
    ]
    counted: dict[str, int] = {}
    for record in records:
        counted |= everyturn.Expander(models["chatml"]).expand([record]).report.unread_keys
    expected = {"redacted_thinking": 2, "is_error": 1, "encrypted_content": 1}
    assert {name: counted.get(name) for name in expected} == expected


def test_a_block_has_the_weight_that_it_says() -> None:
    """A call that is not to be trained is context."""
    blocks = [{"type": "text", "text": "Look."}, {**USE, "weight": 0}]
    plain = answer("Look.", tool_calls=[{"id": "t1", **CALL, "weight": 0}])
    expander = everyturn.Expander("demo")
    of_blocks, of_plain = (
        [row.labels.tolist() for row in expander.expand([{"messages": [user("Air?"), message]}])]
        for message in (answer(blocks), plain)
    )
    assert of_blocks == of_plain != []


#: A record, and what its error says.
REFUSED: dict[str, tuple[Record, str]] = {
    "a question and an answer": (
        {"input": "Ping?", "output": "Pong."},
        'map={"prompt": "input", "completion": "output"} would read it',
    ),
    "messages and an answer": (
        {"input": [user("Ping?")], "output": "Pong."},
        'map={"prompt": "input", "completion": "output"} would read it',
    ),
    "a list of messages under another name": (
        {"conversation": [user("Ping?"), answer("Pong.")]},
        'map={"messages": "conversation"} would read',
    ),
    "pretraining": ({"text": "Once upon a time."}, "it is a text as for pretraining"),
    "ranking of alpaca": (
        {"instruction": "2+2?", "chosen": "4", "rejected": "5"},
        'map={"output": "chosen"} and undesired="skip"',
    ),
    "ranking of sharegpt": (
        {
            "conversations": [{"from": "human", "value": "2+2?"}],
            "chosen": {"from": "gpt", "value": "4"},
            "rejected": {"from": "gpt", "value": "5"},
        },
        "it is a pair of preferences",
    ),
    "ranking with a prompt": (
        {
            "prompt": [user("2+2?")],
            "chosen": [answer("4")],
            "rejected": [answer("5")],
        },
        'map={"completion": "chosen"} and undesired="skip"',
    ),
    "ranking with a prompt that the answers repeat": (
        {
            "prompt": "2+2?",
            "chosen": [user("2+2?"), answer("4")],
            "rejected": [user("2+2?"), answer("5")],
        },
        'map={"messages": "chosen"} and undesired="skip"',
    ),
    "ranking with a prompt that the answers repeat in part": (
        {
            "prompt": [{"role": "system", "content": "Be brief."}, user("2+2?")],
            "chosen": [user("2+2?"), answer("4")],
            "rejected": [user("2+2?"), answer("5")],
        },
        'put the prompt and that answer into "messages"',
    ),
    "a completion that repeats its prompt": (
        {"prompt": [user("2+2?")], "completion": [user("2+2?"), answer("4")]},
        '"completion" begins with the prompt',
    ),
    "a completion that repeats the text of its prompt": (
        {"prompt": "2+2?", "completion": [user("2+2?"), answer("4")]},
        '"completion" begins with the prompt',
    ),
    "kto": (
        {"messages": [user("2+2?"), answer("5")], "kto_tag": False},
        "says that the answers are undesired",
    ),
    "reasoning alone": (
        {"input": "Hi", "output": [{"type": "reasoning", "summary": [], "encrypted_content": "x"}]},
        'no "content", and no tool calls or reasoning instead',
    ),
    "reasoning that is not a text": (
        {"input": "Hi", "output": [{"type": "reasoning", "content": ["so"]}, answer("Hello")]},
        '"content" of the reasoning has text as part 0, expected an object',
    ),
    "a part of reasoning without a text": (
        {
            "input": "Hi",
            "output": [
                {"type": "reasoning", "summary": [{"type": "summary_text"}]},
                answer("Hello"),
            ],
        },
        '"summary" of the reasoning has no text in part 0',
    ),
    "openai's pair of preferences": (
        {
            "input": {"messages": [user("2+2?")]},
            "preferred_output": [answer("4")],
            "non_preferred_output": [answer("5")],
        },
        'put the messages of "input" and that answer into "messages"',
    ),
    "a rejected answer beside the messages": (
        {"messages": [user("2+2?"), answer("4")], "non_preferred_output": [answer("5")]},
        '"non_preferred_output" holds a rejected answer',
    ),
    "a pair of preferences beside the messages": (
        {"messages": [user("2+2?")], "chosen": answer("4"), "rejected": answer("5")},
        "once it stands at the end of the messages",
    ),
    "an answer that its own label calls undesired": (
        {"messages": [user("2+2?"), answer("5", label=False)]},
        '"label" says that the answer is undesired',
    ),
    "a sound in a content": (
        {
            "messages": [
                user("Hi"),
                {"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]},
                answer("Hello"),
            ]
        },
        "content part 0 is a sound (`input_audio`); only text can be trained: remove the part",
    ),
    "an item that is not known": (
        {"input": "Hi", "output": [{"type": "web_search_call", "id": "w"}]},
        'an item of type "web_search_call" is not read; expected one of message, reasoning,',
    ),
    "a block that is not known": (
        {"messages": [user("Hi"), answer([USE, {"type": "server_tool_use", "name": "web"}])]},
        'type "server_tool_use" is not text',
    ),
    "an image of a tool": (
        {
            "messages": [
                user("Hi"),
                answer([USE]),
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "image"}]}
                    ],
                },
            ]
        },
        "content part 0 is an image (`image`); only text can be trained: remove the part",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_says_what_it_is(models: dict[str, Path], name: str) -> None:
    """The error names the place, what was found, and what reads it if anything does."""
    record, reason = REFUSED[name]
    with pytest.raises(everyturn.EveryturnError) as raised:
        everyturn.Expander(models["chatml"]).expand([record])
    assert reason in str(raised.value)
    faults = [str(finding) for finding in everyturn.check([record])]
    assert any(reason in fault for fault in faults), faults


def test_a_ranking_is_trained_on_the_chosen_answer_as_its_error_says(
    renderer: everyturn.Renderer,
) -> None:
    """The options that the text names do what it says."""
    record = REFUSED["ranking of alpaca"][0]
    found = texts(renderer, record, map={"output": "chosen"}, undesired="skip")
    assert found == texts(renderer, {"messages": [user("2+2?"), answer("4")]})


def test_an_exchange_says_whether_its_answer_is_trained() -> None:
    """As xtuner does."""
    exchanges = [
        {"input": "2+2?", "output": "4"},
        {"input": "2+3?", "output": "6", "output_with_loss": False},
        {"input": "3+3?", "output": "6", "output_with_loss": True},
    ]
    report = everyturn.Expander("demo").expand([{"conversation": exchanges}]).report
    assert (report.targets_trained, report.unread_keys) == (2, {})


def test_rules_see_calls_and_results_of_blocks() -> None:
    """Check looks at messages as they are expanded, by the numbers that they have there."""
    record = {
        "messages": [
            user("Air?"),
            answer([USE]),
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "other"}]},
            answer("Fine."),
        ]
    }
    found = [(finding.message_index, finding.kind) for finding in everyturn.check([record])]
    plain = {
        "messages": [
            user("Air?"),
            {"role": "assistant", "tool_calls": [{"id": "t1", **CALL}]},
            {"role": "tool", "tool_call_id": "other", "content": ""},
            answer("Fine."),
        ]
    }
    assert found == [(each.message_index, each.kind) for each in everyturn.check([plain])] != []


def test_a_corrected_copy_leaves_blocks_as_they_are(tmp_path: Path) -> None:
    """What is written in another way is not rewritten."""
    record = {
        "messages": [
            {"role": "human", "content": "Air?"},
            answer([{"type": "text", "text": "Look."}, USE]),
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1"}]},
            answer("Fine."),
        ]
    }
    path = tmp_path / "chats.jsonl"
    path.write_text(json.dumps(record) + "\n", encoding="utf-8")
    fixed = tmp_path / "fixed.jsonl"
    main(["check", str(path), "--fix", "-o", str(fixed)])
    copy = json.loads(fixed.read_text(encoding="utf-8"))
    assert copy["messages"][0]["role"] == "user"
    assert copy["messages"][1:] == record["messages"][1:]


@pytest.mark.parametrize(
    "reasoning",
    [
        {"content": "so"},
        {"content": [{"type": "reasoning_text", "text": "so"}]},
        {"content": [{"type": "reasoning_text", "reasoning_text": "so"}]},
        {"content": [{"type": "reasoning_text", "value": "so"}]},
        {"content": [], "summary": [{"type": "summary_text", "text": "so"}]},
        {"summary": "so"},
    ],
)
def test_reasoning_of_responses_is_read_in_each_form(
    renderer: everyturn.Renderer, reasoning: Record
) -> None:
    """As a text or in parts, of which either may have one of several names."""
    record = {"input": "Hi", "output": [{"type": "reasoning", **reasoning}, answer("Hello")]}
    assert_same(
        renderer, record, {"messages": [user("Hi"), answer("Hello", reasoning_content="so")]}
    )


def test_a_summary_beside_the_reasoning_is_counted(renderer: everyturn.Renderer) -> None:
    """It is the reasoning only where there is no other."""
    reasoning = {
        "type": "reasoning",
        "content": [{"type": "reasoning_text", "text": "so"}],
        "summary": [{"type": "summary_text", "text": "in short"}],
    }
    samples = everyturn.Expander(renderer).expand(
        [{"input": "Hi", "output": [reasoning, answer("Hello")]}]
    )
    assert samples.report.unread_keys == {"summary": 1}


@pytest.mark.parametrize("nothing", [None, ""])
def test_an_exchange_without_a_text_has_the_answer_that_it_calls(
    renderer: everyturn.Renderer, nothing: Any
) -> None:
    """A call is an answer; so is reasoning."""
    for more in ({"tool_calls": [CALL]}, {"function_call": CALL["function"]}):
        record = {
            "conversation": [
                {"input": "2+2?", "output": nothing, **more},
                {"input": "2+3?", "output": "5"},
            ]
        }
        expected = [user("2+2?"), answer(nothing, tool_calls=[CALL]), user("2+3?"), answer("5")]
        assert_same(renderer, record, {"messages": expected})


def test_what_stands_in_an_exchange_without_an_answer_is_counted(
    renderer: everyturn.Renderer,
) -> None:
    """It is a key of the question."""
    exchanges = [{"human": "2+2?", "assistant": None, "mood": "curious"}]
    exchanges.append({"human": "2+3?", "assistant": "5"})
    samples = everyturn.Expander(renderer).expand([{"conversation": exchanges}])
    assert samples.report.unread_keys == {"mood": 1}
    with pytest.raises(everyturn.ConversationError, match='no "content"'):
        texts(renderer, {"conversation": [{"human": None, "mood": "curious"}, exchanges[-1]]})


@pytest.mark.parametrize("nothing", [[], "", "[]", None])
def test_an_empty_list_of_calls_is_none(renderer: everyturn.Renderer, nothing: Any) -> None:
    """Beside calls that stand in the content."""
    part = {"type": "tool_call", "value": CALL["function"]}
    for content in ([USE], [part]):
        record = {"messages": [user("Hi"), answer(content, tool_calls=nothing)]}
        assert_same(renderer, record, {"messages": [user("Hi"), answer(content)]})


def test_the_weight_of_a_message_is_that_of_its_results(renderer: everyturn.Renderer) -> None:
    """A message of Anthropic's is several: its weight is that of each."""
    results = {"type": "tool_result", "tool_use_id": "t1", "content": "Secret"}
    content = [results, {"type": "text", "text": "Hidden"}]
    record = {"messages": [{"role": "user", "weight": 0, "content": content}, answer("Fine.")]}
    expander = everyturn.Expander(renderer, train_on="all_tokens")
    (sample,) = expander.expand([record])
    trained = renderer.decode(sample.trained_ids)
    assert "Secret" not in trained
    assert "Hidden" not in trained
    assert "Fine." in trained


def test_a_message_in_place_of_a_conversation_says_so() -> None:
    """A list of messages given as records."""
    for messages in ([user("Hi"), answer("Hello")], [{"from": "human", "value": "Hi"}]):
        with pytest.raises(everyturn.ConversationError) as raised:
            everyturn.Expander("demo").expand(messages)
        expected = 'this is a message, not a conversation: pass [{"messages": [..]}]'
        assert expected in str(raised.value)
