"""Everything that can be handed to `expand`: files, streams, objects, and the record formats."""

import bz2
import gzip
import io
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard

import everyturn
from chats import Route, to_jsonl
from reference import (
    RecordError,
    ReferenceModel,
    assert_same_samples,
    conversations_of,
    detect_format,
    expected_samples,
    normalise,
    read_lines,
    samples_of,
)

Record = dict[str, Any]
STOP = "<|im_end|>"

#: Prints all that normalisation may change, so that two records read alike if they mean alike.
SHOWING_TEMPLATE = (
    "{%- for tool in tools or [] -%}{{- tool | tojson ~ '\\n' -}}{%- endfor -%}"
    "{%- if mode is defined -%}{{- mode ~ '\\n' -}}{%- endif -%}"
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' ~ message.role ~ '\\n' -}}"
    "{{- message.content if message.content is string else '(none)' -}}"
    "{%- if message.reasoning_content is defined -%}"
    "{{- '|thought ' ~ message.reasoning_content -}}{%- endif -%}"
    "{%- if message.tool_calls is defined -%}"
    "{{- '|calls ' ~ message.tool_calls | tojson -}}{%- endif -%}"
    "{%- if message.name is defined -%}{{- '|name ' ~ message.name | tojson -}}{%- endif -%}"
    "{%- if message.function_call is defined -%}{{- '|function_call' -}}{%- endif -%}"
    "{%- for key in ['weight', 'train', 'trainable', 'loss', 'loss_weight'] -%}"
    "{%- if message[key] is defined -%}{{- '|' ~ key -}}{%- endif -%}"
    "{%- endfor -%}"
    "{{- '<|im_end|>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)


@pytest.fixture(scope="module")
def showing(models: dict[str, Path]) -> everyturn.Renderer:
    """A renderer that shows what the template is given."""
    return everyturn.Renderer.from_dir(models["chatml"], chat_template=SHOWING_TEMPLATE)


@pytest.fixture(scope="module")
def shown(models: dict[str, Path]) -> ReferenceModel:
    """The same in the reference."""
    return ReferenceModel(models["chatml"], SHOWING_TEMPLATE, STOP)


@pytest.fixture(scope="module")
def expander(models: dict[str, Path]) -> everyturn.Expander:
    """What turns sources into rows here."""
    return everyturn.Expander(models["chatml"], layout="per_turn")


def chat(question: str, *answers: str) -> Record:
    """Return a record with a question and answers."""
    messages = [{"role": "user", "content": question}]
    for answer in answers:
        messages.append({"role": "assistant", "content": answer})
        messages.append({"role": "user", "content": "Go on."})
    return {"messages": messages[:-1]}


CHATS = [chat(f"Question {number}?", f"Answer {number}.") for number in range(1, 41)]
JSONL = to_jsonl(CHATS)


def same_rows(one: everyturn.Samples, other: everyturn.Samples) -> bool:
    """Whether two sources gave the same rows at the same lines."""
    return all(
        np.array_equal(getattr(one, array), getattr(other, array))
        for array in ("input_ids", "labels", "offsets", "line")
    )


# --------------------------------------------------------------------------------------------
# Compression
# --------------------------------------------------------------------------------------------


def _plain(content: bytes) -> bytes:
    return content


def _zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "bzip2": bz2.compress,
    "gzip": gzip.compress,
    "plain": _plain,
    "zstd": _zstd,
}
every_compression = pytest.mark.parametrize("compression", sorted(COMPRESSORS))
every_real_compression = pytest.mark.parametrize(
    "compression", sorted(set(COMPRESSORS) - {"plain"})
)


@every_compression
@pytest.mark.parametrize("name", ["c.jsonl", "c.jsonl.gz", "c.bz2", "c.zst", "c", "c.parquet"])
def test_compression_is_known_by_the_first_bytes_and_not_by_the_name(
    expander: everyturn.Expander, tmp_path: Path, compression: str, name: str
) -> None:
    """Whatever a file is called, its content decides how it is read."""
    path = tmp_path / name
    path.write_bytes(COMPRESSORS[compression](JSONL))
    samples = expander.expand(path)
    assert same_rows(samples, expander.expand(JSONL))
    assert list(samples.files) == [str(path)]


@every_compression
def test_bytes_and_streams_are_unpacked_like_files(
    expander: everyturn.Expander, compression: str
) -> None:
    """Compressed bytes and compressed streams are read as compressed files are."""
    packed = COMPRESSORS[compression](JSONL)
    expected = expander.expand(JSONL)
    assert same_rows(expander.expand(packed), expected)
    assert same_rows(expander.expand(io.BytesIO(packed)), expected)


