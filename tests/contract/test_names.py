"""Public names, the stubs of the compiled module, and what an import costs."""

import dataclasses
import inspect
import re
import subprocess
import sys

import pytest

import everyturn
import everyturn.cli.expand
from chats import chat_of
from everyturn import _core
from everyturn.catalogue import KINDS
from paths import ROOT

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
    "ServerError",
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
    "Rule",
    "Renderer",
    "Report",
    "Sample",
    "Samples",
    "ServingWarning",
    "TemplateArgumentWarning",
    "TemplateReport",
}

FUNCTIONS = {"check", "verify", "window"}


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
    """One `except` catches all; without a location its attributes are None, and the kind is one that is explained."""
    error = getattr(everyturn, name)
    assert issubclass(error, everyturn.EveryturnError)
    assert issubclass(error, ValueError)
    raised = error("what went wrong")
    kind = raised.kind
    location = [raised.file, raised.line, raised.message_index]
    assert location == [None, None, None]
    assert kind is None or kind in KINDS
    assert str(error("what went wrong")) == "what went wrong"


@pytest.mark.parametrize("name", sorted(EXCEPTIONS | CLASSES))
def test_public_classes_and_their_methods_have_docstrings(name: str) -> None:
    """Each says in its own words what it is; those that dataclasses make up do not count."""
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
    samples = expander.expand([chat_of("a question", "an answer")])
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


def test_the_files_that_contributing_names_exist() -> None:
    """What it takes to add something is said by path."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:python|rust|docs|tests)/[^`]*)`", text)
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


HEAVY = (
    "datasets",
    "jinja2",
    "pandas",
    "pyarrow",
    "rich",
    "shtab",
    "tokenizers",
    "torch",
    "transformers",
)


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
