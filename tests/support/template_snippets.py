"""Short templates that each try one corner of Jinja2 as transformers runs it, by topic.

`snippets()` names the topics: the tables of expressions and of statements, and what is better
generated than written, each method with each text. All templates see `VARIABLES`. None prints what
nobody can repeat: addresses, random choices.
"""

import itertools
from typing import Any

from template_expressions import EXPRESSIONS
from template_statements import TEMPLATES

VARIABLES: dict[str, Any] = {
    "text": "Hello, World",
    "word": "abc",
    "empty": "",
    "blank": " \t\n",
    "html": "<a href=\"x\">Tom & 'Jerry'</a>",
    "lines": "one\ntwo\n\nthree",
    "wide": "e\u0301 \u00df \u6771\u4eac \U0001f44d \u01c6 \u0130",
    "digits": "42",
    "zero": 0,
    "one": 1,
    "two": 2,
    "seven": 7,
    "minus": -7,
    "big": 2**70,
    "half": 0.5,
    "tiny": 1e-7,
    "huge": 1e22,
    "infinite": float("inf"),
    "nan": float("nan"),
    "nothing": None,
    "yes": True,
    "no": False,
    "numbers": [3, 1, 2],
    "texts": ["b", "A", "c", "a"],
    "mixed": [1, "a", None, 2.5, True, [1], {"a": 1}],
    "no_items": [],
    "no_entries": {},
    "pair": (1, 2),
    "triple": ("x", 2, None),
    "users": [
        {"name": "Ann", "age": 31, "tags": ["x", "y"], "home": {"city": "Oslo"}},
        {"name": "bob", "age": 25, "tags": [], "home": {"city": "Rome"}},
        {"name": "Cid", "age": 31, "home": {"city": "oslo"}, "admin": True},
    ],
    "table": {"b": 2, "a": 1, "C": 3},
    "nested": {"a": {"b": [1, {"c": "d"}]}, "items": "shadow", "x y": 1, "get": 5},
    "tree": [
        {"name": "a", "kids": [{"name": "b", "kids": [{"name": "c", "kids": []}]}]},
        {"name": "d", "kids": []},
    ],
}

