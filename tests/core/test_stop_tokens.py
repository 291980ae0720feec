"""The stop token is found by probing, whatever the template does around it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

import everyturn
from as_template import template_renderer
from chats import TWO_TURNS, answer, call, result, user
from everyturn.options import ControlTokens, Layout
from layouts import Expand, Shown, every_layout
from paths import DEMO

TOKENIZER = "tokenizer.json"
HEADER = "{{- '<|im_start|>' ~ message.role ~ '\\n' -}}"
LOOP = "{%- for message in messages -%}"
END = "{%- endfor -%}"
PROMPT = "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
CHAT = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "one"}]
CALL: dict[str, Any] = {"type": "function", "function": {"name": "look", "arguments": {"at": "x"}}}
CALLING = {"role": "assistant", "content": "", "tool_calls": [CALL]}


def trained(
    model: Path, template: str, messages: list[dict[str, Any]]
) -> tuple[str, everyturn.Report]:
    """Return what is trained of a conversation, with the report."""
    renderer = template_renderer(model, chat_template=template)
    samples = everyturn.Expander(renderer, layout="per_turn").expand([{"messages": messages}])
    return renderer.decode(samples[len(samples) - 1].trained_ids), samples.report


@pytest.fixture
def demo() -> Path:
    """Return a folder whose tokenizer has several control tokens."""
    return DEMO


def test_a_closing_tag_before_the_end_of_turn_is_no_stop(demo: Path) -> None:
    """Of several control tokens after an answer the one that the model declares as its end is the stop."""
    body = "{{- message.content ~ ('</think>' if message.role == 'assistant' else '') ~ '<|im_end|>\\n' -}}"
    text, _ = trained(demo, LOOP + HEADER + body + END + PROMPT, CHAT)
    assert text == "one</think><|im_end|>"


def test_a_prompt_that_is_always_written_is_not_trained(demo: Path) -> None:
    """Where the template prompts for the next answer unasked, the turn still ends at its own end."""
    template = (
        LOOP
        + HEADER
        + "{{- message.content ~ '<|im_end|>\\n' -}}"
        + END
        + "{{- '<|im_start|>assistant\\n' -}}"
    )
    text, _ = trained(demo, template, CHAT)
    assert text == "one<|im_end|>"


def test_a_token_that_opens_messages_ends_none(demo: Path, tmp_path: Path) -> None:
    """Where no file declares an end, what every header starts with is still no stop."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        text = (demo / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace('"eos_token"', '"other"'), encoding="utf-8")
    body = "{{- message.content ~ '</think><|im_end|>' -}}"
    template = LOOP + HEADER + body + END + "{{- '<|im_start|>assistant\n' -}}"
    text, _ = trained(tmp_path, template, CHAT)
    assert text == "one</think><|im_end|>"


def test_calls_that_end_otherwise_have_their_own_stop(demo: Path) -> None:
    """Plain turns and turns that call tools may end with different tokens; neither takes the other's."""
    body = (
        "{{- message.content -}}"
        "{%- for call in message.tool_calls or [] -%}{{- call.function | tojson -}}{%- endfor -%}"
        "{{- ('</tool_call>' if message.tool_calls else '<|im_end|>') ~ '\\n' -}}"
    )
    template = LOOP + HEADER + body + END + PROMPT
    plain, _ = trained(demo, template, CHAT)
    assert plain == "one<|im_end|>"
    called, report = trained(demo, template, [CHAT[0], CALLING])
    assert called.endswith("</tool_call>")
    assert "tool_calls_dropped" not in report.warnings


def test_a_call_that_the_template_leaves_out_is_counted(models: dict[str, Path]) -> None:
    """What is not rendered is not learned, and that is said."""
    template = (models["chatml"] / "chat_template.jinja").read_text(encoding="utf-8")
    without = template.replace("tool_calls", "no_such_key")
    _, report = trained(
        models["chatml"],
        without,
        [CHAT[0], CALLING],
    )
    assert report.warnings == {"empty_targets": 1, "tool_calls_dropped": 1}


def test_a_stop_token_within_a_target_is_counted(demo: Path) -> None:
    """A server would have stopped there."""
    template = (demo / "chat_template.jinja").read_text(encoding="utf-8")
    text, report = trained(
        demo, template, [CHAT[0], {"role": "assistant", "content": "one<|im_end|>two"}]
    )
    assert text == "one<|im_end|>two<|im_end|>"
    assert report.warnings["stops_early"] == 1


def test_a_stop_token_that_is_plain_text_is_no_early_stop() -> None:
    """Its ids are not the stop's, so that no server would stop there."""
    chat = [CHAT[0], {"role": "assistant", "content": "one<|im_end|>two"}]
    policies: dict[ControlTokens, int] = {"allow": 1, "literal": 0}
    for policy, expected in policies.items():
        expander = everyturn.Expander("demo", control_tokens=policy)
        samples = expander.expand([{"messages": chat}])
        assert samples.report.warnings.get("stops_early", 0) == expected, policy


#: Calls end with `<|end_of_call|>` where the record asks for it, and with `<|im_end|>` otherwise.
ENDS_AS_ASKED = (
    LOOP
    + HEADER
    + "{{- message.content -}}"
    + "{%- if message.tool_calls -%}{{- (message.tool_calls[0].function | tojson) -}}{%- endif -%}"
    + "{{- '</tool_call>' if message.tool_calls and hands_over else '<|im_end|>\n' -}}"
    + END
    + PROMPT
)


