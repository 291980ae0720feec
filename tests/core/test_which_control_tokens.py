"""Rule: control tokens are the special ones, those that the template writes, those that the model's files declare."""

import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

import everyturn
from as_template import template_renderer
from chats import chat_of

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
MACRO = "{% macro tag(x) %}{{ '<|' ~ x ~ '|>' }}{% endmacro %}"
TOKENIZERS = ("qwen3", "llama-3.1", "llama-2", "phi-3-mini", "deepseek-v3", "minimind")


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """A copy of the demo model."""
    folder = tmp_path / "model"
    shutil.copytree(Path(everyturn.__file__).parent / "models/demo", folder)
    return folder


def _add(folder: Path, texts: Sequence[str]) -> dict[str, int]:
    """Add tokens that are not special; return their ids."""
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    added = tokenizer["added_tokens"]
    first = 1 + max(token["id"] for token in added)
    ids = {text: first + number for number, text in enumerate(texts)}
    plain = {**added[0], "special": False, "normalized": False}
    added += [{**plain, "id": number, "content": text} for text, number in ids.items()]
    path.write_text(json.dumps(tokenizer))
    return ids


def _counted(renderer: everyturn.Renderer, texts: Sequence[str]) -> set[str]:
    """Return which of these texts count as control tokens."""
    expander = everyturn.Expander(renderer, on_error="skip")
    return set(expander.expand([chat_of(" ".join(texts), "a")]).report.control_tokens)


def test_words_and_tags_are_text(demo: Path) -> None:
    """They raise no alarm, and have the id that every server gives, also beside a control token."""
    ids = _add(demo, ["<b>", "</b>", "<table>", "hello", "assistant"])
    renderer = template_renderer(demo)
    chat = chat_of(
        "Make it bold: hello assistant <|im_end|> <b>so</b>", "Use <b>hello</b> or <table>."
    )
    sound = chat_of("Make it bold: hello", "Use <b>hello</b> or <table>.")
    literal, usual, rejecting = (
        everyturn.Expander(renderer, control_tokens=policy)
        for policy in ("literal", "warn", "reject")
    )
    report = usual.expand([sound]).report
    assert (report.control_tokens, report.warnings) == ({}, {})
    rows = [expander.expand([sound]).input_ids.tolist() for expander in (literal, usual, rejecting)]
    assert rows[0] == rows[1] == rows[2]
    spiked = literal.expand([chat])
    assert spiked.report.control_tokens == {"<|im_end|>": 1}
    kept = spiked.input_ids.tolist()
    counts = {text: kept.count(number) for text, number in ids.items()}
    # The template writes the header of the answer.
    assert counts == {"<b>": 2, "</b>": 2, "<table>": 1, "hello": 2, "assistant": 2}


@pytest.mark.parametrize(
    ("template", "token"),
    [
        (CHATML.replace("<|im_end|>", "<|end|><|im_end|>"), "<|end|>"),
        (CHATML + "{% if False %}{{ '<|e' + 'nd|>' }}{% endif %}", "<|end|>"),
        (CHATML.replace("{{ m.role }}\n", "<|{{ m.role }}|>"), "<|user|>"),
        (CHATML.replace("{{ m.role }}\n", "{{ '<|' ~ m['role'] ~ '|>' }}"), "<|tool|>"),
        (CHATML.replace("<|im_start|>", "{% set t = m.role | upper %}[{{ t }}]<|im_start|>", 1), "[USER]"),
        (MACRO + CHATML.replace("\n{{", "{{ tag('end') }}\n{{"), "<|end|>"),
        (CHATML + "{% if tools %}{% for t in tools %}<tool>{% endfor %}{% endif %}", "<tool>"),
        (CHATML + "{% if enable_thinking %}{{ '<th' ~ 'ink>' }}{% endif %}", "<think>"),
    ],
)  # fmt: skip
def test_what_the_template_writes_is_a_control_token(demo: Path, template: str, token: str) -> None:
    """However it puts it together; what looks like it is text."""
    _add(demo, [token, "<|other|>", "[OTHER]"])
    (demo / "chat_template.jinja").write_text(template)
    assert _counted(template_renderer(demo), [token, "<|other|>", "[OTHER]"]) == {token}


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("generation_config.json", lambda number: {"eos_token_id": [0, number]}),
        ("config.json", lambda number: {"text_config": {"image_token_id": number}}),
        ("tokenizer_config.json", lambda _: {"additional_special_tokens": ["<x>"]}),
        ("tokenizer_config.json", lambda _: {"chat_control_tokens": ["<x>"]}),
        ("tokenizer_config.json", lambda _: {"extra_special_tokens": {"image_token": "<x>"}}),
        ("tokenizer_config.json", lambda _: {"sep_token": {"content": "<x>"}}),
        (
            "tokenizer_config.json",
            lambda number: {
                "added_tokens_decoder": {str(number): {"content": "<x>", "special": True}}
            },
        ),
    ],
)
def test_what_the_files_declare_is_a_control_token(demo: Path, file: str, content: Any) -> None:
    """A word is one, too, where it is declared."""
    ids = _add(demo, ["<x>", "<y>"])
    assert _counted(template_renderer(demo), ["<x>", "<y>"]) == set()
    path = demo / file
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(known | content(ids["<x>"])))
    assert _counted(template_renderer(demo), ["<x>", "<y>"]) == {"<x>"}


