"""Rule: whatever encodes the text, the ids are those of the `tokenizers` library."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import everyturn
from as_template import template_renderer
from everyturn.model_sources import sources_of
from everyturn.options import Engine
from paths import DEMO, find_data
from reference import read_lines

#: Bytes of each chat file that are compared without `--whole`.
BYTES_PER_FILE = 150_000


def _models() -> list[Any]:
    data = find_data()
    if data is None:
        return [pytest.param("", id="no-data")]
    folders = sorted((data / "tokenizers").iterdir())
    return [folder.name for folder in folders if any(folder.glob("chat_template*"))]


def _renderers(folder: Path) -> tuple[everyturn.Renderer, everyturn.Renderer]:
    fast = template_renderer(folder, engine="fast", now="2026-01-31")
    return template_renderer(folder, engine="reference", now="2026-01-31"), fast


def _same(mine: everyturn.Samples, theirs: everyturn.Samples) -> None:
    assert np.array_equal(mine.input_ids, theirs.input_ids)
    assert np.array_equal(mine.labels, theirs.labels)
    assert np.array_equal(mine.offsets, theirs.offsets)
    assert mine.report == theirs.report


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder of the test run's own, kept for the whole run."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


@pytest.mark.parametrize("name", _models())
def test_the_fast_engine_gives_the_same_samples(
    name: str, data: Path, request: pytest.FixtureRequest
) -> None:
    """All shared chats with each tokenizer: zero differences."""
    reference, fast = _renderers(data / "tokenizers" / name)
    assert "verified" in fast.engine
    assert "fastokens" not in reference.engine
    whole = request.config.getoption("--whole")
    for path in sorted((data / "chats").iterdir()):
        lines, size = [], 0
        for _, line in read_lines(path):
            if not whole and size + len(line) > BYTES_PER_FILE:
                break
            lines.append(line)
            size += len(line)
        options: dict[str, Any] = {"on_error": "skip", "prompt_mismatch": "splice"}
        made = [
            everyturn.Expander(renderer, **options).expand(b"\n".join(lines))
            for renderer in (reference, fast)
        ]
        _same(*made)


@pytest.mark.parametrize("name", _models())
def test_torture_texts(name: str, data: Path) -> None:
    """Texts that tokenizers stumble over, as contents."""
    reference, fast = _renderers(data / "tokenizers" / name)
    texts = json.loads((data / "text" / "blns.json").read_text())
    assert len(texts) > 400
    chats = [
        {
            "messages": [
                {"role": "user", "content": f"{text} {text}"},
                {"role": "assistant", "content": text},
            ]
        }
        for text in texts
    ]
    made = [
        everyturn.Expander(renderer, on_error="skip").expand(chats)
        for renderer in (reference, fast)
    ]
    _same(*made)


def test_auto_takes_the_fast_engine_once_there_is_enough_text() -> None:
    """It is not loaded for a chat or two, and the ids do not show it."""
    chats = [
        {
            "messages": [
                {"role": "user", "content": f"question {i} " * 80},
                {"role": "assistant", "content": f"answer {i} " * 80},
            ]
        }
        for i in range(1200)
    ]
    auto = template_renderer("demo")
    few = everyturn.Expander(auto).expand(chats[:10])
    assert "too little text" in auto.engine
    many = everyturn.Expander(auto).expand(chats)
    assert "verified" in auto.engine
    reference = everyturn.Expander(template_renderer("demo", engine="reference"))
    _same(few, reference.expand(chats[:10]))
    _same(many, reference.expand(chats))


@pytest.mark.parametrize("threads", [1, 4])
def test_threads_that_wait_for_the_fast_engine_encode_the_same(threads: int) -> None:
    """Whoever loads it, and whoever waits: the samples are those of the reference."""
    text = "".join(f"word{i} " for i in range(9000))
    chats = [
        {"messages": [{"role": "user", "content": f"{i}"}, {"role": "assistant", "content": text}]}
        for i in range(40)
    ]
    auto, reference = template_renderer("demo"), template_renderer("demo", engine="reference")
    made = [
        everyturn.Expander(renderer, num_threads=threads).expand(chats)
        for renderer in (auto, reference)
    ]
    assert "verified" in auto.engine
    _same(*made)


def test_a_large_run_has_the_fast_engine_from_the_start(tmp_path: Path) -> None:
    """It is loaded beside the reference; where it may not be used, or cannot, the reference encodes."""
    chat = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}
    unknown = _model(tmp_path, normalizer={"type": "NFKC"})
    cases: list[tuple[Path | str, Engine, str]] = [
        ("demo", "auto", "verified"),
        ("demo", "reference", "tokenizers"),
        (unknown, "auto", "NFKC"),
    ]
    for folder, engine, said in cases:
        sources = sources_of(folder, engine=engine, serve="template", needs_fast_engine=True)
        renderer = everyturn.Renderer(sources)
        assert said in renderer.engine
        assert ("fastokens" in renderer.engine) == (said == "verified")
        plain = template_renderer(folder, engine="reference")
        _same(*(everyturn.Expander(each).expand([chat]) for each in (renderer, plain)))


def test_a_text_is_encoded_by_the_engine_that_encodes_samples() -> None:
    """`Renderer.encode` is no exception: enough of it loads the fast engine, and the ids are the same."""
    auto, reference = template_renderer("demo"), template_renderer("demo", engine="reference")
    texts = [
        "".join(f"<|im_start|>user\nword{i}é {j} x<|im_end|>\n" for i in range(1000))
        for j in range(100)
    ]
    for text in texts:
        assert np.array_equal(auto.encode(text), reference.encode(text))
    assert "verified" in auto.engine


def _model(tmp_path: Path, *, indent: int = 0, **parts: Any) -> Path:
    """Copy the demo model with other parts in its tokenizer, or with the same ones in another file."""
    folder = tmp_path / "model"
    shutil.copytree(DEMO, folder)
    config = json.loads((folder / "tokenizer.json").read_text())
    config |= parts
    (folder / "tokenizer.json").write_text(json.dumps(config, indent=indent))
    return folder


def test_a_tokenizer_that_it_does_not_know_is_left_to_the_reference(tmp_path: Path) -> None:
    """`fast` is an error that says why; `auto` falls back and says so."""
    folder = _model(tmp_path, normalizer={"type": "NFKC"})
    with pytest.raises(everyturn.ModelError, match="its normalizer is of type NFKC"):
        template_renderer(folder, engine="fast")
    auto = template_renderer(folder)
    chat = {
        "messages": [
            {"role": "user", "content": "word " * 160_000},
            {"role": "assistant", "content": "x"},
        ]
    }
    everyturn.Expander(auto).expand([chat, chat])
    assert "NFKC" in auto.engine


def test_what_was_found_is_kept(tmp_path: Path, cache: Path) -> None:
    """A verdict is read from the cache; a broken file is as good as none."""
    folder = _model(tmp_path, indent=3)
    before = set(cache.rglob("*.json")) if cache.exists() else set()
    template_renderer(folder, engine="fast")
    (kept,) = set(cache.rglob("*.json")) - before
    verdict = json.loads(kept.read_text())
    kept.write_text(json.dumps({"refused": "for a test"}))
    with pytest.raises(everyturn.ModelError, match="for a test"):
        template_renderer(folder, engine="fast")
    kept.write_text("{broken")
    template_renderer(folder, engine="fast")
    assert json.loads(kept.read_text()) == verdict


def test_guarded_characters_go_to_the_reference(tmp_path: Path, cache: Path) -> None:
    """A character that the verdict names is encoded all the same, and equally."""
    folder = _model(tmp_path, indent=5)
    before = set(cache.rglob("*.json")) if cache.exists() else set()
    template_renderer(folder, engine="fast")
    (kept,) = set(cache.rglob("*.json")) - before
    verdict = json.loads(kept.read_text())
    kept.write_text(json.dumps({**verdict, "guard": [0xE9, 0x4F60]}))
    reference, fast = _renderers(folder)
    chat = {
        "messages": [
            {"role": "user", "content": "é 你好"},
            {"role": "assistant", "content": "\u017fo 🙂 \U000e0041"},
        ]
    }
    _same(*(everyturn.Expander(renderer).expand([chat]) for renderer in (reference, fast)))
