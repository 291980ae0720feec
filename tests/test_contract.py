"""What is promised by name: options, flags, defaults, kinds of errors, stubs, lazy imports."""

import dataclasses
import inspect
import pickle
import shutil
import subprocess
import sys
import typing
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tokenizers import AddedToken, Tokenizer
from tokenizers import models as tokenizer_models

import everyturn
import everyturn.cli.expand
from conftest import Record, to_jsonl
from everyturn import _core, options
from everyturn.arrow import Preparer
from everyturn.cli import main
from everyturn.expander import OPTION_NAMES, options_with

ROOT = Path(__file__).resolve().parent.parent
ATTRIBUTES = ("kind", "file", "line", "message_index")

# --------------------------------------------------------------------------------------------
# Options, flags, defaults
# --------------------------------------------------------------------------------------------

LITERALS: dict[str, Any] = {
    "train_on": options.TrainOn,
    "layout": options.Layout,
    "overflow": options.Overflow,
    "prompt_mismatch": options.PromptMismatch,
    "control_tokens": options.ControlTokens,
    "input_format": options.InputFormat,
    "normalize": options.Normalize,
    "on_error": options.OnError,
    "engine": options.Engine,
}
#: What other methods choose from.
OTHER_LITERALS: dict[str, Any] = {"strategy": options.PackStrategy}
#: The options of `Expander` with their defaults, as the documentation of the project fixes them.
DEFAULTS: dict[str, Any] = {
    "train_on": "all_assistant_messages",
    "layout": "merged",
    "max_length": None,
    "overflow": "error",
    "history_turns": None,
    "max_prompt_tokens": None,
    "prompt_mismatch": "error",
    "control_tokens": "warn",
    "normalize": "none",
    "deduplicate": False,
    "input_format": "auto",
    "on_error": "raise",
    "max_line_bytes": 64 << 20,
    "num_threads": None,
}


def test_the_names_that_python_types_are_those_that_the_core_takes() -> None:
    """Each option with a set of names has the same names, in the same order, on both sides."""
    literals = LITERALS | OTHER_LITERALS
    named = {option: list(typing.get_args(literal)) for option, literal in literals.items()}
    assert named == _core.CHOICES


def test_options_are_keywords_with_the_documented_defaults() -> None:
    """`Expander` takes the model by place, and every option by name alone."""
    first, *rest = inspect.signature(everyturn.Expander).parameters.values()
    assert first.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert {parameter.kind for parameter in rest} == {inspect.Parameter.KEYWORD_ONLY}
    assert {parameter.name: parameter.default for parameter in rest} == DEFAULTS