#: The methods of texts, with what each is called with, on every text of `TEXTS`.
METHODS: dict[str, tuple[str, ...]] = {
    "capitalize": ("",),
    "casefold": ("",),
    "center": ("7", "8, '*'", "0", "4, 'ab'"),
    "count": ("'a'", "''", "'b', 1", "'a', 0, 3", "'', 2", "'a', -3, none"),
    "endswith": ("'c'", "('x', 'c')", "''", "'b', 0, 2", "['c']", "()", "'', 9"),
    "expandtabs": ("", "4", "0", "-1", "tabsize=2"),
    "find": ("'b'", "''", "'b', 2", "'b', -2", "'a', 0, 1", "'', 9"),
    "index": ("'b'", "''", "'zz'", "'', 9"),
    "isalnum": ("",),
    "isalpha": ("",),
    "isascii": ("",),
    "isdecimal": ("",),
    "isdigit": ("",),
    "isidentifier": ("",),
    "islower": ("",),
    "isnumeric": ("",),
    "isprintable": ("",),
    "isspace": ("",),
    "istitle": ("",),
    "isupper": ("",),
    "join": ("['x', 'y']", "'xyz'", "[]", "[1]", "numbers|map('string')", "table"),
    "ljust": ("7", "8, '*'", "2"),
    "lower": ("",),
    "lstrip": ("", "'a'", "'ab '", "none", "''"),
    "partition": ("'b'", "' '", "''"),
    "removeprefix": ("'a'", "''", "'abc'"),
    "removesuffix": ("'c'", "''", "'abc'"),
    "replace": ("'a', 'x'", "'', '-'", "'b', ''", "'a', 'xx', 1", "'a', 'x', -1", "'', '-', 2"),
    "rfind": ("'b'", "''", "'b', 0, 1", "'a', -4"),
    "rindex": ("'b'", "'zz'"),
    "rjust": ("7", "8, '*'", "2"),
    "rpartition": ("'b'", "' '", "''"),
    "rsplit": ("", "'b'", "' '", "none, 1", "' ', 1", "'a', 0", "maxsplit=1"),
    "rstrip": ("", "'c'", "'bc '", "none"),
    "split": ("", "'b'", "' '", "none, 1", "' ', 1", "'a', 0", "''", "1", "'a', -1", "'\\n'"),
    "splitlines": ("", "true", "keepends=true"),
    "startswith": ("'a'", "('x', 'a')", "''", "'b', 1", "'b', -2", "1"),
    "strip": ("", "'a'", "'ac'", "' '", "'\\n'", "none"),
    "swapcase": ("",),
    "title": ("",),
    "upper": ("",),
    "zfill": ("7", "2", "-1"),
}
TEXTS: tuple[str, ...] = (
    "''",
    "'abc'",
    "'aXbXa'",
    "'Hello, World'",
    '"they\'re OK"',
    "'  a b\\tc  \\n'",
    "'one\\ntwo\\r\\nthree\\rfour\\x0bfive\\x0csix\\x1cseven\\x85eight\\u2028nine\\n\\n'",
    "'\\x1c\\x1d a \\x1e\\x1f\\x85\\xa0\\u3000'",
    "'-42'",
    "'+7'",
    "'\\u00b2\\u0663\\u2167\\u00bd'",
    "'\\u0663\\u096a'",
    "'\\u00df\\u0130\\u0131\\ufb01\\u01c6\\u01c5\\u0149'",
    "'\\u03a3\\u0391\\u03a3 \\u03c3\\u03c2'",
    "'e\\u0301A\\u030a'",
    "'\\u6771\\u4eac\\U0001f44d'",
    "'\\u02b0\\u24d0\\u2160\\u10d0\\u1c90\\uab70\\u13a0'",
    "'\\u00aa\\u2071 \\u1e9e'",
    "'\\u200b\\u00ad\\ue000\\uffff\\U0010ffff'",
    "'a\\tbb\\tccc\\n\\td'",
)
#: Methods of other values, and methods that the sandbox hides.
# fmt: off
OTHER_METHODS: tuple[str, ...] = (
    "numbers.count(1)", "numbers.count('a')", "numbers.index(1)", "numbers.index(9)",
    "numbers.index(1, 2)", "numbers.index(2, -1)", "numbers.index(3, 0, 0)", "numbers.copy()",
    "[1, 1.0, true].count(1)", "numbers.index()", "numbers.count()", "numbers.append(4)",
    "numbers.extend([1])", "numbers.insert(0, 1)", "numbers.pop()", "numbers.remove(1)",
    "numbers.reverse()", "numbers.sort()", "numbers.clear()", "numbers.append is defined",
    "numbers.append is callable", "numbers.push(1)", "pair.count(1)", "pair.index(2)",
    "pair.index(5)", "pair.append(1)", "pair.copy()", "table.get('a')", "table.get('z')",
    "table.get('z', 5)", "table.get()", "table.get('a', default=1)", "table.get([1])",
    "table.get(none)", "table.get('a', 1, 2)", "table.keys()|list", "table.values()|list",
    "table.items()|list", "table.copy()", "table.keys()", "table.keys(1)", "table.items().x",
    "table.fromkeys('ab')", "{1: 2}.get(1.0)", "{1: 2}.get(true)", "table.pop('a')",
    "table.popitem()", "table.update({'a': 1})", "table.setdefault('z', 1)",
    "table.setdefault('a')", "table.clear()", "table.update is defined", "table.pop is callable",
    "table.has_key('a')", "table.items()[0]", "table.keys()[0]", "table.keys()|first",
    "table.keys()|length", "table.items()|list|first", "table.keys() == ['b', 'a', 'C']",
    "(table.keys()|list) == ['b', 'a', 'C']", "table.values()|sum", "table.keys()|sort",
    "table.items()|sort|first", "table.keys()|join", "table.keys() ~ ''", "table.keys()|string",
    "table.keys()|tojson", "table.keys() is mapping", "table.keys() & table.keys()",
    "table.keys().isdisjoint(['x'])", "table.items()|map('join', '=')|join('&')",
    "table.keys().mapping", "nested.keys()|list", "nested.values()|list|length",
    "nested['items'].upper()", "{'keys': 1}.keys == 1", "{'keys': 1}.keys()",
    "{'keys': 1}|items|list", "{'get': 1}.get == 1", "{'a': 1}.get('a') + 1", "word.encode()",
    "word.maketrans('a', 'b')", "word.translate({97: 'x'})", "word.nope()", "word.Upper()",
    "word.__add__('x')", "word.len()", "word.contains('a')", "word.trim()", "word.slice(1)",
    "word.toUpperCase()", "word.length", "numbers.length", "numbers.size()", "none.upper()",
    "1.upper()", "true.upper()", "missing.upper()", "''.join(['a', 1])", "''.join(1)",
    "''.join(none)", "''.join('a', 'b')", "', '.join(users|map(attribute='name'))",
    "''.join(('a', 'b'))", "'-'.join({'a': 1, 'b': 2})", "''.join([missing])", "'-'.join(word)",
    "''.join(range(3))", "word.upper().lower().title()", "' a '.strip().upper()",
    "'a b c'.split()[1].upper()", "'a b c'.split()|last", "'a,b'.split(',')|join('-')",
    "'abc'.startswith(none)", "'abc'.startswith()", "'abc'.startswith(('a', 1))",
    "'abc'.startswith(('x', 1))", "'abc'.startswith('a', 'b')", "'abc'.startswith(prefix='a')",
    "'abc'.strip(1)", "'abc'.strip('a', 'b')", "'abc'.split(none, none)",
    "'a b c'.split(none, 1.5)", "'a b c'.split(' ', true)", "'abc'.find(1)", "'abc'.find()",
    "'abc'.find('b', none, none)", "'abc'.find('b', 'a')", "'abc'.find('b', 1.0)",
    "'abc'.find('b', -10)", "'abc'.find('b', big)", "'abc'.find('b', -big, big)", "'abc'.count(1)",
    "'abc'.replace(1, 2)", "'abc'.replace('a')", "'abc'.replace('a', 'b', none)",
    "'abc'.replace('a', 'b', 1.5)", "'abc'.replace('a', 'b', true)", "'abc'.zfill()",
    "'abc'.zfill('5')", "'abc'.zfill(true)", "'abc'.center()", "'abc'.center(9, '')",
    "'abc'.center(9, 1)", "'abc'.center('9')", "'abc'.center(9, fillchar='*')",
    "'abc'.ljust(5, '\u6771')", "'abc'.rjust(5, 'xy')", "'abc'.expandtabs('a')",
    "'abc'.expandtabs(none)", "'abc'.partition()", "'abc'.partition(1)", "'abc'.partition('b').x",
    "'abc'.partition('b')[2]", "'abc'.rpartition('x')", "'abc'.partition('x')",
    "'abc'.splitlines(1)", "'abc'.splitlines('x')", "'a\\nb'.splitlines(keepends=1)",
    "'a\\nb'.splitlines(false)", "'a\\nb'.splitlines(none)", "'abc'.removeprefix()",
    "'abc'.removeprefix(1)", "'abc'.removesuffix(none)", "'abc'.index('z')", "'abc'.rindex('')",
    "'abc'.upper(1)", "'abc'.isalpha(1)", "'abc'.isalpha == 1", "'abc'.title()()",
    "'A'.casefold() == 'a'", "'abc'.endswith(('c', 'd'), 1)", "'abc'.endswith('c', none, 2)",
    "'aaa'.count('aa')", "'aaa'.replace('a', 'aa')", "'aaa'.rfind('aa')", "'abcabc'.split('bc')",
    "'abcabc'.rsplit('bc', 1)", "'a b  c '.split(' ')", "' a  b '.split()",
    "'\u3000a\u3000b'.split()", "'a\\x1cb\\x85c'.split()", "'\\u200ba'.strip()|length",
    "'a\\u2028b'.splitlines()", "'<think>x</think>y'.split('</think>')[-1].lstrip('\\n')",
    "'abc'.split('b', maxsplit=-1)",
)
# fmt: on
#: The formats that `strftime_now` is asked for.
# fmt: off
DATES: tuple[str, ...] = (
    "%Y-%m-%d", "%d %b %Y", "%B %d, %Y", "%A, %d %B %Y", "%H:%M:%S", "%I:%M %p", "%a %b %e", "%j",
    "%U %W %w %u", "%y %C", "%c", "%x", "%X", "%%", "%", "100%", "%Y%", "%f", "%z|%Z", "%G-W%V-%u",
    "%D", "%F", "%T", "%R", "%r", "%h", "%n|%t", "%k|%l", "%P", "%-d/%-m/%Y", "%_d", "%e", "%-I",
    "%-j", "%^a %^B", "", "plain", "%Y\u5e74%m\u6708%d\u65e5", "%Q", "%i", "%-", "%05Y", "%#Z",
    "%Ey", "%Od", "%g", "\U0001f44d %Y", "%-H", "%-M", "%-S", "%-y", "%_H", "%0e", "%3d", "%L",
    "%N", "%J", "%v", "%+",
)
# fmt: on
#: Slices that no grid has.
# fmt: off
ODD_SLICES: tuple[str, ...] = (
    "(1)[1:]", "one[1:]", "nothing[:]",
    "[1, 2][::0]", "numbers['a':]", "numbers[1.0:]", "[1, 2][true:]", "[1, 2][:missing]",
    "'ab'[none:none:none]", "missing[:]", "table[:]", "table.keys()[:]",
    "wide[::-1]", "wide[2:7]", "'abc'[big:]", "'abc'[:big]", "'abc'[-big:]", "'abc'[::big]",
    "'abc'[::-big]", "[1, 2, 3][1:][0]", "[1, 2, 3][:-1][-1]", "'a b'.split()[1:]",
    "users[1:][0].name", "users[::2]|length", "[1, 2][:]", "[1, 2][ : : ]", "[1, 2][1:2:3:4]",
    "numbers[1:2, 3]", "numbers[:, 1]", "word[1:]|upper", "word[:one + 1]", "word[:'b']",
    "(numbers|map('string'))[1:]", "table.items()[1:]", "('<a>'|safe)[1:] ~ '<'",
    "range(10)[2:8:3]|list", "range(10)[::-3]|list", "range(10)[2:8]", "range(0)[::-1]", "''[::-1]",
    "[][::-1]", "()[::-1]", "numbers[nothing:nothing]", "numbers[zero:two]", "nested.a.b[:1]",
    "[1, 2][0:1] = 5", "[[1, 2], [3]][1:][0][0]", "'a\\u0301b'[1:]", "text[7:] ~ text[:5]",
    "text[-5:-1]", "text[::2][::2]", "namespace()[:]", "numbers[:1.5]", "numbers[::'a']",
)
# fmt: on


