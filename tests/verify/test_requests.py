"""The body of a prompt's request, rendered as the server would, is the prompt."""

import json
from collections import Counter
from typing import Any

import pytest

import everyturn
from chats import THOUGHTFUL, Record, answer, chat_of, to_jsonl, user
from everyturn.io.records import Records
from everyturn.verification.prompts import Prompt, per_turn, prompts_of
from paths import EXAMPLE_CHATS
from record_formats import FORMATS

TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]

#: Starts to think unless it is asked not to.
PREFILLS_THINKING = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' ~ message.role ~ '\\n' ~ message.content ~ '<|im_end|>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}"
    "{%- if enable_thinking is not defined or enable_thinking -%}{{- '<think>\\n' -}}{%- endif -%}"
    "{%- endif -%}"
)


def prompts(source: Any, expander: everyturn.Expander) -> list[Prompt]:
    """Return the prompts of every record."""
    expander, lost = per_turn(expander), Counter[str]()
    found = [prompt for record in Records(source) for prompt in prompts_of(expander, record, lost)]
    assert not lost
    return found


def posted(prompt: Prompt, renderer: everyturn.Renderer) -> list[int]:
    """Return the ids of the prompt that the renderer's server makes of the body."""
    body = json.loads(json.dumps(prompt.body))
    text = renderer.render(
        body["messages"],
        tools=body.get("tools"),
        add_generation_prompt=True,
        **body.get("chat_template_kwargs", {}),
    )
    return renderer.encode(text).tolist()  # type: ignore[no-any-return]


def check(source: Any, expander: everyturn.Expander) -> list[Prompt]:
    """Compare every prompt with its body and with the samples, and return them."""
    found = prompts(source, expander)
    samples = per_turn(expander).expand(source)
    assert [list(prompt.ids) for prompt in found] == [
        sample.input_ids[: sample.labels.tolist().index(sample.trained_ids[0])].tolist()
        for sample in samples
    ]
    # The body has the arguments of the model already.
    plain = everyturn.Renderer.from_dir("demo", serve=expander.renderer.serve)
    for prompt in found:
        assert posted(prompt, plain) == list(prompt.ids), prompt.name
    return found


@pytest.mark.parametrize("serve", ["vllm", "sglang", "transformers", "llama.cpp", "template"])
def test_the_body_of_a_prompt_is_rendered_to_it(serve: str) -> None:
    """Every target of the examples, under every preset."""
    renderer = everyturn.Renderer.from_dir("demo", serve=serve)  # type: ignore[arg-type]
    assert len(check(EXAMPLE_CHATS.read_bytes(), everyturn.Expander(renderer))) > 20


@pytest.mark.parametrize("name", FORMATS)
def test_the_body_of_a_record_of_any_format_is_rendered_to_its_prompt(name: str) -> None:
    """Its messages are those that the record means."""
    record, _, _ = FORMATS[name]
    check(to_jsonl([record]), everyturn.Expander("demo"))


@pytest.mark.parametrize(
    "options",
    [
        {"history_turns": 1},
        {"history_turns": 2, "layout": "merged"},
        {"max_prompt_tokens": 200},
        {"thinking": "match"},
        {"thinking": "match", "history_turns": 1},
        {"train_on": "last_assistant_turn"},
    ],
    ids=str,
)
def test_the_body_holds_what_the_target_is_shown(options: Any) -> None:
    """The window of messages, and the switch of thinking."""
    records = [
        {"messages": THOUGHTFUL, "tools": TOOLS},
        chat_of(*"abcdefgh" * 5),
        {"messages": [{"role": "system", "content": "s"}, *chat_of(*"abcd")["messages"]]},
    ]
    check(to_jsonl(records), everyturn.Expander("demo", **options))


def test_windows_and_switches_are_in_the_body() -> None:
    """By name."""
    records: list[Record] = [
        {"messages": [user("a"), answer("b"), user("c"), answer("d", reasoning_content="e")]}
    ]
    expander = everyturn.Expander("demo", thinking="match", history_turns=1)
    first, second = (prompt.body for prompt in prompts(to_jsonl(records), expander))
    assert first == {
        "messages": [user("a")],
        "chat_template_kwargs": {"enable_thinking": False},
    }
    assert second == {
        "messages": [user("c")],
        "chat_template_kwargs": {"enable_thinking": True},
    }


def test_the_flag_that_a_policy_found_is_in_the_body() -> None:
    """A prompt that `match_thinking` rendered otherwise is asked for with that flag."""
    renderer = everyturn.Renderer.from_dir("demo", chat_template=PREFILLS_THINKING)
    expander = everyturn.Expander(renderer, prompt_mismatch="match_thinking")
    (prompt,) = prompts(to_jsonl([chat_of("a", "b")]), expander)
    assert prompt.body["chat_template_kwargs"] == {"enable_thinking": False}
    assert posted(prompt, renderer) == list(prompt.ids)


def test_arguments_of_model_and_record_are_in_the_body() -> None:
    """The record's own win, as in its samples."""
    kwargs = {"enable_thinking": True, "more": 1}
    with pytest.warns(everyturn.TemplateArgumentWarning, match="more"):
        renderer = everyturn.Renderer.from_dir("demo", template_kwargs=kwargs)
    record = chat_of("a", "b") | {"chat_template_kwargs": {"enable_thinking": False}}
    (prompt,) = prompts(to_jsonl([record]), everyturn.Expander(renderer))
    assert prompt.body["chat_template_kwargs"] == {"enable_thinking": False, "more": 1}
    assert posted(prompt, everyturn.Renderer.from_dir("demo")) == list(prompt.ids)


def test_what_steers_training_is_not_in_the_body() -> None:
    """Weights, ids and other keys of records."""
    messages = [user("a", weight=1), answer("b", weight=0, id=3), user("c"), answer("d")]
    (prompt,) = prompts(to_jsonl([{"messages": messages, "id": 7}]), everyturn.Expander("demo"))
    assert prompt.body == {"messages": [user("a"), answer("b"), user("c")]}