@every_real_compression
@pytest.mark.parametrize("size", [1, 100, 1000, len(JSONL) // 2])
def test_all_members_of_a_file_are_read(
    expander: everyturn.Expander, tmp_path: Path, compression: str, size: int
) -> None:
    """Members and frames that follow one another are one text, wherever lines are cut."""
    compress = COMPRESSORS[compression]
    step = max(size, len(JSONL) // 50)
    path = tmp_path / "chats"
    path.write_bytes(
        b"".join(compress(JSONL[at : at + step]) for at in range(0, len(JSONL), step))
        + compress(b"")
    )
    assert same_rows(expander.expand(path), expander.expand(JSONL))


@every_real_compression
def test_a_truncated_file_is_an_error_that_says_so(
    expander: everyturn.Expander, tmp_path: Path, compression: str
) -> None:
    """A compressed file that ends too early is never taken for a whole one."""
    packed = COMPRESSORS[compression](JSONL)
    path = tmp_path / "chats"
    for length in (len(packed) // 2, len(packed) - 5, len(packed) - 1):
        path.write_bytes(packed[:length])
        with pytest.raises(everyturn.EveryturnError, match=r"chats.*(?i:trunc|end|incomplete)"):
            expander.expand(path)


@every_real_compression
def test_truncation_is_never_silent_wherever_it_cuts(
    models: dict[str, Path], compression: str
) -> None:
    """Cut at any of its last two hundred bytes, a file raises or is counted as cut.

    That holds although lines with faults are to be skipped.
    """
    packed = COMPRESSORS[compression](JSONL)
    skipping = everyturn.Expander(models["chatml"], layout="per_turn", on_error="skip")
    for length in range(max(1, len(packed) - 200), len(packed)):
        try:
            report = skipping.expand(packed[:length]).report
        except everyturn.EveryturnError:
            continue
        assert sum(report.records_dropped.values()) or report.faults, length


@every_real_compression
def test_a_damaged_file_is_an_error(
    expander: everyturn.Expander, tmp_path: Path, compression: str
) -> None:
    """A compressed file with other bytes in the middle is refused with its name."""
    packed = bytearray(COMPRESSORS[compression](os.urandom(4000).hex().encode() + b"\n" + JSONL))
    middle = len(packed) // 2
    packed[middle : middle + 40] = bytes(byte ^ 0xFF for byte in packed[middle : middle + 40])
    path = tmp_path / "chats"
    path.write_bytes(packed)
    with pytest.raises(everyturn.EveryturnError, match="chats"):
        expander.expand(path)


# --------------------------------------------------------------------------------------------
# Sources
# --------------------------------------------------------------------------------------------


def test_a_path_may_be_text_or_pathlike(expander: everyturn.Expander, tmp_path: Path) -> None:
    """`str` and `os.PathLike` name the same file."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(JSONL)
    expected = expander.expand(JSONL)
    assert same_rows(expander.expand(str(path)), expected)
    assert same_rows(expander.expand(path), expected)


def write_three(folder: Path) -> list[Path]:
    """Write files of one, two and three records, not in the order of their names."""
    paths = [folder / name for name in ("b.jsonl", "10.jsonl", "a.jsonl")]
    for number, path in enumerate(paths, start=1):
        path.write_bytes(to_jsonl([chat(f"In {path.name}?", "Yes.")] * number))
    return paths


def test_a_glob_is_read_in_the_order_of_names(expander: everyturn.Expander, tmp_path: Path) -> None:
    """The files of a pattern are sorted by name, whatever order the folder has."""
    paths = write_three(tmp_path)
    samples = expander.expand(str(tmp_path / "*.jsonl"))
    assert list(samples.files) == sorted(map(str, paths))
    assert samples.file.tolist() == [0, 0, 1, 1, 1, 2]
    assert samples.line.tolist() == [1, 2, 1, 2, 3, 1]


def test_a_glob_without_a_match_is_an_error(expander: everyturn.Expander, tmp_path: Path) -> None:
    """A pattern that names nothing is a mistake and no empty input."""
    with pytest.raises((everyturn.EveryturnError, OSError), match=r"none-\*\.jsonl"):
        expander.expand(str(tmp_path / "none-*.jsonl"))


def test_several_paths_are_read_in_the_order_given(
    expander: everyturn.Expander, tmp_path: Path
) -> None:
    """A list of paths keeps its order; lines are counted in each file; text and PathLike mix."""
    b, ten, a = write_three(tmp_path)
    paths: list[Any] = [b, str(ten), a]
    samples = expander.expand(paths)
    assert list(samples.files) == [str(b), str(ten), str(a)]
    assert samples.file.tolist() == [0, 1, 1, 2, 2, 2]
    assert samples.line.tolist() == [1, 1, 2, 1, 2, 3]


def test_every_file_has_its_own_format(expander: everyturn.Expander, tmp_path: Path) -> None:
    """The format is found for each file by itself."""
    records: list[Record] = [
        chat("Hi", "Hello"),
        {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]},
        {"instruction": "Hi", "input": "", "output": "Hello"},
        {"prompt": "Hi", "completion": "Hello"},
    ]
    paths = [tmp_path / f"{number}.jsonl" for number in range(len(records))]
    for path, record in zip(paths, records, strict=True):
        path.write_bytes(to_jsonl([record]))
    samples = expander.expand(list(paths))
    assert len({tuple(sample.input_ids.tolist()) for sample in samples}) == 1
    assert len(samples) == 4


def test_a_missing_file_is_an_error_with_its_name(
    expander: everyturn.Expander, tmp_path: Path
) -> None:
    """The name that cannot be opened is said."""
    with pytest.raises((everyturn.EveryturnError, OSError), match=r"absent\.jsonl"):
        expander.expand(tmp_path / "absent.jsonl")


def test_a_binary_file_object_is_read_from_where_it_stands(
    expander: everyturn.Expander, tmp_path: Path
) -> None:
    """Open files and streams are read to their end, from their position."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(JSONL)
    with path.open("rb") as file:
        assert same_rows(expander.expand(file), expander.expand(JSONL))
    first, _, rest = JSONL.partition(b"\n")
    stream = io.BytesIO(JSONL)
    stream.seek(len(first) + 1)
    assert same_rows(expander.expand(stream), expander.expand(rest))


def test_a_stream_may_give_few_bytes_at_a_time(expander: everyturn.Expander) -> None:
    """How a stream cuts its text into reads changes nothing."""

    class Dripping(io.RawIOBase):
        def __init__(self) -> None:
            self.left = JSONL

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            count = min(7, len(buffer), len(self.left))
            buffer[:count], self.left = self.left[:count], self.left[count:]
            return count

    assert same_rows(expander.expand(Dripping()), expander.expand(JSONL))


def test_an_error_of_the_stream_reaches_the_caller(expander: everyturn.Expander) -> None:
    """What a file object raises while it is read is raised, not swallowed."""

    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _buffer: Any) -> int:
            raise OSError("the disk is gone")

    with pytest.raises((OSError, everyturn.EveryturnError), match="the disk is gone"):
        expander.expand(Broken())


def test_a_text_file_object_is_refused(expander: everyturn.Expander) -> None:
    """JSONL is bytes: a file opened as text would be decoded twice."""
    with pytest.raises((TypeError, everyturn.EveryturnError), match="bytes"):
        expander.expand(io.StringIO(JSONL.decode()))


@pytest.mark.parametrize("source", [None, 3, 1.5, object()])
def test_what_is_no_source_is_refused(expander: everyturn.Expander, source: Any) -> None:
    """Objects of other types are a mistake of the caller."""
    with pytest.raises(TypeError):
        expander.expand(source)


def test_any_iterable_of_dict_is_a_source(expander: everyturn.Expander) -> None:
    """Lists, tuples and generators of records give the rows of the same records as JSONL."""
    expected = expander.expand(JSONL)

    def generated() -> Iterator[Record]:
        yield from CHATS

    for source in (CHATS, tuple(CHATS), generated(), iter(CHATS)):
        assert same_rows(expander.expand(source), expected)
    assert len(expander.expand([])) == 0


def test_an_error_of_the_iterable_reaches_the_caller(expander: everyturn.Expander) -> None:
    """What the iterable raises is raised, not swallowed."""

    def failing() -> Iterator[Record]:
        yield CHATS[0]
        raise KeyError("no more")

    with pytest.raises((KeyError, everyturn.EveryturnError), match="no more"):
        expander.expand(failing())


def test_records_that_are_no_dict_are_refused(expander: everyturn.Expander) -> None:
    """An item that is no record is refused at its place."""
    mixed: list[Any] = [CHATS[0], "text"]
    with pytest.raises((TypeError, everyturn.EveryturnError)):
        expander.expand(mixed)


def test_a_minus_is_standard_input(models: dict[str, Path]) -> None:
    """`-` reads what is piped in, packed or not."""
    program = (
        "import everyturn, sys\n"
        "samples = everyturn.Expander(sys.argv[1], layout='per_turn').expand('-')\n"
        "print(len(samples), samples.input_ids.sum())\n"
    )
    expected = everyturn.Expander(models["chatml"], layout="per_turn").expand(JSONL)
    for piped in (JSONL, gzip.compress(JSONL)):
        done = subprocess.run(
            [sys.executable, "-c", program, str(models["chatml"])],
            input=piped,
            capture_output=True,
            check=True,
            timeout=60,
        )
        assert done.stdout.split() == [
            str(len(expected)).encode(),
            str(expected.input_ids.sum()).encode(),
        ]


def test_the_limit_takes_the_first_records(expander: everyturn.Expander, route: Route) -> None:
    """`limit` counts records, not rows."""
    records = [chat("One?", "1", "2"), chat("Two?", "3"), chat("Three?", "4")]
    samples = expander.expand(route(records), limit=2)
    assert samples.line.tolist() == [1, 1, 2]
    assert samples.report.records_read == 2
    assert len(expander.expand(route(records), limit=0)) == 0


# --------------------------------------------------------------------------------------------
# Record formats
# --------------------------------------------------------------------------------------------

CALL = {"type": "function", "function": {"name": "add", "arguments": {"a": 2, "b": 2.50}}}
TEXT_CALL = {"type": "function", "function": {"name": "add", "arguments": '{"a": 2, "b": 2.50}'}}
TOOL = {"type": "function", "function": {"name": "add", "parameters": {"z": 1, "a": 1e3}}}


def user(content: str) -> Record:
    """Return a message of the user."""
    return {"role": "user", "content": content}


def assistant(content: Any, **more: Any) -> Record:
    """Return a message of the assistant."""
    return {"role": "assistant", "content": content, **more}


#: A record, its format, and the messages that a template is to see.
FORMATS: dict[str, tuple[Record, str, list[Record]]] = {
    "messages": (
        {"messages": [{"role": "system", "content": "Be kind."}, user("Hi"), assistant("Hello")]},
        "messages",
        [{"role": "system", "content": "Be kind."}, user("Hi"), assistant("Hello")],
    ),
    "developer": (
        {"messages": [{"role": "developer", "content": "Be kind."}, user("Hi"), assistant("Hey")]},
        "messages",
        [{"role": "developer", "content": "Be kind."}, user("Hi"), assistant("Hey")],
    ),
    "function role is tool": (
        {"messages": [user("2+2?"), {"role": "function", "name": "add", "content": "4"},
                      assistant("4")]},
        "messages",
        [user("2+2?"), {"role": "tool", "name": "add", "content": "4"}, assistant("4")],
    ),
    "tool calls without content": (
        {"messages": [user("2+2?"), {"role": "assistant", "tool_calls": [CALL]}]},
        "messages",
        [user("2+2?"), {"role": "assistant", "tool_calls": [CALL]}],
    ),
    "tool calls with null content": (
        {"messages": [user("2+2?"), {"role": "assistant", "content": None, "tool_calls": [CALL]}]},
        "messages",
        [user("2+2?"), {"role": "assistant", "tool_calls": [CALL]}],
    ),
    "arguments that are text": (
        {"messages": [user("2+2?"), assistant("", tool_calls=[TEXT_CALL])]},
        "messages",
        [user("2+2?"), assistant("", tool_calls=[TEXT_CALL])],
    ),
    "legacy function_call": (
        {"messages": [user("2+2?"), assistant("", function_call=TEXT_CALL["function"])]},
        "messages",
        [user("2+2?"), assistant("", tool_calls=[TEXT_CALL])],
    ),
    "legacy function_call null": (
        {"messages": [user("Hi"), assistant("Hello", function_call=None, name=None)]},
        "messages",
        [user("Hi"), assistant("Hello")],
    ),
    "reasoning": (
        {"messages": [user("2+2?"), assistant("4", reasoning_content="Two and two.")]},
        "messages",
        [user("2+2?"), assistant("4", reasoning_content="Two and two.")],
    ),
    "text parts": (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "One"},
                                                   {"type": "text", "value": "Two"}]},
                      {"role": "assistant", "content": [{"type": "text", "text": "Three"}]}]},
        "messages",
        [user("One\nTwo"), assistant("Three")],
    ),
    "reasoning parts": (
        {"messages": [user("2+2?"), assistant(
            [{"type": "reasoning", "value": "Two and two."}, {"type": "text", "value": "4"}]
        )]},
        "messages",
        [user("2+2?"), assistant("4", reasoning_content="Two and two.")],
    ),
    "thinking parts": (
        {"messages": [user("2+2?"), assistant(
            [{"type": "thinking", "thinking": "Two and two."}, {"type": "text", "text": "4"}]
        )]},
        "messages",
        [user("2+2?"), assistant("4", reasoning_content="Two and two.")],
    ),
    "tool call parts": (
        {"messages": [user("2+2?"), assistant(
            [{"type": "text", "value": "Adding."},
             {"type": "tool_call", "value": CALL["function"]},
             {"type": "tool_call", "value": json.dumps(TEXT_CALL["function"])}]
        )]},
        "messages",
        [user("2+2?"), assistant("Adding.", tool_calls=[CALL, TEXT_CALL])],
    ),
    "tool call parts alone": (
        {"messages": [user("2+2?"), assistant([{"type": "tool_call", "value": CALL["function"]}])]},
        "messages",
        [user("2+2?"), assistant("", tool_calls=[CALL])],
    ),
    "keys of ours are not rendered": (
        {"messages": [{**user("Hi"), "weight": 0, "train": False},
                      assistant("Hello", weight=1, trainable=True, train=True, loss=True,
                                loss_weight=1.0)]},
        "messages",
        [user("Hi"), assistant("Hello")],
    ),
    "sharegpt": (
        {"conversations": [{"from": "system", "value": "Be kind."},
                           {"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"},
                           {"from": "user", "value": "So"}, {"from": "chatgpt", "value": "Yes"},
                           {"from": "user", "value": "So"}, {"from": "model", "value": "No"}]},
        "sharegpt",
        [{"role": "system", "content": "Be kind."}, user("Hi"), assistant("Hello"),
         user("So"), assistant("Yes"), user("So"), assistant("No")],
    ),
    "sharegpt with a system key": (
        {"system": "Be kind.",
         "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]},
        "sharegpt",
        [{"role": "system", "content": "Be kind."}, user("Hi"), assistant("Hello")],
    ),
    "sharegpt with calls": (
        {"conversations": [{"from": "human", "value": "2+2?"},
                           {"from": "function_call", "value": json.dumps(CALL["function"])},
                           {"from": "observation", "value": "4.5"},
                           {"from": "function_call", "value": CALL["function"]},
                           {"from": "tool", "value": "4.5"},
                           {"from": "function_call",
                            "value": json.dumps([CALL["function"], TEXT_CALL["function"]])},
                           {"from": "function_response", "value": "4.5"},
                           {"from": "gpt", "value": "4.5"}]},
        "sharegpt",
        [user("2+2?"), assistant("", tool_calls=[CALL]), {"role": "tool", "content": "4.5"},
         assistant("", tool_calls=[CALL]), {"role": "tool", "content": "4.5"},
         assistant("", tool_calls=[CALL, TEXT_CALL]), {"role": "tool", "content": "4.5"},
         assistant("4.5")],
    ),
    "sharegpt with role and content": (
        {"conversations": [user("2+2?"), assistant("", tool_calls=[TEXT_CALL], weight=None),
                           {"role": "tool", "content": "4"}, assistant("4")]},
        "sharegpt",
        [user("2+2?"), assistant("", tool_calls=[TEXT_CALL]), {"role": "tool", "content": "4"},
         assistant("4")],
    ),
    "sharegpt with the roles of messages": (
        {"conversations": [{"role": "developer", "content": "Be kind."}, user("2+2?"),
                           assistant("", function_call=TEXT_CALL["function"]),
                           {"role": "function", "content": "4"}, assistant("4")]},
        "sharegpt",
        [{"role": "developer", "content": "Be kind."}, user("2+2?"),
         assistant("", tool_calls=[TEXT_CALL]), {"role": "tool", "content": "4"}, assistant("4")],
    ),
    "alpaca": (
        {"instruction": "Add.", "input": "2, 2", "output": "4"},
        "alpaca",
        [user("Add.\n2, 2"), assistant("4")],
    ),
    "alpaca without input": (
        {"instruction": "Hi", "input": "", "output": "Hello"},
        "alpaca",
        [user("Hi"), assistant("Hello")],
    ),
    "alpaca with response": (
        {"instruction": "Hi", "response": "Hello"},
        "alpaca",
        [user("Hi"), assistant("Hello")],
    ),
    "alpaca with system and history": (
        {"system": "Be kind.", "history": [["One?", "1"], ["Two?", "2"]],
         "instruction": "Three?", "output": "3"},
        "alpaca",
        [{"role": "system", "content": "Be kind."}, user("One?"), assistant("1"),
         user("Two?"), assistant("2"), user("Three?"), assistant("3")],
    ),
    "prompt and completion": (
        {"prompt": "Hi", "completion": " Hello"},
        "prompt_completion",
        [user("Hi"), assistant(" Hello")],
    ),
    "lists of prompt and completion": (
        {"prompt": [user("One?"), assistant("1"), user("Two?")],
         "completion": [assistant("2"), user("Three?"), assistant("3")]},
        "prompt_completion",
        [user("One?"), assistant("1"), user("Two?"), assistant("2"), user("Three?"),
         assistant("3")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_means_its_messages(
    showing: everyturn.Renderer, shown: ReferenceModel, route: Route, name: str
) -> None:
    """A record of any format is trained as the messages that it stands for.

    It makes no difference whether the format is found or named.
    """
    record, form, messages = FORMATS[name]
    assert detect_format([record]) == form
    conversation = normalise(record, form)
    assert conversation.messages == messages
    expected = expected_samples(shown.expand(conversation, 1))
    assert expected
    forms: list[Any] = ["auto", form]
    for named in forms:
        expander = everyturn.Expander(showing, layout="per_turn", input_format=named)
        assert_same_samples(samples_of(expander.expand(route([record]))), expected)


def test_text_parts_stay_parts_where_the_template_prints_them(models: dict[str, Path]) -> None:
    """A template that prints a list of text parts gets the list; how it joins them is its own."""
    record = FORMATS["text parts"][0]
    model = ReferenceModel(models["parts"], stop=STOP)
    assert model.prints_text_parts()
    expected = model.expand(normalise(record, "messages", parts_as_list=True), 1)
    samples = everyturn.Expander(models["parts"], layout="per_turn").expand([record])
    assert_same_samples(samples_of(samples), expected_samples(expected))
    assert "OneTwo" in (expected[0].prompt_text or "")


@pytest.mark.parametrize(
    "tools",
    [[TOOL], json.dumps([TOOL]), [], "[]", "", "  \n", None],
    ids=["list", "text", "empty list", "text of an empty list", "no text", "blank text", "null"],
)
def test_tools_are_a_list_or_its_text(
    showing: everyturn.Renderer, shown: ReferenceModel, route: Route, tools: Any
) -> None:
    """Tools reach the template as a list, their keys and numbers untouched; blank is none."""
    record = {**chat("Hi", "Hello"), "tools": tools}
    expected = expected_samples(shown.expand(normalise(record, "messages"), 1))
    samples = everyturn.Expander(showing, layout="per_turn").expand(route([record]))
    assert_same_samples(samples_of(samples), expected)


def test_template_kwargs_of_a_record_go_over_those_of_the_renderer(
    models: dict[str, Path], shown: ReferenceModel, route: Route
) -> None:
    """`chat_template_kwargs` of a record wins where both have a key."""
    renderer = everyturn.Renderer.from_dir(
        models["chatml"], chat_template=SHOWING_TEMPLATE, template_kwargs={"mode": "quiet"}
    )
    loud = {**chat("Hi", "Hello"), "chat_template_kwargs": {"mode": "loud"}}
    quiet = {**chat("Hi", "Hello"), "chat_template_kwargs": {"mode": "quiet"}}
    samples = everyturn.Expander(renderer, layout="per_turn").expand(
        route([loud, chat("Hi", "Hello")])
    )
    results = [
        *shown.expand(normalise(loud, "messages"), 1),
        *shown.expand(normalise(quiet, "messages"), 2),
    ]
    assert_same_samples(samples_of(samples), expected_samples(results))


def test_only_the_completion_of_a_pair_of_lists_is_trained(
    expander: everyturn.Expander, route: Route
) -> None:
    """An assistant message of the prompt is context."""
    record = FORMATS["lists of prompt and completion"][0]
    assert expander.expand(route([record])).targets.tolist() == [3, 5]


# --------------------------------------------------------------------------------------------
# Faults
# --------------------------------------------------------------------------------------------


def messages_with(second: Any) -> Record:
    """Return a record whose second message is the given one."""
    return {"messages": [user("Hi"), second, assistant("Bye")]}


#: A record that is none, the message that is at fault (if one is), and a word of the reason.
FAULTS: dict[str, tuple[Any, int | None, str]] = {
    "role unknown": (messages_with({"role": "bot", "content": "x"}), 1, '"bot"'),
    "role missing": (messages_with({"content": "x"}), 1, "role"),
    "role no text": (messages_with({"role": 3, "content": "x"}), 1, "role"),
    "content missing": (messages_with({"role": "user"}), 1, "content"),
    "content null": (messages_with({"role": "assistant", "content": None}), 1, "content"),
    "content a number": (messages_with({"role": "user", "content": 3}), 1, "content"),
    "content an object": (messages_with({"role": "user", "content": {}}), 1, "content"),
    "message no object": (messages_with("Hello"), 1, "object"),
    "message null": (messages_with(None), 1, "object"),
    "messages no list": ({"messages": {"role": "user"}}, None, "messages"),
    "messages null": ({"messages": None}, None, "messages"),
    "messages empty": ({"messages": []}, None, "messages"),
    "part no object": (messages_with({"role": "user", "content": ["x"]}), 1, "part"),
    "part of unknown type": (
        messages_with({"role": "user", "content": [{"type": "image", "image": "x"}]}),
        1,
        '"image"',
    ),
    "part without text": (
        messages_with({"role": "user", "content": [{"type": "text"}]}),
        1,
        "text",
    ),
    "tool call part no JSON": (
        messages_with(assistant([{"type": "tool_call", "value": "{add"}])),
        1,
        "tool",
    ),
    "function_call no object": (messages_with(assistant("", function_call="add")), 1, "function"),
    "tools no JSON": ({**chat("Hi", "Hello"), "tools": "[{"}, None, "tools"),
    "tools no list": ({**chat("Hi", "Hello"), "tools": {"name": "add"}}, None, "tools"),
    "tools text no list": ({**chat("Hi", "Hello"), "tools": '{"name": "add"}'}, None, "tools"),
    "tools a number": ({**chat("Hi", "Hello"), "tools": 3}, None, "tools"),
    "weights contradict": (messages_with(assistant("x", weight=0, trainable=True)), 1, "weight"),
    "weights contradict otherwise": (
        messages_with(assistant("x", train=False, loss_weight=1.0)),
        1,
        "weight",
    ),
    "weight a text": (messages_with(assistant("x", weight="heavy")), 1, "weight"),
    "train a text": (messages_with(assistant("x", train="yes")), 1, "train"),
    "template kwargs no object": (
        {**chat("Hi", "Hello"), "chat_template_kwargs": [1]},
        None,
        "chat_template_kwargs",
    ),
    "template kwargs of ours": (
        {**chat("Hi", "Hello"), "chat_template_kwargs": {"add_generation_prompt": True}},
        None,
        "add_generation_prompt",
    ),
    "no known key": ({"text": "Hi"}, None, "messages"),
    "sharegpt role unknown": (
        {"conversations": [{"from": "human", "value": "Hi"}, {"from": "cat", "value": "x"}]},
        1,
        '"cat"',
    ),
    "sharegpt value missing": (
        {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt"}]},
        1,
        "value",
    ),
    "sharegpt call no JSON": (
        {"conversations": [{"from": "human", "value": "Hi"},
                           {"from": "function_call", "value": "{add"}]},
        1,
        "call",
    ),
    "alpaca without answer": ({"instruction": "Hi", "input": ""}, None, "output"),
    "alpaca answer no text": ({"instruction": "Hi", "output": 4}, None, "output"),
    "alpaca history no pairs": (
        {"instruction": "Hi", "output": "x", "history": [["One?"]]},
        None,
        "history",
    ),
    "prompt text, completion list": (
        {"prompt": "Hi", "completion": [assistant("Hello")]},
        None,
        "completion",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_said_with_its_place(
    expander: everyturn.Expander, tmp_path: Path, name: str
) -> None:
    """A record that is no conversation is refused with file, line, message and reason.

    The reference refuses it, too.
    """
    record, message_index, word = FAULTS[name]
    form = detect_format([record])
    if form is not None:
        with pytest.raises(RecordError):
            normalise(record, form)
    path = tmp_path / "chats.jsonl"
    path.write_bytes(b"\n" + to_jsonl([record]))
    with pytest.raises(everyturn.ConversationError) as caught:
        expander.expand(path)
    error = caught.value
    place = f"{path}:2: " + ("" if message_index is None else f"message {message_index}: ")
    assert str(error).startswith(place)
    assert word in str(error)
    assert (error.file, error.line, error.message_index) == (str(path), 2, message_index)
    assert error.kind


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_can_be_skipped_and_is_counted(
    models: dict[str, Path], route: Route, name: str
) -> None:
    """With `on_error="skip"` the others are kept, and the fault is counted once.

    The report has it with the same place and text.
    """
    record, message_index, word = FAULTS[name]
    form = detect_format([record]) or "messages"
    sound = next(other for other, its_form, _ in FORMATS.values() if its_form == form)
    expander = everyturn.Expander(models["chatml"], layout="per_turn", on_error="skip")
    samples = expander.expand(route([sound, record, sound]))
    assert set(samples.line.tolist()) == {1, 3}
    report = samples.report
    assert (report.records_read, report.records_kept) == (3, 2)
    (fault,) = report.faults
    assert (fault.line, fault.message_index) == (2, message_index)
    assert word in fault.text
    assert report.records_dropped == {fault.kind: 1}


def test_the_text_for_an_unknown_role_names_the_known_ones(
    expander: everyturn.Expander, tmp_path: Path
) -> None:
    """A fault says what was found and what would have been right."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(to_jsonl([FAULTS["role unknown"][0]]))
    expected = r'chats\.jsonl:1: message 1: role "bot" is unknown; expected one of .*assistant'
    with pytest.raises(everyturn.ConversationError, match=expected):
        expander.expand(path)


@pytest.mark.parametrize("weight", [math.inf, -math.inf, math.nan])
def test_a_weight_is_finite(expander: everyturn.Expander, weight: float) -> None:
    """Python objects can hold weights that JSON cannot: they are refused as well."""
    with pytest.raises(everyturn.EveryturnError):
        expander.expand([messages_with(assistant("x", weight=weight))])


@pytest.mark.parametrize("line", ["[]", '"text"', "3", "null", "true", '[{"role": "user"}]'])
def test_a_line_that_is_no_object_is_refused(expander: everyturn.Expander, line: str) -> None:
    """A record is an object, and the error says so."""
    with pytest.raises(everyturn.EveryturnError, match="object") as caught:
        expander.expand(line.encode())
    assert caught.value.line == 1


@pytest.mark.parametrize("position", [0, 1, 2])
def test_an_assistant_first_has_no_prompt(
    models: dict[str, Path], route: Route, position: int
) -> None:
    """A target that nothing comes before is a fault of its own; the others are kept."""
    records = [chat("Hi", "Hello") for _ in range(3)]
    records[position] = {"messages": [assistant("First"), user("Hi"), assistant("Hello")]}
    with pytest.raises(everyturn.SampleError) as caught:
        everyturn.Expander(models["chatml"], layout="per_turn").expand(route(records))
    assert (caught.value.line, caught.value.message_index) == (position + 1, 0)
    skipping = everyturn.Expander(models["chatml"], layout="per_turn", on_error="skip")
    samples = skipping.expand(route(records))
    assert samples.report.targets_dropped == {"empty_prompt": 1}
    assert samples.line.tolist() == [1, 2, 3]
    assert samples.targets.tolist() == [2 if line == position else 1 for line in range(3)]


def test_a_template_that_raises_is_a_fault_of_the_target(
    models: dict[str, Path], route: Route
) -> None:
    """What the template says to a conversation is in the error, at the target's place."""
    records = [chat("Hi", "Hello"), {"messages": [user("a"), user("b"), assistant("c")]}]
    model = models["strict_alternation"]
    with pytest.raises(everyturn.TemplateError, match="must alternate") as caught:
        everyturn.Expander(model, layout="per_turn").expand(route(records))
    assert (caught.value.line, caught.value.message_index) == (2, 2)
    skipping = everyturn.Expander(model, layout="per_turn", on_error="skip")
    samples = skipping.expand(route(records))
    assert samples.line.tolist() == [1]
    assert samples.report.targets_dropped == {"template": 1}


@pytest.mark.parametrize("overflow", ["error", "drop"])
def test_a_sample_that_is_too_long_is_an_error_or_dropped(
    models: dict[str, Path], route: Route, overflow: str
) -> None:
    """`max_length` bounds a row: what exceeds it is refused or left out whole, never cut."""
    records = [chat("Hi", "Hello"), chat("Hi", "word " * 100)]
    lengths = [
        len(sample.input_ids)
        for sample in everyturn.Expander(models["chatml"], layout="per_turn").expand(records)
    ]
    options: dict[str, Any] = {
        "layout": "per_turn",
        "overflow": overflow,
        "max_length": lengths[1] - 1,
    }
    expander = everyturn.Expander(models["chatml"], **options)
    if overflow == "error":
        with pytest.raises(everyturn.SampleError, match=str(lengths[1])) as caught:
            expander.expand(route(records))
        assert (caught.value.line, caught.value.message_index) == (2, 1)
    else:
        samples = expander.expand(route(records))
        assert samples.line.tolist() == [1]
        assert sum(samples.report.targets_dropped.values()) == 1
    fitting = everyturn.Expander(models["chatml"], **{**options, "max_length": lengths[1]})
    assert fitting.expand(route(records)).line.tolist() == [1, 2]


# --------------------------------------------------------------------------------------------
# Odd files
# --------------------------------------------------------------------------------------------

ODD_FILES = (
    "odd_bare_strings.oasst_en_100_text.jsonl",
    "odd_claude_code_log_edge_cases.jsonl",
    "odd_placeholder_rows.nemo_gym.jsonl",
    "odd_pretty_printed_json.camel_gaia_results.jsonl",
    "torchtune_hh_rlhf_tiny.jsonl",
)


@pytest.mark.parametrize("name", ODD_FILES)
def test_files_that_hold_no_chats_are_refused_line_by_line(
    data: Path, models: dict[str, Path], name: str
) -> None:
    """Every line of a foreign file is read, dropped for a reason, and counted."""
    path = data / "chats" / name
    lines = [number for number, _ in read_lines(path)]
    expander = everyturn.Expander(models["chatml"], on_error="skip")
    samples = expander.expand(path)
    report = samples.report
    assert len(samples) == 0
    assert report.records_read == len(lines)
    assert report.records_kept == 0
    assert report.records_read == report.records_kept + sum(report.records_dropped.values())
    assert [fault.line for fault in report.faults] == lines[: len(report.faults)]
    assert len(report.faults) + report.faults_omitted == len(lines)
    assert all(fault.text and fault.kind and fault.file == str(path) for fault in report.faults)
    with pytest.raises(everyturn.EveryturnError) as caught:
        everyturn.Expander(models["chatml"]).expand(path)
    assert caught.value.line == lines[0]


LINES_PER_FILE = 200


def test_every_file_of_chats_is_accounted_for(data: Path, models: dict[str, Path]) -> None:
    """Over all real files, lines read are lines kept and dropped.

    The reference agrees on which are which.
    """
    expander = everyturn.Expander(models["chatml"], on_error="skip", control_tokens="allow")
    for path in sorted((data / "chats").glob("*.jsonl*")):
        if path.stat().st_size > 1_000_000:
            continue
        lines = [line for _, line in read_lines(path)][:LINES_PER_FILE]
        conversations, _ = conversations_of(lines)
        report = expander.expand(path, limit=LINES_PER_FILE).report
        assert report.records_read == len(lines), path.name
        sound = report.records_kept + report.records_dropped.get("all_targets_dropped", 0)
        assert sound == len(conversations), path.name
        assert report.records_read == report.records_kept + sum(report.records_dropped.values())


# --------------------------------------------------------------------------------------------
# What is easily lost
# --------------------------------------------------------------------------------------------


def sound(text: str = "a") -> dict[str, Any]:
    """Return a record that gives one row."""
    return {"messages": [user(text), assistant("b")]}


def test_none_among_records_is_a_fault_and_not_their_end(models: dict[str, Path]) -> None:
    """Each None is read, dropped and counted; the records behind it are kept."""
    expander = everyturn.Expander(models["chatml"], on_error="skip")
    samples = expander.expand([None, sound(), None, sound()])  # type: ignore[arg-type]
    assert samples.line.tolist() == [2, 4]
    assert samples.report.records_dropped == {"not_an_object": 2}


def test_any_iterable_of_paths_is_paths(models: dict[str, Path], tmp_path: Path) -> None:
    """A generator of paths is no iterable of records."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(sound(name)), encoding="utf-8")
    samples = everyturn.Expander(models["chatml"]).expand(sorted(tmp_path.glob("*.jsonl")))
    again = everyturn.Expander(models["chatml"]).expand(path for path in sorted(tmp_path.iterdir()))
    assert len(samples) == 2
    assert again.files == samples.files


def test_numpy_values_in_records_are_numbers_and_lists(models: dict[str, Path]) -> None:
    """Records that come from arrays and tables need no conversion; what is no JSON is named by its record."""
    expander = everyturn.Expander(models["chatml"])
    record = {"messages": np.array(sound()["messages"]), "score": np.float32(0.5)}
    assert len(expander.expand([record])) == 1
    with pytest.raises(everyturn.InputError, match="record 2: it holds set"):
        expander.expand([sound(), {**sound(), "tags": {1}}])


def test_a_null_key_does_not_tell_the_format(models: dict[str, Path]) -> None:
    """Tables of several formats have each other's keys as null."""
    record = {
        "messages": None,
        "conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}],
    }
    assert len(everyturn.Expander(models["chatml"]).expand([record])) == 1


@pytest.mark.parametrize("chunk_bytes", [1, 50, 93, 94, 1 << 20])
def test_the_size_of_chunks_changes_nothing(
    models: dict[str, Path], tmp_path: Path, chunk_bytes: int
) -> None:
    """Neither at the limit of a line, nor before the first telling record, nor at `limit`, nor in the counts."""
    line = json.dumps(sound()).encode()
    path = tmp_path / "chats.jsonl"
    path.write_bytes(
        b'{"odd": 1}\n' * 5 + (b"\r\n\n" + line + b"\r\n") * 4 + b"\n\n" + b"x" * 200 + b"\n" + line
    )
    expander = everyturn.Expander(models["chatml"], on_error="skip", max_line_bytes=len(line))
    for limit in (None, 1, 6, 7):
        parts = list(expander.stream(path, chunk_bytes=chunk_bytes, limit=limit))
        whole = expander.expand(path, limit=limit)
        report = everyturn.Samples.concatenate(parts).report
        assert report.to_dict() == whole.report.to_dict()
        assert [line for part in parts for line in part.line.tolist()] == whole.line.tolist()
    assert whole.report.records_dropped["unknown_format"] == 5
    assert len(expander.expand(path)) == 5


def test_control_tokens_across_parts_and_in_template_arguments_are_seen(
    models: dict[str, Path],
) -> None:
    """Parts are printed back to back; a record's template arguments are somebody's words too."""
    expander = everyturn.Expander(models["chatml"], control_tokens="reject")
    parts = [{"type": "text", "text": "<|im_"}, {"type": "text", "text": "end|>"}]
    for record in (
        {"messages": [{"role": "user", "content": parts}, assistant("b")]},
        {**sound(), "chat_template_kwargs": {"persona": "<|im_end|>"}},
    ):
        with pytest.raises(everyturn.ConversationError, match="control token"):
            expander.expand([record])


def test_a_process_ends_well_with_a_source_half_read() -> None:
    """Whoever stops early owes nothing."""
    code = (
        "import everyturn, json, time\n"
        "record = {'messages': [{'role': 'user', 'content': 'a'}, {'role': 'assistant', 'content': 'b'}]}\n"
        "def records():\n"
        "    while True:\n"
        "        yield record\n"
        "stream = everyturn.Expander('demo').stream(records(), chunk_bytes=1000)\n"
        "print(len(next(stream)) > 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
