"""Servers load tokenizers by AutoTokenizer: a model is warned of exactly where that gives other ids."""

import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import everyturn
from everyturn import Renderer, ServingWarning
from everyturn.lint.report import TemplateReport
from paths import ROOT

transformers = pytest.importorskip("transformers")

TEMPLATE = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
TEXTS = (
    "Hello world",
    " leading",
    "  two leading",
    "12345 100.0 3.14159 1,000,000",
    "year2024x7",
    "a\n\nb\n c\r\nd\t\te",
    "   \n  x",
    "I'm you'RE We'll",
    "naïve cafe\u0301 \ufb01 \u2167",
    "日本語 한국어 हिन्दी",
    "👩\u200d👩\u200d👧 🎉",
    "\u00a0\u3000x\u200b",
    "▁under ▁",
    "def f(x):\n    return x  # c\n",
    "<|endoftext|> a <pad> b <unk>",
)
TOKENIZERS = ["minimind", "phi-3-mini", "llama-2", "gpt2", "deepseek-v3", "llama-3.1", "qwen3"]
MODEL_TYPES = [None, "qwen2", "phi3"]
MORE_MODEL_TYPES = [
    *("llama", "gemma", "mistral", "qwen3_5", "deepseek_v3", "cohere", "internlm2", "gpt_oss"),
]
CLASSES = ["as it is", "LlamaTokenizerFast"]
MORE_CLASSES = [
    *("PreTrainedTokenizerFast", "Qwen2Tokenizer", "GemmaTokenizerFast", "GPT2TokenizerFast"),
    *("GPTNeoXTokenizerFast", "CohereTokenizerFast", "NoSuchTokenizer", None),
]


