"""Make the demo model of everyturn: a small byte-level BPE tokenizer and its settings.

    python tools/make_demo_model.py [DIRECTORY]

Writes `tokenizer.json`, `tokenizer_config.json` and `generation_config.json` into DIRECTORY, which
is `python/everyturn/models/demo` if not given. The chat template beside them is written by hand.

Needs the package `tokenizers`. The same Python and the same `tokenizers` give the same bytes.

The vocabulary is learned from three sources:

- `demo_corpus.txt` beside this script: prose, word lists and code written for this project;
- `examples/chats.jsonl`: the example conversations of this project;
- docstrings of the Python standard library (PSF licence), read from the running Python. They decide
  which English words get an id of their own; no text of theirs is stored.
"""

from __future__ import annotations

import ast
import json
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "python" / "everyturn" / "models" / "demo"
CORPUS = ROOT / "tools" / "demo_corpus.txt"
CHATS = ROOT / "examples" / "chats.jsonl"
LIBRARY = Path(sysconfig.get_path("stdlib"))

VOCABULARY_SIZE = 4096
# How often our own text counts, so that the docstrings do not crowd out its languages.
OWN_TEXT_WEIGHT = 10

# Cuts text into contractions, words, numbers of up to three digits, signs, and white space.
PIECES = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
    r"|[^\r\n\p{L}\p{N}]?\p{L}+"
    r"|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+"
    r"|\s+(?!\S)"
    r"|\s+"
)

PAD = "<|pad|>"
END = "<|im_end|>"
SPECIAL = (PAD, "<|im_start|>", END)
MARKUP = (
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
    "<tool_response>",
    "</tool_response>",
)

# Modules whose docstrings read like English rather than like tables.
MODULES = """
    abc argparse ast asyncio.events asyncio.queues asyncio.streams asyncio.tasks base64 bisect
    calendar cmd codecs collections configparser contextlib copy csv datetime decimal difflib
    doctest email.message enum fileinput fnmatch fractions functools getopt gettext glob gzip
    hashlib heapq http.client http.server inspect io json json.decoder json.encoder locale logging
    logging.config logging.handlers mimetypes multiprocessing.pool numbers os pathlib pickle
    platform pprint queue random re reprlib sched secrets selectors shelve shlex shutil
    socketserver statistics string subprocess tempfile textwrap threading timeit tokenize traceback
    types typing unittest.case urllib.parse urllib.request uuid warnings wave weakref webbrowser
    zipfile
"""


def own_texts() -> Iterator[str]:
    """Text written for this project."""
    yield CORPUS.read_text(encoding="utf-8")
    for line in CHATS.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        for message in record["messages"]:
            content = message.get("content") or ""
            if isinstance(content, list):
                content = "".join(part["text"] for part in content)
            yield content
            yield message.get("reasoning_content", "")
        for tool in record.get("tools", ()):
            yield json.dumps(tool, ensure_ascii=False)


def docstrings(module: str) -> Iterator[str]:
    """Docstrings of one module of the standard library and of what it defines."""
    path = LIBRARY.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def texts() -> Iterator[str]:
    """All that the vocabulary is learned from."""
    own = list(own_texts())
    for _ in range(OWN_TEXT_WEIGHT):
        yield from own
    for module in MODULES.split():
        yield from docstrings(module)


def train() -> Tokenizer:
    """A byte-level BPE without normalizer, so that every text comes back as it was."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE - len(SPECIAL) - len(MARKUP),
        min_frequency=2,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        max_token_length=16,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts(), trainer)
    tokenizer.add_special_tokens(
        [AddedToken(text, normalized=False, special=True) for text in SPECIAL]
    )
    tokenizer.add_tokens([AddedToken(text, normalized=False, special=False) for text in MARKUP])
    return tokenizer


def settings(tokenizer: Tokenizer) -> tuple[dict[str, object], dict[str, object]]:
    """What stands in tokenizer_config.json and in generation_config.json."""
    added = {
        str(number): {
            "content": token.content,
            "lstrip": token.lstrip,
            "normalized": token.normalized,
            "rstrip": token.rstrip,
            "single_word": token.single_word,
            "special": token.special,
        }
        for number, token in sorted(tokenizer.get_added_tokens_decoder().items())
    }
    tokenizer_config: dict[str, object] = {
        "added_tokens_decoder": added,
        "clean_up_tokenization_spaces": False,
        "eos_token": END,
        "pad_token": PAD,
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    generation_config: dict[str, object] = {
        "eos_token_id": tokenizer.token_to_id(END),
        "pad_token_id": tokenizer.token_to_id(PAD),
    }
    return tokenizer_config, generation_config


def main() -> None:
    """Write the three files."""
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else DEMO
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer = train()
    if tokenizer.get_vocab_size() != VOCABULARY_SIZE:
        raise SystemExit(f"{tokenizer.get_vocab_size()} ids instead of {VOCABULARY_SIZE}")
    tokenizer_config, generation_config = settings(tokenizer)
    (directory / "tokenizer.json").write_text(tokenizer.to_str() + "\n", encoding="utf-8")
    for name, value in (("tokenizer", tokenizer_config), ("generation", generation_config)):
        text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
        (directory / f"{name}_config.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