def declaring(demo: Path, folder: Path, *stops: str) -> Path:
    """Return a model whose generation_config.json declares these ends."""
    tokenizer = Tokenizer.from_file(str(demo / TOKENIZER))
    for name in (TOKENIZER, "tokenizer_config.json"):
        shutil.copy(demo / name, folder / name)
    ids = [tokenizer.token_to_id(stop) for stop in stops]
    config = {"eos_token_id": ids}
    (folder / "generation_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


@every_layout
def test_a_declared_end_closes_a_turn_that_the_record_ends_so(
    demo: Path, tmp_path: Path, layout: Layout
) -> None:
    """Probing does not see what a record's own template arguments do; the model's files say what stops."""
    model = declaring(demo, tmp_path, "<|im_end|>", "</tool_call>")
    renderer = template_renderer(model, chat_template=ENDS_AS_ASKED)
    record = {"messages": [CHAT[0], CALLING], "chat_template_kwargs": {"hands_over": True}}
    samples = everyturn.Expander(renderer, layout=layout).expand([record])
    text = renderer.decode(samples[0].trained_ids)
    assert text == '{"name": "look", "arguments": {"at": "x"}}</tool_call>'
    assert samples.report.warnings == {}


def test_an_end_that_nothing_declares_closes_no_turn(demo: Path, tmp_path: Path) -> None:
    """A server would not stop there."""
    model = declaring(demo, tmp_path, "<|im_end|>")
    renderer = template_renderer(model, chat_template=ENDS_AS_ASKED)
    record = {"messages": [CHAT[0], CALLING], "chat_template_kwargs": {"hands_over": True}}
    with pytest.raises(everyturn.SampleError) as caught:
        everyturn.Expander(renderer).expand([record])
    assert caught.value.kind == "no_stop_token"


def test_a_declared_end_that_is_plain_text_closes_no_turn(demo: Path, tmp_path: Path) -> None:
    """With `literal` what a message says is text, also where its turn ends with it."""
    open_turn = LOOP + HEADER + "{{- message.content ~ ('' if open else '<|im_end|>') -}}" + END
    model = declaring(demo, tmp_path, "<|im_end|>", "</tool_call>")
    renderer = template_renderer(model, chat_template=open_turn + PROMPT)
    messages = [CHAT[0], {"role": "assistant", "content": "one</tool_call>"}]
    record = {"messages": messages, "chat_template_kwargs": {"open": True}}
    as_token = everyturn.Expander(renderer, control_tokens="allow").expand([record])
    assert renderer.decode(as_token[0].trained_ids) == "one</tool_call>"
    with pytest.raises(everyturn.SampleError) as caught:
        everyturn.Expander(renderer, control_tokens="literal").expand([record])
    assert caught.value.kind == "no_stop_token"


def test_a_template_without_an_end_of_turn_cannot_be_loaded(folders: dict[str, Path]) -> None:
    """A model trained with it would never learn to stop: that is said at load."""
    with pytest.raises(everyturn.ModelError, match="control token") as caught:
        template_renderer(folders["no_terminator"])
    assert str(folders["no_terminator"]) in str(caught.value)
    assert "stop_token" in str(caught.value)


def test_the_end_of_a_turn_that_is_no_token_of_this_tokenizer_is_shown(demo: Path) -> None:
    """The template is another model's: what it writes is named, not called nothing."""
    source = (
        "{%- for message in messages -%}"
        "{{- message.role ~ ': ' ~ message.content ~ '<|over_and_out|>\n' -}}"
        "{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{- 'assistant: ' -}}{%- endif -%}"
    )
    with pytest.raises(everyturn.ModelError, match="this tokenizer has no control token") as caught:
        everyturn.Renderer.from_dir(demo, chat_template=source)
    assert '"<|over_and_out|>"' in str(caught.value)


@every_layout
def test_the_next_header_ends_a_turn_that_has_no_end(
    expand: Expand, shown: Shown, layout: Layout
) -> None:
    """After an answer the model emits the user's header: it is trained once per target."""
    samples = expand("header_is_stop", TWO_TURNS, layout=layout)
    first = "<|start|><|user|>\na<|assistant|>\n"
    per_turn = [
        first + "«one<|user|>»",
        first + "one<|user|>\nb<|assistant|>\n«two<|user|>»",
    ]
    whole = [first + "«one<|user|>»\nb<|assistant|>\n«two<|user|>»"]
    expected = per_turn if layout == "per_turn" else whole
    assert shown("header_is_stop", samples) == expected


@every_layout
def test_the_header_of_a_result_ends_a_tool_call(
    expand: Expand, shown: Shown, layout: Layout
) -> None:
    """After a call the model emits the observation's header, and the user's after an answer."""
    messages = [user("a"), call("f", arguments='{"x": 1}'), result("r"), answer("z"), user("b")]
    samples = expand("header_is_stop", messages, layout=layout)
    first = "<|start|><|user|>\na<|assistant|>\n"
    made = '<|call|>f\n{"x": 1}<|observation|>'
    per_turn = [
        first + f"«{made}»",
        first + made + "\nr<|assistant|>\n«z<|user|>»",
    ]
    whole = first + f"«{made}»\nr<|assistant|>\n«z<|user|>»"
    expected = {"per_turn": per_turn, "conversation": [whole + "\nb"]}
    assert shown("header_is_stop", samples) == expected.get(layout, [whole])


def test_the_headers_that_end_turns_are_the_stop_tokens(folders: dict[str, Path]) -> None:
    """Both are found by looking at what the template writes."""
    renderer = template_renderer(folders["header_is_stop"])
    tokenizer = Tokenizer.from_file(str(folders["header_is_stop"] / TOKENIZER))
    expected = {tokenizer.token_to_id(text) for text in ("<|user|>", "<|observation|>")}
    assert set(renderer.stop_token_ids) == expected
