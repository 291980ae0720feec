"""What a server changes or leaves out is counted or refused, never silent."""

from typing import Any

import pytest

import everyturn

QUESTION = {"role": "user", "content": "Where?"}
ANSWER = {"role": "assistant", "content": "Here."}


def expanded(*messages: dict[str, Any], serve: str = "vllm") -> everyturn.Report:
    """Return the report of a chat."""
    renderer = everyturn.Renderer.from_dir("demo", serve=serve)  # type: ignore[arg-type]
    return everyturn.Expander(renderer, on_error="skip").expand([{"messages": [*messages]}]).report


@pytest.mark.parametrize("arguments", ["at=home", "[1]", [1], 5, True])
def test_arguments_that_are_not_an_object_are_counted(arguments: Any) -> None:
    """An empty object is shown for them, whatever their type."""
    function = {"name": "look", "arguments": arguments}
    call = {"id": "a", "type": "function", "function": function}
    calling = {"role": "assistant", "content": "", "tool_calls": [call]}
    assert expanded(QUESTION, calling).warnings["arguments_emptied"] == 1


@pytest.mark.parametrize("arguments", ["", "{}", None])
def test_no_arguments_are_an_empty_object(arguments: Any) -> None:
    """Nothing is lost by it."""
    call = {"id": "a", "type": "function", "function": {"name": "look", "arguments": arguments}}
    calling = {"role": "assistant", "content": "", "tool_calls": [call]}
    assert "arguments_emptied" not in expanded(QUESTION, calling).warnings


def test_keys_of_messages_that_become_one_are_counted() -> None:
    """System texts that vLLM joins lose what else their messages say, the first and the others alike."""
    report = expanded(
        {"role": "system", "content": "Be kind.", "mood": "calm"},
        {"role": "developer", "content": "Be brief.", "task": "chat"},
        QUESTION,
        ANSWER,
    )
    assert report.unread_keys == {"mood": 1, "task": 1}


def test_tools_of_a_developer_are_checked() -> None:
    """A server that takes them refuses those that it cannot read."""
    developer = {"role": "developer", "content": "Be brief.", "tools": [{"type": "function"}]}
    report = expanded(developer, QUESTION, ANSWER, serve="sglang")
    assert report.records_dropped == {"refused_by_server": 1}
