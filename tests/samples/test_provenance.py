"""What wrote each token: as the text itself shows it, whatever the layout and the tokenizer."""

import functools
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import everyturn
from chats import Record
from everyturn.inspect import pick
from everyturn.inspect.inspection import inspect_record
from everyturn.samples import KINDS
from everyturn.samples.keep_option import FACTS
from layouts import every_layout

WEATHER: Record = {
    "tools": [
        {"type": "function", "function": {"name": "air", "parameters": {"type": "object"}}},
    ],
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Air in Bonn?"},
        {
            "role": "assistant",
            "reasoning_content": "Better ask.",
            "content": "Let me see.",
            "tool_calls": [{"id": "1", "function": {"name": "air", "arguments": {"of": "Bonn"}}}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "fresh"},
        {"role": "assistant", "content": "<think>\nFresh is fine.\n</think>\n\nFine."},
    ],
}

#: What is in the text of each kind of each message, after white space is stripped.
WROTE = {
    ("system", 0): "Be brief.",
    ("content", 1): "Air in Bonn?",
    ("reasoning", 2): "Better ask.",
    ("content", 2): "Let me see.",
    ("tool_call", 2): 'air {"of": "Bonn"}}',
    ("stop", 2): "<|im_end|>",
    ("tool_result", 3): "fresh",
    ("reasoning", 4): "Fresh is fine.",
    ("content", 4): "Fine.",
    ("stop", 4): "<|im_end|>",
}


def runs_of(sample: everyturn.Sample) -> list[tuple[str, int, bool, list[int]]]:
    """Kind, message, whether they are of an answer, and ids of each run."""
    ends = np.cumsum(sample.run_lengths)
    assert ends[-1] == len(sample.input_ids)
    ids = np.split(sample.input_ids, ends[:-1])
    return [
        (KINDS[kind], int(message), bool(answer), part.tolist())
        for kind, message, answer, part in zip(
            sample.run_kinds, sample.run_messages, sample.run_answers, ids, strict=True
        )
    ]


@pytest.fixture(scope="module")
def qwen(tokenizer_folder: Callable[[str], Path]) -> Path:
    """A model that thinks and calls tools."""
    return tokenizer_folder("qwen3")


@pytest.mark.parametrize("layout", ["merged", "tree"])
def test_each_kind_of_text_is_that_of_its_message(qwen: Path, layout: Any) -> None:
    """One row shows the whole conversation here; template text is all that is left."""
    expander = everyturn.Expander(qwen, layout=layout, provenance=True)
    (sample,) = expander.expand([WEATHER])
    texts: dict[tuple[str, int], str] = {}
    for kind, message, answer, ids in runs_of(sample):
        assert answer == (message in {2, 4})
        if kind not in {"template", "tools"}:
            text = texts.get((kind, message), "") + expander.renderer.decode(ids)
            texts[kind, message] = text
    assert {key: text.strip() for key, text in texts.items()} == WROTE


#: What the names of five more columns and their statistics take in any file.
SCHEMA = 8 << 10

