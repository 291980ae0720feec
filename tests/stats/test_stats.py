"""Rule: `stats` counts what an expansion gives, for every combination of layout and train_on, in one pass."""

import itertools
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import everyturn
from chats import to_jsonl
from counted_chats import EXAMPLES, HOSTILE
from everyturn.cli import main
from everyturn.exceptions import OptionsError
from everyturn.stats import Histogram, Stats, counts, kept_by_max_length, packed_rows
from everyturn.stats.max_length import padding_of_batches
from paths import EXAMPLE_CHATS
from reference import read_lines

RENDERER = everyturn.Renderer.from_dir("demo")
TRAIN_ON = ("all_assistant_messages", "last_assistant_turn", "last_assistant_message")


def check_variants(stats: Stats, source: bytes, **options: Any) -> None:
    """Each layout and train_on has the report and the lengths of its own expansion."""
    for (layout, train_on), variant in stats.variants.items():
        expander = everyturn.Expander(
            RENDERER, layout=layout, train_on=train_on, on_error="skip", **options
        )
        samples = expander.expand(source)
        lengths = Counter(samples.lengths.tolist())
        assert dict(variant.lengths.counts) == dict(sorted(lengths.items()))
        mine, theirs = variant.report.to_dict(), samples.report.to_dict()
        # A warning about the model is said once a run, by the expansion.
        assert mine == theirs


@pytest.mark.parametrize(
    "source", [EXAMPLES, to_jsonl(HOSTILE), b"", b"\n{broken\n\n"], ids=range(4)
)
@pytest.mark.parametrize(
    "options",
    [{}, {"history_turns": 1}, {"thinking": "match"}, {"train_on": "marked"}],
    ids=str,
)
def test_each_way_is_what_its_own_expansion_gives(source: bytes, options: dict[str, Any]) -> None:
    """One pass for all of them changes no count."""
    stats = everyturn.Expander(RENDERER, **options).stats(source)
    others = {name: value for name, value in options.items() if name != "train_on"}
    check_variants(stats, source, **others)
    layouts = {layout for layout, _ in stats.variants}
    target_by_target = options.keys() & {"history_turns", "thinking"}
    expected = {"per_turn", "merged", "tree"} | (set() if target_by_target else {"conversation"})
    assert layouts == expected
    assert {train_on for _, train_on in stats.variants} == {
        *TRAIN_ON,
        options.get("train_on", TRAIN_ON[0]),
    }


def test_all_tokens_are_a_way_of_their_own() -> None:
    """Where every token is trained there is nothing to compare with."""
    stats = everyturn.Expander(RENDERER, train_on="all_tokens").stats(EXAMPLES)
    assert list(stats.variants) == [("merged", "all_tokens")]
    check_variants(stats, EXAMPLES)


@pytest.mark.parametrize("chunk_bytes", [1, 300, 1 << 20])
@pytest.mark.parametrize("num_threads", [1, 3])
def test_chunks_and_threads_change_nothing(chunk_bytes: int, num_threads: int) -> None:
    """Counts are those of the records."""
    from everyturn.stats import stats

    expander = everyturn.Expander(RENDERER, num_threads=num_threads)
    source = EXAMPLES + to_jsonl(HOSTILE)
    assert stats(expander, source, chunk_bytes=chunk_bytes) == everyturn.Expander(RENDERER).stats(
        source
    )


def test_messages_are_counted_as_they_stand() -> None:
    """Roles, characters, letters, turns and copies, against a loop over the records."""
    stats = everyturn.Expander(RENDERER).stats(to_jsonl(HOSTILE))
    readable = [record for record in HOSTILE if record.get("messages")]
    messages = [message for record in readable for message in record["messages"]]
    assert stats.conversations == len(readable)
    assert stats.duplicates == 1
    assert stats.messages_by_role == dict(sorted(Counter(m["role"] for m in messages).items()))
    characters: Counter[str] = Counter()
    for message in messages:
        characters[message["role"]] += len(message["content"])
    assert stats.characters_by_role == dict(sorted(characters.items()))
    assert dict(stats.messages.counts) == dict(
        sorted(Counter(len(r["messages"]) for r in readable).items())
    )
    assert dict(stats.assistant_messages.counts) == {0: 1, 1: 3, 3: 1}
    # Marks for a vowel are not letters.
    assert stats.letters == {"Cyrillic": 6, "Devanagari": 5, "Han": 2, "Latin": 10 + 6 + 13}


def test_rows_are_held_against_a_length_and_not_dropped() -> None:
    """With another overflow than error or drop, rows are what that makes of them."""
    free = everyturn.Expander(RENDERER).stats(EXAMPLES)
    held = everyturn.Expander(RENDERER, max_length=128, overflow="drop").stats(EXAMPLES)
    assert held.variants == free.variants
    assert held.max_length == 128
    assert held.variant.lengths.above(128) > 0
    shrunk = everyturn.Expander(RENDERER, max_length=128, overflow="shrink_history").stats(EXAMPLES)
    assert shrunk.variant.lengths.above(128) == 0


