"""What becomes of a target whose prompt is not a prefix of its own rendering, policy by policy.

The templates are small ones of each class that is published: what the prompt of a server ends with, and what a
rendered turn starts with, are spelled out, and so is what a person would say that the model has to write.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import everyturn
from as_template import template_renderer
from chats import Record, to_jsonl
from published import write_model
from reference import ReferenceModel, conversations_of, read_lines

STOP = "<|im_end|>"
POLICIES = ("error", "skip", "match_thinking", "splice", "common_prefix")
WARNINGS = {
    "match_thinking": "matched_thinking",
    "splice": "spliced",
    "common_prefix": "common_prefix",
}

# --------------------------------------------------------------------------------------------
# Templates
# --------------------------------------------------------------------------------------------

START = """\
{%- set last = namespace(user=-1) -%}
{%- for message in messages -%}
    {%- if message.role == 'user' -%}{%- set last.user = loop.index0 -%}{%- endif -%}
{%- endfor -%}
{%- for message in messages -%}
    {%- if message.role != 'assistant' -%}
        {{- '<|im_start|>' ~ message.role ~ '\\n' ~ message.content ~ '<|im_end|>\\n' -}}
    {%- else -%}
        {%- set content = message.content or '' -%}
        {%- set reasoning = message.reasoning_content or '' -%}
        {{- HEADER -}}
"""
END = """\
        {{- content -}}
        {%- for call in message.tool_calls or [] -%}
            {{- '[' ~ call.function.name ~ ' ' ~ call.function.arguments | tojson ~ ']' -}}
        {%- endfor -%}
        {{- '<|im_end|>\\n' -}}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- PROMPT -}}{%- endif -%}
"""
HEADER = "'<|im_start|>assistant\\n'"
#: Reasoning within the content becomes reasoning, or is cut off.
SPLIT = """\
        {%- if not reasoning and '</think>' in content -%}
            {%- set reasoning = content.split('</think>')[0].split('<think>')[-1].strip('\\n') -%}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') -%}
        {%- endif -%}
