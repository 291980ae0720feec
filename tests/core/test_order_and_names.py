"""Rules: what is moved within a message is counted, and of two names of one thing that differ none is lost."""

from typing import Any

import pytest

import everyturn
from chats import Record, answer, user

QUESTION = user("1+1?")
CALL = {"type": "tool_use", "id": "1", "name": "add", "input": {}}
THOUGHT = {"type": "thinking", "thinking": "Easy.", "signature": "x"}
RESULT = {"type": "tool_result", "tool_use_id": "1", "content": "2"}


def chat_of(*messages: Record) -> Record:
    """A chat of these messages."""
    return {"messages": list(messages)}


def text(words: str) -> Record:
    """A block of text."""
    return {"type": "text", "text": words}


def said(*blocks: Record) -> Record:
    """A chat whose answer has these blocks."""
    return chat_of(QUESTION, {"role": "assistant", "content": list(blocks)})


def output(*items: Record) -> Record:
    """What the Responses API has made."""
    return {"input": [{"role": "user", "content": "1+1?"}], "output": list(items)}


MESSAGE = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "Two."}],
}
REASONING = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Easy."}]}
FUNCTION_CALL = {"type": "function_call", "call_id": "1", "name": "add", "arguments": "{}"}

REORDERED: dict[str, tuple[Record, int]] = {
    "text after a call": (said(text("I add."), CALL, text("Done.")), 1),
    "reasoning after text": (said(text("Two."), THOUGHT), 1),
    "reasoning after a call": (said(CALL, THOUGHT), 1),
    "a result after the user's text": (
        chat_of(QUESTION, {"role": "assistant", "content": [CALL]},
                {"role": "user", "content": [text("Here:"), RESULT]}, answer("Two.")),
        2,
    ),
    "a text after a call of Responses": (output(FUNCTION_CALL, MESSAGE), 1),
    "reasoning after a text of Responses": (output(MESSAGE, REASONING), 1),
    "parts with types": (said(text("Two."), {"type": "reasoning", "text": "Easy."}), 1),
    "a part of reasoning after a call": (said(CALL, {"type": "reasoning", "text": "Easy."}), 1),
}  # fmt: skip

IN_ORDER: dict[str, Record] = {
    "reasoning, text, calls": said(THOUGHT, text("I add."), CALL, CALL | {"id": "2"}),
    "white space after a call": said(text("I add."), CALL, text("\n\n")),
    "results before the user's text": chat_of(
        QUESTION,
        {"role": "assistant", "content": [CALL]},
        {"role": "user", "content": [RESULT, text("And?")]},
        answer("Two."),
    ),
    "items of Responses": output(REASONING, MESSAGE, FUNCTION_CALL),
    "parts with types": said({"type": "reasoning", "text": "Easy."}, text("Two."), text("Yes.")),
}


@pytest.mark.parametrize("name", REORDERED)
def test_what_is_moved_within_a_message_is_counted(name: str) -> None:
    """Once a message, with its place."""
    record, at = REORDERED[name]
    report = everyturn.Expander("demo").expand([record]).report
    assert report.warnings["parts_reordered"] == 1
    (place,) = report.warning_places["parts_reordered"]
    assert place.message_index == at


@pytest.mark.parametrize("name", IN_ORDER)
def test_what_stands_in_order_is_not_counted(name: str) -> None:
    """As templates write it."""
    report = everyturn.Expander("demo").expand([IN_ORDER[name]]).report
    assert "parts_reordered" not in report.warnings


def sharegpt(**last: Any) -> Record:
    """A chat with this answer."""
    return {"conversations": [{"from": "human", "value": "1+1?"}, last]}


def described(**tool: Any) -> Record:
    """A chat with this tool."""
    return {**chat_of(QUESTION, answer("2")), "tools": [{"name": "add", **tool}]}


def calling(*calls: Record) -> Record:
    """A chat whose answer has these calls."""
    return chat_of(QUESTION, {"role": "assistant", "tool_calls": list(calls)})


def with_result(result: Record) -> Record:
    """A chat with this result of a tool."""
    asked = {"role": "assistant", "content": [CALL]}
    return chat_of(QUESTION, asked, {"role": "user", "content": [result]}, answer("2"))


#: A record with one thing under two names, made of what stands under each.
TWICE: dict[str, Any] = {
    "output, response": lambda a, b: {"instruction": "1+1?", "output": a, "response": b},
    "value, content": lambda a, b: sharegpt(**{"from": "gpt"}, value=a, content=b),
    "content, value": lambda a, b: sharegpt(role="assistant", content=a, value=b),
    "text, value": lambda a, b: said({"type": "text", "text": a, "value": b}),
    "input_schema, parameters": lambda a, b: described(
        input_schema={"title": a}, parameters={"title": b}
    ),
    "text, content": lambda a, b: said({"type": "text", "text": a, "content": b}),
    "input, arguments": lambda a, b: said(CALL | {"input": {"a": a}, "arguments": {"a": b}}),
    "value, tool_call": lambda a, b: said(
        {"type": "tool_call", "value": {"name": a}, "tool_call": {"name": b}}
    ),
    "arguments, parameters": lambda a, b: calling(
        {"function": {"name": "add", "arguments": {"a": a}, "parameters": {"a": b}}}
    ),
}


@pytest.mark.parametrize("name", TWICE)
def test_two_names_of_one_thing_have_to_agree(name: str) -> None:
    """It is not known which is meant; twice the same is that."""
    one, other = name.split(", ")
    with pytest.raises(everyturn.ConversationError, match=f'"{one}" and "{other}" are different'):
        everyturn.Expander("demo").expand([TWICE[name]("2", "two")])
    (same,) = everyturn.Expander("demo").expand([TWICE[name]("2", "2")])
    assert same.targets.tolist() == [1]


