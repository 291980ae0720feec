"""Templates written by chance after the rules of `template_grammar`, and made small again.

Now and then something else stands where a number, a text or a list belongs, so that most templates
render and the others fail somewhere in the middle.
"""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from template_grammar import ATOMS, EXPRESSIONS, RULES, STRAYING

#: How deep a template nests, and how deep an expression does.
DEPTH, EXPRESSION_DEPTH = 4, 3
#: How often an expression is an atom before it has to be one.
ATOM_SHARE = 0.35
#: How often anything at all stands where something certain belongs.
STRAY_SHARE = 0.03
#: How often a tag says what becomes of the white space beside it.
TRIM_SHARE = 0.12

_SYMBOL = re.compile(f"<({'|'.join(sorted(ATOMS.keys() | RULES.keys()))})>")


@dataclass(frozen=True, slots=True)
class Template:
    """A symbol and what became of it: texts, and other symbols."""

    symbol: str
    parts: tuple["str | Template", ...]

    def __str__(self) -> str:
        return "".join(map(str, self.parts))


def templates(seed: int, count: int) -> Iterator[Template]:
    """Yield so many templates, always the same for a seed."""
    chance = random.Random(seed)  # noqa: S311
    for _ in range(count):
        yield _grown("template", DEPTH, chance)


def _grown(symbol: str, depth: int, chance: random.Random) -> Template:
    if symbol in STRAYING and chance.random() < STRAY_SHARE:
        symbol = "any"
    if symbol in EXPRESSIONS:
        depth = min(depth, EXPRESSION_DEPTH)
        ended = depth <= 0 or chance.random() < ATOM_SHARE
    else:
        ended = depth <= 0
    rules = ATOMS if symbol not in RULES or (ended and symbol in ATOMS) else RULES
    pieces = _SYMBOL.split(chance.choice(rules[symbol]))
    parts: list[str | Template] = []
    for place, piece in enumerate(pieces):
        if place % 2:
            parts.append(_grown(piece, depth - 1, chance))
        elif piece:
            parts.append(piece if symbol in EXPRESSIONS else _trimmed(piece, chance))
    return Template(symbol, tuple(parts))


def _trimmed(text: str, chance: random.Random) -> str:
    """Return a part of a statement, some of its tags with a sign for the white space beside them."""

    def marked(found: re.Match[str]) -> str:
        brace: str = found[0]
        if chance.random() > TRIM_SHARE:
            return brace
        sign = chance.choice("-+") if "%" in brace else "-"
        return brace + sign if brace[0] == "{" else sign + brace

    return re.sub(r"\{%|%\}|\{\{(?= )|(?<= )\}\}", marked, text)


# --------------------------------------------------------------------------------------------
# Making smaller
# --------------------------------------------------------------------------------------------


def shrunk(template: Template, is_wanted: Callable[[str], bool], tries: int) -> Template:
    """Return the smallest template found by taking parts away that is still wanted."""
    while True:
        for smaller in _smaller(template):
            tries -= 1
            if tries < 0:
                return template
            if is_wanted(str(smaller)):
                template = smaller
                break
        else:
            return template


def _smaller(template: Template) -> Iterator[Template]:
    """Yield what a template is with one of its parts gone or made simpler, the shortest first."""
    length = len(str(template))
    found = {str(smaller): smaller for smaller in _simpler(template)}
    for text in sorted(found, key=len):
        if len(text) < length:
            yield found[text]


def _simpler(template: Template) -> Iterator[Template]:
    is_expression = template.symbol in EXPRESSIONS
    if is_expression:
        yield from (Template("any", (atom,)) for atom in ("1", "n", "x", "''", "'a'", "[]"))
    else:
        yield Template(template.symbol, ())
    for place, part in enumerate(template.parts):
        if isinstance(part, str):
            plain = re.sub(r"(?<=\{%)[-+]|(?<=\{\{)-|[-+](?=%\})|-(?=\}\})", "", part)
            if plain != part:
                yield _with_part(template, place, plain)
            continue
        if (part.symbol in EXPRESSIONS) == is_expression:
            yield part
        elif part.symbol in EXPRESSIONS:
            yield Template("statement", ("{{ ", part, " }}"))
        for simpler in _simpler(part):
            yield _with_part(template, place, simpler)


def _with_part(template: Template, place: int, part: "str | Template") -> Template:
    parts = template.parts
    return Template(template.symbol, (*parts[:place], part, *parts[place + 1 :]))
