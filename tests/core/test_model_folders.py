"""How a model is named: by its folder, by an id whose files are in the Hub's cache, or as the built-in one."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

import everyturn
from chats import answer, user
from everyturn.model_folder import folder_of

ID = "someone/some-model.v1"


@pytest.fixture
def cached(tmp_path: Path, models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The snapshot of a model in a cache of the Hub, as huggingface_hub lays it out."""
    hub = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(hub, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    model = tmp_path / f"models--{ID.replace('/', '--')}"
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text("abc123")
    snapshot = model / "snapshots" / "abc123"
    shutil.copytree(models["chatml"], snapshot)
    return snapshot


def test_an_id_is_the_snapshot_in_the_cache(cached: Path) -> None:
    """Nothing is downloaded; the renderer is that of the folder."""
    renderer = everyturn.Renderer.from_dir(ID)
    assert renderer.fingerprint == everyturn.Renderer.from_dir(cached).fingerprint
    assert everyturn.Expander(ID).renderer.fingerprint == renderer.fingerprint


@pytest.mark.usefixtures("cached")
def test_a_folder_of_that_name_comes_first(models: dict[str, Path]) -> None:
    """What is here is meant, not what a cache has."""
    shutil.copytree(models["dated"], ID)
    assert folder_of(ID) == Path(ID)


@pytest.mark.usefixtures("cached")
def test_an_id_that_is_not_cached_is_refused_with_the_command_that_fetches_it() -> None:
    """To paste."""
    with pytest.raises(everyturn.ModelError, match="no such folder") as caught:
        everyturn.Renderer.from_dir("someone/other")
    assert 'hf download someone/other --include "*.json" "*.jinja"' in str(caught.value)
    assert caught.value.kind == "model"


def test_without_the_hubs_package_an_id_is_refused_likewise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is not among our dependencies."""
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(everyturn.ModelError, match="hf download someone/other"):
        everyturn.Renderer.from_dir("someone/other")


@pytest.mark.parametrize(
    "name", ["nothing", "./a/b", "a/b/c", "../a", "/a", "~/a", "a b/c", "x" * 5000]
)
def test_a_path_is_not_taken_for_an_id(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text names what was given, and no download."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(everyturn.ModelError) as caught:
        everyturn.Renderer.from_dir(name)
    assert str(caught.value) == f"{name}: no such folder"


def test_a_file_is_refused_with_its_folder(models: dict[str, Path]) -> None:
    """Of a model the folder is named."""
    file = models["chatml"] / "tokenizer.json"
    with pytest.raises(everyturn.ModelError, match=r"is a file; .* by its folder") as caught:
        everyturn.Renderer.from_dir(file)
    assert str(models["chatml"]) in str(caught.value).partition(";")[2]


def test_a_renderer_is_made_of_a_path(models: dict[str, Path]) -> None:
    """As `from_dir` makes it without options."""
    for path in (models["chatml"], str(models["chatml"]), "demo"):
        assert everyturn.Renderer(path).fingerprint == everyturn.Renderer.from_dir(path).fingerprint


def test_a_template_is_given_by_its_file(tmp_path: Path) -> None:
    """As text, as a path, or as the text of a path."""
    text = (folder_of("demo") / "chat_template.jinja").read_text(encoding="utf-8")
    text += "{# mine #}"
    file = tmp_path / "mine.jinja"
    file.write_text(text, encoding="utf-8", newline="")
    prints = [
        everyturn.Renderer.from_dir("demo", chat_template=template).fingerprint
        for template in (text, file, str(file))
    ]
    assert len(set(prints)) == 1
    assert prints[0] != everyturn.Renderer("demo").fingerprint
    with pytest.raises(everyturn.OptionsError, match=r"gone\.jinja: no such file"):
        everyturn.Renderer.from_dir("demo", chat_template=tmp_path / "gone.jinja")


TWO_ENDS = (
    "{%- for m in messages -%}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|><|endoftext|>\n"
    "{%- endfor -%}{%- if add_generation_prompt -%}<|im_start|>assistant\n{%- endif -%}"
)
END, END_OF_TEXT, WORD = 4089, 4096, 4097


@pytest.fixture
def declaring(tmp_path: Path) -> Path:
    """A model that could end turns with two tokens and has an added token that is a word."""
    folder = tmp_path / "model"
    shutil.copytree(folder_of("demo"), folder)
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    last = tokenizer["added_tokens"][-1]
    tokenizer["added_tokens"] += [
        {**last, "id": END_OF_TEXT, "content": "<|endoftext|>", "special": True},
        {**last, "id": WORD, "content": "wörd", "special": False},
    ]
    texts = {"tokenizer.json": tokenizer, "tokenizer_config.json": {}, "config.json": {}}
    for name, value in {**texts, "generation_config.json": {"eos_token_id": END}}.items():
        (folder / name).write_text(json.dumps(value), encoding="utf-8")
    (folder / "chat_template.jinja").write_text(TWO_ENDS, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("file", "declared", "matters"),
    [
        ("generation_config.json", {"eos_token_id": END_OF_TEXT}, True),
        ("generation_config.json", {"eos_token_id": END, "top_p": 0.5}, False),
        ("config.json", {"image_token_id": WORD}, True),
        ("config.json", {"image_size": WORD}, False),
        ("tokenizer_config.json", {"additional_special_tokens": ["wörd"]}, True),
        ("tokenizer_config.json", {"model_input_names": ["wörd"]}, False),
    ],
)
def test_models_of_one_fingerprint_make_the_same_samples(
    declaring: Path, file: str, declared: dict[str, Any], *, matters: bool
) -> None:
    """What is declared beside the tokenizer counts where it changes labels, or what is a control token."""

    def made() -> tuple[str, Any]:
        renderer = everyturn.Renderer.from_dir(declaring)
        samples = everyturn.Expander(renderer).expand([{"messages": [user("a wörd"), answer("b")]}])
        return renderer.fingerprint, (samples.labels.tolist(), dict(samples.report.control_tokens))

    fingerprint, rows = made()
    (declaring / file).write_text(json.dumps(declared), encoding="utf-8")
    other_fingerprint, other_rows = made()
    assert (rows != other_rows) == matters
    assert (fingerprint != other_fingerprint) == matters


def test_a_long_text_is_not_taken_for_a_path() -> None:
    """A file's name cannot be so long, and is never asked for."""
    with pytest.raises(everyturn.ModelError, match="no chat template named"):
        everyturn.Renderer.from_dir("demo", chat_template="x" * 10_000)


def test_tokenizer_model_alone_is_refused_with_what_converts_it(tmp_path: Path) -> None:
    """SentencePiece's file is not read here."""
    (tmp_path / "tokenizer.model").write_bytes(b"")
    with pytest.raises(everyturn.ModelError, match=r"tokenizer\.model") as caught:
        everyturn.Renderer.from_dir(tmp_path)
    assert "save_pretrained" in str(caught.value)
    (tmp_path / "tokenizer.model").unlink()
    with pytest.raises(everyturn.ModelError, match=r"has no tokenizer\.json"):
        everyturn.Renderer.from_dir(tmp_path)
