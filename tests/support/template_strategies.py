"""Templates as Hypothesis strategies: what `templates` may draw is said by the grammar below.

Now and then something else stands where a number, a text or a list belongs, so that most templates
render and the others fail somewhere in the middle.
"""

import re
from typing import Any

from hypothesis import strategies as st

#: Names that templates see besides the variables of the table, and also set themselves.
EXTRA_VARIABLES: dict[str, Any] = {
    "n": 5, "s": "sea", "l": [4, 5, "six"], "d": {"k": 1, "s": "t"}, "y": "why"
}  # fmt: skip

#: What a symbol becomes: `symbol: ..` are its atoms, the simplest first; `symbol = ..` are made of other symbols,
#: ` @7` is drawn seven times as often. Numbers, texts and lists are told apart. What nobody can repeat is never
#: printed: a `stream` prints as an address and only stands where it is used up. What grows is multiplied by small
#: numbers only. Only what can be sliced is sliced: Jinja2 slices other literals in another way than variables.
GRAMMAR = """
number: 0 ; 1 ; 2 ; 3 ; 7 ; -1 ; 10 ; 255 ; 1.5 ; 0.1 ; -2.5 ; 1e-7 ; 1e22 ; true ; zero ; one ; two ; seven ; minus ;
   big ; half ; tiny ; huge ; n ; n ; 9223372036854775807 ; 4294967296 ; -9223372036854775808 ; 2.0 ; 100.25
small: 0 ; 1 ; 2 ; 3 ; -1 ; -2 ; none ; 9 ; -9
width: 0 ; 1 ; 3 ; 6 ; 11
text: '' ; 'a' ; 'b,c' ; ' x y ' ; 'A-b' ; '12' ; '\\n' ; '<&>' ; '\xe9\u6771' ; text ; word ; empty ; blank ; html ;
   lines ; wide ; digits ; s ; '%s' ; '{}' ; 'it\\'s' ; 'e\\u0301' ; '\\x1f\\u2028' ; 'a\\tb' ; '\U0001f44d' ;
   '\xdf\u01c6\u0130' ; '\u03a3a\u03a3' ; '\ufb01 \u1e9e' ; '\x85\xa0z\x1c' ; 'Aa bB-cc' ; '\r\nq\r' ; '-0x1F' ;
   ' 4_2 ' ; '1e5' ; '<b>i</b>'
piece: 'a' ; 'b' ; ' ' ; ',' ; 'l' ; '' ; '\\n' ; '<' ; 'x' ; 'o, ' ; '\u6771'
items: [] ; [1] ; numbers ; texts ; mixed ; pair ; triple ; no_items ; l ; l ; () ; [1, 2, 3] ; ['b', 'a'] ; (1, 'a') ;
   [[2, 1], [1, 2]] ; nested.a.b ; [none, 0, '']
records: users ; users[1:] ; users[::-1] ; [{'name': 'Z', 'age': 1}] ; []
entries: {} ; table ; nested ; no_entries ; users[0] ; {'a': 1} ; {1: 'x'} ; d ; d
truth: true ; false ; yes ; no ; x is defined ; n == 5 ; s ; l ; not d ; one
stream: numbers|map('string') ; range(3) ; table.items() ; texts|select ; table|items
any: none ; nothing ; true ; x ; y ; x.z ; missing ; n ; s ; l ; d ; word ; two ; half ; numbers ; table ; 'q' ; 4 ;
   [5] ; {'k': [1]} ; pair ; mixed
key: 'a' ; 'k' ; 's' ; 'zz' ; 1 ; 0 ; word ; none
field: 'name' ; 'age' ; 'home.city' ; 'tags' ; 'admin' ; 'nope' ; 0 ; 'tags.0'
comment: {# c #} ; {#- c -#} ; {# a\n b #} ; {% raw %}{{ r }}{% endraw %} ; {##}
name: n ; s ; l ; d ; x ; y ; word
loop_value: loop.index ; loop.index0 ; loop.first ; loop.last ; loop.length ; loop.revindex ; loop.revindex0 ;
   loop.previtem ; loop.nextitem ; loop.depth ; loop.cycle('a', 'b') ; loop.changed(i) ; i ; i.name ; i ~ loop.index ;
   i is string ; loop ; i|safe ~ '<' ; [i, loop.nextitem] ; loop.previtem|default('-') ; loop.length - loop.index
jump: {% break %} ; {% continue %}
statement: {{ <any> }} ; {{ <text> }} ; <data> ; <comment>
looped: {{ <loop_value> }} ; {{ i }} ; <data>
digits: 0 ; 1 ; 5 ; 12 ; 25 ; 99 ; 123456789 ; 005 ; 4_2
exponent: -7 ; 16 ; 22 ; 5 ; -5 ; 0 ; 15 ; -4 ; 200
conversion: d ; i ; s ; r ; f ; e ; g ; G ; E ; x ; X ; o ; c ; a ; % ; u
cased: upper ; lower ; title ; capitalize ; swapcase ; casefold ; strip ; splitlines ; split ; isalpha ; isnumeric ;
   isdecimal ; expandtabs
filtered: upper ; lower ; title ; capitalize ; trim ; string ; e ; list ; first ; last ; length ; reverse|list ;
   tojson ; int ; wordcount ; striptags ; urlencode ; center(7) ; indent(2) ; safe ; sort ; unique|list ;
   sum(start='') ; max ; batch(2)|list ; abs ; float ; int(<any>) ; round ; reverse ; join(<piece>)
tested: defined ; undefined ; none ; string ; mapping ; sequence ; iterable ; number ; integer ; float ; boolean ;
   true ; false ; callable ; escaped ; lower ; upper ; odd ; even ; filter ; test
text_filter: trim(<piece>) ; replace(<piece>, <text>) ; replace(<piece>, <piece>, 1) ; center(<width>) ;
   indent(<width>) ; indent(2, <truth>, <truth>) ; wordwrap(3) ; wordwrap(5, false) ; truncate(<width>) ;
   truncate(5, <truth>, '..', 0) ; format(<any>) ; forceescape ; default(<text>, true) ;
   truncate(<width>, <truth>, <piece>, <width>)
text_method: lstrip(<piece>) ; rstrip() ; strip(<text>) ; replace(<piece>, <piece>) ; replace(<piece>, <piece>, 2) ;
   removeprefix(<piece>) ; removesuffix(<piece>) ; zfill(<width>) ; center(<width>, '*') ; ljust(<width>) ;
   rjust(<width>) ; expandtabs(<width>) ; format(<any>)
json_options:  ; (indent=2) ; (ensure_ascii=true) ; (separators=(',', ':'), sort_keys=true) ; (indent=<small>) ;
   (indent=<piece>)
text_test: isalpha ; isdigit ; isspace ; isupper ; isalnum ; istitle ; islower ; isidentifier ; isprintable
iterable: <items> ; <stream> ; <any> ; <text> ; <items> ; <stream> ; <records>
slice: :<small> ; <small>: ; <small>:<small> ; ::-1 ; <small>:<small>:<small>
operator: + ; - ; * ; // ; % ; /
comparison: == ; != ; < ; <= ; > ; >=
number = <number> + <number> ; -<number> ; +<number> ; (<small> ** <width>) ; (<width> ** -2) ; <text>|length ;
   <items>|length ; <entries>|length ; <number>|int ; <number>|round(<small>) ; <number>|round(1, 'floor') ;
   <number>|round(0, 'ceil') ; <text>|int ; <text>|int(<any>) ; <text>|int(0, 16) ; <text>|float ; <number>|float ;
   [<number>, <number>]|sum ; [<number>, <number>]|max ; [<number>, <number>]|min ; (<text>).count(<piece>) ;
   (<text>).find(<piece>) ; (<text>).rfind(<piece>, <small>) ; (<text>).index(<piece>) ; (<items>).count(<any>) ;
   (<items>).index(<any>) ; <text>|wordcount ; (<number> if <truth> else <number>) ; (<entries>).get(<key>, <number>) ;
   <stream>|list|length ; <records>|sum(attribute='age') ; (<number> and <number>) ; (<number> or <number>) ;
   <items>|select('number')|sum ; (1 if <truth>)|default(<number>) ; <digits>.<digits> ; <digits>e<exponent> ;
   <digits>.<digits>e<exponent> ; -<digits>.<digits>e<exponent> ; '<digits>.<digits>'|float ;
   '<digits>'|int(0, <width>) ; ' <digits>e<exponent>'|float ; (<number>|round(<small>, 'ceil')) ;
   (<number> // 7 % 5) ; (<width> ** <width>) ; (<number> <operator> <width>) @4 ; (<number> + <number>) ;
   (<width> <operator> <number>) @3
text = (<text> ~ <text>) ; (<text> + <text>) ; <text> ~ <any> ; (<any> ~ <text> ~ <number>) ; <text> + <text> ;
   (<text> * <small>) ; (<text> if <truth> else <text>) ; <number>|string ; (<text> ~ '')|reverse ; <any>|string ;
   <items>|tojson ; <entries>|tojson ; <items>|join ; <items>|join(<piece>) ; <stream>|join(<piece>) ;
   <records>|join(',', 'name') ; (<piece>).join(<items>) ; (<piece>).join(<text>) ;
   (<piece>).join(<items>|map('string')) ; (<text>).split(<piece>)[<small>] ; (<text>).split()|first ;
   (<text>).partition(<piece>)[<small>] ; (<text>).rpartition(<piece>)[-1] ; (<text>)[<small>] ;
   '%s|%r' % (<any>, <any>) ; ('%s' % <any>) ; '{}{}'.format(<any>, <any>) ; '{0}-{1}-{0}'.format(<text>, <number>) ;
   '{a!r}'.format(a=<text>) ; '%s-%s'|format(<any>, <text>) ; (<entries>).get(<key>, <text>) ; (<text> or <text>) ;
   (<text> and <text>) ; <text>|list|last ; <number>|filesizeformat ; f(<any>) ; f(<any>, <any>) ; f(q=<any>) ;
   x|default(<text>) ; y.z|default(<text>, true) ; (<records>|first).name ; <text>|map('upper')|join ;
   '%<flag><size><precision><conversion>|' % <number> ; '%<flag><size><precision><conversion>|' % (<any>,) ;
   '{:<align><flag><size><grouping><precision><shown_as>}|'.format(<number>) ;
   '{:<align><size><precision><shown_as>}|'.format(<any>) ; (<text>|safe)[<small>:] ~ '<' ;
   <text>|safe|list|join('<') ; (<text>|safe).replace(<piece>, <piece>) ~ '<' ; ('<%s>'|safe) % <any> ;
   ('<%s %s>'|safe) % (<text>, <any>) ; (<text>|e).split(<piece>)|first ~ '<' ; ('<{}>'|safe).format(<any>) ;
   (<text>|safe).join(<items>) ; <items>|join('&'|safe) ; (<text>|safe + <text>) ; (<text> ~ <text>|e) ;
   (<text>|safe).<cased>() ~ '<' ; (<text>).<cased>() @6 ; <text>|safe|<filtered> ~ '<' ;
   [<text>, <text>|safe]|join('>') ; <text>|wordwrap(<width>, <truth>, '|', <truth>) ; g(<any>) ; <any>|pprint ;
   {'a': <any>, 'b-c': <any>}|xmlattr ; <entries>|urlencode ; <text> % <any> ; strftime_now('%d %B %Y') ;
   <text>|<text_filter> @20 ; (<text>).<text_method> @20 ; <text>|<filtered> @6 ; <any>|tojson<json_options> @5 ;
   (<text> ~ '')[<slice>] @5
items = [<any>, <any>] ; [<number>, <number>, <number>] ; (<any>, <any>) ; [<text>, <text>, <text>] ;
   (<items> + <items>) ; (<items> * <small>) ; <items>|list ; <items>|sort ; <items>|sort(reverse=true) ;
   [<text>, <text>, <text>]|sort ; [<text>, <text>]|sort(false, true) ; [<number>, <number>, <number>]|sort ;
   [<text>, <text>, <text>]|unique|list ; <stream>|list ; (<text>).split(<piece>) ; (<text>).split() ;
   (<text>).rsplit(<piece>, 1) ; (<text>).split(<piece>, <small>) ; (<text>).splitlines() ;
   (<text>).splitlines(<truth>) ; (<text>).partition(<piece>) ; <entries>|dictsort ; <entries>|list ;
   <entries>|dictsort(false, 'value') ; <items>|batch(2, <any>)|list ; <items>|slice(3, <any>)|list ;
   <records>|groupby('age')|map('last')|list ; <records>|sort(attribute=<field>)|map(attribute='name')|list ;
   (<items> if <truth> else <items>) ; (<items> or <items>) ; (<items> and <items>) ;
   <items>|select('string')|map('upper')|list ; <items>|map('default', <any>)|list ; (<items>|list)[<slice>] @4
records = <records>|selectattr(<field>)|list ; <records>|rejectattr('admin', 'defined')|list ;
   <records>|sort(attribute='name') ; <records>|selectattr('age', 'gt', <number>)|list ; [<entries>, <entries>] ;
   <records>|selectattr(<field>, 'eq', <any>)|list ; (<records>|list)[<small>:] ;
   <records>|unique(attribute='age')|list ; (<records> + <records>) ; <records>|reverse|list
entries = {<text>: <any>} ; {<key>: <any>, 'k': <any>} ; dict(a=<any>, b=<any>) ; dict(<entries>, c=<any>) ;
   dict(<entries>|items) ; dict(<entries>|dictsort) ; (<entries> or <entries>) ; {'a': <entries>} ;
   {1: <any>, 1.0: <any>, true: <any>} ; (<entries>).copy() ; (<entries> if <truth> else <entries>)
truth = <number> < <number> <= <number> ; <piece> in <text> ; <piece> not in <text> ; <any> in <items> ;
   <any> not in <items> ; <key> in <entries> ; <any> in <stream> ; not <truth> ; (<truth> and <truth>) ;
   (<truth> or <truth>) ; <truth> and <truth> ; <truth> or <truth> ; <number> is divisibleby 3 ; <any> is eq <any> ;
   <number> is lt(<number>) ; <any> is in(<items>) ; <any> is sameas none ; (<text>).startswith(<piece>) ;
   (<text>).endswith(<text>) ; (<text>).startswith((<piece>, 'b')) ; <entries> == <entries> ; <stream> ; <any> ;
   <any> is <tested> @8 ; <number> is <tested> @2 ; <text> is <tested> @2 ; <any> is not <tested> @2 ;
   (<text>).<text_test>() @6 ; <number> <comparison> <number> @3 ; (<any> <comparison> <any>) @2 ;
   <text> <comparison> <text> @3 ; <items> <comparison> <items> @2
stream = <items>|map('string') ; <items>|map('upper') ; <items>|map('length') ; <items>|select ;
   <items>|select('string') ; <items>|reject('none') ; <items>|select('in', <items>) ; <items>|reject ;
   <items>|unique ; <items>|reverse ; <items>|batch(2) ; <items>|slice(2) ; <entries>|items ;
   <records>|map(attribute=<field>) ; <records>|map(attribute=<field>, default=<any>) ; <records>|selectattr(<field>) ;
   (<entries>).items() ; (<entries>).values() ; (<entries>).keys() ; range(<width>) ; range(<small>, <width>) ;
   <stream>|map('string') ; <stream>|select ; <text> ; <items>|map('replace', <piece>, <piece>) ;
   <items>|map('int', <any>) ; <items>|map('tojson') ; <records>|groupby('home.city')|map('first')
any = <number> ; <text> ; <items> ; <entries> ; <truth> ; (<any> or <any>) ; (<any> and <any>) ;
   (<any> if <truth> else <any>) ; (<any> if <truth>) ; (<entries>)[<key>] ; (<entries>).get(<key>) ;
   (<items>)[<small>] ; <items>|first ; <items>|last ; <stream>|first ; <any>|default(<any>) ;
   <any>|default(<any>, true) ; (<entries>).a ; (<any>).k ; (<any>)[<key>] ; (<any>)[<small>] ; <items>|max ;
   <items>|min ; <records>|max(attribute='age') ; <items>|sum ; namespace(v=<any>).v ; (<any>) ; <any>|string|length ;
   <any> + <any> ; <any> ~ <any> ; <any> * <small> ; <any> < <any> ; <any>|e ~ <any> ; <any>|attr('k') ;
   cycler(<any>, 1).next() ; (<records>|groupby('age')|first).grouper ; (<records>|groupby('name'))[<small>] ;
   (<records>|groupby('age'))|map(attribute='list')|map('length')|list ; (<stream>)|list ; (<any>, <any>)[<small>] ;
   {<key>: <any>}[<key>] ; (<any> is <tested>) ; (<any> is not <tested>) ; [<any>, <any>]|select("<tested>")|list ;
   <any>|<filtered> @8 ; (<any>).x|default(<any>) ; range(<small>, <width>)[<slice>] @2
statement = {{ <any> }} ; {{ <text> }} ; {{ <items> }} ; {{ <number> }} ; {{ <entries> }} ; {{ <truth> }} ;
   {% set <name> = <any> %} ; {% set n = <number> %} ; {% set s = <text> %} ; {% set l = <items> %} ;
   {% set d = <entries> %} ; {% set x, y = <any>, <any> %} ; {% set s %}<body>{% endset %}{{ s }} ;
   {% set s | upper %}<body>{% endset %}{{ s ~ '<' }} ; {% if <truth> %}<body>{% endif %} ;
   {% if <truth> %}<body>{% else %}<body>{% endif %} ;
   {% if <any> %}<body>{% elif <truth> %}<body>{% else %}<body>{% endif %} ; <data> ; <comment> ;
   {% if <truth> %}{% set <name> = <any> %}{% endif %}{{ <name> }} ; {{ <name> }} ; <data><data> ;
   {% for i in <items> if <truth> %}<looped>{% else %}<body>{% endfor %}{{ i }} ; {{ i }} ;
   {% for i in <items> if i is string %}<looped>{% endfor %} ;
   {% for i in <records> %}<looped>{{ i.name }}{% endfor %} ;
   {% for x, i in (<entries>).items() %}<looped>{{ x }}{% endfor %} ; {% for n in <items> %}<body>{% endfor %} ;
   {% for x, i in <entries>|dictsort %}{{ x }}<looped>{% endfor %} ;
   {% for i in [<items>, <items>] recursive %}<looped>{% if i is sequence and i is not string %}({{ loop(i) }}\
){% endif %}{% endfor %} ;
   {% for i in tree recursive %}{{ i.name }}<looped>{{ loop(i.kids) }}{% endfor %} ;
   {% macro f(p, q=<any>) %}<body>{{ p }}{{ q }}{% endmacro %}{{ f(<any>) }}<body> ;
   {% macro f(p=<any>, q=2) %}{{ p }}<body>{% endmacro %}{{ f(<any>, q=<any>) }}{{ f() }} ;
   {% macro f(p) %}{{ p }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(<any>, <any>, z=<any>) }} ;
   {% macro f(s) %}{% set n = s %}<body>{% endmacro %}{{ f(<any>) }}{{ n }}{{ s }} ;
   {% macro f(p) %}[{{ caller(<any>) }}{{ p }}]{% endmacro %}{% call(c) f(<any>) %}{{ c }}<body>{% endcall %} ;
   {% macro f() %}{{ caller() }}{% endmacro %}{% call f() %}<body>{% endcall %} ;
   {% with s = <text>, n = <number> %}<body>{% endwith %} ; {% with %}<body>{% endwith %}{{ <name> }} ;
   {% filter upper %}<body>{% endfilter %} ; {% filter replace(<piece>, <text>) %}<body>{% endfilter %} ;
   {% generation %}<body>{% endgeneration %}{{ <name> }} ;
   {% set ns = namespace(a=<any>, b=0) %}{% for i in <items> %}{% set ns.b = ns.b + 1 %}<looped>{% endfor %}{{ ns.b }} ;
   {% set ns = namespace(t='') %}{% for i in <stream> %}{% set ns.t = ns.t ~ i %}{% endfor %}{{ ns.t }} ;
   {% set g = <stream> %}{{ g|first }}{{ g|list }} ; {% set g = <stream> %}{{ g|list }}{{ g|list }} ;
   {% set x, y = (<items>|list)[:2] %}{{ x }} ;
   {% macro g(p) %}{{ f(p) }}<body>{% endmacro %}{% macro f(p) %}<body>{{ p }}{% endmacro %}{{ g(<any>) }} ;
   {% macro f(p) %}{{ n }}{{ s }}{% set s = p %}{{ s }}{% endmacro %}<statement>{{ f(<any>) }}{{ s }} ;
   {% if <truth> %}{% macro f(p) %}1{{ p }}{% endmacro %}{% else %}{% macro f() %}2{% endmacro %}{% endif %}{{ f(3) }} ;
   {% for x, (y, i) in [[<any>, (<any>, <any>)]] %}<looped>{{ x }}{{ y }}{% endfor %} ;
   {% set x, (y, n) = <any>, [<any>, <number>] %}{{ x }}{{ y }} ;
   {% for i in <items> %}{% macro f(p=i) %}{{ p }}{{ i }}<body>{% endmacro %}{{ f() }}{% endfor %}{{ f is defined }} ;
   {% macro f(p) %}{{ p }}{% if p is sequence and p is not string %}{% for i in p %}{{ f(i) if i is number }}\
{% endfor %}{% endif %}{% endmacro %}{{ f(<items>) }} ;
   {% set f = <any> %}{{ f }} ; {% call(c, n=<any>) f(<any>) %}{{ c }}{{ n }}<body>{% endcall %} ;
   {% for i in <items> %}<looped>{% if <truth> %}{% set s = i %}{% endif %}{{ s }}{% endfor %}{{ s }} ;
   {% for s in <stream> %}{{ s }}<looped>{% else %}{{ s }}{% endfor %}{{ s }} ;
   {% filter <filtered> %}<body>{% endfilter %} ; {% set x | <filtered> %}<body>{% endset %}{{ x }} ;
   {% if <any> is <tested> %}<body>{% endif %} ;
   {% set c = cycler('a', <any>) %}{% for i in <items> %}{{ c.next() }}<looped>{% endfor %}{{ c.current }} ;
   {% set j = joiner(<piece>) %}{% for i in <stream> %}{{ j() }}{{ i }}{% endfor %} ;
   {% set ns = namespace(<name>=<any>) %}{% set ns.<name> = <any> %}{{ ns.n }}{{ ns.s }}{{ ns.l }} ;
   {% with n = <any>, s = n %}<body>{% endwith %}<body> ;
   {% for i in <items> recursive %}{{ loop.depth }}<looped>{% if loop.first and i is sequence and i is not string %}\
{{ loop(i) }}{% endif %}{% endfor %} ;
   {% for i in <iterable> %}<looped>{% endfor %} @6
looped = <looped><looped> ; <body> ; {{ <loop_value> }} ; {% if <truth> %}<jump>{% endif %}<looped> ;
   {% if <loop_value> %}<looped>{% endif %} ; {% if loop.index == <width> %}<jump>{% endif %} ;
   {% set <name> = <any> %}{{ <name> }} ; {% set s = s ~ 'x' %}{{ s }} ; {{ i }}<data> ;
   {% for j in <items> %}{{ loop.index }}{{ j }}{% endfor %}{{ loop.index }} ;
   {% with x = loop.index %}{{ x }}<body>{% endwith %} ; {{ ', ' if not loop.last }} ;
   {% set x %}<looped>{% endset %}{{ x }} ; {% filter lower %}<looped>{% endfilter %}
body = <statement> ; <statement><statement> ; <statement><data><statement>
template = <body> ; <body><data><body> ; <data><body><body><data> ; <statement>
"""
#: Atoms in which white space counts.
SPACED = {
    "data": ["", "a", " ", "\n", "\n\n", " b ", "\n  ", "  \n", "\tc\n", "d\r\ne", "\n   f", "%",
     "\u3000", "\x1c g", "}}", "<i>", "\xe9", "{ ", "# "],
    "flag": ["", "", "-", "0", "+", " ", "#", "-0", "+0", "#0"],
    "size": ["", "", "1", "5", "12"],
    "precision": ["", "", ".0", ".1", ".3", ".10"],
    "align": ["", "", "<", ">", "^", "=", "*^", "0>"],
    "grouping": ["", "", "", ",", "_"],
    "shown_as": ["", "", *"defg%xbonscXEGF"],
}  # fmt: skip