def _slices() -> list[str]:
    """Return slices with parts of every kind, on a list, a text and a tuple."""
    bounds = ("", "0", "1", "-1", "-2", "2", "9", "-9", "none")
    steps = ("", "1", "2", "-1", "-2", "9", "-9")
    grid = itertools.product(bounds, bounds, steps)
    shown = ("[1, 2, 3, 4]", "'abcd'", "(1, 2, 3, 4)", "range(4)", "''", "[]")
    found = [
        f"{{{{ {shown[number % len(shown)]}[{start}:{stop}:{step}] }}}}"
        for number, (start, stop, step) in enumerate(grid)
    ]
    return [*found, *(f"{{{{ {expression} }}}}" for expression in ODD_SLICES)]


def _methods() -> list[str]:
    """Return every method of texts with every text and all of its arguments."""
    found = [
        f"{{{{ {text}.{name}({arguments}) }}}}"
        for name, calls in METHODS.items()
        for text, arguments in itertools.product(TEXTS, calls)
    ]
    return [*found, *(f"{{{{ {expression} }}}}" for expression in OTHER_METHODS)]


def _nestings() -> list[str]:
    """Return what is nested as deep as Python takes it, and what is too deep."""

    def loops(depth: int) -> str:
        opened = "".join(f"{{% for x{level} in [1] %}}" for level in range(depth))
        return f"{opened}x{'{% endfor %}' * depth}"

    found = [loops(depth) for depth in (1, 5, 10)]
    found += [f"{{{{ {'(' * depth}1{')' * depth} }}}}" for depth in (1, 10, 40)]
    found += [f"{{{{ {'[' * depth}1{']' * depth} }}}}" for depth in (1, 10, 40)]
    found += [f"{{{{ {'not ' * depth}1 }}}}" for depth in (1, 10, 40)]
    found += [f"{{{{ {'-' * depth}1 }}}}" for depth in (2, 10, 40)]
    found += [f"{{{{ 1{' + 1' * depth} }}}}" for depth in (1, 10, 60)]
    found += [f"{{{{ word{'|upper' * depth} }}}}" for depth in (1, 10, 40)]
    found += [f"{'{% if 1 %}' * depth}x{'{% endif %}' * depth}" for depth in (1, 10, 40)]
    return found


def snippets() -> dict[str, list[str]]:
    """Return all templates by topic."""
    found = {
        topic: [f"{{{{ {expression} }}}}" for expression in expressions]
        for topic, expressions in EXPRESSIONS.items()
    }
    found |= {topic: list(templates) for topic, templates in TEMPLATES.items()}
    found["slices"] = _slices()
    found["methods"] = _methods()
    found["nesting"] = _nestings()
    found["dates"] = [f"{{{{ strftime_now('{date}') }}}}" for date in DATES]
    found["dates"] += ["{{ strftime_now() }}", "{{ strftime_now(1) }}", "{{ strftime_now(none) }}"]
    return found
