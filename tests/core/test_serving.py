"""What a server changes or leaves out is counted or refused, never silent."""

from pathlib import Path
from typing import Any

import pytest

import everyturn
from chats import answer, result, user
from published import write_model

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


SHOWS_IDS = """\
{%- for message in messages -%}
    {{- '<|im_start|>' ~ message.role ~ ':' ~ message.content -}}
    {%- for call in message.tool_calls or [] -%}{{- '[' ~ call.id ~ ']' -}}{%- endfor -%}
    {{- '<|im_end|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant:' -}}{%- endif -%}
"""


def test_ids_that_vllm_asks_for_are_made_up_as_in_the_request(tmp_path: Path) -> None:
    """It refuses calls without: training shows what a client posts, and a target with such an id is counted."""
    folder = write_model(tmp_path / "model", SHOWS_IDS)
    function = {"name": "look", "arguments": "{}"}
    mine, other = {"id": "mine", "function": function}, {"function": function}
    messages: list[dict[str, Any]] = [
        QUESTION,
        {"role": "assistant", "content": "", "tool_calls": [mine, other]},
        {"role": "tool", "content": "Here."},
        {"role": "assistant", "content": "", "tool_calls": [{**other, "id": None}]},
    ]
    renderer = everyturn.Renderer.from_dir(folder, serve="vllm")
    assert renderer.render(messages).count("[mine][call_1]") == 1
    posted = renderer.request(messages)["messages"]
    assert posted[1]["tool_calls"][1]["id"] == "call_1"
    assert posted[3]["tool_calls"][0]["id"] == "call_2"
    assert renderer.render(messages) == renderer.render(posted)
    report = everyturn.Expander(renderer).expand([{"messages": messages}]).report
    assert report.warnings["call_ids_made_up"] == 2
    complete = [*messages[:1], {**messages[1], "tool_calls": [mine]}]
    report = everyturn.Expander(renderer).expand([{"messages": complete}]).report
    assert "call_ids_made_up" not in report.warnings


@pytest.mark.parametrize("serve", ["sglang", "transformers", "llama.cpp"])
def test_other_servers_ask_for_no_ids(serve: str) -> None:
    """They take a call as it is."""
    renderer = everyturn.Renderer.from_dir("demo", serve=serve)  # type: ignore[arg-type]
    call = {"function": {"name": "look", "arguments": "{}"}}
    body = renderer.request([QUESTION, {"role": "assistant", "content": "", "tool_calls": [call]}])
    assert "id" not in body["messages"][1]["tool_calls"][0]


@pytest.mark.parametrize(("serve", "posted"), [("sglang", True), ("transformers", False)])
def test_tools_of_a_message_are_posted_where_a_server_takes_them(serve: str, posted: bool) -> None:  # noqa: FBT001
    """What is rendered and what is posted are one."""
    tool = {"type": "function", "function": {"name": "look", "parameters": {}}}
    developer = {"role": "developer", "content": "Be brief.", "tools": [tool]}
    renderer = everyturn.Renderer.from_dir("demo", serve=serve)  # type: ignore[arg-type]
    assert ("tools" in renderer.request([developer, QUESTION])["messages"][0]) == posted


#: Prints parts as their texts, but as a list beside calls.
LISTS_BESIDE_CALLS = (
    "{%- for m in messages -%}{{- '<|im_start|>' ~ m.role ~ '\n' -}}"
    "{%- if m.tool_calls -%}{{- m.content -}}{%- for call in m.tool_calls -%}"
    "{{- call.function.name ~ (call.function.arguments | tojson) -}}{%- endfor -%}"
    "{%- elif m.content is string -%}{{- m.content -}}"
    "{%- else -%}{%- for part in m.content -%}{{- part.text -}}{%- endfor -%}{%- endif -%}"
    "{{- '<|im_end|>\n' -}}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}"
)


def test_a_content_that_is_printed_as_a_list_beside_calls_is_not_trained() -> None:
    """Conversations without calls are; the format that the error names cures the others."""
    call = {"name": "look", "arguments": {"at": "it"}}
    plain = {"messages": [user("Hi"), answer("Hey")]}
    calling = {
        "messages": [user("Hi"), answer("So", tool_calls=[call]), result("x"), answer("Hey")]
    }
    renderer = everyturn.Renderer.from_dir("demo", chat_template=LISTS_BESIDE_CALLS)
    with pytest.raises(everyturn.TemplateError, match="Python lists beside tool calls") as caught:
        everyturn.Expander(renderer).expand([plain, calling])
    assert (caught.value.line, caught.value.message_index) == (2, 1)
    assert 'content_format="string"' in str(caught.value)
    assert len(everyturn.Expander(renderer).expand([plain])) == 1
    assert ("error", "content_format") in {
        (finding.severity, finding.kind) for finding in renderer.lint().findings
    }
    cured = everyturn.Renderer.from_dir(
        "demo", chat_template=LISTS_BESIDE_CALLS, content_format="string"
    )
    sample = everyturn.Expander(cured, layout="per_turn").expand([calling])[0]
    trained = sample.input_ids[sample.labels != -100]
    assert cured.decode(trained) == 'Solook{"at": "it"}<|im_end|>'
    assert cured.lint().is_fine
