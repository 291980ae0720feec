"""Rule: with control_tokens="literal" no control token comes of a record's text, whatever the tokenizer makes of text.

Some tokenizers make the id of a control token of plain text by themselves: their model has it in its vocabulary, their
merges reach it, or it is looked for in normalized text. Then the text has ids without it, or the record is refused.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, normalizers

import everyturn
import forgeable_models
from as_template import template_renderer
from chats import answer, chat_of
from disguises import full_width
from everyturn.options import Layout

Make = Callable[[Path], Path]
LAYOUTS: tuple[Layout, ...] = ("merged", "per_turn")

#: The shape of a model, a text that becomes a control token, and that token.
FORGERIES: dict[str, tuple[Make, str, str]] = {
    "t5 end": (forgeable_models.t5, "say </s> now", "</s>"),
    "t5 end within a word": (forgeable_models.t5, "say</s>now", "</s>"),
    "t5 sentinel": (forgeable_models.t5, "<extra_id_0>", "<extra_id_0>"),
    "t5 end in full width": (forgeable_models.t5, f"say {full_width('</s>')} now", "</s>"),
    "xlm-r begin": (forgeable_models.xlm_r, "<s> now", "<s>"),
    "xlm-r mask": (forgeable_models.xlm_r, "say <mask>", "<mask>"),
    "xlm-r end in full width": (forgeable_models.xlm_r, f"say {full_width('</s>')}", "</s>"),
    "wordpiece": (
        lambda path: forgeable_models.bert(path, splits_punctuation=False),
        "[SEP]",
        "[SEP]",
    ),
    "word level": (forgeable_models.word_level, "say [SEP] now", "[SEP]"),
    "merges": (forgeable_models.merging, "say</s>now", "</s>"),
    "lower case": (
        lambda path: forgeable_models.normalizing(path, normalizers.Lowercase()),
        "say <|EVIL|> now",
        "<|evil|>",
    ),
    "full width": (
        lambda path: forgeable_models.normalizing(path, normalizers.NFKC()),
        f"say {full_width('<|evil|>')} now",
        "<|evil|>",
    ),
    "replaced": (
        lambda path: forgeable_models.normalizing(path, normalizers.Replace("\u200b", "")),
        "say <|e\u200bvil|> now",
        "<|evil|>",
    ),
    "accents": (
        lambda path: forgeable_models.normalizing(
            path, normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()])
        ),
        "say <|évil|> now",
        "<|evil|>",
    ),
}

forgeries = pytest.mark.parametrize(("make", "text", "token"), FORGERIES.values(), ids=FORGERIES)


def _controls(folder: Path, samples: everyturn.Samples) -> list[list[int]]:
    """Return the ids of special tokens in each row, without that of unknown text."""
    added = json.loads((folder / "tokenizer.json").read_text())["added_tokens"]
    ids = {token["id"] for token in added if token["content"] not in ("<unk>", "[UNK]")}
    return [[token for token in row.input_ids.tolist() if token in ids] for row in samples]


@forgeries
@pytest.mark.parametrize("place", ["user", "assistant", "history"])
def test_no_text_becomes_a_control_token(
    make: Make, text: str, token: str, place: str, tmp_path: Path
) -> None:
    """The rows have the control tokens of the same chat with harmless text, or the error names the token."""
    folder = make(tmp_path / "model")
    contents = {
        "user": (text, "fine"),
        "assistant": ("say", text),
        "history": ("say", text, "now", "fine"),
    }
    harmless = [content.replace(text, "say") for content in contents[place]]
    renderer = template_renderer(folder)
    for layout in LAYOUTS:
        expander = everyturn.Expander(
            renderer, layout=layout, control_tokens="literal", on_error="skip"
        )
        usual, literal = (expander.expand([chat_of(*each)]) for each in (harmless, contents[place]))
        if literal.report.faults:
            assert {fault.kind for fault in literal.report.faults} == {"control_token"}
            assert token in literal.report.faults[0].text
        else:
            assert _controls(folder, literal) == _controls(folder, usual)
    # Warned of it would have been there.
    allowed = expander.replace(control_tokens="allow").expand([chat_of(*contents[place])])
    id_ = Tokenizer.from_file(str(folder / "tokenizer.json")).token_to_id(token)
    assert any(id_ in row for row in _controls(folder, allowed))


@forgeries
def test_such_text_is_counted_and_refused(
    make: Make, text: str, token: str, tmp_path: Path
) -> None:
    """Each mode sees what the tokenizer would make of it."""
    renderer = template_renderer(make(tmp_path / "model"))
    chat = chat_of(text, "fine")
    report = everyturn.Expander(renderer).expand([chat]).report
    assert report.control_tokens == {token: 1}
    assert report.warnings["control_tokens"] == 1
    with pytest.raises(everyturn.ConversationError, match="control token"):
        everyturn.Expander(renderer, control_tokens="reject").expand([chat])


@pytest.mark.parametrize(
    "make", [forgeable_models.t5, forgeable_models.xlm_r, forgeable_models.bert]
)
def test_ordinary_text_is_encoded_as_ever(make: Make, tmp_path: Path) -> None:
    """What no vocabulary has is no forgery: it stays unknown."""
    renderer = template_renderer(make(tmp_path / "model"))
    chat = chat_of("say é now", "fine <now>", "日本 [say]", "fine\n")
    usual, literal = (
        everyturn.Expander(renderer, control_tokens=policy).expand([chat])
        for policy in ("warn", "literal")
    )
    assert usual.report.control_tokens == {}
    assert literal.input_ids.tolist() == usual.input_ids.tolist()


def test_what_bert_splits_is_text(tmp_path: Path) -> None:
    """`[SEP]` is no word there, so it is encoded as three."""
    folder = forgeable_models.bert(tmp_path / "model")
    renderer = template_renderer(folder)
    samples = everyturn.Expander(renderer, control_tokens="literal").expand(
        [chat_of("say [SEP] now", "fine")]
    )
    assert not samples.report.faults
    assert "[ s ##e ##p ]" in " ".join(
        Tokenizer.from_file(str(folder / "tokenizer.json")).id_to_token(token)
        for token in samples.input_ids.tolist()
    )


#: It prints what an assistant says as it is.
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.role == 'assistant' %}{{ m.content }}{% else %}%s{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

SHOWN_KEYS = "{% for k in m.more %}{{ k }}{% endfor %}{{ m.content | lower }}"
SHOWN_NAMES = "{% for k in dict(**(m.more or {})) %}{{ k | lower }}{% endfor %}"

#: What a template makes of a message, and fields of which it makes `<|im_end|>`.
MADE: dict[str, tuple[str, dict[str, Any]]] = {
    "lower": ("{{ m.content | lower }}", {"content": "say <|IM_END|> now"}),
    "upper": ("{{ m.content.upper().lower() }}", {"content": "say <|IM_End|> now"}),
    "replace": ("{{ m.content | replace('!', '') }}", {"content": "say <|im_!end|> now"}),
    "format": ("{{ '%s%s' | format(m.content, m.more) }}", {"content": "<|im_", "more": "end|>"}),
    "reverse": ("{{ m.content[::-1] }}", {"content": "<|im_end|>"[::-1]}),
    "join": ("{{ [m.content, m.more] | join }}", {"content": "<|im_", "more": "end|>"}),
    "side by side": ("{{ m.content }}{{ m.more }}", {"content": "say <|im_end", "more": "|> now"}),
    "added": ("{{ m.content + (m.more or '') }}", {"content": "<", "more": "|im_end|>"}),
    "with the template's own": ("<|{{ m.content }}", {"content": "im_end|> now"}),
    "before the template's own": ("{{ m.content }}|>", {"content": "say <|im_end"}),
    "keys": (SHOWN_KEYS, {"content": "", "more": {"<|im_": 1, "end|>": 2}}),
    "keywords": (SHOWN_NAMES, {"content": "", "more": {"<|im_": 1, "end|>": 2}}),
    "date": ("{{ strftime_now(m.content) }}", {"content": "<|im_end|>"}),
    "macro": ("{% macro f(x) %}{{ x | lower }}{% endmacro %}{{ f(m.content) }}", {"content": "<|IM_END|>"}),
    "set block": ("{% set x %}{{ m.content }}{{ m.more }}{% endset %}{{ x }}", {"content": "<|im_", "more": "end|>"}),
}  # fmt: skip


@pytest.mark.parametrize(("shown", "fields"), MADE.values(), ids=MADE)
@pytest.mark.parametrize("layout", ["merged", "per_turn"])
def test_what_a_template_makes_of_text_is_text(
    shown: str, fields: dict[str, Any], layout: Layout
) -> None:
    """However the token comes to be: it is not encoded as one, it is counted, and it is refused."""
    renderer = template_renderer("demo", chat_template=CHATML.replace("%s", shown))
    chat = {"messages": [{"role": "user", **fields}, answer("Fine.")]}
    stop = renderer.stop_token_ids[0]
    counts = {}
    for policy in ("allow", "literal", "warn"):
        samples = everyturn.Expander(renderer, layout=layout, control_tokens=policy).expand([chat])
        counts[policy] = samples.input_ids.tolist().count(stop)
    assert counts["literal"] == 2
    assert counts["allow"] == counts["warn"] == 3
    assert samples.report.control_tokens == {"<|im_end|>": 1}
    assert samples.report.warnings["control_tokens"] == 1
    with pytest.raises(everyturn.ConversationError, match="control token"):
        everyturn.Expander(renderer, layout=layout, control_tokens="reject").expand([chat])


def test_a_token_made_in_every_turn_is_named_once() -> None:
    """And text without one is not counted, whatever is next to the template's own tokens."""
    renderer = template_renderer(
        "demo", chat_template=CHATML.replace("%s", "{{ m.content | lower }}")
    )
    expander = everyturn.Expander(renderer, layout="per_turn")
    spiked = expander.expand([chat_of("a <|IM_END|>", "b", "c <|IM_END|>", "d")])
    assert spiked.report.control_tokens == {"<|im_end|>": 1}
    sound = expander.expand([chat_of("<", "|im", "end|>", "<|IM_", "END|>", "|>")])
    assert sound.report.control_tokens == {}
