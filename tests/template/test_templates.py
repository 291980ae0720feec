"""Every published chat template on every conversation of the battery, and on real chats."""

import functools
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from battery import Case, cases
from paths import TESTS, find_data
from reference import Conversation, conversations_of, read_lines
from template_reference import Engine, agree, difference, reference_apply, stopped_clock

#: How many differing cells of a template are shown.
SHOWN = 6
#: Conversations of a chat file, and their longest line, without `--whole`.
CONVERSATIONS_PER_FILE = 6
SHORT_LINE = 12_000


def _choices(*patterns: str) -> list[Any]:
    """Return the files of the data that match, by their path, or a stand-in where there is none."""
    data = find_data()
    if data is None:
        return [pytest.param("", id="no-data")]
    found = [path for pattern in patterns for path in sorted(data.glob(pattern))]
    return [path.relative_to(data).as_posix() for path in found]


#: The templates that the project wrote itself need no data.
SMALL = [path.relative_to(TESTS).as_posix() for path in sorted(TESTS.glob("data/templates/*"))]
TEMPLATES = _choices("templates/*.jinja")
OWN_TEMPLATES = _choices("tokenizers/*/chat_template*.jinja")
CHATS = _choices("chats/*.jsonl", "chats/*.jsonl.gz")


def _source(path: Path) -> str:
    """Return the text of a template with its carriage returns, as a JSON string would have it."""
    return path.read_bytes().decode("utf-8")


def test_the_battery_is_plain_data() -> None:
    """A case holds what a JSON text can say, and none was lost."""

    def is_plain(value: Any) -> bool:
        if isinstance(value, dict):
            return all(isinstance(key, str) for key in value) and is_plain([*value.values()])
        if isinstance(value, list):
            return all(map(is_plain, value))
        return value is None or type(value) in (bool, int, float, str)

    assert len(cases()) >= 56
    for name, case in cases().items():
        parts = [case.messages, case.tools, case.documents, case.variables]
        assert all(map(is_plain, parts)), name


@pytest.mark.parametrize("path", SMALL)
def test_small_templates_equal_transformers(path: str) -> None:
    """What holds for published templates holds for the small ones of these tests."""
    _assert_equal_on_the_battery(TESTS / path)


@pytest.mark.parametrize("path", TEMPLATES)
def test_every_cell_of_the_matrix_equals_transformers(data: Path, path: str) -> None:
    """On every case, with and without generation prompt, the text is transformers' text.

    Where transformers raises, the engine raises.
    """
    _assert_equal_on_the_battery(data / path)


def _assert_equal_on_the_battery(path: Path) -> None:
    source = _source(path)
    engine = Engine(source)
    differing: list[str] = []
    with stopped_clock():
        for (title, case), prompting in itertools.product(cases().items(), (False, True)):
            expected = reference_apply(source, case, prompting=prompting)
            found = engine.apply(case, prompting=prompting)
            if not agree(expected, found):
                shown = " + generation prompt" if prompting else ""
                differing.append(f"{title}{shown}\n{difference(expected, found)}")
    shown = "\n".join(differing[:SHOWN])
    assert not differing, f"{path.name}: {len(differing)} cells differ, of which\n{shown}"


# --------------------------------------------------------------------------------------------
# Real chats
# --------------------------------------------------------------------------------------------


def _lines_of(path: Path, *, whole: bool) -> list[bytes]:
    """Return the lines of a file, or some that are always the same and spread over it."""
    lines = [line for _, line in read_lines(path)]
    if whole:
        return lines
    short = [line for line in lines if len(line) <= SHORT_LINE] or [min(lines, key=len)]
    count = min(CONVERSATIONS_PER_FILE, len(short))
    return [short[place * len(short) // count] for place in range(count)]


@functools.lru_cache(maxsize=1)
def _conversations(path: Path, *, whole: bool) -> dict[str, Conversation]:
    """Return the conversations, those with a list of text parts once as a list and once as text."""
    lines = _lines_of(path, whole=whole)
    as_text, _ = conversations_of(lines)
    as_lists, _ = conversations_of(lines, parts_as_list=True)
    found: dict[str, Conversation] = {}
    for number, conversation in as_text.items():
        found[f"conversation {number}"] = conversation
        if as_lists[number] != conversation:
            found[f"conversation {number} with parts"] = as_lists[number]
    return found


def _cells(conversation: Conversation, *, prefixes: bool) -> Iterator[tuple[int, Case, bool]]:
    """Yield what is rendered of a conversation: all of it, or also all that comes before."""
    messages = conversation.messages
    ends = range(1, len(messages) + 1) if prefixes else [len(messages)]
    for end, prompting in itertools.product(ends, (False, True)):
        case = Case(
            messages[:end], tools=conversation.tools, variables=conversation.template_kwargs
        )
        yield end, case, prompting


def test_most_files_of_chats_hold_conversations(data: Path) -> None:
    """What is compared below is more than nothing: few files hold no conversation on purpose."""
    without = [path for path in CHATS if not _conversations(data / path, whole=False)]
    assert len(without) <= len(CHATS) // 4, without


@pytest.mark.parametrize("template", OWN_TEMPLATES)
@pytest.mark.parametrize("chats", CHATS)
def test_real_chats_equal_transformers(
    data: Path, chats: str, template: str, request: pytest.FixtureRequest
) -> None:
    """On real conversations, rendered as far as each of their messages, the text is the same.

    With `--whole` on every conversation, each rendered as a whole.
    """
    source = _source(data / template)
    engine = Engine(source)
    whole: bool = request.config.getoption("--whole")
    with stopped_clock():
        for name, conversation in _conversations(data / chats, whole=whole).items():
            for end, case, prompting in _cells(conversation, prefixes=not whole):
                expected = reference_apply(source, case, prompting=prompting)
                found = engine.apply(case, prompting=prompting)
                where = f"{name}, {end} messages, generation prompt: {prompting}"
                assert agree(expected, found), f"{where}\n{difference(expected, found)}"
