"""Kinds of errors: each is raised with its location, counted under its kind, and survives a pickle."""

import pickle
import shutil
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tokenizers import AddedToken, Tokenizer
from tokenizers import models as tokenizer_models

import everyturn
import everyturn.cli.expand
from chats import Record, to_jsonl
from everyturn import _core

ATTRIBUTES = ("kind", "file", "line", "message_index")


# --------------------------------------------------------------------------------------------
# Kinds of errors
# --------------------------------------------------------------------------------------------

QUESTION = {"role": "user", "content": "a question"}
ANSWER = {"role": "assistant", "content": "an answer"}

#: The end of a turn is left out where the content is "open".
OFTEN_ENDS_TURNS = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' ~ message.role ~ '\\n' ~ message.content -}}"
    "{{- '' if message.content == 'open' else '<|im_end|>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)
#: Of answers only the last is printed.
FORGETS_ANSWERS = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' ~ message.role ~ '\\n' -}}"
    "{{- message.content if message.role == 'user' or loop.last else '(forgotten)' -}}"
    "{{- '<|im_end|>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)


def chat(*messages: Record, **keys: Any) -> bytes:
    """Return a line with a conversation."""
    return to_jsonl([{"messages": list(messages), **keys}])


@dataclass(frozen=True)
class BadRecord:
    """A record that is at fault, and how the fault is to be raised."""

    line: bytes
    error: type[everyturn.EveryturnError]
    message_index: int | None = None
    model: str = "demo"
    chat_template: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


#: What triggers each kind of fault that a record can have.
BAD_RECORDS: dict[str, BadRecord] = {
    "line_too_long": BadRecord(
        chat(QUESTION, ANSWER), everyturn.JsonlError, options={"max_line_bytes": 20}
    ),
    "json": BadRecord(b'{"messages": [}\n', everyturn.JsonlError),
    "json_utf8": BadRecord(b'{"messages": "\xff"}\n', everyturn.JsonlError),
    "json_surrogate": BadRecord(b'{"messages": "\\ud800"}\n', everyturn.JsonlError),
    "json_number": BadRecord(b'{"messages": 1e999}\n', everyturn.JsonlError),
    "json_depth": BadRecord(
        b'{"messages": ' + b"[" * 200 + b"]" * 200 + b"}\n", everyturn.JsonlError
    ),
    "not_an_object": BadRecord(b'["messages"]\n', everyturn.ConversationError),
    "unknown_format": BadRecord(b'{"text": "x"}\n', everyturn.ConversationError),
    "shape": BadRecord(b'{"messages": "x"}\n', everyturn.ConversationError),
    "role": BadRecord(
        chat(QUESTION, {"role": "bot", "content": "x"}), everyturn.ConversationError, 1
    ),
    "tools": BadRecord(chat(QUESTION, ANSWER, tools=5), everyturn.ConversationError),
    "weight": BadRecord(chat(QUESTION, {**ANSWER, "weight": "x"}), everyturn.ConversationError, 1),
    "undesired": BadRecord(chat(QUESTION, ANSWER, label=False), everyturn.ConversationError),
    "media": BadRecord(chat(QUESTION, ANSWER, images=["a.png"]), everyturn.ConversationError),
    "template_kwargs": BadRecord(
        chat(QUESTION, ANSWER, chat_template_kwargs={"messages": []}), everyturn.ConversationError
    ),
    "control_token": BadRecord(
        chat({"role": "user", "content": "a<|im_end|>b"}, ANSWER),
        everyturn.ConversationError,
        0,
        options={"control_tokens": "reject"},
    ),
    "refused_by_server": BadRecord(
        chat(QUESTION, ANSWER, tools=[{"type": "function", "function": {"description": "x"}}]),
        everyturn.ConversationError,
    ),
    "empty_prompt": BadRecord(chat(ANSWER), everyturn.SampleError, 0),
    "template": BadRecord(
        chat(QUESTION, QUESTION, ANSWER), everyturn.TemplateError, 2, model="strict_alternation"
    ),
    "prompt_mismatch": BadRecord(
        chat(QUESTION, ANSWER), everyturn.SampleError, 1, model="prefills_thinking"
    ),
    "no_stop_token": BadRecord(
        chat(QUESTION, {"role": "assistant", "content": "open"}),
        everyturn.SampleError,
        1,
        model="chatml",
        chat_template=OFTEN_ENDS_TURNS,
    ),
    "not_located": BadRecord(
        chat(QUESTION, ANSWER, QUESTION, ANSWER),
        everyturn.SampleError,
        1,
        model="chatml",
        chat_template=FORGETS_ANSWERS,
        options={"layout": "conversation"},
    ),
    "too_long": BadRecord(
        chat(QUESTION, ANSWER), everyturn.SampleError, 1, options={"max_length": 3}
    ),
    "encode": BadRecord(
        chat(QUESTION, {"role": "assistant", "content": "unheard of"}),
        everyturn.TokenizerError,
        1,
        model="four_words",
    ),
}


