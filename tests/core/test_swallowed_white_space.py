"""Rule: white space of a target that a control token takes with it is counted: no id has it."""

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

import everyturn
from as_template import template_renderer
from chats import answer, chat_of, user
from layouts import every_layout
from paths import DEMO

WARNING = "white_space_swallowed"
PHI = (
    "{%- for m in messages -%}{{- '<think>' ~ m.content ~ '<|im_end|>\n' -}}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<think>' -}}{%- endif -%}"
)


def model(folder: Path, **strips: str) -> Path:
    """Return the demo with tokens, by their texts, that take white space on one side."""
    tokenizer = json.loads((DEMO / "tokenizer.json").read_text(encoding="utf-8"))
    for token in tokenizer["added_tokens"]:
        if side := strips.get(token["content"].strip("<|/>")):
            token[side] = True
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    config = (DEMO / "tokenizer_config.json").read_text(encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(config, encoding="utf-8")
    (folder / "chat_template.jinja").write_text(PHI, encoding="utf-8")
    return folder


def expand(folder: Path, *contents: str, **options: Any) -> everyturn.Samples:
    """Expand a conversation of the model."""
    renderer = template_renderer(folder)
    return everyturn.Expander(renderer, **options).expand([chat_of(*contents)])


@every_layout
def test_blanks_at_the_start_of_an_answer_are_counted(tmp_path: Path, layout: str) -> None:
    """The token that ends the prompt takes them: by target, however much it is."""
    folder = model(tmp_path, think="rstrip")
    samples = expand(folder, "a", "    return x", "b", "none", "c", "\n\tagain", layout=layout)
    assert samples.report.warnings == {WARNING: 2}
    text = template_renderer(folder).decode(samples.labels[samples.labels != -100])
    assert "return x" in text
    assert "    return x" not in text


def test_white_space_before_a_stop_is_counted(tmp_path: Path) -> None:
    """A token may take what is before it."""
    folder = model(tmp_path, im_end="lstrip")
    assert expand(folder, "a", "one \n").report.warnings == {WARNING: 1}
    assert expand(folder, "a", "one").report.warnings == {}


def test_white_space_of_the_template_is_not_counted(tmp_path: Path) -> None:
    """Nobody said it: a template may write a newline where the tokenizer takes it away."""
    folder = model(tmp_path, im_end="lstrip", think="rstrip")
    spaced = PHI.replace("m.content", "'\n' ~ m.content ~ '\n'")
    renderer = template_renderer(folder, chat_template=spaced)
    for content, expected in (("one", {}), (" one", {WARNING: 1}), ("one ", {WARNING: 1})):
        samples = everyturn.Expander(renderer).expand([chat_of("a", content)])
        assert samples.report.warnings == expected, content


def test_white_space_around_text_that_looks_like_a_token_is_kept(tmp_path: Path) -> None:
    """With `literal` the token in a message is text, and takes nothing."""
    folder = model(tmp_path, think="rstrip")
    said = "one <think> two"
    assert expand(folder, "a", said, control_tokens="allow").report.warnings[WARNING] == 1
    literal = expand(folder, "a", said, control_tokens="literal")
    assert WARNING not in literal.report.warnings
    assert template_renderer(folder).decode(literal[0].trained_ids) == f"{said}<|im_end|>"


def test_a_tokenizer_that_takes_none_counts_none() -> None:
    """White space is where it belongs."""
    samples = everyturn.Expander("demo").expand([chat_of("a", "    one \n")])
    assert samples.report.warnings == {}


@pytest.mark.parametrize("name", ["phi-3-mini", "llama-3.1", "qwen3", "llama-2"])
def test_what_is_counted_is_what_the_ids_lack(data: Path, name: str) -> None:
    """A target is counted where its ids are those of an answer without the white space."""
    folder = data / "tokenizers" / name
    renderer = template_renderer(folder)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    contents = ["x", " x", "\n x", "x ", "x\n\n", "    x = 1\n", "\u3000x", "x  y"]
    counted, expected = [], []
    for content in contents:
        samples = everyturn.Expander(renderer).expand([chat_of("a", content)])
        counted.append(samples.report.warnings.get(WARNING, 0))
        expected.append(int(_loses_white_space(renderer, tokenizer, content)))
    assert counted == expected
    assert any(expected) == (name == "phi-3-mini")


def _loses_white_space(renderer: everyturn.Renderer, tokenizer: Tokenizer, content: str) -> bool:
    """Whether an answer that is rendered otherwise without white space has the same ids, by the library."""
    texts = [
        renderer.render([user("a"), answer(said)])
        for said in (content, content.lstrip(), content.rstrip())
    ]
    whole, *others = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    return any(
        ids == whole and text != texts[0] for ids, text in zip(others, texts[1:], strict=True)
    )
