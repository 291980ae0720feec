"""The conversations and templates of a board: a sample of each file, or what the package makes itself.

In: names of files, or nothing. Out: a corpus for each. The same names give the same conversations.
"""

import itertools
import sys
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from everyturn.bench import synthetic
from everyturn.bench.corpus import Corpus, of_records, read

CHATS = 4000
"""Made-up chats to choose from: a tenth of them has tools."""


def sampled(name: str, count: int) -> Corpus:
    """Read a file and return records of it that are spread evenly over it.

    Raises:
        InputError: The file cannot be read, or holds no record with ``messages``.
    """
    corpus = read([name], sys.maxsize)
    total = len(corpus.lines)
    taken = min(count, total)
    return corpus.select([index * total // taken for index in range(taken)])


def built_in(count: int) -> dict[str, Corpus]:
    """Return made-up chats by what is in them."""
    return {
        name: of_records(
            itertools.islice(filter(fits, synthetic.mixed_chats(CHATS)), count), f"<{name} chats>"
        )
        for name, fits in KINDS.items()
    }


def built_in_templates() -> dict[str, str | None]:
    """Return the templates that the package has for its built-in model, by name; None is the model's own."""
    folder = Path(str(resources.files("everyturn.bench.parity") / "templates"))
    files = {path.stem: str(path) for path in sorted(folder.glob("*.jinja"))}
    return {"demo": None, **files}


def name_of(path: str) -> str:
    """Return the name of a file without folders and suffixes.

    >>> name_of("chats/mt_bench_en.jsonl.gz")
    'mt_bench_en'
    """
    return Path(path).name.partition(".")[0]


def _has_reasoning(chat: Mapping[str, Any]) -> bool:
    return any("reasoning_content" in message for message in chat["messages"])


KINDS: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "plain": lambda chat: "tools" not in chat and not _has_reasoning(chat),
    "reasoning": lambda chat: "tools" not in chat and _has_reasoning(chat),
    "tools": lambda chat: "tools" in chat,
}
"""Which chats are in the built-in corpora."""