@pytest.fixture
def model(tmp_path: Path, tokenizer_folder: Callable[[str], Path]) -> Callable[..., Path]:
    """Write a folder with the tokenizer of another, a model type and a class."""

    def write(
        name: str,
        model_type: str | None = None,
        tokenizer_class: str | None = "as it is",
        **more: Any,
    ) -> Path:
        source = tokenizer_folder(name)
        (tmp_path / "tokenizer.json").unlink(missing_ok=True)
        (tmp_path / "tokenizer.json").symlink_to(source / "tokenizer.json")
        config = json.loads((source / "tokenizer_config.json").read_text(encoding="utf-8"))
        if tokenizer_class is None:
            config.pop("tokenizer_class", None)
        elif tokenizer_class != "as it is":
            config["tokenizer_class"] = tokenizer_class
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(config | more), encoding="utf-8")
        described = {} if model_type is None else {"model_type": model_type}
        (tmp_path / "config.json").write_text(json.dumps(described), encoding="utf-8")
        (tmp_path / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
        return tmp_path

    return write


def _auto(folder: Path) -> Any:
    """The folder's tokenizer as transformers loads it; None where it refuses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return transformers.AutoTokenizer.from_pretrained(folder)
        except ValueError:
            return None


def _loaded(folder: Path, **options: Any) -> tuple[Renderer, list[str]]:
    """The folder's renderer, and what loading warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ServingWarning)
        renderer = Renderer.from_dir(folder, engine="reference", serve="transformers", **options)
    return renderer, [str(warning.message) for warning in caught]


@pytest.mark.parametrize("name", TOKENIZERS)
def test_loading_warns_exactly_where_ids_differ(
    name: str, model: Callable[..., Path], request: pytest.FixtureRequest
) -> None:
    """No false alarm, and no difference in silence."""
    whole = request.config.getoption("--whole")
    types = [*MODEL_TYPES, *(MORE_MODEL_TYPES if whole else [])]
    for tokenizer_class in [*CLASSES, *(MORE_CLASSES if whole else [])]:
        for model_type in types:
            folder = model(name, model_type, tokenizer_class)
            auto = _auto(folder)
            if auto is None:
                continue
            renderer, said = _loaded(folder)
            tokens = [f"a {token} b{token}\n 1" for token in list(auto.get_added_vocab())[:20]]
            texts = [*TEXTS, *tokens]
            theirs = [auto.encode(text, add_special_tokens=False) for text in texts]
            differ = theirs != [renderer.encode(text).tolist() for text in texts]
            assert bool(said) == differ, (tokenizer_class, model_type, said)


@pytest.mark.parametrize(
    ("name", "model_type"),
    [("minimind", "qwen2"), ("phi-3-mini", None), ("phi-3-mini", "phi3"), ("llama-2", "llama")],
)
def test_auto_tokenizer_encodes_as_transformers_does(
    name: str, model_type: str | None, model: Callable[..., Path]
) -> None:
    """Whatever the class builds, the ids are its ids, and nothing is left to warn of."""
    folder = model(name, model_type)
    renderer, said = _loaded(folder, tokenizer="auto_tokenizer")
    auto = _auto(folder)
    assert not said
    for text in TEXTS:
        assert renderer.encode(text).tolist() == auto.encode(text, add_special_tokens=False)


def test_the_choice_is_in_fingerprint_and_metadata(model: Callable[..., Path]) -> None:
    """Samples say which tokenizer made their ids."""
    folder = model("minimind", "qwen2")
    file, said = _loaded(folder)
    auto, _ = _loaded(folder, tokenizer="auto_tokenizer")
    assert "Qwen2Tokenizer" in said[0]
    assert "pre_tokenizer" in said[0]
    assert file.fingerprint != auto.fingerprint
    assert (file.tokenizer, auto.tokenizer) == ("file", "auto_tokenizer")
    assert everyturn.Expander(auto).metadata()["tokenizer"] == "auto_tokenizer"


def test_lint_reports_it(model: Callable[..., Path]) -> None:
    """It is a finding before anything is trained, unless the choice is made."""
    folder = model("minimind", "qwen2")
    kinds = {finding.kind for finding in TemplateReport.of_model(folder).findings}
    assert "tokenizer_class" in kinds
    kinds = {
        finding.kind
        for finding in TemplateReport.of_model(folder, tokenizer="auto_tokenizer").findings
    }
    assert "tokenizer_class" not in kinds


def test_the_advice_of_the_warning_silences_it(model: Callable[..., Path]) -> None:
    """With the class that the warning names, servers take the file as it stands."""
    _, said = _loaded(model("phi-3-mini", "llama"))
    assert said
    _, said = _loaded(model("phi-3-mini", "llama", "TokenizersBackend"))
    assert not said


def test_a_token_that_only_the_config_names_is_reported(model: Callable[..., Path]) -> None:
    """Transformers adds it to the tokenizer, so its text becomes one token."""
    folder = model("minimind", None, pad_token="[PAD]")
    _, said = _loaded(folder)
    assert "added_tokens" in said[0]
    renderer, _ = _loaded(folder, tokenizer="auto_tokenizer")
    expected = _auto(folder).encode("a[PAD]b", add_special_tokens=False)
    assert renderer.encode("a[PAD]b").tolist() == expected


def test_code_of_the_folder_is_reported_and_not_run(model: Callable[..., Path]) -> None:
    """What it makes of the file cannot be known here."""
    folder = model("minimind", None, auto_map={"AutoTokenizer": ["own.Tokenizer", None]})
    with pytest.warns(ServingWarning, match="Python code"):
        Renderer.from_dir(folder)


@pytest.mark.parametrize("serve", ["sglang", "llama.cpp"])
def test_servers_that_do_more_refuse_auto_tokenizer(serve: Any) -> None:
    """It would not be the server's tokenizer, so it is not made."""
    with pytest.raises(everyturn.OptionsError, match="tokenizer"):
        Renderer.from_dir("demo", serve=serve, tokenizer="auto_tokenizer")


def test_auto_tokenizer_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing package and a wrong name are errors that say so."""
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ModuleNotFoundError, match="needs transformers"):
        Renderer.from_dir("demo", tokenizer="auto_tokenizer")
    with pytest.raises(everyturn.OptionsError, match="auto_tokenizer"):
        Renderer.from_dir("demo", tokenizer="auto")  # type: ignore[arg-type]


def test_the_table_is_that_of_the_installed_transformers(tmp_path: Path) -> None:
    """The table is made, not written."""
    table = ROOT / "rust/core/src/model/tokenizer_classes.json"
    version = json.loads(table.read_text(encoding="utf-8"))["transformers"]
    if version != transformers.__version__:
        pytest.skip(f"the table is that of transformers {version}")
    made = tmp_path / "table.json"
    command = [sys.executable, str(ROOT / "tools/make_tokenizer_classes.py"), str(made)]
    subprocess.run(command, check=True, capture_output=True)
    assert made.read_text(encoding="utf-8") == table.read_text(encoding="utf-8")