#: How deep a template nests, and how deep an expression does.
DEPTH, EXPRESSION_DEPTH = 4, 3
#: Of a hundred expressions, this many are atoms before they have to be, and this many are something else.
ATOMS_OF_100, STRAYS_OF_100 = 35, 3
OF_100 = st.integers(0, 99)
#: What becomes of the white space beside a tag.
TRIM = st.sampled_from([""] * 15 + ["-", "+"])
#: Symbols with a kind, in whose place a stray may stand.
KINDS = {"number", "text", "items", "entries", "truth"}
STATEMENTS = {"statement", "looped", "body", "template", "data", "comment", "jump"}

_ATOMS = {symbol: st.sampled_from(atoms) for symbol, atoms in SPACED.items()}
_RULES: dict[str, st.SearchStrategy[str]] = {}
_SYMBOL = r"^(\w+) ?([:=]) (.*?)(?=^\w+ ?[:=] |\Z)"
for _symbol, _sign, _text in re.findall(_SYMBOL, GRAMMAR, re.MULTILINE | re.DOTALL):
    _weighed = (rule.strip().partition(" @") for rule in _text.split(" ;"))
    _rules = [rule for rule, _, weight in _weighed for _ in range(int(weight or 1))]
    (_ATOMS if _sign == ":" else _RULES)[_symbol] = st.sampled_from(_rules)


