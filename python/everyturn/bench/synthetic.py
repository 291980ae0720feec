"""Made-up chats: the same bytes for the same arguments, on every machine.

Their words are dealt by chance, so they say nothing; lengths, languages, code, numbers, reasoning and tools are there
in the proportions of chats that are trained.
"""

import random
from collections.abc import Iterator
from typing import Any

Chat = dict[str, Any]

WORD_LIST = """
the a of to and in that it is for with as on be at by this from or an which are was but not have has had one all can
will would there their what when who more no if out so up said about into than them only other time new some could
these two may first then do any like my now over such our man me even most made after also did many off before must
through back years where much your way well down should because each just those people how too little state good very
make world still see own work long here get both between life being under never day same another know while last might
us great old year come since against go came right used take three model table answer question water letter number
window station garden bread paper river winter engine market doctor bridge teacher signal memory pattern weather
compiler function network database certificate temperature measurement unfortunately approximately responsibility
"""
WORDS = WORD_LIST.split()
OTHER_SCRIPTS = (
    "春になると川の水が増えます。",
    "这个问题有两个答案。",
    "Сколько стоит билет до моря?",
    "كم تبعد المدينة عن البحر؟",
    "Über den Wolken wäre es schöner 🙂",
)
CODE = """\
```python
def total_{name}(rows: list[dict[str, float]]) -> float:
    \"\"\"Add up the {name} of all rows.\"\"\"
    return sum(row["{name}"] for row in rows if row["{name}"] > {number})
```"""
TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Look a number up in a table.",
        "parameters": {
            "type": "object",
            "properties": {"table": {"type": "string"}, "row": {"type": "integer"}},
            "required": ["table", "row"],
        },
    },
}
WORDS_OF_A_TURN = 60


def mixed_chats(count: int, *, seed: int = 0) -> Iterator[Chat]:
    """Yield chats of 1 to 12 turns, some with a system prompt, some with reasoning, some with tools."""
    for index in range(count):
        chance = random.Random(f"{seed}/{index}")  # noqa: S311 - nothing secret
        yield _mixed_chat(chance)


def even_chats(count: int, turns: int) -> Iterator[Chat]:
    """Yield chats of the same number of turns, each turn of the same number of words."""
    for index in range(count):
        chance = random.Random(f"{turns}/{index}")  # noqa: S311 - nothing secret
        messages = []
        for _ in range(turns):
            messages += [_message("user", _prose(chance, WORDS_OF_A_TURN // 3))]
            messages += [_message("assistant", _prose(chance, WORDS_OF_A_TURN))]
        yield {"messages": messages}


def _mixed_chat(chance: random.Random) -> Chat:
    kind = chance.random()
    messages = [_message("system", _prose(chance, 30))] if chance.random() < 0.3 else []  # noqa: PLR2004
    for _ in range(min(12, 1 + int(chance.expovariate(0.35)))):
        messages.append(_message("user", _text(chance, 25)))
        if kind < 0.1:  # noqa: PLR2004 - a tenth of the chats has tools
            messages += _tool_exchange(chance)
        answer = _message("assistant", _text(chance, 80))
        if kind > 0.8:  # noqa: PLR2004 - and a fifth has reasoning
            answer["reasoning_content"] = _prose(chance, 50)
        messages.append(answer)
    return {"messages": messages, **({"tools": [TOOL]} if kind < 0.1 else {})}  # noqa: PLR2004


def _tool_exchange(chance: random.Random) -> list[dict[str, Any]]:
    row = chance.randrange(1000)
    call = {"name": "look_up", "arguments": {"table": chance.choice(WORDS), "row": row}}
    asks = _message("assistant", "")
    asks["tool_calls"] = [{"type": "function", "function": call}]
    return [asks, _message("tool", f"{chance.randrange(10_000)}.{row:03}")]


def _message(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "content": content}


def _text(chance: random.Random, words: int) -> str:
    """Prose of about `words` words, now and then with code or in another script."""
    length = max(3, round(words * chance.lognormvariate(-0.2, 0.7)))
    paragraphs = [_prose(chance, length)]
    if chance.random() < 0.12:  # noqa: PLR2004
        name = chance.choice(WORDS)
        paragraphs.append(CODE.format(name=name, number=chance.randrange(500)))
    if chance.random() < 0.08:  # noqa: PLR2004
        paragraphs.append(chance.choice(OTHER_SCRIPTS))
    return "\n\n".join(paragraphs)


def _prose(chance: random.Random, words: int) -> str:
    """Sentences of exactly `words` words."""
    parts: list[str] = []
    sentence = 0
    for index in range(words):
        word = chance.choice(WORDS) if chance.random() < 0.96 else str(chance.randrange(5000))  # noqa: PLR2004
        ends = index == words - 1 or (sentence > 4 and chance.random() < 0.12)  # noqa: PLR2004
        comma = not ends and sentence > 2 and chance.random() < 0.08  # noqa: PLR2004
        parts.append((word.capitalize() if sentence == 0 else word) + "." * ends + "," * comma)
        sentence = 0 if ends else sentence + 1
    return " ".join(parts)
