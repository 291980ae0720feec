"""Write what fuzz targets start with.

    python tools/make_fuzz_seeds.py FOLDER

In: the fixtures of this project and, where `EVERYTURN_DATA` names it, the folder of real templates and chats. Out: a
folder for each target of `rust/fuzz`, with a file for each seed, named by its hash; what is there already stays.
"""

import gzip
import hashlib
import itertools
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "python" / "everyturn" / "models" / "demo"
MAX_BYTES = 1 << 14
LINES_OF_A_FILE = 20
ROLES = {"system": 0, "user": 1, "tool": 4, "assistant": 6}
"""The byte before a text that `rust/fuzz/src/lib.rs` takes for the role."""


def data() -> Path | None:
    """The folder of real data, if there is one."""
    named = os.environ.get("EVERYTURN_DATA")
    return Path(named) if named else None


def lines() -> Iterator[bytes]:
    """Records of every format."""
    yield from (ROOT / "examples" / "chats.jsonl").read_bytes().splitlines()
    for path in sorted((ROOT / "rust" / "core" / "tests" / "cases").glob("*.json")):
        yield json.dumps(json.loads(path.read_bytes())["record"]).encode()
    if folder := data():
        for path in sorted((folder / "chats").iterdir()):
            content = path.read_bytes()
            content = gzip.decompress(content) if path.suffix == ".gz" else content
            yield from content.splitlines()[:LINES_OF_A_FILE]


def templates() -> Iterator[bytes]:
    """Sources of templates."""
    yield (DEMO / "chat_template.jinja").read_bytes()
    folders = [ROOT / "tests" / "data" / "templates"]
    folders += [folder / "templates"] if (folder := data()) else []
    for folder in folders:
        yield from (path.read_bytes() for path in sorted(folder.glob("*.jinja")))


def tokenizers() -> Iterator[bytes]:
    """A small tokenizer with each kind of model, and parts of every kind."""
    whole = json.loads((DEMO / "tokenizer.json").read_bytes())
    letters = {letter: number for number, letter in enumerate(" abcdefghijklmnopqrstuvwxyz\u2581")}
    models: list[dict[str, Any]] = [
        {"type": "BPE", "vocab": {**letters, "ab": 99}, "merges": ["a b"]},
        {"type": "WordLevel", "vocab": letters, "unk_token": "a"},
        {"type": "WordPiece", "vocab": letters, "unk_token": "a", "max_input_chars_per_word": 9},
        {"type": "Unigram", "vocab": [[letter, -1.0] for letter in letters], "unk_id": 0},
    ]
    normalizers: list[dict[str, Any] | None] = [
        None,
        {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}]},
        {"type": "Replace", "pattern": {"Regex": "a+"}, "content": "b"},
        {"type": "Prepend", "prepend": "\u2581"},
    ]
    pre_tokenizers: list[dict[str, Any] | None] = [
        None,
        {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first", "split": True},
        {"type": "Split", "pattern": {"Regex": r"\p{L}+"}, "behavior": "Isolated", "invert": False},
    ]
    for model, normalizer, pre_tokenizer in itertools.product(models, normalizers, pre_tokenizers):
        parts = {"model": model, "normalizer": normalizer, "pre_tokenizer": pre_tokenizer}
        yield json.dumps({**whole, **parts}).encode()


def conversations() -> Iterator[bytes]:
    """Messages as the targets take them: a byte for the role, the text, and a zero byte after each."""
    for line in lines():
        if (messages := _messages(line)) is not None:
            yield b"\0".join(messages)


def _messages(line: bytes) -> list[bytes] | None:
    """None for what has other keys or roles."""
    try:
        messages = json.loads(line)["messages"]
        return [bytes([ROLES[each["role"]]]) + each["content"].encode() for each in messages]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


SEEDS = {
    "records": lines,
    "templates": templates,
    "tokenizers": tokenizers,
    "literal": conversations,
    "layouts": conversations,
}


def main() -> None:
    """Write the seeds of each target."""
    for target, seeds in SEEDS.items():
        folder = Path(sys.argv[1]) / target
        folder.mkdir(parents=True, exist_ok=True)
        for seed in seeds():
            if len(seed) <= MAX_BYTES:
                (folder / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)


if __name__ == "__main__":
    main()
