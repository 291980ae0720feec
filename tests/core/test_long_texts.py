"""Rule: a long text has the ids that `tokenizers` gives for it at once, in memory of a bounded multiple of it."""

import json
import random
import string
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tokenizers

import everyturn
from chats import answer, user
from paths import DEMO

LENGTH = 120_000
"""Of a text in characters: several pieces."""


def _drawn(draw: Callable[[random.Random], str]) -> Callable[[], str]:
    """Put together what is drawn."""

    def text() -> str:
        chance, parts, length = random.Random(0), [], 0  # noqa: S311
        while length < LENGTH:
            parts.append(draw(chance))
            length += len(parts[-1])
        return "".join(parts)

    return text


def _word(chance: random.Random) -> str:
    return "".join(chance.choices(string.ascii_lowercase, k=chance.randint(1, 9)))


def _mixture(chance: random.Random) -> str:
    pieces = (
        _word(chance),
        _word(chance).upper(),
        chance.choice(
            ["'s", "'LL", "n't", "-", "_", '"', "...", "\u2019", "(", ")", "</a>", "<|", "|>"]
        ),
        str(chance.randint(0, 10 ** chance.randint(1, 12))),
        chance.choice([" ", "  ", "\n", "\n\n", "\r\n", "\t", " \n ", "\u00a0", "\u3000"])
        * chance.randint(1, 3),
        chance.choice(
            [
                "\u4f60\u597d",
                "\u3053\u3093",
                "\ud55c",
                "\u0435\u0449\u0451",
                "\U0001f600",
                "e\u0301",
                "\u0e01\u0e33",
                "\ufb01",
            ]
        ),
    )
    return chance.choice(pieces)


TEXTS: dict[str, Callable[[], str]] = {
    "words": _drawn(lambda chance: " " + _word(chance)),
    "lines": _drawn(lambda chance: _word(chance) + chance.choice([" ", " ", "\n", "\n\n    "])),
    "Chinese": _drawn(lambda chance: chr(chance.randint(0x4E00, 0x4FFF))),
    "Chinese_sentences": _drawn(
        lambda chance: "".join(chr(chance.randint(0x4E00, 0x9FA0)) for _ in range(9)) + "\u3002"
    ),
    "base64": _drawn(lambda chance: chance.choice(string.ascii_letters + string.digits + "+/")),
    "digits": _drawn(lambda chance: chance.choice(string.digits)),
    "one_letter": lambda: "a" * LENGTH,
    "spaces": lambda: " " * LENGTH,
    "blank_lines": lambda: "\n \n" * (LENGTH // 3),
    "long_runs": _drawn(
        lambda chance: chance.choice([" ", "\n", "x", "7", ".", "\u4f60"]) * chance.randint(1, 3000)
    ),
    "emoji": _drawn(lambda chance: chr(chance.randint(0x1F600, 0x1F64F))),
    "accents": _drawn(
        lambda chance: chance.choice("aeiou ") + chance.choice(["", "\u0301", "\u0308\u0301"])
    ),
    "mixture": _drawn(_mixture),
}


SHARES = 3
MODELS = ("demo", "gpt2", "llama-2", "llama-3.1", "qwen3", "deepseek-v3", "phi-3-mini")
TEMPLATE = "{% for message in messages %}{{ message.content }}{{ eos_token }}{% endfor %}"


@pytest.mark.parametrize("model", MODELS)
def test_the_ids_are_those_of_the_whole(model: str, request: pytest.FixtureRequest) -> None:
    """Wherever a text is cut: alone, and in a chat, where the fast engine takes the pieces."""
    folder = DEMO
    if model != "demo":
        folder_of: Callable[[str], Path] = request.getfixturevalue("tokenizer_folder")
        folder = folder_of(model)
    library = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    options: dict[str, Any] = {"chat_template": TEMPLATE, "serve": "template"}
    reference = everyturn.Renderer.from_dir(folder, engine="reference", **options)
    fast = everyturn.Renderer.from_dir(folder, **options)
    kinds = list(TEXTS)
    if not request.config.getoption("--whole"):
        # Each model takes some, and all of them all.
        kinds = kinds[MODELS.index(model) % SHARES :: SHARES]
    for kind in kinds:
        text = TEXTS[kind]()
        expected = library.encode(text, add_special_tokens=False).ids
        assert reference.encode(text).tolist() == expected, kind
        chat = {"messages": [user(text), answer("Yes")]}
        (sample,) = everyturn.Expander(fast, num_threads=1).expand([chat])
        rendered = fast.render(chat["messages"])
        ids = library.encode(rendered, add_special_tokens=False).ids
        assert sample.input_ids.tolist() == ids, kind
    assert fast.engine.startswith(("fastokens", "tokenizers"))


PROGRAM = """
import sys

import everyturn

expander = everyturn.Expander(sys.argv[1], num_threads=1)
expander.expand(sys.argv[2])
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
open("/proc/self/clear_refs", "w").write("5")
before = int(status["VmRSS"].split()[0])
for path in sys.argv[3:]:
    assert expander.expand(path).report.records_kept == 1
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print((int(status["VmHWM"].split()[0]) - before) * 1024)
"""


@pytest.mark.skipif(
    sys.platform != "linux", reason="what a process took at most is read from /proc"
)
@pytest.mark.parametrize(("times", "most"), [(1, 24), (3, 32)])
def test_memory_is_a_bounded_multiple_of_the_longest_text(
    times: int, most: int, tmp_path: Path
) -> None:
    """A text of 8 MiB takes at most 24 bytes for each of its bytes; several in a row hardly more than one."""
    sentence = "Some words that people write, now and then; {} of them. "
    text = "".join(sentence.format(number % 100) for number in range((8 << 20) // len(sentence)))
    paths = {}
    for name, content in (("short", "Hi"), ("long", text)):
        paths[name] = tmp_path / f"{name}.jsonl"
        chat = {"messages": [user(content), answer("Yes")]}
        paths[name].write_text(json.dumps(chat) + "\n")
    words = ["demo", paths["short"], *[paths["long"]] * times]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, words)],
        check=True,
        capture_output=True,
        timeout=300,
    )
    assert int(done.stdout) <= most * len(text)


def test_a_text_that_cannot_be_cut_is_encoded_whole_up_to_a_limit() -> None:
    """One letter, millions of times: an error says so, and memory is bounded."""
    renderer = everyturn.Renderer.from_dir("demo")
    with pytest.raises(everyturn.EveryturnError, match="finds no end of a word"):
        renderer.encode("a" * (10 << 20))
