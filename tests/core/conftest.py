"""What the tests of the core share: the small models, and rows as text."""

import functools
import itertools
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

import everyturn
from as_template import template_renderer
from chats import to_jsonl
from layouts import Expand, Shown
from paths import DEMO
from reference import (
    Message,
)
from value_reader import Reader

TOKENIZER = "tokenizer.json"


@pytest.fixture(scope="module")
def folders(models: dict[str, Path]) -> dict[str, Path]:
    """The folders of the small models and of the demo."""
    return {**models, "demo": DEMO}


@pytest.fixture(scope="module")
def expand(folders: dict[str, Path]) -> Expand:
    """Return the rows of one conversation of a model."""
    renderer = functools.cache(template_renderer)

    def expand(model: str, messages: list[Message], **options: Any) -> everyturn.Samples:
        expander = everyturn.Expander(renderer(folders[model]), **options)
        return expander.expand(to_jsonl([{"messages": messages}]))

    return expand


@pytest.fixture(scope="module")
def shown(folders: dict[str, Path]) -> Shown:
    """The rows as text, what is trained between « and »."""

    @functools.cache
    def tokenizer(name: str) -> Tokenizer:
        return Tokenizer.from_file(str(folders[name] / TOKENIZER))

    def shown(model: str, samples: everyturn.Samples) -> list[str]:
        rows = []
        for sample in samples:
            text = ""
            ids, labels = sample.input_ids.tolist(), sample.labels.tolist()
            pairs = zip(ids, labels, strict=True)
            for trained, run in itertools.groupby(pairs, lambda pair: pair[1] != -100):
                spelled = tokenizer(model).decode(
                    [number for number, _ in run], skip_special_tokens=False
                )
                text += f"«{spelled}»" if trained else spelled
            rows.append(text)
        return rows

    return shown


@pytest.fixture(scope="module")
def reader(models: dict[str, Path]) -> Reader:
    """What JSONL is read with."""
    return Reader(models["chatml"])
