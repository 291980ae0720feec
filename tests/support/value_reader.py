"""Reads JSONL with a template that shows the values of a record, so that tests see what was read."""

import json
from pathlib import Path
from typing import Any

import everyturn
from as_template import template_renderer
from reference import IGNORE_INDEX

STOP = "<|im_end|>"
#: Prints `x` of a message as JSON where it has one, else its content.
VALUE_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' ~ message.role ~ '\\n' -}}"
    "{%- if message.x is defined -%}{{- message.x | tojson -}}"
    "{%- else -%}{{- message.content -}}{%- endif -%}"
    "{{- '<|im_end|>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)
HEADER = "<|im_start|>assistant\n"


class Reader:
    """A renderer that shows values, and what reads JSONL with it."""

    def __init__(self, folder: Path) -> None:
        self.renderer = template_renderer(folder, chat_template=VALUE_TEMPLATE)
        self.expander = everyturn.Expander(self.renderer, layout="per_turn")

    def expand(self, jsonl: bytes | Path) -> everyturn.Samples:
        """Return the rows of some bytes."""
        return self.expander.expand(jsonl)

    def refuses(self, line: bytes) -> bool:
        """Whether a line is refused as JSON, whatever else may be wrong with it."""
        try:
            self.expand(line)
        except everyturn.JsonlError:
            return True
        except everyturn.EveryturnError:
            return False
        return False

    def said(self, jsonl: bytes) -> list[tuple[int, str]]:
        """The line of every row, and what it trains as text, without the stop token."""
        found: list[tuple[int, str]] = []
        for sample in self.expand(jsonl):
            ids = [int(label) for label in sample.labels if label != IGNORE_INDEX]
            assert tuple(ids[-1:]) == self.renderer.stop_token_ids
            found.append((int(sample.line), self.renderer.decode(ids[:-1])))
        return found

    def values(self, *documents: bytes) -> list[str]:
        """The documents as the template prints them, read from JSONL."""
        jsonl = b"\n".join(record_saying(document) for document in documents)
        return [text for _, text in self.said(jsonl)]

    def python_value(self, value: Any) -> str:
        """A Python value as the template prints it."""
        text = self.renderer.render([{"role": "assistant", "content": "a", "x": [value]}])
        return text.removeprefix(HEADER).removesuffix(STOP + "\n")


def record_saying(document: bytes) -> bytes:
    """A record whose assistant says the document; in a list, since a null alone is dropped."""
    answer = b'{"role":"assistant","content":"a","x":[' + document + b"]}"
    return b'{"messages":[{"role":"user","content":"u"},' + answer + b"]}"


def chat(text: str) -> bytes:
    """Return a line whose assistant says a text."""
    messages = [{"role": "user", "content": "u"}, {"role": "assistant", "content": text}]
    return json.dumps({"messages": messages}, ensure_ascii=False).encode()
