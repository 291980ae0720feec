"""Rule: a panic of a dependency, anywhere, is an InternalError, and nobody else's panic hook is touched."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import everyturn
from everyturn import Expander, Renderer
from everyturn.lint.report import TemplateReport

DEMO = Path(everyturn.__file__).parent / "models" / "demo"
CHAT = [{"role": "user", "content": "aaaa"}, {"role": "assistant", "content": "a"}]

REGEX = {
    "type": "Split",
    "pattern": {"Regex": "(a+)+b"},
    "behavior": "Isolated",
    "invert": False,
}
BACKTRACKING = "a" * 40


def model(folder: Path, **parts: Any) -> Path:
    """The built-in model with other parts of its tokenizer."""
    folder.mkdir()
    for path in DEMO.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    config = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps(config | parts))
    return folder


@pytest.mark.parametrize("load", [Renderer.from_dir, Expander, TemplateReport.of_model])
def test_a_tokenizer_that_panics_when_it_is_loaded(
    tmp_path: Path, load: Callable[[Path], object], capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever loads it, an Exception says so, and nothing else does."""
    parts = {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAAAP8="}}
    folder = model(tmp_path / "model", **parts)
    with pytest.raises(everyturn.InternalError, match="panicked"):
        load(folder)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "parts",
    [
        {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "CAAAAP//////////aGVsbG8A"}},
        {"normalizer": {"type": "Replace", "pattern": {"String": ""}, "content": "x"}},
        {"pre_tokenizer": {"type": "FixedLength", "length": 0}},
    ],
    ids=["charsmap", "replace", "length"],
)
def test_a_tokenizer_with_a_part_that_panics(
    tmp_path: Path, parts: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    """At the latest when it encodes."""
    folder = model(tmp_path / "model", **parts)
    with pytest.raises(everyturn.InternalError, match="panicked"):
        Renderer.from_dir(folder).encode("hello")
    assert capfd.readouterr() == ("", "")


CALLS: dict[str, Callable[[Path], object]] = {
    "encode": lambda folder: Renderer.from_dir(folder).encode(BACKTRACKING),
    "window": lambda folder: everyturn.window(
        [{"role": "user", "content": BACKTRACKING}],
        renderer=Renderer.from_dir(folder),
        max_prompt_tokens=10,
    ),
    "raise": lambda folder: Expander(folder).expand(
        [{"messages": [{"role": "user", "content": BACKTRACKING}, CHAT[1]]}]
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_tokenizer_that_panics_when_it_is_used(
    tmp_path: Path, call: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """A regular expression that never ends is given up with a panic."""
    config = json.loads((DEMO / "tokenizer.json").read_text())
    parts = {**config["pre_tokenizer"]}
    parts["pretokenizers"] = [REGEX, *parts["pretokenizers"]]
    folder = model(tmp_path / "model", pre_tokenizer=parts)
    with pytest.raises(everyturn.InternalError, match="panicked"):
        CALLS[call](folder)
    assert capfd.readouterr() == ("", "")


def test_a_decoder_that_panics(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The renderer still decodes other ids."""
    decoder = {"type": "Strip", "content": "a", "start": 1_000_000_000, "stop": 1_000_000_000}
    renderer = Renderer.from_dir(model(tmp_path / "model", decoder=decoder))
    with pytest.raises(everyturn.InternalError, match="panicked"):
        renderer.decode(renderer.encode("a"))
    assert renderer.encode("abc").size
    assert capfd.readouterr() == ("", "")


def test_a_panic_of_another_extension_is_still_printed(tmp_path: Path) -> None:
    """Each extension has its own hook: this one silences what it catches, and no other."""
    pytest.importorskip("tokenizers")
    parts = {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAAAP8="}}
    folder = model(tmp_path / "model", **parts)
    program = (
        "import sys, everyturn, tokenizers\n"
        "try: everyturn.Renderer.from_dir(sys.argv[1])\n"
        "except everyturn.InternalError: print('ours')\n"
        "try: tokenizers.Tokenizer.from_file(sys.argv[1] + '/tokenizer.json')\n"
        "except BaseException as error: print(type(error).__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["ours", "PanicException"]
    assert done.stderr.count("panicked at") == 1