#: Templates of real models, and one for a tokenizer that has none.
MODELS = ["qwen3", "llama-3.1", "llama-2", "phi-3-mini", "deepseek-v3", "minimind", "gpt2"]
FOR_GPT2 = (
    "{% for m in messages %}{{ m.role }}: {{ m.content }}<|endoftext|>{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)


@pytest.fixture(scope="module")
def renderer_of(tokenizer_folder: Callable[[str], Path]) -> Callable[[str], everyturn.Renderer]:
    """A model by name, loaded once."""

    @functools.cache
    def loaded(name: str) -> everyturn.Renderer:
        template = FOR_GPT2 if name == "gpt2" else None
        return everyturn.Renderer.from_dir(tokenizer_folder(name), chat_template=template)

    return loaded


@pytest.mark.parametrize("layout", ["per_turn", "merged", "conversation"])
@pytest.mark.parametrize("name", MODELS)
def test_the_writers_are_those_that_inspect_finds(
    data: Path, renderer_of: Callable[[str], everyturn.Renderer], layout: Any, name: str
) -> None:
    """It encodes the text again and asks the library for offsets: slow, and another way."""
    renderer = renderer_of(name)
    expander = everyturn.Expander(renderer, layout=layout, provenance=True, on_error="skip")
    compared = 0
    for chats in ("sgd_train", "mt_bench_en", "nemo_gym_rollouts"):
        source = str(next((data / "chats").glob(f"{chats}*")))
        for record in itertools.islice(pick.records(expander, source), 4):
            shown = inspect_record(expander, record).samples
            assert record.text is not None
            samples = expander.expand(record.text)
            assert [sample.input_ids.tolist() for sample in samples] == [
                list(one.ids) for one in shown
            ]
            for sample, one in zip(samples, shown, strict=True):
                assert_same_writers(sample, one)
                compared += 1
    assert compared


def assert_same_writers(sample: everyturn.Sample, shown: Any) -> None:
    """What `inspect` shows as somebody's is of that message; the names of roles are the template's."""
    kinds = np.repeat(sample.run_kinds, sample.run_lengths)
    messages = np.repeat(sample.run_messages, sample.run_lengths)
    answers = np.repeat(sample.run_answers, sample.run_lengths)
    for run in shown.runs:
        at = slice(run.start, run.end)
        mine = {KINDS[kind] for kind in kinds[at]}
        of = set(messages[at].tolist())
        assert set(answers[at].tolist()) == {run.target is not None}, run
        if run.target is not None:
            assert of == {run.target}, run
        elif run.origin == "message" and mine != {"template"}:
            assert "template" not in mine, run
            assert of == {run.message}, run
        elif run.origin == "message":
            assert run.text.strip("<|> \n").lower() in {"system", "user", "assistant", "tool"}, run
        else:
            assert mine == {run.origin}, run


@pytest.mark.parametrize("name", MODELS)
def test_a_path_of_a_tree_says_what_its_row_per_turn_says(
    data: Path, renderer_of: Callable[[str], everyturn.Renderer], name: str
) -> None:
    """Only the answers before are trained there, too: what the template wrote in them is theirs."""
    renderer = renderer_of(name)
    expander = everyturn.Expander(renderer, layout="tree", provenance=True, on_error="skip")
    source = str(next((data / "chats").glob("sgd_train*")))
    rows = expander.replace(layout="per_turn").expand(source, limit=6)
    expected = {(row.line, int(row.targets[0])): said_by(row) for row in rows}
    found = {}
    for tree in expander.expand(source, limit=6):
        assert tree.subtree_end is not None
        writers = said_by(tree)
        messages = np.repeat(tree.run_messages, tree.run_lengths)
        answers = np.repeat(tree.run_answers, tree.run_lengths)
        for target in tree.targets.tolist():
            last = int(np.flatnonzero(answers & (messages == target))[-1])
            path = np.flatnonzero(tree.subtree_end[: last + 1] > last)
            found[tree.line, target] = [writers[token] for token in path.tolist()]
    assert found == expected


def said_by(sample: everyturn.Sample) -> list[tuple[str, int]]:
    """Kind and message of each token; stops are the template's, and its own text is of no message."""
    return [
        ("template", -1) if kind in {"template", "stop"} else (kind, message)
        for kind, message, _, ids in runs_of(sample)
        for _ in ids
    ]


def test_the_facts_of_messages_are_carried_along(qwen: Path) -> None:
    """Rules need them: roles, tools, and texts on request."""
    facts = everyturn.Expander(qwen, provenance=True).expand([WEATHER]).kept[FACTS][0]
    assert [fact["role"] for fact in facts] == [m["role"] for m in WEATHER["messages"]]
    assert facts[2]["calls"] == ["air"]
    assert facts[3]["tool"] == "air"
    assert not any("text" in fact for fact in facts)
    expander = everyturn.Expander(qwen, provenance=True, keep_texts=True)
    facts = expander.expand([WEATHER]).kept[FACTS][0]
    assert [fact.get("text") for fact in facts] == [m["content"] for m in WEATHER["messages"]]


def test_without_provenance_there_are_no_runs(qwen: Path) -> None:
    """It costs nothing where nobody asks."""
    samples = everyturn.Expander(qwen).expand([WEATHER])
    assert samples.run_offsets.tolist() == [0] * (len(samples) + 1)
    assert FACTS not in samples.kept
    assert "run_kinds" not in samples.to_arrow().column_names
    with pytest.raises(everyturn.OptionsError, match="provenance"):
        everyturn.Expander(qwen, keep_texts=True)


@every_layout
def test_provenance_goes_wherever_samples_go(qwen: Path, tmp_path: Path, layout: Any) -> None:
    """Selections, parts, folders, tables and files have it."""
    expander = everyturn.Expander(qwen, layout=layout, provenance=True)
    samples = expander.expand([WEATHER, WEATHER])
    expected = [runs_of(sample) for sample in samples]
    samples.save(tmp_path / "saved")
    loaded = everyturn.Samples.load(tmp_path / "saved")
    assert [runs_of(sample) for sample in loaded] == expected
    backwards = samples.select(range(len(samples))[::-1])
    assert [runs_of(sample) for sample in backwards] == expected[::-1]
    halves = everyturn.Samples.concatenate([samples[:1], samples[1:]])
    assert [runs_of(sample) for sample in halves] == expected
    samples.to_parquet(tmp_path / "samples.parquet")
    table = pq.read_table(tmp_path / "samples.parquet")
    assert table["run_kinds"].to_pylist() == [sample.run_kinds.tolist() for sample in samples]
    assert table["run_answers"].to_pylist() == [sample.run_answers.tolist() for sample in samples]


def test_a_window_has_the_numbers_of_the_whole_conversation(qwen: Path) -> None:
    """A message is the same one wherever it is shown."""
    turns: list[Record] = []
    for number in range(3):
        turns += [
            {"role": "user", "content": f"Question {number}?"},
            {"role": "assistant", "content": f"Answer {number}."},
        ]
    options: dict[str, Any] = {"layout": "per_turn", "history_turns": 1, "provenance": True}
    samples = everyturn.Expander(qwen, **options).expand([{"messages": turns}])
    said = [{m for kind, m, _, _ in runs_of(sample) if kind == "content"} for sample in samples]
    assert said == [{0, 1}, {2, 3}, {4, 5}]


def test_a_token_takes_a_byte_at_most(data: Path, qwen: Path, tmp_path: Path) -> None:
    """Runs are kept, not tokens: what a file grows by is small beside the ids."""
    for chats in sorted((data / "chats").glob("*.jsonl*")):
        sizes = []
        for provenance in (False, True):
            expander = everyturn.Expander(qwen, provenance=provenance, on_error="skip")
            samples = expander.expand(str(chats), limit=60)
            samples.to_parquet(tmp_path / "samples.parquet")
            sizes.append((tmp_path / "samples.parquet").stat().st_size)
        if len(samples):
            assert sizes[1] - sizes[0] <= len(samples.input_ids) + SCHEMA, chats.name