"""
CUT = "{%- set content = content.split('</think>')[-1].lstrip('\\n') -%}"


def template(turn: str, prompt: str, header: str = HEADER) -> str:
    """Return a template: `turn` writes what comes before the content, `prompt` is what a server sends."""
    text = (START + turn + END).replace("PROMPT", prompt).replace("HEADER", header)
    assert "\t" not in text
    return text


#: What was said: without reasoning, with it in its field, and within the content in two ways.
SAYINGS: dict[str, Callable[[str], Record]] = {
    "none": lambda answer: {"content": answer},
    "field": lambda answer: {"content": answer, "reasoning_content": "Two and two."},
    "inline": lambda answer: {"content": f"<think>\nTwo and two.\n</think>\n\n{answer}"},
    "tight": lambda answer: {"content": f"<think>Two and two.</think>{answer}"},
}
#: How a target came about, and what is trained before the answer; None: it is not known.
Expected = tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Class:
    """Templates of one kind, and what is expected of each way to say something."""

    template: str
    splice: dict[str, Expected]
    common_prefix: dict[str, Expected]
    #: The flag that fits, or nothing where none does.
    match_thinking: dict[str, tuple[dict[str, bool], str]] = field(default_factory=dict)

    @property
    def broken(self) -> list[str]:
        """The sayings whose prompt is not a prefix of their rendering."""
        return [
            name for name, expected in self.splice.items() if (expected or ["lost"])[0] != "exact"
        ]


#: Where the template shows the reasoning, or the content has all of it.
WRITTEN = "Two and two.\n</think>\n\n"

CLASSES = {
    # The prompt opens a block that no rendered turn has: QwQ.
    "opened": Class(
        template("", HEADER + " ~ '<think>\\n'"),
        splice={
            "none": ("spliced", "\n</think>\n\n"),
            "field": ("spliced", WRITTEN),
            "inline": ("exact", WRITTEN),
            "tight": ("spliced", WRITTEN),
        },
        common_prefix={
            "none": ("common_prefix", ""),
            "field": ("common_prefix", ""),
            "inline": ("exact", WRITTEN),
            "tight": ("common_prefix", "Two and two.</think>"),
        },
    ),
    # The same, and the template cuts what was thought: R1-Distill.
    "opened and cut": Class(
        template(CUT, HEADER + " ~ '<think>\\n'"),
        splice={
            "none": ("spliced", "\n</think>\n\n"),
            "field": ("spliced", WRITTEN),
            "inline": ("spliced", WRITTEN),
            "tight": ("spliced", WRITTEN),
        },
        common_prefix=dict.fromkeys(SAYINGS, ("common_prefix", "")),
    ),
    # Reasoning is kept in the last turn, and a turn without has no block: MiniMax-M2.
    "opened, kept last": Class(
        template(
            SPLIT
            + "{%- if reasoning and loop.index0 > last.user -%}"
            "{{- '<think>\\n' ~ reasoning ~ '\\n</think>\\n\\n' -}}{%- endif -%}",
            HEADER + " ~ '<think>\\n'",
        ),
        splice={
            "none": ("spliced", "\n</think>\n\n"),
            "field": ("exact", WRITTEN),
            "inline": ("exact", WRITTEN),
            "tight": ("exact", WRITTEN),
        },
        common_prefix={
            "none": ("common_prefix", ""),
            "field": ("exact", WRITTEN),
            "inline": ("exact", WRITTEN),
            "tight": ("exact", WRITTEN),
        },
    ),
    # A turn without reasoning has a closed block in its own spelling: Nemotron-3.
    "opened, empty otherwise": Class(
        template(
            SPLIT
            + "{%- if reasoning and loop.index0 > last.user -%}"
            "{{- '<think>\\n' ~ reasoning ~ '\\n</think>\\n' -}}"
            "{%- else -%}{{- '<think></think>' -}}{%- endif -%}",
            HEADER + " ~ ('<think></think>' if enable_thinking is false else '<think>\\n')",
        ),
        splice={
            "none": ("spliced", "\n</think>\n"),
            "field": ("exact", "Two and two.\n</think>\n"),
            "inline": ("exact", "Two and two.\n</think>\n"),
            "tight": ("exact", "Two and two.\n</think>\n"),
        },
        common_prefix={
            "none": ("common_prefix", "</think>"),
            "field": ("exact", "Two and two.\n</think>\n"),
            "inline": ("exact", "Two and two.\n</think>\n"),
            "tight": ("exact", "Two and two.\n</think>\n"),
        },
        match_thinking={"none": ({"enable_thinking": False}, "")},
    ),
    # The prompt opens a block, and a turn without reasoning only closes one: GLM-4.7.
    "switched": Class(
        template(
            SPLIT
            + "{{- '<think>' ~ reasoning.strip() ~ '</think>' if reasoning and loop.index0 > last.user"
            " else '</think>' -}}",
            HEADER + " ~ ('</think>' if enable_thinking is false else '<think>')",
        ),
        splice={
            "none": ("spliced", "</think>"),
            "field": ("exact", "Two and two.</think>"),
            "inline": ("exact", "Two and two.</think>"),
            "tight": ("exact", "Two and two.</think>"),
        },
        common_prefix={
            "none": ("common_prefix", "</think>"),
            "field": ("exact", "Two and two.</think>"),
            "inline": ("exact", "Two and two.</think>"),
            "tight": ("exact", "Two and two.</think>"),
        },
        match_thinking={"none": ({"enable_thinking": False}, "")},
    ),
    # The prompt opens and closes a block, and a turn only closes it: DeepSeek-V3.2.
    "closed": Class(
        template(
            SPLIT
            + "{{- '<think>' ~ reasoning ~ '</think>' if thinking and reasoning else '</think>' -}}",
            HEADER + " ~ ('<think>' if thinking else '<think></think>')",
        ),
        splice={"none": ("spliced", ""), "field": None, "inline": None, "tight": None},
        common_prefix=dict.fromkeys(SAYINGS, ("common_prefix", "</think>")),
        match_thinking={
            "field": ({"thinking": True}, "Two and two.</think>"),
            "inline": ({"thinking": True}, "Two and two.</think>"),
            "tight": ({"thinking": True}, "Two and two.</think>"),
        },
    ),
    # The same in tags of another kind, which no turn has: Gemma 4.
    "closed in other tags": Class(
        template(CUT, HEADER + " ~ '[THOUGHT][/THOUGHT]'"),
        splice={"none": ("spliced", ""), "field": None, "inline": None, "tight": None},
        common_prefix=dict.fromkeys(SAYINGS, ("common_prefix", "")),
    ),
    # One newline more in the prompt: Llama 4 with JSON calls.
    "newline before the header": Class(
        template("", "'\\n' ~ " + HEADER),
        splice={"none": ("spliced", ""), "inline": ("spliced", f"<think>\n{WRITTEN}")},
        common_prefix={"none": ("common_prefix", ""), "inline": ("common_prefix", f"<think>\n{WRITTEN}")},
    ),
    "newline after the header": Class(
        template("", HEADER + " ~ '\\n'"),
        splice={"none": ("spliced", ""), "inline": ("spliced", f"<think>\n{WRITTEN}")},
        common_prefix={"none": ("common_prefix", ""), "inline": ("common_prefix", f"<think>\n{WRITTEN}")},
    ),
    # Every prompt is the beginning of its turn: Qwen3.
    "sound": Class(
        template(
            SPLIT
            + "{%- if loop.index0 > last.user and (reasoning or loop.last) -%}"
            "{{- '<think>\\n' ~ reasoning ~ '\\n</think>\\n\\n' -}}{%- endif -%}",
            HEADER + " ~ ('<think>\\n\\n</think>\\n\\n' if enable_thinking is false else '')",
        ),
        splice={
            "none": ("exact", "<think>\n\n</think>\n\n"),
            "field": ("exact", f"<think>\n{WRITTEN}"),
            "inline": ("exact", f"<think>\n{WRITTEN}"),
            "tight": ("exact", f"<think>\n{WRITTEN}"),
        },
        common_prefix={
            "none": ("exact", "<think>\n\n</think>\n\n"),
            "field": ("exact", f"<think>\n{WRITTEN}"),
            "inline": ("exact", f"<think>\n{WRITTEN}"),
            "tight": ("exact", f"<think>\n{WRITTEN}"),
        },
    ),
}  # fmt: skip

#: A system text that is written into the last user turn: Mistral.
SYSTEM_MOVES = """\
{%- for message in messages -%}
    {%- if message.role == 'user' -%}
        {{- '<|im_start|>' -}}
        {%- if loop.last and messages[0].role == 'system' -%}{{- messages[0].content ~ ' ' -}}{%- endif -%}
        {{- message.content ~ '<|im_end|>' -}}
    {%- elif message.role == 'assistant' -%}
        {{- message.content ~ '<|im_end|>' -}}
    {%- endif -%}
{%- endfor -%}
"""

#: The last question stands first, and after the answer where there is one.
QUESTION_MOVES = """\
{%- for message in messages -%}
    {%- if loop.last or message.role == 'system' -%}
        {{- '<|im_start|>' ~ message.content ~ '<|im_end|>' -}}
    {%- endif -%}
{%- endfor -%}
{%- if messages[-1].role == 'assistant' -%}
    {{- messages[-2].content ~ '<|im_end|>' -}}
{%- endif -%}
"""

#: What is answered, and how it reads in a rendered turn.
ANSWERS: dict[str, tuple[str, list[Record], str]] = {
    "plain": ("It is 4.", [], "It is 4."),
    "call": ("", [{"type": "function", "function": {"name": "add", "arguments": {"a": 2}}}],
             '[add {"a": 2}]'),
    "words and call": (
        "I add.", [{"type": "function", "function": {"name": "add", "arguments": {"a": 2}}}],
        'I add.[add {"a": 2}]'),
    "looks like a tag": ("<table>4", [], "<table>4"),
}  # fmt: skip

QUESTION: Record = {"role": "user", "content": "How much is 2 + 2, if 1 < 2?"}


def said(saying: str, answer: str = "plain") -> Record:
    """Return an answer."""
    words, calls, _ = ANSWERS[answer]
    message = {"role": "assistant", **SAYINGS[saying](words)}
    return {**message, "tool_calls": calls} if calls else message


@dataclass(frozen=True, slots=True)
class Model:
    """A class of templates in the product and in the reference."""

    renderer: everyturn.Renderer
    reference: ReferenceModel

    def expand(self, *conversations: list[Record], **options: Any) -> everyturn.Samples:
        """Return the rows of some conversations, a target each."""
        records = [{"messages": messages} for messages in conversations]
        expander = everyturn.Expander(self.renderer, **{"layout": "per_turn", **options})
        return expander.expand(to_jsonl(records))

    def halves(self, sample: everyturn.Sample) -> tuple[str, str]:
        """Return what comes before a target, and what is trained."""
        trained = len(sample.trained_ids)
        before = sample.input_ids[: len(sample.input_ids) - trained]
        assert (sample.labels[: len(before)] == everyturn.IGNORE_INDEX).all()
        return self.renderer.decode(before), self.renderer.decode(sample.trained_ids)


Models = Callable[[str], Model]


@pytest.fixture(scope="module")
def model(models: dict[str, Path]) -> Models:
    """The model of a class."""

    @functools.cache
    def made(name: str) -> Model:
        folder, source = models["prefills_thinking"], CLASSES[name].template
        renderer = template_renderer(folder, chat_template=source)
        return Model(renderer, ReferenceModel(folder, source, STOP))

    return made


def combinations(policy: str) -> list[Any]:
    """Return class, saying, answer and what is expected of a policy."""
    found = []
    for name, each in CLASSES.items():
        for saying, expected in getattr(each, policy).items():
            for answer in ANSWERS:
                if answer == "looks like a tag" and saying not in ("none", "field"):
                    continue
                title = f"{name}-{saying}-{answer}"
                found.append(pytest.param(name, saying, answer, expected, id=title))
    return found


# --------------------------------------------------------------------------------------------
# What the classes are
# --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_is_broken_where_it_is_said_to_be(model: Models, name: str) -> None:
    """With transformers alone: the prompt is a beginning of the turn's rendering, or it is not."""
    reference = model(name).reference
    broken = []
    for saying in CLASSES[name].splice:
        messages = [QUESTION, said(saying)]
        prompt = reference.render(messages[:1], add_generation_prompt=True)
        if not reference.render(messages).startswith(prompt):
            broken.append(saying)
    assert broken == CLASSES[name].broken