@given(st.lists(st.integers(0, 30)), st.integers(0, 100))
def test_quantiles_are_those_of_the_sorted_numbers(numbers: list[int], percent: int) -> None:
    """The smallest value that at least this share does not exceed."""
    histogram = Histogram(dict(sorted(Counter(numbers).items())))
    assert histogram.total == len(numbers)
    assert histogram.sum == sum(numbers)
    found = histogram.quantile(percent / 100)
    if numbers:
        place = max(0, -(-len(numbers) * percent // 100) - 1)
        assert found == sorted(numbers)[place]
    else:
        assert found == 0


@given(st.lists(st.integers(1, 40), max_size=60), st.integers(1, 40))
def test_packs_are_counted_as_packing_makes_them(lengths: list[int], max_length: int) -> None:
    """From lengths alone, without the samples."""
    fitting = [length for length in lengths if length <= max_length]
    order, offsets, _ = everyturn._core.pack(  # noqa: SLF001
        np.array(fitting, dtype=np.int64), max_length, "bfd", None
    )
    assert len(order) == len(fitting)
    assert packed_rows(Histogram(dict(Counter(lengths))), max_length) == len(offsets) - 1


@pytest.mark.parametrize("name", ["qwen3", "llama-3.1"])
def test_real_chats_count_as_they_expand(
    name: str, data: Path, tokenizer_folder: Callable[[str], Path]
) -> None:
    """Templates that rewrite history and templates that do not."""
    renderer = everyturn.Renderer.from_dir(tokenizer_folder(name))
    lines = [line for _, line in read_lines(data / "chats" / "sgd_train.jsonl.gz")][:20]
    source = b"\n".join(lines)
    stats = everyturn.Expander(renderer).stats(source)
    for (layout, train_on), variant in stats.variants.items():
        samples = everyturn.Expander(
            renderer, layout=layout, train_on=train_on, on_error="skip"
        ).expand(source)
        assert variant.report.trained_tokens == samples.report.trained_tokens
        assert variant.lengths.sum == len(samples.input_ids)


# --------------------------------------------------------------------------------------------
# The command
# --------------------------------------------------------------------------------------------


def test_the_command_shows_what_an_epoch_costs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every layout has a line for each train_on, and 80 columns hold it."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(EXAMPLES)
    assert main(["stats", str(path), "--model", "demo", "--max-length", "256"]) == 0
    out = capsys.readouterr().out
    assert [out.count(train_on + " ") for train_on in TRAIN_ON[1:]] == [8, 8]
    assert all(f" {layout} " in out for layout in ("per_turn", "merged", "tree", "conversation"))
    assert "…" not in out
    tables = out[out.index("Messages") :]
    assert max(map(len, tables.splitlines())) <= 80
    assert "Samples of at most 256 tokens" in out
    assert "13 conversations" in out


def test_json_is_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same counts as the Python face gives."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(EXAMPLES)
    assert main(["stats", str(path), "--model", "demo", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    expected = everyturn.Expander("demo").stats(path).to_dict()
    for variant, other in zip(shown["variants"], expected["variants"], strict=True):
        assert variant["report"]["tokens"] == other["report"]["tokens"]
    assert shown["messages_by_role"] == expected["messages_by_role"]
    assert len(shown["variants"]) == 12


def test_a_file_without_conversations_fails(tmp_path: Path) -> None:
    """Counts are shown, and the exit code says that nothing could be read."""
    path = tmp_path / "chats.jsonl"
    path.write_text("[1]\n")
    assert main(["stats", str(path), "--model", "demo"]) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Eight times the records take no more than their hashes."""
    program = (
        "import sys, resource, everyturn\n"
        "from everyturn.stats import stats\n"
        "expander = everyturn.Expander('demo', num_threads=1)\n"
        "stats(expander, sys.argv[1], chunk_bytes=1 << 16)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    peaks = []
    for times in (30, 240):
        path = tmp_path / f"{times}.jsonl"
        path.write_bytes(EXAMPLES * times)
        run = subprocess.run(
            [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
        )
        peaks.append(int(run.stdout))
    assert peaks[1] < 1.15 * peaks[0]


LIMITS = (64, 128, 256, 1024, 2048)


@pytest.mark.parametrize("layout", ["per_turn", "merged", "tree", "conversation"])
@pytest.mark.parametrize("options", [{}, {"max_length": 100}, {"overflow": "drop"}], ids=str)
def test_each_max_length_is_what_its_own_expansion_keeps(
    monkeypatch: pytest.MonkeyPatch, layout: Any, options: dict[str, Any]
) -> None:
    """Samples, lengths and reports, up to the first length that loses nothing."""
    monkeypatch.setattr(counts, "MAX_LENGTHS", LIMITS)
    found = everyturn.Expander(RENDERER, layout=layout, **options).stats(EXAMPLES)
    given = filter(None, [options.get("max_length")])
    assert set(found.max_lengths) == {64, 128, 256, 1024, *given}
    assert list(found.max_lengths) == sorted(found.max_lengths)
    for max_length, variant in found.max_lengths.items():
        own = everyturn.Expander(
            RENDERER, layout=layout, max_length=max_length, overflow="drop", on_error="skip"
        ).expand(EXAMPLES)
        assert variant.report.to_dict() == own.report.to_dict(), max_length
        assert Counter(own.lengths.tolist()) == dict(variant.lengths.counts), max_length
    assert found.max_lengths[64].report.targets_dropped["too_long"] > 0
    assert found.max_lengths[1024].report == found.variant.report


def test_a_max_length_shortens_as_overflow_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """What shrinks is not lost."""
    monkeypatch.setattr(counts, "MAX_LENGTHS", LIMITS)
    options: dict[str, Any] = {"max_length": 128, "overflow": "shrink_history"}
    found = everyturn.Expander(RENDERER, **options).stats(EXAMPLES)
    for max_length, variant in found.max_lengths.items():
        own = everyturn.Expander(
            RENDERER, on_error="skip", **{**options, "max_length": max_length}
        ).expand(EXAMPLES)
        assert variant.report.to_dict() == own.report.to_dict(), max_length
    assert found.max_lengths[128].report.warnings["history_shrunk"] > 0


def test_lengths_that_lose_nothing_are_not_shown() -> None:
    """But for the first of them, and the one that is asked for."""
    found = everyturn.Expander(RENDERER, max_length=100_000).stats(EXAMPLES)
    assert list(found.max_lengths) == [512, 1024, 100_000]
    _, first, second = kept_by_max_length(found)
    assert (first.share, first.lost, second.share, second.lost) == (1.0, 0, 1.0, 0)
    assert first.trained_tokens == found.variant.report.trained_tokens
    (nothing,) = kept_by_max_length(everyturn.Expander(RENDERER).stats(b""))
    assert (nothing.share, nothing.packs, nothing.padding) == (0.0, 0, 0.0)


def test_trees_are_counted_by_their_paths() -> None:
    """Branches end where nothing follows a token; the others have one path each."""
    found = everyturn.Expander(RENDERER).stats(EXAMPLES)
    trees = everyturn.Expander(RENDERER, layout="tree").expand(EXAMPLES)
    variant = found.variants["tree", "all_assistant_messages"]
    assert trees.position_ids is not None
    assert trees.subtree_end is not None
    branches, depths, before = Counter[int](), Counter[int](), 0
    for start, end in zip(trees.offsets[:-1], trees.offsets[1:], strict=True):
        ends, positions = trees.subtree_end[start:end], trees.position_ids[start:end]
        branches[int((ends == np.arange(1, end - start + 1)).sum())] += 1
        depths[int(positions.max()) + 1] += 1
        before += int(positions.sum())
    assert dict(variant.branches.counts) == branches
    assert dict(variant.depths.counts) == depths
    assert variant.tokens_before == before
    assert max(branches) > 1
    rows = found.variants["per_turn", "all_assistant_messages"]
    assert dict(rows.branches.counts) == {1: rows.report.rows}
    assert rows.depths == rows.lengths


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.integers(1, 4))
def test_padding_is_that_of_all_batches(lengths: list[int], size: int) -> None:
    """On average over every batch that can be drawn."""
    batches = list(itertools.product(lengths, repeat=size))
    tokens = sum(map(sum, batches))
    places = sum(size * max(batch) for batch in batches)
    expected = 1 - tokens / places if places else 0.0
    counted = Histogram(dict(sorted(Counter(lengths).items())))
    assert padding_of_batches(counted, size) == pytest.approx(expected, abs=1e-9)


def test_the_command_tells_which_max_length_to_take(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a flag; and how the trees look."""
    assert main(["stats", str(EXAMPLE_CHATS), "--model", "demo"]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"max_length +trained +kept +lost +samples +packs +full +padding", shown)
    assert re.search(r"^ 1,024 +1,\d+ +100.0 % +0 ", shown, re.MULTILINE)
    assert re.search(r"^ branches +1 ", shown, re.MULTILINE)
    assert "duplicates of an earlier" not in shown


def test_copies_are_counted_not_left_out() -> None:
    """What would be ignored is refused, as on the command line."""
    with pytest.raises(OptionsError, match="deduplicate: stats counts every conversation"):
        everyturn.Expander("demo", deduplicate=True).stats(EXAMPLE_CHATS)