@st.composite
def templates(draw: st.DrawFn) -> str:
    """Draw a template."""
    return _grown(draw, "template", DEPTH)


def _grown(draw: st.DrawFn, symbol: str, depth: int) -> str:
    """Draw what a symbol becomes."""
    if symbol in KINDS and draw(OF_100) >= 100 - STRAYS_OF_100:
        symbol = "any"
    is_statement = symbol in STATEMENTS
    if not is_statement:
        depth = min(depth, EXPRESSION_DEPTH)
    ends = symbol not in _RULES
    if not ends and symbol in _ATOMS:
        ends = depth <= 0 or (not is_statement and draw(OF_100) < ATOMS_OF_100)
    rule = draw((_ATOMS if ends else _RULES)[symbol])
    if is_statement:
        tags = r"\{%|%\}|\{\{(?= )|(?<= )\}\}"
        rule = re.sub(tags, lambda brace: _trimmed(draw, brace[0]), rule)
    return re.sub(r"<(\w\w+)>", lambda found: _grown(draw, found[1], depth - 1), rule)


def _trimmed(draw: st.DrawFn, brace: str) -> str:
    sign = draw(TRIM)
    if sign == "+" and "%" not in brace:
        return brace
    return brace + sign if brace[0] == "{" else sign + brace