# --------------------------------------------------------------------------------------------
# error, skip
# --------------------------------------------------------------------------------------------

BROKEN = [(name, saying) for name, each in CLASSES.items() for saying in each.broken]


@pytest.mark.parametrize(("name", "saying"), BROKEN)
def test_error_names_file_line_and_message(
    model: Models, tmp_path: Path, name: str, saying: str
) -> None:
    """The text says where it is, and how prompt and rendering continue."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(b"\n" + to_jsonl([{"messages": [QUESTION, said(saying)]}]))
    with pytest.raises(everyturn.SampleError) as caught:
        everyturn.Expander(model(name).renderer).expand(path)
    error = caught.value
    assert (error.kind, error.file, error.line, error.message_index) == (
        "prompt_mismatch",
        str(path),
        2,
        1,
    )
    assert str(error).startswith(f"{path}:2: message 1: ")


@pytest.mark.parametrize(("name", "saying"), BROKEN)
def test_skip_leaves_the_target_out_and_counts_it(model: Models, name: str, saying: str) -> None:
    """Other conversations are kept, and nothing is warned of."""
    sound = next((each for each in SAYINGS if each not in CLASSES[name].broken), None)
    conversations = [[QUESTION, said(saying)]]
    if sound in CLASSES[name].splice:
        conversations.append([QUESTION, said(sound or "")])
    samples = model(name).expand(*conversations, prompt_mismatch="skip")
    assert samples.line.tolist() == list(range(2, len(conversations) + 1))
    report = samples.report
    assert report.targets_dropped == {"prompt_mismatch": 1}
    assert not set(WARNINGS.values()) & set(report.warnings)


# --------------------------------------------------------------------------------------------
# splice, common_prefix
# --------------------------------------------------------------------------------------------


def check(
    model: Model, policy: str, conversation: list[Record], expected: list[tuple[Expected, str]]
) -> everyturn.Samples:
    """Compare every target of a conversation with how it came about and what it reads."""
    samples = model.expand(conversation, prompt_mismatch=policy, on_error="skip")
    targets = [at for at, message in enumerate(conversation) if message["role"] == "assistant"]
    found = {int(sample.targets[0]): model.halves(sample) for sample in samples}
    ways: dict[str, int] = {}
    for index, (how, answer) in zip(targets, expected, strict=True):
        if how is None:
            assert index not in found
            continue
        way, before = how
        prompt, trained = found[index]
        assert trained == f"{before}{answer}{STOP}"
        if way != "exact":
            ways[way] = ways.get(way, 0) + 1
        full = model.reference.render(conversation[: index + 1])
        if way == "common_prefix":
            assert full.startswith(prompt + trained)
        else:
            assert prompt == model.reference.render(
                conversation[:index], add_generation_prompt=True
            )
    report = samples.report
    assert {
        way: report.warnings.get(way, 0) for way in WARNINGS.values() if way in report.warnings
    } == ways
    lost = sum(how is None for how, _ in expected)
    assert report.targets_dropped == ({"prompt_mismatch": lost} if lost else {})
    return samples


@pytest.mark.parametrize(("name", "saying", "answer", "expected"), combinations("splice"))
def test_splice_trains_what_the_model_has_yet_to_write(
    model: Models, name: str, saying: str, answer: str, expected: Expected
) -> None:
    """After the prompt of a server: the rest of the block, its end, the answer, the stop token.

    Where the prompt has ended thinking, reasoning fits nowhere, and the target is dropped.
    """
    check(model(name), "splice", [QUESTION, said(saying, answer)], [(expected, ANSWERS[answer][2])])


@pytest.mark.parametrize(("name", "saying", "answer", "expected"), combinations("common_prefix"))
def test_common_prefix_trains_from_where_prompt_and_rendering_part(
    model: Models, name: str, saying: str, answer: str, expected: Expected
) -> None:
    """Both halves are of the rendering; neither a header nor half of a tag is trained."""
    conversation = [QUESTION, said(saying, answer)]
    check(model(name), "common_prefix", conversation, [(expected, ANSWERS[answer][2])])


@pytest.mark.parametrize("policy", ["splice", "common_prefix"])
@pytest.mark.parametrize("name", CLASSES)
def test_every_turn_of_a_conversation_is_one_target(model: Models, name: str, policy: str) -> None:
    """Turns with and without reasoning, calls and their results: each by itself, as if it were the last."""
    known = getattr(CLASSES[name], policy)
    turns = [(saying, answer) for saying in known for answer in ("call", "plain")]
    conversation: list[Record] = [{"role": "system", "content": "Be kind."}]
    for saying, answer in turns:
        asks = {"role": "tool", "content": "4"} if answer == "plain" else QUESTION
        conversation += [asks, said(saying, answer)]
    expected = [(known[saying], ANSWERS[answer][2]) for saying, answer in turns]
    check(model(name), policy, conversation, expected)


@pytest.mark.parametrize("layout", ["per_turn", "merged"])
@pytest.mark.parametrize("policy", ["match_thinking", "splice", "common_prefix"])
def test_a_prompt_that_fits_is_never_changed(model: Models, policy: str, layout: str) -> None:
    """Where every prompt is the beginning of its turn, no policy makes a difference."""
    conversation = [{"role": "system", "content": "Be kind."}]
    for saying in SAYINGS:
        conversation += [
            QUESTION,
            said(saying, "call"),
            {"role": "tool", "content": "4"},
            said(saying),
        ]
    usual = model("sound").expand(conversation, layout=layout)
    samples = model("sound").expand(conversation, layout=layout, prompt_mismatch=policy)
    assert samples.input_ids.tolist() == usual.input_ids.tolist()
    assert samples.labels.tolist() == usual.labels.tolist()
    assert samples.report.to_dict() == usual.report.to_dict()


@pytest.mark.parametrize("policy", ["match_thinking", "splice", "common_prefix"])
def test_words_of_other_messages_are_never_trained(models: dict[str, Path], policy: str) -> None:
    """Where a question moves once an answer follows, no policy can tell the two apart."""
    folder = models["prefills_thinking"]
    renderer = template_renderer(folder, chat_template=QUESTION_MOVES)
    conversation = [{"role": "system", "content": "Be kind."}, QUESTION, said("none")]
    both = Model(renderer, ReferenceModel(folder, QUESTION_MOVES, STOP))
    samples = both.expand(conversation, prompt_mismatch=policy, on_error="skip")
    assert len(samples) == 0
    assert samples.report.targets_dropped == {"prompt_mismatch": 1}


@pytest.mark.parametrize("policy", ["match_thinking", "splice", "common_prefix"])
def test_the_turn_is_found_after_history_that_the_template_rewrites(
    models: dict[str, Path], policy: str
) -> None:
    """`splice` trains the answer after the prompt of a server; the others have no such prompt in their rendering."""
    folder = models["prefills_thinking"]
    renderer = template_renderer(folder, chat_template=SYSTEM_MOVES)
    conversation = [{"role": "system", "content": "Be kind."}, QUESTION, said("none")]
    both = Model(renderer, ReferenceModel(folder, SYSTEM_MOVES, STOP))
    samples = both.expand(conversation, prompt_mismatch=policy, on_error="skip")
    assert len(samples) == (policy == "splice")
    for sample in samples:
        prompt = both.reference.render(conversation[:2], add_generation_prompt=True)
        assert both.halves(sample) == (prompt, f"It is 4.{STOP}")
    assert len(both.expand(conversation[1:], prompt_mismatch=policy)) == 1


@pytest.mark.parametrize("question", ["Is 1 < 2?", "Is a[0 an index?", "1 < 2\n", "<", "[", "◁"])
@pytest.mark.parametrize("policy", ["splice", "common_prefix"])
def test_a_sign_in_the_question_opens_no_tag(
    models: dict[str, Path], policy: str, question: str
) -> None:
    """A template without control tokens after a question: where it ends, nothing before is trained."""
    source = (
        "{%- for message in messages -%}"
        "{{- 'Q: ' ~ message.content ~ ' A:' if message.role == 'user' else"
        " ' ' ~ message.content ~ '<|im_end|>' -}}"
        "{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{- '\\n' -}}{%- endif -%}"
    )
    folder = models["prefills_thinking"]
    renderer = template_renderer(folder, chat_template=source)
    both = Model(renderer, ReferenceModel(folder, source, STOP))
    conversation = [{"role": "user", "content": question}, said("none")]
    samples = both.expand(conversation, prompt_mismatch=policy)
    assert both.halves(samples[0])[1].lstrip() == f"It is 4.{STOP}"


def test_common_prefix_never_splits_a_control_token(tmp_path: Path) -> None:
    """Tokens that start alike, whatever signs they are made of."""
    opened, closed = "◁think▷", "◁/think▷"
    source = template(f"{{{{- '{closed}' -}}}}", f"{HEADER} ~ '{opened}'")
    folder = write_model(tmp_path / "model", source, more=(opened, closed))
    renderer = template_renderer(folder)
    both = Model(renderer, ReferenceModel(folder, source, STOP))
    samples = both.expand([QUESTION, said("none")], prompt_mismatch="common_prefix")
    before, trained = both.halves(samples[0])
    assert trained == f"{closed}It is 4.{STOP}"
    assert before.endswith("assistant\n")
    controls = {int(renderer.encode(token)[0]) for token in (closed, STOP)}
    assert controls <= set(samples[0].trained_ids.tolist())


# --------------------------------------------------------------------------------------------
# match_thinking
# --------------------------------------------------------------------------------------------

MATCHED = [(name, saying) for name, each in CLASSES.items() for saying in each.match_thinking]
UNMATCHED = [pair for pair in BROKEN if pair not in MATCHED]


@pytest.mark.parametrize(("name", "saying"), MATCHED)
@pytest.mark.parametrize("answer", ANSWERS)
def test_match_thinking_renders_with_the_flag_that_fits(
    model: Models, name: str, saying: str, answer: str
) -> None:
    """Prompt and turn are what transformers renders with that flag."""
    both = model(name)
    flags, before = CLASSES[name].match_thinking[saying]
    messages = [QUESTION, said(saying, answer)]
    prompt = both.reference.render(messages[:1], None, flags, add_generation_prompt=True)
    full = both.reference.render(messages, None, flags)
    assert full.startswith(prompt)
    samples = both.expand(messages, prompt_mismatch="match_thinking")
    assert both.halves(samples[0]) == (prompt, f"{before}{ANSWERS[answer][2]}{STOP}")
    assert full == prompt + both.halves(samples[0])[1] + "\n"
    assert {way: samples.report.warnings.get(way) for way in WARNINGS.values()} == {
        "matched_thinking": 1,
        "spliced": None,
        "common_prefix": None,
    }


@pytest.mark.parametrize(("name", "saying"), UNMATCHED)
def test_match_thinking_is_an_error_where_no_flag_fits(
    model: Models, name: str, saying: str
) -> None:
    """Nothing is guessed: the target is a fault that gives its location."""
    with pytest.raises(everyturn.SampleError, match="flag") as caught:
        model(name).expand([QUESTION, said(saying)], prompt_mismatch="match_thinking")
    assert (caught.value.kind, caught.value.line, caught.value.message_index) == (
        "prompt_mismatch",
        1,
        1,
    )


@pytest.mark.parametrize(("name", "saying"), MATCHED)
@pytest.mark.parametrize("given", ["renderer", "record"])
def test_match_thinking_leaves_flags_of_the_user_alone(
    models: dict[str, Path], name: str, saying: str, given: str
) -> None:
    """A flag that was given holds, although another value would fit."""
    flags, _ = CLASSES[name].match_thinking[saying]
    others = {flag: not value for flag, value in flags.items()}
    record: Record = {"messages": [QUESTION, said(saying)]}
    if given == "record":
        record["chat_template_kwargs"] = others
    renderer = template_renderer(
        models["prefills_thinking"],
        chat_template=CLASSES[name].template,
        template_kwargs=others if given == "renderer" else None,
    )
    expander = everyturn.Expander(renderer, prompt_mismatch="match_thinking")
    with pytest.raises(everyturn.SampleError) as caught:
        expander.expand([record])
    assert caught.value.kind == "prompt_mismatch"


def test_match_thinking_fits_each_turn_by_itself(model: Models) -> None:
    """Turns with reasoning need no flag, those without need one."""
    both = model("switched")
    conversation = []
    for saying in ("field", "none", "field", "none"):
        conversation += [QUESTION, said(saying)]
    samples = both.expand(conversation, prompt_mismatch="match_thinking")
    assert [both.halves(sample)[1] for sample in samples] == [
        "Two and two.</think>It is 4.<|im_end|>",
        "It is 4.<|im_end|>",
    ] * 2
    assert samples.report.warnings == {"matched_thinking": 2}


# --------------------------------------------------------------------------------------------
# Published templates, real chats
# --------------------------------------------------------------------------------------------

OPENING = (
    "qwq-32b.jinja",
    "deepseek-r1-distill-qwen-7b.jinja",
    "deepseek-ai-DeepSeek-R1-Distill-Llama-8B.jinja",
    "MiniMax-M2.jinja",
)
CHATS = (
    "deepseek_math_v2_proofs.jsonl.gz",
    "mt_bench_ja_zh_ru.jsonl.gz",
    "nemo_gym_rollouts.jsonl.gz",
    "oasst_en_100_trees_threads.jsonl.gz",
    "tinker_cookbook_conversations.jsonl",
)
SHORT_LINE, LINES_PER_FILE = 30_000, 20


@pytest.mark.parametrize("name", OPENING)
def test_splice_loses_no_target_of_real_chats(data: Path, tmp_path: Path, name: str) -> None:
    """Each is trained with its words and its reasoning, and ends with one stop token."""
    source = (data / "templates" / name).read_bytes().decode()
    renderer = template_renderer(write_model(tmp_path / "model", source))
    (stop,) = renderer.stop_token_ids
    expander = everyturn.Expander(
        renderer,
        layout="per_turn",
        prompt_mismatch="splice",
        on_error="skip",
        control_tokens="allow",
    )
    spliced = 0
    for file in CHATS:
        lines = [line for _, line in read_lines(data / "chats" / file) if len(line) < SHORT_LINE]
        lines = lines[:: max(1, len(lines) // LINES_PER_FILE)]
        conversations, _ = conversations_of(lines)
        samples = expander.expand(b"\n".join(lines))
        assert "prompt_mismatch" not in samples.report.targets_dropped, file
        spliced += samples.report.warnings.get("spliced", 0)
        for sample in samples:
            message = conversations[int(sample.line)].messages[int(sample.targets[0])]
            text = renderer.decode(sample.trained_ids)
            words = message.get("content", "").rpartition("</think>")
            assert words[2].strip() in text
            reasoning = message.get("reasoning_content") or words[0].rpartition("<think>")[2]
            before = sample.input_ids[: len(sample.input_ids) - len(sample.trained_ids)]
            # Where the prompt opens no block, the template alone decides.
            assert reasoning.strip() in text or not renderer.decode(before).endswith("<think>\n")
            ids = sample.trained_ids.tolist()
            assert ids[-1] == stop
            assert ids.count(stop) == 1 + message.get("content", "").count(renderer.decode([stop]))
    assert spliced > 20