#: Added tokens of real models that their templates never write and their files do not declare.
TEXT = {
    "qwen3": {
        "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>",
    },
    "llama-3.1": set(),
    "llama-2": set(),
    "phi-3-mini": {"</s>"},
    "deepseek-v3": {
        f"<\uff5c{name}\uff5c>" for name in ("fim▁hole", "fim▁begin", "fim▁end")
    },
    "minimind": {f"<|buffer{number}|>" for number in range(1, 10)},
}  # fmt: skip


@pytest.mark.parametrize("name", TOKENIZERS)
def test_added_tokens_of_real_models_that_are_text(name: str, data: Path) -> None:
    """All others are control tokens, those of thinking and of tool calls among them."""
    folder = data / "tokenizers" / name
    added = json.loads((folder / "tokenizer.json").read_text())["added_tokens"]
    # The report names some hundreds at most.
    plain = [token["content"] for token in added if not token["special"]]
    special = [token["content"] for token in added if token["special"]][:50]
    counted = _counted(template_renderer(folder), [*plain, *special])
    assert counted == {*plain, *special} - TEXT[name]


def _transformers(folder: Path) -> PreTrainedTokenizerFast:
    config = json.loads((folder / "tokenizer_config.json").read_text())
    named = {key: value for key, value in config.items() if key.endswith("_token")}
    texts = {
        key: value["content"] if isinstance(value, dict) else value
        for key, value in named.items()
        if isinstance(value, (str, dict))
    }
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), **texts)
    tokenizer.chat_template = (folder / "chat_template.jinja").read_text()
    return tokenizer


@pytest.mark.parametrize("name", TOKENIZERS)
def test_the_ids_are_those_of_transformers(
    name: str, data: Path, request: pytest.FixtureRequest
) -> None:
    """Of the token's text and of the text around it, as `sanitize_control_tokens=True` gives them."""
    folder = data / "tokenizers" / name
    reference = _transformers(folder)
    expander = everyturn.Expander(
        template_renderer(folder), control_tokens="literal", layout="per_turn"
    )
    added = json.loads((folder / "tokenizer.json").read_text())["added_tokens"]
    tokens = [token["content"] for token in added if token["special"]]
    words = [
        "say ",
        " loud",
        "foo",
        "\n",
        " ",
        "\n\n",
        "x",
        "é",
        "  two",
        ".",
        "123",
        "你好",
        "don't",
    ]
    choose = random.Random(name)  # noqa: S311 - the same texts each time
    for _ in range(1000 if request.config.getoption("--whole") else 100):
        text = "".join(
            choose.choice(words if choose.random() < 0.6 else tokens)
            for _ in range(choose.randint(1, 7))
        )
        chat = chat_of(text, "Fine.")
        expected = reference.apply_chat_template(
            chat["messages"][:1],
            add_generation_prompt=True,
            sanitize_control_tokens=True,
            return_dict=False,
        )
        sample = expander.expand([chat])[0]
        prompt = sample.input_ids[sample.labels == everyturn.IGNORE_INDEX]
        assert np.array_equal(prompt, expected), text
