"""The rules by which templates are written by chance, as `template_writer` does it.

A rule is a text in which `<symbol>` stands for anything that the symbol may become. The rules know
what is a number, a text or a list. What nobody can repeat is never printed: a `stream` prints as an
address and only stands where it is used up. What grows is multiplied by small numbers only. Only
what can be sliced is sliced: Jinja2 slices other literals in another way than variables.
"""

from typing import Any

#: Names that templates see besides the variables of the table, and also set themselves.
EXTRA_VARIABLES: dict[str, Any] = {
    "n": 5,
    "s": "sea",
    "l": [4, 5, "six"],
    "d": {"k": 1, "s": "t"},
    "y": "why",
}

#: What a symbol is in the end.
# fmt: off
ATOMS: dict[str, tuple[str, ...]] = {
    "number": (
        "0", "1", "2", "3", "7", "-1", "10", "255", "1.5", "0.1", "-2.5", "1e-7", "1e22", "true",
        "zero", "one", "two", "seven", "minus", "big", "half", "tiny", "huge", "n", "n",
        "9223372036854775807", "4294967296", "-9223372036854775808", "2.0", "100.25",
    ),
    "small": (
        "0", "1", "2", "3", "-1", "-2", "none", "9", "-9",
    ),
    "width": (
        "0", "1", "3", "6", "11",
    ),
    "text": (
        "''", "'a'", "'b,c'", "' x y '", "'A-b'", "'12'", "'\\n'", "'<&>'", "'\xe9\u6771'", "text",
        "word", "empty", "blank", "html", "lines", "wide", "digits", "s", "'%s'", "'{}'",
        "'it\\'s'", "'e\\u0301'", "'\\x1f\\u2028'", "'a\\tb'", "'\U0001f44d'", "'\xdf\u01c6\u0130'",
        "'\u03a3a\u03a3'", "'\ufb01 \u1e9e'", "'\x85\xa0z\x1c'", "'Aa bB-cc'", "'\r\nq\r'",
        "'-0x1F'", "' 4_2 '", "'1e5'", "'<b>i</b>'",
    ),
    "piece": (
        "'a'", "'b'", "' '", "','", "'l'", "''", "'\\n'", "'<'", "'x'", "'o, '", "'\u6771'",
    ),
    "items": (
        "[]", "[1]", "numbers", "texts", "mixed", "pair", "triple", "no_items", "l", "l", "()",
        "[1, 2, 3]", "['b', 'a']", "(1, 'a')", "[[2, 1], [1, 2]]", "nested.a.b", "[none, 0, '']",
    ),
    "records": (
        "users", "users[1:]", "users[::-1]", "[{'name': 'Z', 'age': 1}]", "[]",
    ),
    "entries": (
        "{}", "table", "nested", "no_entries", "users[0]", "{'a': 1}", "{1: 'x'}", "d", "d",
    ),
    "truth": (
        "true", "false", "yes", "no", "x is defined", "n == 5", "s", "l", "not d", "one",
    ),
    "stream": (
        "numbers|map('string')", "range(3)", "table.items()", "texts|select", "table|items",
    ),
    "any": (
        "none", "nothing", "true", "x", "y", "x.z", "missing", "n", "s", "l", "d", "word", "two",
        "half", "numbers", "table", "'q'", "4", "[5]", "{'k': [1]}", "pair", "mixed",
    ),
    "key": (
        "'a'", "'k'", "'s'", "'zz'", "1", "0", "word", "none",
    ),
    "field": (
        "'name'", "'age'", "'home.city'", "'tags'", "'admin'", "'nope'", "0", "'tags.0'",
    ),
    "data": (
        "", "a", " ", "\n", "\n\n", " b ", "\n  ", "  \n", "\tc\n", "d\r\ne", "\n   f", "%",
        "\u3000", "\x1c g", "}}", "<i>", "\xe9", "{ ", "# ",
    ),
    "comment": (
        "{# c #}", "{#- c -#}", "{# a\n b #}", "{% raw %}{{ r }}{% endraw %}", "{##}",
    ),
    "name": (
        "n", "s", "l", "d", "x", "y", "word",
    ),
    "loop_value": (
        "loop.index", "loop.index0", "loop.first", "loop.last", "loop.length", "loop.revindex",
        "loop.revindex0", "loop.previtem", "loop.nextitem", "loop.depth", "loop.cycle('a', 'b')",
        "loop.changed(i)", "i", "i.name", "i ~ loop.index", "i is string", "loop", "i|safe ~ '<'",
        "[i, loop.nextitem]", "loop.previtem|default('-')", "loop.length - loop.index",
    ),
    "jump": (
        "{% break %}", "{% continue %}",
    ),
    "statement": (
        "{{ <any> }}", "{{ <text> }}", "<data>", "<comment>",
    ),
    "looped": (
        "{{ <loop_value> }}", "{{ i }}", "<data>",
    ),
    "flag": (
        "", "", "-", "0", "+", " ", "#", "-0", "+0", "#0",
    ),
    "digits": (
        "0", "1", "5", "12", "25", "99", "123456789", "005", "4_2",
    ),
    "exponent": (
        "-7", "16", "22", "5", "-5", "0", "15", "-4", "200",
    ),
    "size": (
        "", "", "1", "5", "12",
    ),
    "precision": (
        "", "", ".0", ".1", ".3", ".10",
    ),
    "conversion": (
        "d", "i", "s", "r", "f", "e", "g", "G", "E", "x", "X", "o", "c", "a", "%", "u",
    ),
    "align": (
        "", "", "<", ">", "^", "=", "*^", "0>",
    ),
    "grouping": (
        "", "", "", ",", "_",
    ),
    "shown_as": (
        "", "", "d", "f", "e", "g", "%", "x", "b", "o", "n", "s", "c", "X", "E", "G", "F",
    ),
    "cased": (
        "upper", "lower", "title", "capitalize", "swapcase", "casefold", "strip", "splitlines",
        "split", "isalpha", "isnumeric", "isdecimal", "expandtabs",
    ),
    "filtered": (
        "upper", "lower", "title", "capitalize", "trim", "string", "e", "list", "first", "last",
        "length", "reverse|list", "tojson", "int", "wordcount", "striptags", "urlencode",
        "center(7)", "indent(2)", "safe", "sort", "unique|list", "sum(start='')", "max",
        "batch(2)|list",
    ),
    "tested": (
        "defined", "undefined", "none", "string", "mapping", "sequence", "iterable", "number",
        "integer", "float", "boolean", "true", "false", "callable", "escaped", "lower", "upper",
        "odd", "even", "filter", "test",
    ),
}
# fmt: on
#: What a symbol is made of.
# fmt: off
RULES: dict[str, tuple[str, ...]] = {
    "number": (
        "(<number> + <number>)", "(<number> - <number>)", "<number> + <number>", "-<number>",
        "(<number> // <number>)", "(<number> % <number>)", "(<number> / <number>)", "+<number>",
        "(<small> ** <width>)", "(<width> ** -2)", "(big * <width>)", "(<number> * 3)",
        "<number>|abs", "<text>|length", "<items>|length", "<entries>|length", "<number>|round",
        "<number>|int", "<number>|round(<small>)", "<number>|round(1, 'floor')",
        "<number>|round(0, 'ceil')", "<text>|int", "<text>|int(<any>)", "<text>|int(0, 16)",
        "<text>|float", "<number>|float", "[<number>, <number>]|sum", "[<number>, <number>]|max",
        "[<number>, <number>]|min", "(<text>).count(<piece>)", "(<text>).find(<piece>)",
        "(<text>).rfind(<piece>, <small>)", "(<text>).index(<piece>)", "(<items>).count(<any>)",
        "(<items>).index(<any>)", "<text>|wordcount", "(<number> if <truth> else <number>)",
        "(<entries>).get(<key>, <number>)", "<stream>|list|length",
        "<records>|sum(attribute='age')", "(<number> and <number>)", "(<number> or <number>)",
        "<items>|select('number')|sum", "(1 if <truth>)|default(<number>)", "<digits>.<digits>",
        "<digits>e<exponent>", "<digits>.<digits>e<exponent>", "-<digits>.<digits>e<exponent>",
        "'<digits>.<digits>'|float", "'<digits>'|int(0, <width>)", "' <digits>e<exponent>'|float",
        "(<number>|round(<small>, 'ceil'))", "(<number> // 7 % 5)", "(<width> ** <width>)",
    ),
    "text": (
        "(<text> ~ <text>)", "(<text> + <text>)", "<text> ~ <any>", "(<any> ~ <text> ~ <number>)",
        "<text> + <text>", "(<text> * <small>)", "(<text> if <truth> else <text>)",
        "<number>|string", "<text>|upper", "<text>|lower", "<text>|title", "<text>|capitalize",
        "<text>|trim", "<text>|e", "<text>|trim(<piece>)", "<text>|replace(<piece>, <text>)",
        "<text>|replace(<piece>, <piece>, 1)", "(<text> ~ '')|reverse", "<text>|center(<width>)",
        "<text>|indent(<width>)", "<text>|first", "<text>|indent(2, <truth>, <truth>)",
        "<text>|wordwrap(3)", "<text>|wordwrap(5, false)", "<text>|truncate(<width>)",
        "<text>|truncate(5, <truth>, '..', 0)", "<text>|safe", "<text>|last", "<any>|string",
        "<any>|tojson", "<items>|tojson", "<entries>|tojson", "<any>|tojson(indent=2)",
        "<any>|tojson(ensure_ascii=true)", "<any>|tojson(separators=(',', ':'), sort_keys=true)",
        "<items>|join", "<items>|join(<piece>)", "<stream>|join(<piece>)",
        "<records>|join(',', 'name')", "(<text>).upper()", "(<text>).lower()", "(<text>).strip()",
        "(<text>).lstrip(<piece>)", "(<text>).rstrip()", "(<text>).strip(<text>)",
        "(<text>).replace(<piece>, <piece>)", "(<text>).replace(<piece>, <piece>, 2)",
        "(<text>).title()", "(<text>).capitalize()", "(<text>).swapcase()", "(<text>).casefold()",
        "(<text>).removeprefix(<piece>)", "(<text>).removesuffix(<piece>)",
        "(<text>).zfill(<width>)", "(<text>).center(<width>, '*')", "(<text>).ljust(<width>)",
        "(<text>).rjust(<width>)", "(<text>).expandtabs(<width>)", "(<piece>).join(<items>)",
        "(<piece>).join(<text>)", "(<piece>).join(<items>|map('string'))",
        "(<text>).split(<piece>)[<small>]", "(<text>).split()|first",
        "(<text>).partition(<piece>)[<small>]", "(<text>).rpartition(<piece>)[-1]",
        "(<text>)[<small>]", "(<text> ~ '')[<small>:]", "(<text> ~ '')[:<small>]",
        "(<text> ~ '')[<small>:<small>]", "(<text> ~ '')[::-1]",
        "(<text> ~ '')[<small>:<small>:<small>]", "'%s' % <text>", "'%s|%r' % (<any>, <any>)",
        "('%s' % <any>)", "'%d|%5.2f|%x' % (<number>, <number>, 255)", "'%05d' % <number>",
        "'%-6s|%6s' % (<text>, <text>)", "'{}{}'.format(<any>, <any>)", "'{:>8}|'.format(<text>)",
        "'{0}-{1}-{0}'.format(<text>, <number>)", "'{:.2f}'.format(<number>)",
        "'{a!r}'.format(a=<text>)", "'{:,}'.format(<number>)", "'{:^9}'.format(<text>)",
        "<text>|format(<any>)", "'%s-%s'|format(<any>, <text>)", "(<entries>).get(<key>, <text>)",
        "(<text> or <text>)", "(<text> and <text>)", "<text>|list|last", "<text>|urlencode",
        "<text>|striptags", "<text>|forceescape", "<number>|filesizeformat", "f(<any>)",
        "f(<any>, <any>)", "f(q=<any>)", "x|default(<text>)", "y.z|default(<text>, true)",
        "<text>|default(<text>, true)", "(<records>|first).name", "<text>|map('upper')|join",
        "'%<flag><size><precision><conversion>|' % <number>",
        "'%<flag><size><precision><conversion>|' % (<any>,)",
        "'{:<align><flag><size><grouping><precision><shown_as>}|'.format(<number>)",
        "'{:<align><size><precision><shown_as>}|'.format(<any>)", "(<text>|safe)[<small>:] ~ '<'",
        "<text>|safe|list|join('<')", "(<text>|safe).replace(<piece>, <piece>) ~ '<'",
        "('<%s>'|safe) % <any>", "('<%s %s>'|safe) % (<text>, <any>)",
        "(<text>|e).split(<piece>)|first ~ '<'", "('<{}>'|safe).format(<any>)",
        "(<text>|safe).join(<items>)", "<items>|join('&'|safe)", "(<text>|safe + <text>)",
        "(<text> ~ <text>|e)", "(<text>|safe).<cased>() ~ '<'", "(<text>).<cased>()",
        "<text>|safe|<filtered> ~ '<'", "<text>|<filtered>", "[<text>, <text>|safe]|join('>')",
        "<text>|wordwrap(<width>, <truth>, '|', <truth>)",
        "<text>|truncate(<width>, <truth>, <piece>, <width>)", "<any>|tojson(indent=<small>)",
        "<any>|tojson(indent=<piece>)", "g(<any>)", "<any>|pprint",
        "{'a': <any>, 'b-c': <any>}|xmlattr", "<entries>|urlencode", "(<text>).format(<any>)",
        "<text> % <any>", "strftime_now('%d %B %Y')",
    ),
    "items": (
        "[<any>, <any>]", "[<number>, <number>, <number>]", "(<any>, <any>)",
        "[<text>, <text>, <text>]", "(<items> + <items>)", "(<items> * <small>)", "<items>|list",
        "<items>|sort", "<text>|list", "<items>|sort(reverse=true)",
        "[<text>, <text>, <text>]|sort", "[<text>, <text>]|sort(false, true)",
        "[<number>, <number>, <number>]|sort", "[<text>, <text>, <text>]|unique|list",
        "<stream>|list", "(<items>|list)[<small>:]", "(<items>|list)[<small>:<small>]",
        "(<items>|list)[::-1]", "(<items>|list)[<small>:<small>:<small>]",
        "(<text>).split(<piece>)", "(<text>).split()", "(<text>).rsplit(<piece>, 1)",
        "(<text>).split(<piece>, <small>)", "(<text>).splitlines()", "(<text>).splitlines(<truth>)",
        "(<text>).partition(<piece>)", "<entries>|dictsort", "(<entries>).items()|list",
        "(<entries>).keys()|list", "(<entries>).values()|list", "<entries>|list",
        "<entries>|items|list", "<entries>|dictsort(false, 'value')", "<items>|batch(2)|list",
        "<items>|batch(2, <any>)|list", "<items>|slice(2)|list", "<items>|slice(3, <any>)|list",
        "<records>|map(attribute=<field>)|list", "<items>|reverse|list",
        "<records>|groupby('age')|map('last')|list",
        "<records>|sort(attribute=<field>)|map(attribute='name')|list",
        "(<items> if <truth> else <items>)", "(<items> or <items>)", "(<items> and <items>)",
        "range(<width>)|list", "<items>|reject('none')|list", "<items>|select|list",
        "<items>|select('string')|map('upper')|list", "<items>|map('string')|list",
        "<items>|map('default', <any>)|list", "<items>|map('tojson')|list",
    ),
    "records": (
        "<records>|selectattr(<field>)|list", "<records>|rejectattr('admin', 'defined')|list",
        "<records>|sort(attribute='name')", "<records>|selectattr('age', 'gt', <number>)|list",
        "[<entries>, <entries>]", "<records>|selectattr(<field>, 'eq', <any>)|list",
        "(<records>|list)[<small>:]", "<records>|unique(attribute='age')|list",
        "(<records> + <records>)", "<records>|reverse|list",
    ),
    "entries": (
        "{<text>: <any>}", "{<key>: <any>, 'k': <any>}", "dict(a=<any>, b=<any>)",
        "dict(<entries>, c=<any>)", "dict(<entries>|items)", "dict(<entries>|dictsort)",
        "(<entries> or <entries>)", "{'a': <entries>}", "{1: <any>, 1.0: <any>, true: <any>}",
        "(<entries>).copy()", "(<entries> if <truth> else <entries>)",
    ),
    "truth": (
        "<number> == <number>", "<number> < <number>", "<number> >= <number>", "(<any> == <any>)",
        "<text> == <text>", "<text> < <text>", "<text> != <any>", "<number> < <number> <= <number>",
        "<piece> in <text>", "<piece> not in <text>", "<any> in <items>", "<any> not in <items>",
        "<key> in <entries>", "<any> in <stream>", "not <truth>", "(<truth> and <truth>)",
        "(<truth> or <truth>)", "<truth> and <truth>", "<truth> or <truth>", "<any> is defined",
        "<any> is none", "<any> is string", "<any> is number", "<any> is mapping",
        "<any> is sequence", "<any> is iterable", "<any> is not defined", "<any> is integer",
        "<any> is float", "<any> is boolean", "<any> is callable", "<any> is true",
        "<number> is odd", "<number> is even", "<number> is divisibleby 3", "<text> is lower",
        "<text> is upper", "<any> is eq <any>", "<number> is lt(<number>)", "<any> is in(<items>)",
        "<any> is sameas none", "(<text>).startswith(<piece>)", "(<text>).endswith(<text>)",
        "(<text>).startswith((<piece>, 'b'))", "(<text>).isalpha()", "(<text>).isdigit()",
        "(<text>).isspace()", "(<text>).isupper()", "(<text>).isalnum()", "(<text>).istitle()",
        "(<text>).islower()", "(<text>).isidentifier()", "(<text>).isprintable()",
        "<items> == <items>", "<items> < <items>", "<entries> == <entries>", "<stream>", "<any>",
    ),
    "stream": (
        "<items>|map('string')", "<items>|map('upper')", "<items>|map('length')", "<items>|select",
        "<items>|select('string')", "<items>|reject('none')", "<items>|select('in', <items>)",
        "<items>|reject", "<items>|unique", "<items>|reverse", "<items>|batch(2)",
        "<items>|slice(2)", "<entries>|items", "<records>|map(attribute=<field>)",
        "<records>|map(attribute=<field>, default=<any>)", "<records>|selectattr(<field>)",
        "(<entries>).items()", "(<entries>).values()", "(<entries>).keys()", "range(<width>)",
        "range(<small>, <width>)", "<stream>|map('string')", "<stream>|select", "<text>",
        "<items>|map('replace', <piece>, <piece>)", "<items>|map('int', <any>)",
        "<items>|map('tojson')", "<records>|groupby('home.city')|map('first')",
    ),
    "any": (
        "<number>", "<text>", "<items>", "<entries>", "<truth>", "(<any> or <any>)",
        "(<any> and <any>)", "(<any> if <truth> else <any>)", "(<any> if <truth>)",
        "(<entries>)[<key>]", "(<entries>).get(<key>)", "(<items>)[<small>]", "<items>|first",
        "<items>|last", "<stream>|first", "<any>|default(<any>)", "<any>|default(<any>, true)",
        "(<entries>).a", "(<any>).k", "(<any>)[<key>]", "(<any>)[<small>]", "<items>|max",
        "<items>|min", "<records>|max(attribute='age')", "<items>|sum", "namespace(v=<any>).v",
        "(<any>)", "<any>|string|length", "<any>|upper", "<any>|length", "<any>|list",
        "<any> + <any>", "<any> ~ <any>", "<any> * <small>", "<any> < <any>", "<any>|e ~ <any>",
        "<any>|attr('k')", "cycler(<any>, 1).next()", "<any>|trim", "<any>|int", "<any>|float",
        "<any>|join(<piece>)", "<any>|sort", "<any>|abs",
        "range(<small>, <width>)[<small>:<small>]", "range(<width>)[<small>:<small>:<small>]",
        "(<records>|groupby('age')|first).grouper", "(<records>|groupby('name'))[<small>]",
        "(<records>|groupby('age'))|map(attribute='list')|map('length')|list", "(<stream>)|list",
        "(<any>, <any>)[<small>]", "{<key>: <any>}[<key>]", "(<any> is <tested>)",
        "(<any> is not <tested>)", '[<any>, <any>]|select("<tested>")|list', "<any>|<filtered>",
        "(<any>).x|default(<any>)",
    ),
    "statement": (
        "{{ <any> }}", "{{ <text> }}", "{{ <items> }}", "{{ <number> }}", "{{ <entries> }}",
        "{{ <truth> }}", "{% set <name> = <any> %}", "{% set n = <number> %}",
        "{% set s = <text> %}", "{% set l = <items> %}", "{% set d = <entries> %}",
        "{% set x, y = <any>, <any> %}", "{% set s %}<body>{% endset %}{{ s }}",
        "{% set s | upper %}<body>{% endset %}{{ s ~ '<' }}", "{% if <truth> %}<body>{% endif %}",
        "{% if <truth> %}<body>{% else %}<body>{% endif %}",
        "{% if <any> %}<body>{% elif <truth> %}<body>{% else %}<body>{% endif %}", "<data>",
        "<comment>", "{% if <truth> %}{% set <name> = <any> %}{% endif %}{{ <name> }}",
        "{{ <name> }}", "<data><data>", "{% for i in <items> %}<looped>{% endfor %}",
        "{% for i in <stream> %}<looped>{% endfor %}",
        "{% for i in <items> if <truth> %}<looped>{% else %}<body>{% endfor %}{{ i }}", "{{ i }}",
        "{% for i in <items> if i is string %}<looped>{% endfor %}",
        "{% for i in <any> %}<looped>{% endfor %}",
        "{% for i in <records> %}<looped>{{ i.name }}{% endfor %}",
        "{% for i in <text> %}<looped>{% endfor %}",
        "{% for x, i in (<entries>).items() %}<looped>{{ x }}{% endfor %}",
        "{% for n in <items> %}<body>{% endfor %}",
        "{% for x, i in <entries>|dictsort %}{{ x }}<looped>{% endfor %}",
        (
            "{% for i in [<items>, <items>] recursive %}"
            "<looped>{% if i is sequence and i is not string %}({{ loop(i) }}){% endif %}"
            "{% endfor %}"
        ),
        "{% for i in tree recursive %}{{ i.name }}<looped>{{ loop(i.kids) }}{% endfor %}",
        "{% macro f(p, q=<any>) %}<body>{{ p }}{{ q }}{% endmacro %}{{ f(<any>) }}<body>",
        "{% macro f(p=<any>, q=2) %}{{ p }}<body>{% endmacro %}{{ f(<any>, q=<any>) }}{{ f() }}",
        (
            "{% macro f(p) %}{{ p }}{{ varargs }}{{ kwargs }}{% endmacro %}"
            "{{ f(<any>, <any>, z=<any>) }}"
        ),
        "{% macro f(s) %}{% set n = s %}<body>{% endmacro %}{{ f(<any>) }}{{ n }}{{ s }}",
        (
            "{% macro f(p) %}[{{ caller(<any>) }}{{ p }}]{% endmacro %}{% call(c) f(<any>) %}"
            "{{ c }}<body>{% endcall %}"
        ),
        "{% macro f() %}{{ caller() }}{% endmacro %}{% call f() %}<body>{% endcall %}",
        "{% with s = <text>, n = <number> %}<body>{% endwith %}",
        "{% with %}<body>{% endwith %}{{ <name> }}", "{% filter upper %}<body>{% endfilter %}",
        "{% filter replace(<piece>, <text>) %}<body>{% endfilter %}",
        "{% generation %}<body>{% endgeneration %}{{ <name> }}",
        (
            "{% set ns = namespace(a=<any>, b=0) %}{% for i in <items> %}"
            "{% set ns.b = ns.b + 1 %}<looped>{% endfor %}{{ ns.b }}"
        ),
        (
            "{% set ns = namespace(t='') %}{% for i in <stream> %}{% set ns.t = ns.t ~ i %}"
            "{% endfor %}{{ ns.t }}"
        ),
        "{% set g = <stream> %}{{ g|first }}{{ g|list }}",
        "{% set g = <stream> %}{{ g|list }}{{ g|list }}",
        "{% set x, y = (<items>|list)[:2] %}{{ x }}",
        (
            "{% macro g(p) %}{{ f(p) }}<body>{% endmacro %}{% macro f(p) %}"
            "<body>{{ p }}{% endmacro %}{{ g(<any>) }}"
        ),
        (
            "{% macro f(p) %}{{ n }}{{ s }}{% set s = p %}{{ s }}{% endmacro %}"
            "<statement>{{ f(<any>) }}{{ s }}"
        ),
        (
            "{% if <truth> %}{% macro f(p) %}1{{ p }}{% endmacro %}{% else %}{% macro f() %}"
            "2{% endmacro %}{% endif %}{{ f(3) }}"
        ),
        "{% for x, (y, i) in [[<any>, (<any>, <any>)]] %}<looped>{{ x }}{{ y }}{% endfor %}",
        "{% set x, (y, n) = <any>, [<any>, <number>] %}{{ x }}{{ y }}",
        (
            "{% for i in <items> %}{% macro f(p=i) %}{{ p }}{{ i }}<body>{% endmacro %}"
            "{{ f() }}{% endfor %}{{ f is defined }}"
        ),
        (
            "{% macro f(p) %}{{ p }}{% if p is sequence and p is not string %}{% for i in p %}"
            "{{ f(i) if i is number }}{% endfor %}{% endif %}{% endmacro %}{{ f(<items>) }}"
        ),
        "{% set f = <any> %}{{ f }}",
        "{% call(c, n=<any>) f(<any>) %}{{ c }}{{ n }}<body>{% endcall %}",
        (
            "{% for i in <items> %}<looped>{% if <truth> %}{% set s = i %}{% endif %}"
            "{{ s }}{% endfor %}{{ s }}"
        ),
        "{% for s in <stream> %}{{ s }}<looped>{% else %}{{ s }}{% endfor %}{{ s }}",
        "{% filter <filtered> %}<body>{% endfilter %}",
        "{% set x | <filtered> %}<body>{% endset %}{{ x }}",
        "{% if <any> is <tested> %}<body>{% endif %}",
        (
            "{% set c = cycler('a', <any>) %}{% for i in <items> %}"
            "{{ c.next() }}<looped>{% endfor %}{{ c.current }}"
        ),
        "{% set j = joiner(<piece>) %}{% for i in <stream> %}{{ j() }}{{ i }}{% endfor %}",
        (
            "{% set ns = namespace(<name>=<any>) %}{% set ns.<name> = <any> %}"
            "{{ ns.n }}{{ ns.s }}{{ ns.l }}"
        ),
        "{% with n = <any>, s = n %}<body>{% endwith %}<body>",
        (
            "{% for i in <items> recursive %}"
            "{{ loop.depth }}<looped>{% if loop.first and i is sequence and i is not string %}"
            "{{ loop(i) }}{% endif %}{% endfor %}"
        ),
    ),
    "looped": (
        "<looped><looped>", "<body>", "{{ <loop_value> }}",
        "{% if <truth> %}<jump>{% endif %}<looped>", "{% if <loop_value> %}<looped>{% endif %}",
        "{% if loop.index == <width> %}<jump>{% endif %}", "{% set <name> = <any> %}{{ <name> }}",
        "{% set s = s ~ 'x' %}{{ s }}", "{{ i }}<data>",
        "{% for j in <items> %}{{ loop.index }}{{ j }}{% endfor %}{{ loop.index }}",
        "{% with x = loop.index %}{{ x }}<body>{% endwith %}", "{{ ', ' if not loop.last }}",
        "{% set x %}<looped>{% endset %}{{ x }}", "{% filter lower %}<looped>{% endfilter %}",
    ),
    "body": (
        "<statement>", "<statement><statement>", "<statement><data><statement>",
    ),
    "template": (
        "<body>", "<body><data><body>", "<data><body><body><data>", "<statement>",
    ),
}
# fmt: on

#: Symbols that are expressions, each of which may stand in for another.
EXPRESSIONS = frozenset(
    (
        *("number", "text", "items", "records", "entries", "truth", "stream", "any"),
        *("small", "width", "piece", "key", "field", "loop_value"),
    )
)
#: Expressions with a kind that a stray does not have.
STRAYING = frozenset(("number", "text", "items", "entries", "truth"))