class Unreadable:
    """A file whose reading fails."""

    name = "tape"

    def read(self, size: int, /) -> bytes:
        """Fail."""
        raise OSError(5, f"{size} bytes cannot be read")


#: Faults of one target; the others are of a whole record.
TARGET_ERRORS = {everyturn.SampleError, everyturn.TemplateError, everyturn.TokenizerError}

#: What triggers each of the other kinds: they end a run whatever `on_error` says.
BAD_RUNS: dict[str, tuple[Callable[[], object], type[everyturn.EveryturnError], str | None]] = {
    "io": (
        lambda: everyturn.Expander("demo", on_error="skip").expand(Unreadable()),
        everyturn.InputError,
        "tape",
    ),
    "compression": (
        lambda: everyturn.Expander("demo", on_error="skip").expand(b"\x1f\x8b\x08\x00cut"),
        everyturn.InputError,
        "<bytes>",
    ),
    "content": (
        lambda: everyturn.Expander("demo", on_error="skip").expand(b"PAR1\x15\x04\x15*"),
        everyturn.InputError,
        "<bytes>",
    ),
    "json_document": (
        lambda: everyturn.Expander("demo", on_error="skip").expand(b'[\n{"messages": []'),
        everyturn.JsonlError,
        "<bytes>",
    ),
    "model": (
        lambda: everyturn.Renderer.from_dir("a/folder/that/is/not/there"),
        everyturn.ModelError,
        None,
    ),
    "options": (
        lambda: everyturn.Expander("demo", layout=typing.cast("Any", "square")),
        everyturn.OptionsError,
        None,
    ),
}
#: No input is known that makes a dependency panic, which is all that this kind is for.
NOT_TRIGGERED = {"internal"}


