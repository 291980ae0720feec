"""Rules about parts of messages: the tokens that spell what a regular expression matches."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers

import everyturn
from chats import Record, answer, named_chat, user
from everyturn import OptionsError, Rule
from everyturn.cli import main
from layouts import every_layout
from same_samples import assert_same_samples

CODE = "(?s:```.*?```)"

ANSWERS = (
    "Like this:\n```py\nprint('héllo')\n```\nor\n```\n1\n```",
    "No code, 没有代码, only `one` word.",
    "```\n只有代码 🦀\n```",
    "Broken ```fence and no end",
    "before```x```after",
)


def chats() -> list[Record]:
    """Each answer first, in the middle and last."""
    said = [message for text in ANSWERS for message in (user("And?"), answer(text))]
    return [{"messages": said[at:] + said[:at]} for at in range(0, len(said), 4)]


def in_parts(record: Record, pattern: str) -> Record:
    """The record whose answers say the same in parts, of which those that match weigh nothing."""
    messages = []
    for message in record["messages"]:
        if message["role"] == "assistant":
            pieces = re.split(f"({pattern})", message["content"])
            parts: list[dict[str, Any]] = [
                {"type": "text", "text": text} | ({"weight": 0} if at % 2 else {})
                for at, text in enumerate(pieces)
                if text
            ]
            message = {**message, "content": parts}  # noqa: PLW2901
        messages.append(message)
    return {"messages": messages}


@pytest.fixture(scope="module")
def qwen3(tokenizer_folder: Callable[[str], Path]) -> everyturn.Renderer:
    """A model whose template writes the last answer otherwise than the others."""
    return everyturn.Renderer.from_dir(tokenizer_folder("qwen3"))


PARTS = """\
{%- for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}
{%- if m.content is string %}{{ m.content }}{% else %}{% for part in m.content %}{{ part.text }}{% endfor %}{% endif %}
{{- '<|im_end|>\\n' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""


@every_layout
def test_no_loss_on_code_is_what_parts_without_weight_are(
    tokenizer_folder: Callable[[str], Path], layout: Any
) -> None:
    """Two ways to say it, the same samples; an answer that is nothing but code keeps its stop token."""
    renderer = everyturn.Renderer.from_dir(tokenizer_folder("qwen3"), chat_template=PARTS)
    expander = everyturn.Expander(renderer, layout=layout, provenance=True)
    relabelled = expander.expand(chats()).relabel([Rule(weight=0, kind="content", span=CODE)])
    expected = expander.expand([in_parts(chat, CODE) for chat in chats()])
    for name in ("input_ids", "labels", "offsets", "targets", "loss_weights", "shift_labels"):
        np.testing.assert_array_equal(getattr(relabelled, name), getattr(expected, name), name)
    assert relabelled.report.trained_tokens < expander.expand(chats()).report.trained_tokens


PATTERNS = (CODE, "[没只]", r"\w+", "(?<=`)o", r"\n", "🦀", "<[|]?.*", "^.", "(?s).*")


@pytest.mark.parametrize("name", ["qwen3", "llama-2", "llama-3.1", "gpt2", "deepseek-v3"])
def test_tokens_of_a_match_are_those_whose_offsets_overlap_it(
    tokenizer_folder: Callable[[str], Path], name: str
) -> None:
    """By the offsets of the library, for the text of each completion."""
    folder = tokenizer_folder(name)
    opening = "[assistant]\n"
    messages = (
        "{% for m in messages %}{{ '[' + m.role + ']\\n' + m.content + eos_token }}{% endfor %}"
    )
    template = messages + "{{ '[assistant]\\n' if add_generation_prompt }}"
    renderer = everyturn.Renderer.from_dir(folder, chat_template=template, stop_token="eos")
    samples = everyturn.Expander(renderer, layout="per_turn", provenance=True).expand(chats())
    library = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    for pattern in PATTERNS:
        found = samples.relabel([Rule(weight=0), Rule(weight=1, span=pattern)])
        trained = {
            (sample.line, int(sample.targets[0])): np.flatnonzero(sample.labels != -100).tolist()
            for sample in found
        }
        compared = 0
        for sample in samples:
            at = np.flatnonzero(sample.labels != -100)
            text = renderer.decode(sample.input_ids[at].tolist())
            encoded = library.encode(opening + text, add_special_tokens=False)
            # Not where the library joins the line break with what comes after it.
            if encoded.ids[-len(at) :] != sample.input_ids[at].tolist():
                continue
            compared += 1
            offsets = np.array(encoded.offsets[-len(at) :]) - len(opening)
            spans = [match.span() for match in re.finditer(pattern, text)]
            expected = [
                int(token)
                for token, (start, end) in zip(at, offsets.tolist(), strict=True)
                if any(first < end and start < last for first, last in spans)
            ]
            assert trained.get((sample.line, int(sample.targets[0])), []) == expected, pattern
        assert compared > len(samples) // 2


def test_the_text_is_what_the_other_conditions_leave(qwen3: everyturn.Renderer) -> None:
    """Of reasoning alone, of the answer alone, or of both with the template's text between them."""
    message = {**answer("a b"), "reasoning_content": "a c"}
    expander = everyturn.Expander(qwen3, layout="per_turn", provenance=True)
    samples = expander.expand([{"messages": [user("Go."), message]}])

    def spelled(**conditions: Any) -> list[str]:
        found = samples.relabel([Rule(weight=0), Rule(weight=1, **conditions)])
        return [qwen3.decode(one.input_ids[one.labels != -100].tolist()) for one in found]

    assert spelled(span="a|b") == ["aa b"]
    assert spelled(span="a.", kind="reasoning") == ["a c"]
    assert spelled(span="^a", kind="content") == ["a"]
    (opening,) = spelled(span="(?s)^.*</think>")
    assert opening.rstrip() == "<think>\na c\n</think>"
    assert spelled(span="Go", role="user") == []


def test_context_is_looked_at_where_it_may_be_trained(qwen3: everyturn.Renderer) -> None:
    """A user's words, word by word."""
    expander = everyturn.Expander(qwen3, layout="per_turn", provenance=True)
    samples = expander.expand([{"messages": [user("Go there now"), answer("Ok")]}])
    rules = [Rule(weight=0), Rule(weight=1, role="user", span="there")]
    (sample,) = samples.relabel(rules, allow_context=True)
    assert qwen3.decode(sample.input_ids[sample.labels != -100].tolist()) == " there"


def test_samples_that_were_read_need_their_model(
    qwen3: everyturn.Renderer, tokenizer_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    """And no other; on the command line, too."""
    path, rules = tmp_path / "rows.parquet", tmp_path / "rules.json"
    samples = everyturn.Expander(qwen3, provenance=True).expand(chats())
    samples.to_parquet(path)
    rule = Rule(weight=0, span=CODE)
    rules.write_text(json.dumps([rule.to_dict()]))
    with pytest.raises(
        OptionsError, match="span: matching what tokens spell needs the model: load the samples"
    ):
        everyturn.Samples.from_parquet(path).relabel([rule])
    with pytest.raises(OptionsError, match="made by another renderer"):
        everyturn.Samples.from_parquet(path, renderer=everyturn.Renderer.from_dir("demo"))
    words = ["relabel", str(path), "--rules", str(rules), "-o", str(tmp_path / "new.parquet")]
    assert main(words) == 2
    assert main([*words, "--model", str(tokenizer_folder("qwen3"))]) == 0
    assert_same_samples(
        everyturn.Samples.from_parquet(tmp_path / "new.parquet"), samples.relabel([rule])
    )


def test_tokens_that_are_changed_when_they_are_joined_spell_nothing(
    models: dict[str, Path], tmp_path: Path
) -> None:
    """A decoder such as WordPiece's puts spaces between them."""
    folder = Path(shutil.copytree(models["chatml"], tmp_path / "model"))
    described = json.loads((folder / "tokenizer.json").read_text())
    described["decoder"] = {"type": "WordPiece", "prefix": "##", "cleanup": True}
    (folder / "tokenizer.json").write_text(json.dumps(described))
    samples = everyturn.Expander(folder, provenance=True).expand([named_chat("Ada", 1)])
    with pytest.raises(OptionsError, match="span: the decoder of this tokenizer"):
        samples.relabel([Rule(weight=0, span="a")])