def test_two_names_of_a_result_have_to_agree() -> None:
    """Either name is read where it is alone."""
    block = {"type": "tool_result", "tool_use_id": "1"}
    with pytest.raises(
        everyturn.ConversationError, match='"content" and "output" are different; keep one'
    ):
        everyturn.Expander("demo").expand([with_result(block | {"content": "2", "output": "3"})])
    decode = everyturn.Renderer.from_dir("demo").decode
    for alone in ({"content": "two"}, {"output": "two"}, {"content": "two", "output": "two"}):
        (sample,) = everyturn.Expander("demo").expand([with_result(block | alone)])
        assert "two" in decode(sample.input_ids)


def test_a_call_beside_its_function_has_to_agree() -> None:
    """Name and arguments stand in one of the two, or are the same."""
    function: Record = {"name": "add", "arguments": {"a": 1}}
    different: list[Record] = [{"name": "sub"}, {"arguments": {"a": 2}}]
    same: list[Record] = [function, {"name": None}, {}]
    for beside in different:
        with pytest.raises(
            everyturn.ConversationError, match='differs beside "function" and in it'
        ):
            everyturn.Expander("demo").expand([calling({"function": function, **beside})])
    for beside in same:
        samples = everyturn.Expander("demo").expand([calling({"function": function, **beside})])
        assert samples.report.targets_trained == 1


def test_an_empty_list_beside_tools_says_nothing() -> None:
    """Under the other name of tools, and on the system message."""
    tool = {"name": "add", "parameters": {"type": "object", "title": "shown"}}
    chat = chat_of(QUESTION, answer("2"))
    system = {"role": "system", "content": "S", "tools": []}
    for record in (
        {**chat, "tools": [], "functions": [tool]},
        {**chat, "tools": [{"type": "function", "function": tool}], "functions": []},
        {**chat_of(system, QUESTION, answer("2")), "tools": [{"type": "function", **tool}]},
        {**chat, "tools": [{"type": "function", "function": None, **tool}]},
        {**chat, "functions": [{"function": None, **tool}]},
    ):
        (sample,) = everyturn.Expander("demo").expand([record])
        assert "shown" in everyturn.Renderer.from_dir("demo").decode(sample.input_ids)


def test_a_role_under_the_name_that_is_not_null() -> None:
    """As Arrow writes keys that are missing, and nothing of it is counted as unread."""
    question = {"from": None, "role": "user", "value": "1+1?", "content": None}
    record = {"conversations": [question, {"from": "gpt", "value": "2"}]}
    report = everyturn.Expander("demo").expand([record]).report
    assert (report.targets_trained, report.unread_keys) == (1, {})


def test_checking_needs_no_model_to_find_what_is_moved() -> None:
    """Once, with a model too."""
    for renderer in (None, "demo"):
        record, at = REORDERED["text after a call"]
        found = [
            finding
            for finding in everyturn.check([record], renderer=renderer)
            if finding.kind == "parts_reordered"
        ]
        assert [finding.message_index for finding in found] == [at]


@pytest.mark.parametrize("role", ["user", "doctor"])
def test_two_speakers_of_one_message_are_refused(role: str) -> None:
    """Names of one role are one speaker."""
    with pytest.raises(
        everyturn.ConversationError, match='"from" and "role" are different; keep one'
    ):
        everyturn.Expander("demo").expand([sharegpt(**{"from": "gpt"}, role=role, value="2")])
    both = sharegpt(**{"from": "gpt"}, role="assistant", value="2")
    assert everyturn.Expander("demo").expand([both]).targets.tolist() == [1]


def test_null_under_a_name_of_a_tool_says_nothing() -> None:
    """As Arrow writes keys that are missing."""
    schema = {"type": "object", "title": "shown"}
    for tool in (
        {"input_schema": schema, "parameters": None},
        {"parameters": None, "input_schema": schema},
    ):
        (sample,) = everyturn.Expander("demo").expand([described(**tool)])
        assert "shown" in everyturn.Renderer.from_dir("demo").decode(sample.input_ids)


@pytest.mark.parametrize("name", ["parameters", "input_schema"])
def test_the_parameters_of_a_tool_keep_their_place(name: str) -> None:
    """Templates print the keys of a tool in their order."""
    tool = {"type": "function", "name": "add", name: {"title": "shown"}, "description": "Adds."}
    record = {**chat_of(QUESTION, answer("2")), "tools": [tool]}
    expander = everyturn.Expander(everyturn.Renderer.from_dir("demo", serve="template"))
    (sample,) = expander.expand([record])
    prompt = expander.renderer.decode(sample.input_ids)
    assert 0 < prompt.index("shown") < prompt.index("Adds.")


@pytest.mark.parametrize("key", ["thinking", "text", "value"])
def test_reasoning_of_a_signed_block_is_found_under_any_of_its_names(key: str) -> None:
    """And refused where two of them differ."""
    block = {"type": "thinking", key: "Easy.", "signature": "x"}
    (sample,) = everyturn.Expander("demo").expand([said(block, text("Two."))])
    assert "Easy." in everyturn.Renderer.from_dir("demo").decode(sample.trained_ids)
    other = "text" if key != "text" else "value"
    with pytest.raises(everyturn.ConversationError, match="are different; keep one"):
        everyturn.Expander("demo").expand([said({**block, other: "Hard."}, text("Two."))])


@pytest.mark.parametrize("nothing", ["", None])
def test_a_name_without_a_value_says_nothing(nothing: str | None) -> None:
    """The other one is meant."""
    for record in (
        TWICE["output, response"](nothing, "2"),
        TWICE["output, response"]("2", nothing),
    ):
        samples = everyturn.Expander("demo").expand([record])
        assert samples.report.trained_tokens == 2
