"""What several test files share: the real data, the small models, and how hard to look."""

import gzip
import importlib.util
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

from browser import HOW_TO_INSTALL, Browser, program
from chats import Route, to_jsonl
from paths import DATA_VARIABLE, TESTS, find_data

_SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large]
# The same examples each time: a change is not refused for what it did not touch. The slow profile looks for new ones.
settings.register_profile(
    "fast",
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=_SLOW_IS_FINE,
)
settings.register_profile(
    "slow",
    max_examples=1_000,
    deadline=None,
    suppress_health_check=_SLOW_IS_FINE,
    print_blob=True,
)
settings.load_profile(os.environ.get("EVERYTURN_HYPOTHESIS_PROFILE", "fast"))


def pytest_configure() -> None:
    """Give the children of tests the default signals, also where a shell in the background or `nohup` ignores them."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        # Still ignored here; what is ignored is inherited, and a handler is not.
        signal.signal(signal.SIGHUP, lambda *_: None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--whole`."""
    parser.addoption(
        "--whole",
        action="store_true",
        help="compare with the reference on every conversation of the data, not on a sample",
    )


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real tokenizers and chats."""
    folder = find_data()
    if folder is None:
        reason = f"the folder of real tokenizers and chats is absent (set {DATA_VARIABLE})"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}: in CI that is an error", pytrace=False)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="session")
def tokenizer_folder(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tokenizer by name, with tokenizer.json unpacked where it is packed."""
    unpacked: dict[str, Path] = {}

    def folder_of(name: str) -> Path:
        folder = data / "tokenizers" / name
        packed = folder / "tokenizer.json.gz"
        if not packed.exists():
            return folder
        if name not in unpacked:
            copy = tmp_path_factory.mktemp("tokenizer") / name
            shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*.gz"))
            (copy / "tokenizer.json").write_bytes(gzip.decompress(packed.read_bytes()))
            unpacked[name] = copy
        return unpacked[name]

    return folder_of


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The small models that the project makes itself, by name."""
    make_models = _load(TESTS / "data" / "make_models.py").make_models
    made: dict[str, Path] = make_models(tmp_path_factory.mktemp("models"))
    return made


@pytest.fixture(params=["jsonl", "dicts"])
def route(request: pytest.FixtureRequest) -> Route:
    """Both ways that records come in: as JSONL bytes, and as an iterable of dict."""
    return to_jsonl if request.param == "jsonl" else list


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser; in CI it has to be there."""
    if program() is None:
        reason = f"Chromium, which shows the pages, is not installed. {HOW_TO_INSTALL}"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}: in CI that is an error", pytrace=False)
        pytest.skip(reason)
    with Browser() as opened:
        yield opened