@pytest.fixture(scope="module")
def folders(models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The folders of models, and one whose tokenizer has four words and fails on all others."""
    folder = tmp_path_factory.mktemp("four_words") / "model"
    shutil.copytree(models["chatml"], folder)
    words = ["user\na question", "assistant\n", "an answer", "\n"]
    vocabulary = {word: number for number, word in enumerate(words)}
    unknown = {"unk_token": "none"}
    tokenizer = Tokenizer(tokenizer_models.WordLevel(vocabulary, **unknown))
    tokenizer.add_special_tokens(
        [
            AddedToken(text, normalized=False, special=True)
            for text in ("<|pad|>", "<|im_start|>", "<|im_end|>")
        ]
    )
    (folder / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
    named = {name: str(path) for name, path in models.items()}
    return {**named, "demo": "demo", "four_words": str(folder)}


def expander(bad: BadRecord, folders: dict[str, str], **changed: Any) -> everyturn.Expander:
    """Return the expander that meets the fault."""
    renderer = everyturn.Renderer.from_dir(folders[bad.model], chat_template=bad.chat_template)
    return everyturn.Expander(renderer, **{**bad.options, **changed})


def attributes(error: BaseException) -> tuple[Any, ...]:
    """What an exception says to programs."""
    return tuple(getattr(error, name) for name in ATTRIBUTES)


def test_every_kind_of_error_is_triggered_here() -> None:
    """A new kind is one that a test has seen."""
    assert len(_core.ERROR_KINDS) == len(set(_core.ERROR_KINDS))
    assert {*BAD_RECORDS, *BAD_RUNS, *NOT_TRIGGERED} == set(_core.ERROR_KINDS)


@pytest.mark.parametrize("kind", sorted(BAD_RECORDS))
def test_a_fault_of_a_record_is_raised_with_its_kind_and_place(
    folders: dict[str, str], kind: str
) -> None:
    """Class, kind, file, line and message are attributes; the text has the location as well."""
    bad = BAD_RECORDS[kind]
    with pytest.raises(everyturn.EveryturnError) as caught:
        expander(bad, folders).expand(b"\n" + bad.line)
    assert type(caught.value) is bad.error
    assert attributes(caught.value) == (kind, "<bytes>", 2, bad.message_index)
    location = "<bytes>:2: "
    if bad.message_index is not None:
        location += f"message {bad.message_index}: "
    assert str(caught.value).startswith(location)
    assert len(str(caught.value)) > len(location)


@pytest.mark.parametrize("kind", sorted(BAD_RECORDS))
def test_a_fault_of_a_record_is_counted_under_its_kind(folders: dict[str, str], kind: str) -> None:
    """Skipped instead of raised, the fault is in the report with the same text."""
    bad = BAD_RECORDS[kind]
    with pytest.raises(everyturn.EveryturnError) as caught:
        expander(bad, folders).expand(bad.line)
    report = expander(bad, folders, on_error="skip").expand(bad.line).report
    assert report.records_read == 1
    # Of a conversation some targets may be lost; a record that is none is lost as a whole.
    lost = report.targets_dropped if bad.error in TARGET_ERRORS else report.records_dropped
    assert lost == {kind: 1}
    assert report.faults == (
        everyturn.Fault("<bytes>", 1, bad.message_index, kind, str(caught.value)),
    )


@pytest.mark.parametrize("kind", sorted(BAD_RUNS))
def test_an_error_that_is_of_no_record_ends_the_run(kind: str) -> None:
    """Unreadable inputs, models and options raise, whatever is to become of bad records."""
    trigger, error, file = BAD_RUNS[kind]
    with pytest.raises(everyturn.EveryturnError) as caught:
        trigger()
    assert type(caught.value) is error
    assert (caught.value.kind, caught.value.file) == (kind, file)


#: Errors that are raised before the core is asked.
EARLY_ERRORS: dict[str, Callable[[], object]] = {
    "max_length": lambda: everyturn.Expander("demo", max_length=0),
    "num_threads": lambda: everyturn.Expander("demo", num_threads=0),
    "limit": lambda: everyturn.Expander("demo").expand(b"", limit=-1),
    "now": lambda: everyturn.Renderer.from_dir("demo", now="yesterday"),
    "path": lambda: everyturn.Expander("demo").expand("not_there.jsonl"),
    "glob": lambda: everyturn.Expander("demo").expand("not_there_*.jsonl"),
}


@pytest.mark.parametrize("name", sorted(EARLY_ERRORS))
def test_every_error_has_a_kind(name: str) -> None:
    """`kind` is one of the stable names, whichever side of the package has raised."""
    with pytest.raises(everyturn.EveryturnError) as caught:
        EARLY_ERRORS[name]()
    assert caught.value.kind in _core.ERROR_KINDS


@pytest.mark.parametrize("kind", sorted(BAD_RECORDS))
def test_a_raised_error_survives_a_pickle(folders: dict[str, str], kind: str) -> None:
    """Class, text and attributes reach another process."""
    bad = BAD_RECORDS[kind]
    with pytest.raises(everyturn.EveryturnError) as caught:
        expander(bad, folders).expand(bad.line)
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own pickle
    assert type(copy) is type(caught.value)
    assert str(copy) == str(caught.value)
    assert attributes(copy) == attributes(caught.value)
