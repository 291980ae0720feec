"""Every real tokenizer and template, on every file of real chats, against the slow reference."""

import functools
import itertools
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import everyturn
from as_template import template_renderer
from everyturn.options import Layout
from paths import find_data
from reference import (
    IGNORE_INDEX,
    STOP_TOKENS,
    Conversation,
    ReferenceModel,
    RenderError,
    Result,
    Row,
    Sample,
    assert_merged_minimal,
    assert_same_samples,
    conversations_of,
    expected_samples,
    merged,
    read_lines,
    row_of,
    rows_by_line,
    samples_of,
    tokens_of_a_trie,
)

CONVERSATIONS_PER_FILE = 6
#: Longer lines are left out of the sample as long as there are enough shorter ones, and of long
#: ones there are fewer.
SHORT_LINE = 12_000
BYTES_PER_FILE = 40_000
#: With `--whole`, as many lines are held in memory at a time.
LINES_PER_PART = 500
#: The tokenizer on which the longest conversations of every file are compared, too.
LONGEST_ON = "llama-3.1"
WITHOUT_TEMPLATE = "gpt2"

#: What the reference calls a fault, as the product's report counts it.
FAULT_KINDS = {
    "empty_prompt": "empty_prompt",
    "template": "template",
    "prompt_mismatch": "prompt_mismatch",
    "no_stop": "no_stop_token",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A tokenizer, one of the templates next to it, and some lines of one chat file.

    `lines` is "sample", "longest", or, with `--whole`, the number of a part.
    """

    tokenizer: str
    template: str
    chats: str
    lines: str | int = "sample"

    def __str__(self) -> str:
        template = self.template.removesuffix(".jinja").removeprefix("chat_template")
        which = "" if self.lines == "sample" else f"-{self.lines}"
        return f"{self.tokenizer}{template}-{self.chats.split('.jsonl')[0]}{which}"


@dataclass(frozen=True, slots=True)
class Case:
    """The lines of a choice, what the reference makes of them, and who is compared with it."""

    renderer: everyturn.Renderer
    model: ReferenceModel
    lines: list[bytes]
    conversations: dict[int, Conversation]
    results: list[Result]
    refused_lines: set[int]
    made: dict[Layout, everyturn.Samples] = field(default_factory=dict)

    def expected_samples(self) -> Counter[Sample]:
        """Return the samples that the reference makes."""
        return expected_samples(self.results)

    def expected_faults(self) -> dict[tuple[int, int], str]:
        """Return the kind of fault of each target that has one."""
        return {
            (result.line, result.message_index): FAULT_KINDS[result.fault]
            for result in self.results
            if result.fault is not None
        }

    def expander(self, layout: Layout) -> everyturn.Expander:
        """Return the product's expander: it skips what the reference names as a fault."""
        return everyturn.Expander(
            self.renderer,
            layout=layout,
            on_error="skip",
            prompt_mismatch="skip",
            control_tokens="allow",
        )

    def expand(self, layout: Layout) -> everyturn.Samples:
        """Return the rows that the product makes of the lines, made once."""
        if layout not in self.made:
            self.made[layout] = self.expander(layout).expand(b"\n".join(self.lines))
        return self.made[layout]

    def faults(self, samples: everyturn.Samples) -> list[Any]:
        """Every fault: a report holds no more than some, so that many are asked for by line."""
        if not samples.report.faults_omitted:
            return list(samples.report.faults)
        found: list[Any] = []
        for number, line in enumerate(self.lines, start=1):
            # Blank lines in front keep the number of the line.
            report = self.expander("per_turn").expand(b"\n" * (number - 1) + line).report
            assert report.faults_omitted == 0
            found.extend(report.faults)
        return found


# --------------------------------------------------------------------------------------------
# What is compared
# --------------------------------------------------------------------------------------------


def _choices(*, whole: bool) -> list[Any]:
    data = find_data()
    if data is None:
        return [pytest.param(None, id="no-data")]
    chats = sorted(path for path in (data / "chats").glob("*.jsonl*"))
    which: dict[str, list[str | int]] = {}
    for path in chats:
        if not path.name.startswith("odd_"):
            count = sum(1 for _ in read_lines(path)) if whole else 0
            which[path.name] = list(range(-(-count // LINES_PER_PART))) if whole else ["sample"]
    choices: list[Choice] = []
    for name in sorted(STOP_TOKENS):
        paths = sorted((data / "tokenizers" / name).glob("chat_template*.jinja"))
        templates = [path.name for path in paths]
        for template, file in itertools.product(templates, which):
            choices += [Choice(name, template, file, lines) for lines in which[file]]
        if name == LONGEST_ON and not whole:
            choices += [Choice(name, templates[0], file, "longest") for file in which]
    return [pytest.param(choice, id=str(choice)) for choice in choices]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Compare every tokenizer and template on every file, in parts if all of it is asked for."""
    if "case" in metafunc.fixturenames:
        choices = _choices(whole=metafunc.config.getoption("--whole"))
        metafunc.parametrize("case", choices, indirect=True, scope="module")


def _lines_of(path: Path, which: str | int) -> list[bytes]:
    lines = [line for _, line in read_lines(path)]
    if isinstance(which, int):
        return lines[which * LINES_PER_PART : (which + 1) * LINES_PER_PART]
    if which == "longest":
        return [max(lines, key=len), max(lines, key=lambda line: line.count(b'"role"'))]
    return _sample_of(lines)


def _sample_of(lines: list[bytes]) -> list[bytes]:
    """Return some lines, always the same and spread over the file, that are quick to compare."""
    most = min(CONVERSATIONS_PER_FILE, len(lines))
    enough = sorted(map(len, lines))[most - 1]
    short = [line for line in lines if len(line) <= max(SHORT_LINE, enough)]
    for count in range(most, 0, -1):
        chosen = [short[place * len(short) // count] for place in range(count)]
        if sum(map(len, chosen)) <= BYTES_PER_FILE:
            return chosen
    return short[:1]


@functools.lru_cache(maxsize=1)
def _models_of(folder: Path, template: Path) -> tuple[everyturn.Renderer, ReferenceModel]:
    text = template.read_text(encoding="utf-8")
    renderer = template_renderer(folder, chat_template=text)
    return renderer, ReferenceModel(folder, text)


def _expect(
    model: ReferenceModel, lines: list[bytes]
) -> tuple[dict[int, Conversation], list[Result], set[int]]:
    """What the reference makes of every line: conversations, targets, and what is refused."""
    read, refused = conversations_of(lines, parts_as_list=model.prints_text_parts())
    conversations = {line: model.adapted(known) for line, known in read.items()}
    results = [
        result for line, known in conversations.items() for result in model.expand(known, line)
    ]
    return conversations, results, refused


@pytest.fixture(scope="module")
def case(
    request: pytest.FixtureRequest, data: Path, tokenizer_folder: Callable[[str], Path]
) -> Case:
    """One tokenizer, template and chat file, worked out by the reference once."""
    choice: Choice = request.param
    folder = tokenizer_folder(choice.tokenizer)
    renderer, model = _models_of(folder, folder / choice.template)
    lines = _lines_of(data / "chats" / choice.chats, choice.lines)
    conversations, results, refused = _expect(model, lines)
    return Case(renderer, model, lines, conversations, results, refused)


# --------------------------------------------------------------------------------------------
# The rules
# --------------------------------------------------------------------------------------------


def test_rendered_text_equals_transformers(case: Case) -> None:
    """`Renderer.render` gives transformers' text for prompts and full renderings.

    Where transformers raises, it raises.
    """
    for result in case.results:
        conversation = case.conversations[result.line]
        index = result.message_index
        for expected, messages, prompting in (
            (result.prompt_text, conversation.messages[:index], True),
            (result.full_text, conversation.messages[: index + 1], False),
        ):
            try:
                text: str | None = case.renderer.render(
                    messages,
                    tools=conversation.tools,
                    add_generation_prompt=prompting,
                    **conversation.template_kwargs,
                )
            except everyturn.EveryturnError:
                text = None
            assert text == expected, f"line {result.line}, message {index}, prompt: {prompting}"


def test_every_target_has_the_ids_of_the_reference(case: Case) -> None:
    """Every target that is not a fault has the reference's prompt ids, completion ids, weight."""
    assert_same_samples(samples_of(case.expand("per_turn")), case.expected_samples())


def test_a_row_of_per_turn_is_a_prompt_and_its_completion(case: Case) -> None:
    """In `per_turn` a row has one target, trained to its last id, and the rows come in order."""
    samples = case.expand("per_turn")
    places = [(int(sample.line), *sample.targets.tolist()) for sample in samples]
    assert places == [
        (result.line, result.message_index) for result in case.results if result.fault is None
    ]
    for sample in samples:
        assert sample.labels[-1] != IGNORE_INDEX


def test_faults_agree_with_the_reference(case: Case) -> None:
    """What cannot become a sample is refused for the reference's reason.

    It is named with line and message, and everything else is kept.
    """
    samples = case.expand("per_turn")
    report = samples.report
    faults = case.faults(samples)
    refused = {fault.line for fault in faults if fault.line in case.refused_lines}
    assert refused == case.refused_lines
    at_targets = {
        (fault.line, fault.message_index): fault.kind
        for fault in faults
        if fault.line not in case.refused_lines
    }
    assert at_targets == case.expected_faults()
    assert Counter(report.targets_dropped) == Counter(case.expected_faults().values())
    assert report.targets_found == len(case.results)
    assert report.targets_trained == case.expected_samples().total()


def test_every_line_and_target_is_accounted_for(case: Case) -> None:
    """Lines read are lines kept and dropped; targets found are targets trained and dropped."""
    for layout in ("per_turn", "merged", "tree"):
        report = case.expand(layout).report
        assert report.records_read == len(case.lines)
        assert report.records_read == report.records_kept + sum(report.records_dropped.values())
        assert report.targets_found == report.targets_trained + sum(report.targets_dropped.values())


def test_per_turn_and_merged_carry_the_same_targets(case: Case) -> None:
    """`merged` trains the same (prompt, completion, weight) as `per_turn`, each exactly once."""
    assert_same_samples(samples_of(case.expand("merged")), samples_of(case.expand("per_turn")))


def test_per_turn_and_tree_carry_the_same_targets(case: Case) -> None:
    """Every path of `tree` that is trained is a row of `per_turn`, weight included, and the reverse."""
    assert_same_samples(samples_of(case.expand("tree")), samples_of(case.expand("per_turn")))


def test_a_tree_has_hardly_more_tokens_than_there_are_beginnings(case: Case) -> None:
    """No tree has fewer tokens than a plain trie of the rows; these have at most 1 % more."""
    tree = case.expand("tree")
    bound = sum(
        tokens_of_a_trie(row.ids for row, _ in rows)
        for rows in rows_by_line(case.expand("per_turn")).values()
    )
    assert bound <= tree.report.tokens <= bound + bound // 100
    assert len(tree) == len(set(tree.line.tolist())), "a conversation is one tree"


def test_merged_rows_are_those_of_the_reference(case: Case) -> None:
    """A target joins the row whose ids are the longest that its prompt starts with."""
    expected: dict[int, list[Row]] = {}
    for result in case.results:
        if result.fault is None:
            expected.setdefault(result.line, []).append(row_of(result))
    found = rows_by_line(case.expand("merged"))
    assert sorted(found) == sorted(expected)
    for line, rows in expected.items():
        places = [row.targets for row, _ in found[line]]
        assert sorted(places) == sorted(row.targets for row in merged(rows)), f"line {line}"


def test_no_row_of_merged_could_have_joined_another(case: Case) -> None:
    """`merged` has the fewest rows: none could have been put at the end of another."""
    for rows in rows_by_line(case.expand("merged")).values():
        assert_merged_minimal([row for row, _ in rows])


@pytest.mark.usefixtures("data")
def test_the_template_in_the_folder_is_taken_unasked(
    tokenizer_folder: Callable[[str], Path],
) -> None:
    """Without `chat_template` the template that transformers would take is taken."""
    messages = [{"role": "user", "content": "Hi there"}]
    for name in sorted(STOP_TOKENS):
        folder = tokenizer_folder(name)
        renderer = template_renderer(folder)
        expected = ReferenceModel(folder).render(messages, add_generation_prompt=True)
        assert renderer.render(messages, add_generation_prompt=True) == expected


@pytest.mark.usefixtures("data")
def test_the_stop_token_is_found_by_probing(tokenizer_folder: Callable[[str], Path]) -> None:
    """The token that ends a turn is found for every real tokenizer, by no list of names."""
    for name, stop in sorted(STOP_TOKENS.items()):
        renderer = template_renderer(tokenizer_folder(name))
        assert [renderer.decode([stop_id]) for stop_id in renderer.stop_token_ids] == [stop]


@pytest.mark.usefixtures("data")
def test_a_model_without_template_is_refused(tokenizer_folder: Callable[[str], Path]) -> None:
    """A folder without a chat template is not a model to render with."""
    with pytest.raises(everyturn.ModelError):
        template_renderer(tokenizer_folder(WITHOUT_TEMPLATE))


@pytest.mark.usefixtures("data")
def test_the_reference_raises_where_transformers_raises(
    tokenizer_folder: Callable[[str], Path],
) -> None:
    """The reference itself says that a conversation cannot be rendered, and does not guess."""
    folder = tokenizer_folder("llama-2")
    with pytest.raises(RenderError):
        ReferenceModel(folder).render([{"role": "tool", "content": "4"}])


# --------------------------------------------------------------------------------------------
# The border between prompt and completion
# --------------------------------------------------------------------------------------------

#: Nothing but text between the prompt and what follows, so that words can grow together there.
BORDER_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- message.role ~ ':' ~ gap ~ message.content ~ 'STOP' ~ '\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- 'assistant:' ~ gap -}}{%- endif -%}"
)
GAPS = ("", " ", "\n", "\n\n", "  ", " 1", " (", "'")
STARTS = ("Yes", " yes", "yes", "\n\nYes", "\n", "  x", "12", "\u0301a", "'s", "))", "", "\u4f60")


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("name", sorted(STOP_TOKENS))
def test_a_merge_over_the_border_is_forced_and_counted(
    tokenizer_folder: Callable[[str], Path], name: str
) -> None:
    """Where a token would run over the border, the prompt keeps the ids that a server sends.

    The completion is encoded as a continuation, and the target is counted.
    """
    folder = tokenizer_folder(name)
    forced = 0
    for gap in GAPS:
        source = BORDER_TEMPLATE.replace("STOP", STOP_TOKENS[name]).replace("gap", repr(gap))
        model = ReferenceModel(folder, source)
        lines = [
            json.dumps({"messages": [{"role": "user", "content": "Well?"}, answer]}).encode()
            for answer in ({"role": "assistant", "content": start} for start in STARTS)
        ]
        _, results, _ = _expect(model, lines)
        renderer = template_renderer(folder, chat_template=source)
        samples = everyturn.Expander(renderer, layout="per_turn").expand(b"\n".join(lines))
        assert_same_samples(samples_of(samples), expected_samples(results))
        expected = sum(result.border_forced for result in results)
        assert samples.report.warnings.get("border_merges", 0) == expected
        forced += expected
    assert forced, "no border was forced: the cases show nothing"