def parsed(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Namespace:
    """Return what the command line makes of the arguments of `expand`."""
    taken: list[Namespace] = []

    def run(namespace: Namespace) -> int:
        taken.append(namespace)
        return 0

    monkeypatch.setattr(everyturn.cli.expand, "run", run)
    assert main(["expand", "chats.jsonl", "--model", "demo", *arguments]) == 0
    return taken[0]


@pytest.mark.parametrize(
    "make",
    [
        lambda **options: everyturn.Expander("demo", **options),
        lambda **options: everyturn.Expander("demo").replace(**options),
        lambda **options: everyturn.check(b"", **options),
        lambda **options: everyturn.check(b"", renderer="demo", **options),
        lambda **options: Preparer("demo", **options),
    ],
    ids=["Expander", "replace", "check", "check with a model", "Preparer"],
)
def test_an_unknown_option_is_refused_in_one_way(make: Callable[..., object]) -> None:
    """With the name of the one that is meant; nothing is a TypeError."""
    with pytest.raises(
        everyturn.OptionsError, match="max_lenght is not an option; did you mean max_length"
    ):
        make(max_lenght=5)


def test_the_signature_of_the_expander_names_its_options() -> None:
    """For help and editors."""
    assert [*inspect.signature(everyturn.Expander).parameters][1:] == list(OPTION_NAMES)


def test_every_option_is_a_flag_with_the_same_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without flags, the command line means what `Expander` without options means."""
    taken = vars(parsed(monkeypatch))
    assert {name: taken[name] for name in DEFAULTS} == DEFAULTS


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        (option, name, name)
        for option, literal in LITERALS.items()
        if option in DEFAULTS
        for name in literal.__args__
    ]
    + [(option, "7", 7) for option in options_with("count")],
)
def test_every_value_of_an_option_can_be_given_as_a_flag(
    monkeypatch: pytest.MonkeyPatch, option: str, text: str, value: object
) -> None:
    """A flag is named as its option, with hyphens, and takes what the option takes."""
    taken = vars(parsed(monkeypatch, "--" + option.replace("_", "-"), text))
    assert {name: taken[name] for name in DEFAULTS} == {**DEFAULTS, option: value}


@pytest.mark.parametrize("option", sorted(LITERALS.keys() & DEFAULTS.keys()))
def test_an_unknown_name_is_refused_with_the_known_ones(option: str) -> None:
    """The error of an option names the option, what was given, and what could have been."""
    unknown: dict[str, Any] = {option: "nothing_of_this_name"}
    with pytest.raises(everyturn.OptionsError) as caught:
        everyturn.Expander("demo", **unknown)
    for said in (option, "nothing_of_this_name", *typing.get_args(LITERALS[option])):
        assert said in str(caught.value)


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
    "template_kwargs": BadRecord(
        chat(QUESTION, ANSWER, chat_template_kwargs={"messages": []}), everyturn.ConversationError
    ),
    "control_token": BadRecord(
        chat({"role": "user", "content": "a<|im_end|>b"}, ANSWER),
        everyturn.ConversationError,
        0,
        options={"control_tokens": "reject"},
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
    """Class, kind, file, line and message are attributes; the text says the place as well."""
    bad = BAD_RECORDS[kind]
    with pytest.raises(everyturn.EveryturnError) as caught:
        expander(bad, folders).expand(b"\n" + bad.line)
    assert type(caught.value) is bad.error
    assert attributes(caught.value) == (kind, "<bytes>", 2, bad.message_index)
    place = "<bytes>:2: "
    if bad.message_index is not None:
        place += f"message {bad.message_index}: "
    assert str(caught.value).startswith(place)
    assert len(str(caught.value)) > len(place)


@pytest.mark.parametrize("kind", sorted(BAD_RECORDS))
def test_a_fault_of_a_record_is_counted_under_its_kind(folders: dict[str, str], kind: str) -> None:
    """Skipped instead of raised, the fault stands in the report with the same words."""
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


# --------------------------------------------------------------------------------------------
# Names
# --------------------------------------------------------------------------------------------

EXCEPTIONS = {
    "EveryturnError",
    "ConversationError",
    "InputError",
    "InternalError",
    "JsonlError",
    "ModelError",
    "OptionsError",
    "SampleError",
    "TemplateError",
    "TokenizerError",
}
CLASSES = {
    "Batch",
    "Expander",
    "Fault",
    "Finding",
    "Packed",
    "PackedRow",
    "Renderer",
    "Report",
    "Sample",
    "Samples",
    "TemplateReport",
}


FUNCTIONS = {"check", "window"}


def test_the_public_names_are_these() -> None:
    """What can be imported from the package is listed, and nothing else is."""
    assert set(everyturn.__all__) == EXCEPTIONS | CLASSES | FUNCTIONS | {
        "IGNORE_INDEX",
        "__version__",
    }
    assert everyturn.IGNORE_INDEX == -100
    assert everyturn.__version__ == _core.__version__


@pytest.mark.parametrize("name", sorted(EXCEPTIONS))
def test_exceptions_are_value_errors_of_one_family(name: str) -> None:
    """One `except` catches all; without a place its attributes are None, and the kind is one of the core's."""
    error = getattr(everyturn, name)
    assert issubclass(error, everyturn.EveryturnError)
    assert issubclass(error, ValueError)
    kind, *place = attributes(error("what went wrong"))
    assert place == [None, None, None]
    assert kind is None or kind in _core.ERROR_KINDS
    assert str(error("what went wrong")) == "what went wrong"


@pytest.mark.parametrize("name", sorted(EXCEPTIONS | CLASSES))
def test_public_classes_and_their_methods_have_docstrings(name: str) -> None:
    """Each says in words of its own what it is; those that dataclasses make up do not count."""
    documented = getattr(everyturn, name)
    assert documented.__doc__
    assert not documented.__doc__.startswith(f"{name}(")
    fields = (
        {entry.name for entry in dataclasses.fields(documented)}
        if dataclasses.is_dataclass(documented)
        else set()
    )
    for member, value in vars(documented).items():
        if member.startswith("_") or member in fields:
            continue
        if inspect.isfunction(value) or isinstance(value, property | classmethod | staticmethod):
            assert inspect.getdoc(getattr(documented, member)), member


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("renderer", "_core"),
        ("renderer", "_sources"),
        ("expander", "layout"),
        ("expander", "renderer"),
        ("samples", "labels"),
        ("samples", "report"),
        ("sample", "labels"),
        ("report", "rows"),
    ],
)
def test_what_is_frozen_cannot_be_set(name: str, attribute: str) -> None:
    """Renderer, Expander, Samples, Sample and Report refuse a new value, and keep the old."""
    renderer = everyturn.Renderer.from_dir("demo")
    expander = everyturn.Expander(renderer)
    samples = expander.expand(chat(QUESTION, ANSWER))
    frozen = {
        "renderer": renderer,
        "expander": expander,
        "samples": samples,
        "sample": samples[0],
        "report": samples.report,
    }[name]
    before = getattr(frozen, attribute)
    with pytest.raises(AttributeError):
        setattr(frozen, attribute, None)
    assert getattr(frozen, attribute) is before


# --------------------------------------------------------------------------------------------
# The compiled module, and what an import costs
# --------------------------------------------------------------------------------------------


def test_the_stubs_of_the_core_are_what_the_core_is() -> None:
    """Names, signatures and defaults of `_core.pyi` agree with the compiled module."""
    command = [sys.executable, "-m", "mypy.stubtest", "everyturn._core"]
    done = subprocess.run(
        [*command, "--mypy-config-file", "pyproject.toml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


HEAVY = ("datasets", "jinja2", "pandas", "pyarrow", "rich", "tokenizers", "torch", "transformers")


def test_without_pytorch_its_part_says_what_is_missing() -> None:
    """The rest of the package works, and the error names the extra to install."""
    code = "import sys; sys.modules['torch'] = None; import everyturn; import everyturn.torch"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 1
    assert b"pip install 'everyturn[torch]'" in done.stderr


@pytest.mark.parametrize(
    "code",
    [
        "import everyturn",
        "import everyturn.cli",
        "import everyturn; everyturn.Expander('demo').expand([]).pad(pad_token_id=0)",
    ],
    ids=["package", "command line", "expansion"],
)
def test_nothing_heavy_is_imported_before_it_is_needed(code: str) -> None:
    """Importing the package, and expanding, need numpy alone."""
    shown = f"; import sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code + shown], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "[]"
