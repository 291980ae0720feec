"""Templates with statements of Jinja2 as transformers runs it, by topic."""

# fmt: off
TEMPLATES: dict[str, tuple[str, ...]] = {
    "whitespace": (
        "a\n{% if 1 %}\nb\n{% endif %}\nc\n", "a\n  {% if 1 %}\n  b\n  {% endif %}\n  c\n",
        "a {% if 1 %} b {% endif %} c", "a {%- if 1 %} b {%- endif %} c",
        "a {% if 1 -%} b {% endif -%} c", "a {%- if 1 -%} b {%- endif -%} c",
        "a\n\n{%- if 1 -%}\n\nb\n\n{%- endif -%}\n\nc", "a {{- 1 }} b", "a {{ 1 -}} b",
        "a {{- 1 -}} b", "a\n{{ 1 }}\nb", "a\n{{- 1 -}}\nb", "{{ 1 }}\n{{ 2 }}\n",
        "a\n  {%+ if 1 %}\nb{% endif %}", "a\n  {% if 1 +%}\nb{% endif %}",
        "  {%+ if 1 +%}\nb{%+ endif +%}\n", "{% if 1 %}\n\nb{% endif %}",
        "  x {% if 1 %}y{% endif %}", "\t{% if 1 %}\t\n\ty\n\t{% endif %}", "a {# c #} b",
        "a {#- c -#} b", "a\n  {# c #}\nb", "a\n  {#- c -#}\n b", "a\n{# c #}  \nb",
        "a\n  {#+ c +#}\nb", "{# c #}\n{# d #}\nx", "x{# a\nb\n#}\ny", "x{##}y", "{#", "x{# a",
        "{# a {# b #} c #}", "{# {{ x }} {% if %} #}y",
        "a\r\n{% if 1 %}\r\nb\r\n{% endif %}\r\nc\r\n", "a\rb\r\nc\n", "{{ 'a\r\nb' }}",
        "{{ 'a\rb'|length }}", "a\n", "a\n\n", "\na", "\n", "", " ", "a\r\n", "a\r", "{{ 1 }}\n",
        "{% if 1 %}{% endif %}\n", "{% set x = 1 %}\n", "{% set x = 1 %}\n\n",
        "\x0b{% if 1 %}\x0by{% endif %}", "\x0c {% if 1 %}y{% endif %}",
        "\x1c {%- if 1 %}y{% endif %}", "\u3000{%- if 1 -%}\u3000y{% endif %}", "\x85{{- 1 -}}\x85",
        "\u200b {{- 1 -}} \u200b", "a \xa0{{- 1 -}}\xa0 b", "  {% raw %}\n x {% endraw %}\n y",
        "{% raw %}{{ x }}{% if %}{# #}{% endraw %}", "a {%- raw -%} b {%- endraw -%} c",
        "{% raw %}", "{% raw %}{% endraw %}{% endraw %}", "{% raw %} a {%- endraw %}",
        "{%- raw %} a {% endraw -%}", "{% raw -%}\n  a\n{% endraw %}\nb", "{%raw%}{%endraw%}",
        "{%+ raw %} a {%+ endraw %}", "  {% raw %}a\n  {% endraw %}b", "{%- if 1 %}{%- endif %}",
        "{%if 1%}a{%endif%}", "{{1}}{{2}}", "{{-1}}", "{{- 1}}", "{{1-}}", "{{ 1 - }}", "{{ - 1 }}",
        "{{+1}}", "{{ +1 }}", "{%- -%}", "{% %}", "{{ }}", "{{}}", "{ { 1 } }", "{{ '}}' }}",
        "{{ '%}' }}", "{% if '%}' %}a{% endif %}", "{{ {'a': {'b': 1}} }}", "{{ {'a': {'b': 1}}}}",
        "{{{'a': 1}}}", "{{ 1 }", "{{ 1 %}", "{% if 1 }}", "{{ 1", "{% if 1", "{% if 1 %}", "}}",
        "%}", "#}", "{", "}", "{%", "{{", "a{b}c%d#e", "{ %", "\\{{ 1 }}", "$\\{{{ 1 }}",
        "{{ 1 }}}", "#{{ 1 }}", "## x\n{{ 1 }}", "# for x in y\n",
        "a\n   \n  {%- if 1 %}b{% endif %}", "a{% if 1 %}  \nb{% endif %}",
        "a\n {%- set x = 1 -%} \n b", "{% for x in [1, 2] %}\n  {{ x }}\n{% endfor %}\n",
        "{% for x in [1, 2] -%}\n  {{ x }}\n{%- endfor %}\n",
        "{% for x in [1, 2] %}\n\n{{ x }}{% if x == 1 %}\n!\n{% endif %}\n{% endfor %}",
        "  {% for x in [1] %}  {{ x }}  {% endfor %}  ", "{%  if   1  %}a{%  endif  %}",
        "{%\nif 1\n%}a{%\nendif\n%}", "{{\n1\n+\n2\n}}", "{{ 1\t+\t2 }}", "{{ 1\u00a0+ 2 }}",
        "{{ 1\x0b+ 2 }}", "a\n\t {%+ set x = 1 %}\nb",
        "x\n    {{ 1 }}\n    {% if 1 %}\n    y\n    {% endif %}\n",
        "{% if 1 %}a{% else %}b{% endif %}\n\n", "{%- set x = '\n' -%}\n{{ x }}",
        "{{ '\n' }}\n\n{{- '\n' -}}\n", "a {% macro m() %} b {% endmacro %} c",
        "a\n{%- macro m() -%}\n b \n{%- endmacro -%}\n c {{- m() }}",
        "  {% filter upper %}\n a\n  {% endfilter %}\n",
        "  {% set x %}\n a\n  {% endset %}\n[{{ x }}]",
        "  {% generation %}\n  a\n  {% endgeneration %}\n b",
        "a {%- generation -%} b {%- endgeneration -%} c",
    ),
    "if": (
        "{% if 1 %}a{% elif 1 %}b{% else %}c{% endif %}",
        "{% if 0 %}a{% elif 1 %}b{% else %}c{% endif %}",
        "{% if 0 %}a{% elif 0 %}b{% else %}c{% endif %}", "{% if 0 %}a{% endif %}",
        "{% if missing %}a{% else %}b{% endif %}", "{% if missing.x %}a{% endif %}",
        "{% if [] %}a{% else %}b{% endif %}", "{% if '' %}a{% else %}b{% endif %}",
        "{% if nothing %}a{% else %}b{% endif %}", "{% if nan %}a{% endif %}",
        "{% if no_entries %}a{% else %}b{% endif %}", "{% if numbers|map('string') %}a{% endif %}",
        "{% if []|map('string') %}a{% else %}b{% endif %}",
        "{% if range(0) %}a{% else %}b{% endif %}", "{% if namespace() %}a{% endif %}",
        "{% if 1 and %}a{% endif %}", "{% if %}a{% endif %}",
        "{% if 1 %}a{% else %}b{% else %}c{% endif %}",
        "{% if 1 %}a{% else %}b{% elif 1 %}c{% endif %}", "{% if 1 %}a{% else if 1 %}b{% endif %}",
        "{% if 1 %}a{% endfor %}", "{% elif 1 %}", "{% else %}", "{% endif %}",
        "{% if 1 %}a{% endif x %}", "{% if (1) %}a{% endif %}", "{% if(1)%}a{% endif %}",
        "{% if not(1) %}a{% else %}b{% endif %}", "{% if 1, 2 %}a{% endif %}",
        "{% if (0,) %}a{% endif %}", "{% if 1 if 0 else 2 %}a{% endif %}",
        "{% if 1 == 1 %}{% if 0 %}x{% else %}y{% endif %}{% endif %}",
        "{% if x is defined and x %}a{% elif x is not defined %}b{% endif %}",
        "{% if 1 %}{% set x = 1 %}{% endif %}{{ x }}",
        "{% if 0 %}{% set x = 1 %}{% endif %}{{ x }}",
        "{% if 0 %}{% set x = 1 %}{% endif %}{{ x is defined }}",
        "{% if 0 %}{% set word = 1 %}{% endif %}{{ word }}",
        "{% if 1 %}{% set word = 1 %}{% endif %}{{ word }}",
        "{{ word }}{% if 1 %}{% set word = 1 %}{% endif %}{{ word }}",
        "{% if word %}{% set word = word ~ 'x' %}{% endif %}{{ word }}",
        "{% if 1 %}{% set x = 1 %}{% else %}{% set x = 2 %}{% endif %}{{ x }}",
        "{% if 0 %}{% set x = 1 %}{% elif 1 %}{% set y = 2 %}{% endif %}[{{ x }}{{ y }}]",
        "{% if 0 %}{{ x }}{% endif %}{% set x = 1 %}{{ x }}",
        "{% if 1 %}{{ x }}{% set x = 1 %}{% endif %}{{ x }}",
        "{% if x %}{% endif %}{% set x = 1 %}{{ x }}",
        "{% if 1 %}{% if 1 %}{% set x = 1 %}{% endif %}{{ x }}{% endif %}{{ x }}",
        "{% if 0 %}{% if 1 %}{% set x = 1 %}{% endif %}{% endif %}{{ x }}|{{ x is defined }}",
        "{% set x = 0 %}{% if 0 %}{% set x = 1 %}{% endif %}{{ x }}",
        "{% set x = 0 %}{% if 1 %}{% set x = x + 1 %}{% endif %}{{ x }}",
        "{% if yes %}{% set word %}b{% endset %}{% endif %}{{ word }}",
        "{% if no %}{% macro m() %}x{% endmacro %}{% endif %}{{ m() }}",
        "{% if yes %}{% macro m() %}x{% endmacro %}{% endif %}{{ m() }}",
        "{% if no %}{% macro m() %}x{% endmacro %}{% endif %}{{ m is defined }}",
    ),
    "set": (
        "{% set x = 1e400 %}{{ x }}", "{% set x = infinite %}{{ x }}",
        "{% set x = 1 %}{{ x }}", "{% set x, y = 1, 2 %}{{ x }}{{ y }}",
        "{% set (x, y) = (1, 2) %}{{ x }}{{ y }}", "{% set x, y = [1, 2] %}{{ x }}{{ y }}",
        "{% set x, y = 'ab' %}{{ x }}{{ y }}", "{% set x, y = [1] %}", "{% set x, y = [1, 2, 3] %}",
        "{% set x, y = 1 %}", "{% set x, (y, z) = 1, (2, 3) %}{{ x }}{{ y }}{{ z }}",
        "{% set x = y = 1 %}", "{% set x.y = 1 %}", "{% set x['y'] = 1 %}", "{% set 1 = 2 %}",
        "{% set x %}", "{% set x = %}", "{% set = 1 %}", "{% set x == 1 %}",
        "{% set x = 1, %}{{ x }}", "{% set x = 1, 2 %}{{ x }}", "{% set x, = [1] %}{{ x }}",
        "{% set x, = [1, 2] %}", "{% set none = 1 %}", "{% set true = 1 %}", "{% set None = 1 %}",
        "{% set True = 1 %}", "{% set loop = 1 %}{{ loop }}", "{% set self = 1 %}{{ self }}",
        "{% set range = 1 %}{{ range }}", "{% set dict = 5 %}{{ dict }}",
        "{% set namespace = 1 %}{{ namespace }}", "{% set word = 1 %}{{ word }}",
        "{{ word }}{% set word = 1 %}{{ word }}", "{% set x = x %}{{ x is defined }}",
        "{% set x = word %}{% set word = 2 %}{{ x }}{{ word }}",
        "{% set x = 1 %}{% set x = x + 1 %}{{ x }}", "{% set x, y = y, 1 %}{{ x }}|{{ y }}",
        "{% set x, x = 1, 2 %}{{ x }}", "{% set x = missing %}{{ x is defined }}",
        "{% set x = missing.y %}{{ x }}", "{% set a, b = b, a %}{{ a is defined }}",
        "{% set one, two = two, one %}{{ one }}{{ two }}",
        "{% set x %}a{{ 1 }}b{% endset %}{{ x }}{{ x is string }}{{ x is escaped }}",
        "{% set x %}<{% endset %}{{ x ~ '<' }}", "{% set x %}<{% endset %}{{ x + '<' }}",
        "{% set x %}{% endset %}{{ x == '' }}{{ x|length }}",
        "{% set x | upper %}abc{% endset %}{{ x }}",
        "{% set x | upper | replace('A', '1') %}abc{% endset %}{{ x }}",
        "{% set x | length %}abc{% endset %}{{ x + 1 }}",
        '{% set x | tojson %}a"b{% endset %}{{ x }}', "{% set x|e %}<{% endset %}{{ x ~ '<' }}",
        "{% set x|list %}abc{% endset %}{{ x }}", "{% set x | nope %}abc{% endset %}",
        "{% set x, y %}ab{% endset %}{{ x }}{{ y }}",
        "{% set x %}a{% set y = 1 %}{% endset %}{{ x }}{{ y }}",
        "{% set y = 0 %}{% set x %}a{% set y = 1 %}{{ y }}{% endset %}{{ x }}{{ y }}",
        "{% set x %}{% for i in [1, 2] %}{{ i }}{% endfor %}{% endset %}{{ x }}",
        "{% set x %}{{ x }}{% endset %}[{{ x }}]",
        "{% set x = 1 %}{% set x %}{{ x }}2{% endset %}{{ x }}",
        "{% set ns = namespace() %}{% set ns.x %}a{% endset %}{{ ns.x }}",
        "{% set ns = namespace() %}{% set ns.x | upper %}a{% endset %}{{ ns.x }}",
        "{% set x %}a{% endset %}{{ x.upper() }}", "{% set x %} a {% endset %}[{{ x|trim }}]",
        "{% set x %}{% raw %}{{ a }}{% endraw %}{% endset %}{{ x }}",
        "{% set x %}a{% endset %}{% set x %}{{ x }}{{ x }}{% endset %}{{ x }}",
        "{% set x = [] %}{% set y = x %}{{ x == y }}{{ x is sameas y }}",
        "{% set x = 1 if 0 %}{{ x is defined }}|{{ x }}", "{% set x = (1 if 0) %}{{ x.y }}",
        "{% set x = range(3) %}{{ x|list }}{{ x|list }}",
        "{% set x = numbers|map('string') %}{{ x|list }}{{ x|list }}",
        "{% set x = {'a': 1} %}{% set x = dict(x, b=2) %}{{ x }}",
        "{% set x = [1] %}{% set x = x + [2] %}{{ x }}", "{% set f = word.upper %}{{ f() }}",
        "{% set f = range %}{{ f(2)|list }}",
        "{% set x = 'a' %}{% set x = x ~ x %}{% set x = x ~ x %}{{ x }}", "{% set x=1%}{{x}}",
        "{%set x=1%}{{x}}", "{% set\nx\n=\n1 %}{{ x }}", "{% set x = not 1 %}{{ x }}",
        "{% set x = 1 == 1 %}{{ x }}", "{% set x %}a{% endset y %}{{ x }}",
        "{% set a = 1 %}{% set b = a %}{% set a = 2 %}{{ a }}{{ b }}",
        "{% set a, b, c = range(3) %}{{ a }}{{ b }}{{ c }}",
        "{% set a, b = table.items()|first %}{{ a }}{{ b }}",
        "{% set a, b = {'x': 1, 'y': 2} %}{{ a }}{{ b }}",
        "{% set a, b = numbers|map('string') %}{{ a }}", "{% set a, b = nothing %}",
        "{% set a, b = missing %}", "{% set [a, b] = [1, 2] %}{{ a }}",
    ),
    "namespace": (
        "{% set ns = namespace(x=1) %}{% set ns.x = 2 %}{{ ns.x }}",
        "{% set ns = namespace() %}{% set ns.x = 1 %}{{ ns.x }}{{ ns.y is defined }}",
        (
            "{% set ns = namespace(x=0) %}{% for i in [1, 2] %}{% set ns.x = ns.x + i %}"
            "{% endfor %}{{ ns.x }}"
        ),
        "{% set ns = namespace() %}{% set ns._x = 1 %}",
        "{% set ns = namespace() %}{% set ns.__class__ = 1 %}",
        "{% set ns = {} %}{% set ns.x = 1 %}", "{% set ns = 1 %}{% set ns.x = 1 %}",
        "{% set ns.x = 1 %}", "{% set word.x = 1 %}", "{% set missing.x = 1 %}",
        "{% set ns = namespace(x=1) %}{% set ns.x, y = 2, 3 %}{{ ns.x }}{{ y }}",
        "{% set ns = namespace(x=1) %}{% set ns.x, ns.y = ns.x + 1, 3 %}{{ ns.x }}{{ ns.y }}",
        "{% set ns = namespace(x=1) %}{% set a = ns %}{% set a.x = 5 %}{{ ns.x }}",
        (
            "{% set ns = namespace(x=[]) %}{% for i in [1, 2] %}{% set ns.x = ns.x + [i] %}"
            "{% endfor %}{{ ns.x }}"
        ),
        (
            "{% set ns = namespace(x=1) %}{% macro m() %}{% set ns.x = 2 %}{% endmacro %}"
            "{{ m() }}{{ ns.x }}"
        ),
        (
            "{% set ns = namespace(x=1) %}{% macro m(n) %}{% set n.x = 2 %}{% endmacro %}"
            "{{ m(ns) }}{{ ns.x }}"
        ),
        "{% set ns = namespace(x=1) %}{% with %}{% set ns.x = 2 %}{% endwith %}{{ ns.x }}",
        "{% set ns = namespace(x=1) %}{% set y %}{% set ns.x = 2 %}{% endset %}{{ ns.x }}",
        "{% set ns = namespace(x=1) %}{{ ns }}",
        "{% set ns = namespace(x=1, y='a') %}{{ ns }}|{{ ns|string }}|{{ [ns] }}",
        "{% set ns = namespace(x=1) %}{{ ns.items() }}",
        "{% set ns = namespace(x=1) %}{{ ns|length }}",
        "{% set ns = namespace(x=1) %}{{ 'x' in ns }}",
        "{% set ns = namespace(x=1) %}{% for k in ns %}{{ k }}{% endfor %}",
        "{% set ns = namespace(x=1) %}{{ ns['x'] }}{{ ns['y'] is defined }}",
        "{% set ns = namespace(x=1) %}{{ ns|attr('x') }}",
        "{% set ns = namespace(x=1) %}{{ ns.x.y is defined }}",
        "{% set ns = namespace(x=namespace(y=1)) %}{% set ns.x.y = 2 %}{{ ns.x.y }}",
        "{% set ns = namespace(x=1) %}{{ ns == ns }}{{ ns is sameas ns }}",
        "{% set ns = namespace(x=1) %}{{ ns < ns }}", "{% set ns = namespace(x=1) %}{{ ns + 1 }}",
        "{% set ns = namespace(x=1) %}{{ {ns: 1}[ns] }}",
        "{% set ns = namespace(**{'a b': 1}) %}{{ ns['a b'] }}",
        "{% for i in [1] %}{% set ns.x = 1 %}{% endfor %}",
        (
            "{% set ns = namespace(x=0) %}{% for m in users if m.age > 30 %}"
            "{% set ns.x = loop.index %}{% endfor %}{{ ns.x }}"
        ),
        "{% set ns = namespace(f=range) %}{{ ns.f(2)|list }}",
        "{% set ns = namespace(a=1) %}{% if 0 %}{% set ns.a = 2 %}{% endif %}{{ ns.a }}",
        "{% if 0 %}{% set ns = namespace(a=1) %}{% endif %}{% set ns.a = 2 %}",
        "{% set ns = namespace(get=1) %}{{ ns.get }}",
        "{% set ns = namespace(a=1) %}{% set ns.a %}x{% endset %}{{ ns.a ~ '<' }}",
        (
            "{% set ns=namespace(a=false) %}{% for x in numbers %}{% if x == 1 %}"
            "{% set ns.a=true %}{% endif %}{% endfor %}{{ ns.a }}"
        ),
        "{% set ns = namespace({'a': 1, 'b': 2}) %}{{ ns.a + ns.b }}",
        "{{ namespace(a=1).a }}{{ namespace(a=1)['a'] }}",
        "{% set ns = namespace(a=1) %}{{ ns.b }}|{{ ns.b.c }}",
        "{% set ns = namespace(a=1) %}{% with ns = 1 %}{% set ns.a = 1 %}{% endwith %}",
        (
            "{% for ns in [namespace(a=1), namespace(a=2)] %}{% set ns.a = ns.a * 2 %}{{ ns.a }}"
            "{% endfor %}"
        ),
        "{% set ns = namespace(x=1) %}{% for ns.x in [1, 2] %}{{ ns.x }}{% endfor %}{{ ns.x }}",
        "{% set ns = namespace(a=1) %}{{ ns|tojson }}",
        (
            "{% set ns = namespace(a=1) %}{{ ns is mapping }}{{ ns is iterable }}"
            "{{ ns is callable }}{{ ns is sequence }}"
        ),
    ),
    "scopes": (
        "{% for i in [1, 2] %}{% set x = i %}{% endfor %}{{ x }}",
        "{% set x = 0 %}{% for i in [1, 2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}",
        "{% set x = 0 %}{% for i in [1, 2] %}{{ x }}{% set x = i %}{{ x }}{% endfor %}{{ x }}",
        "{% for i in [1, 2] %}{{ x }}{% set x = i %}{% endfor %}{{ x }}",
        "{% for i in [1] %}{% endfor %}{{ i }}",
        "{% set i = 5 %}{% for i in [1] %}{{ i }}{% endfor %}{{ i }}",
        "{% for word in [1] %}{{ word }}{% endfor %}{{ word }}",
        "{% for i in [1, 2] %}{% if i == 1 %}{% set x = 'a' %}{% endif %}{{ x }}{% endfor %}",
        "{% for i in [1, 2] %}{{ x is defined }}{% set x = 1 %}{{ x is defined }}{% endfor %}",
        "{% for word in word %}{{ word }}{% endfor %}", "{% for x in x %}{{ x }}{% endfor %}",
        "{% for i in [1, 2] %}{% set word = word ~ i %}{{ word }}{% endfor %}{{ word }}",
        "{% for i in [1] %}{% for i in [2] %}{{ i }}{% endfor %}{{ i }}{% endfor %}",
        (
            "{% for i in [1] %}{% set j = 1 %}{% for k in [1] %}{% set j = 2 %}{% endfor %}"
            "{{ j }}{% endfor %}"
        ),
        (
            "{% for i in [[1, 2], [3]] %}{% for j in i %}{{ loop.index }}{{ j }}{% endfor %}"
            "{{ loop.index }}{% endfor %}"
        ),
        "{% macro m() %}{% set x = 1 %}{{ x }}{% endmacro %}{{ m() }}{{ x }}",
        "{% set x = 1 %}{% macro m() %}{{ x }}{% endmacro %}{% set x = 2 %}{{ m() }}",
        "{% macro m() %}{{ x }}{% endmacro %}{% set x = 2 %}{{ m() }}",
        "{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% set x = 2 %}{{ m() }}",
        "{% macro m() %}{{ word }}{% endmacro %}{% set word = 2 %}{{ m() }}",
        "{% macro m() %}{{ word }}{% set word = 1 %}{{ word }}{% endmacro %}{{ m() }}{{ word }}",
        "{% macro m() %}{% if 0 %}{% set word = 1 %}{% endif %}{{ word }}{% endmacro %}{{ m() }}",
        "{% for i in [1, 2] %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}",
        "{% for i in [1, 2] %}{% macro m() %}{{ i }}{% endmacro %}{% endfor %}{{ m() }}",
        "{% macro m() %}{{ i }}{% endmacro %}{% for i in [1, 2] %}{{ m() }}{% endfor %}",
        (
            "{% set i = 9 %}{% macro m() %}{{ i }}{% endmacro %}{% for i in [1, 2] %}{{ m() }}"
            "{% endfor %}"
        ),
        "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}x{% endmacro %}{{ a() }}",
        "{% macro a() %}{{ b() }}{% endmacro %}{{ a() }}{% macro b() %}x{% endmacro %}",
        "{{ m() }}{% macro m() %}x{% endmacro %}",
        "{% macro m() %}1{% endmacro %}{% macro m() %}2{% endmacro %}{{ m() }}",
        "{% macro m() %}{% macro n() %}x{% endmacro %}{{ n() }}{% endmacro %}{{ m() }}",
        "{% macro m() %}{% macro n() %}x{% endmacro %}{% endmacro %}{{ m() }}{{ n() }}",
        (
            "{% macro m(a) %}{% macro n() %}{{ a }}{% endmacro %}{{ n() }}{% endmacro %}"
            "{{ m(1) }}{{ m(2) }}"
        ),
        "{% macro m(x) %}{% for i in [1, 2] %}{{ x }}{{ i }}{% endfor %}{% endmacro %}{{ m('a') }}",
        "{% set m = 1 %}{% macro m() %}x{% endmacro %}{{ m }}",
        "{% macro m() %}x{% endmacro %}{% set m = 1 %}{{ m }}",
        "{% with x = 1 %}{{ x }}{% endwith %}{{ x }}",
        "{% with x = 1, y = 2 %}{{ x }}{{ y }}{% endwith %}",
        "{% with x = 1, y = x %}{{ x }}{{ y }}{% endwith %}",
        "{% set x = 5 %}{% with x = 1, y = x %}{{ x }}{{ y }}{% endwith %}{{ x }}",
        "{% with %}{% set x = 1 %}{{ x }}{% endwith %}{{ x }}",
        "{% with word = word ~ 'x' %}{{ word }}{% endwith %}{{ word }}",
        "{% with x, y = 1, 2 %}{{ x }}{{ y }}{% endwith %}",
        "{% with (x, y) = (1, 2) %}{{ x }}{{ y }}{% endwith %}",
        "{% with x = 1 %}{% with x = x + 1 %}{{ x }}{% endwith %}{{ x }}{% endwith %}",
        "{% with x = 1 %}{% set x = 2 %}{{ x }}{% endwith %}{{ x }}", "{% with x %}{% endwith %}",
        "{% with x = %}{% endwith %}",
        "{% with x = 1 %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endwith %}",
        "{% with x = 1 %}{% macro m() %}{{ x }}{% endmacro %}{% endwith %}{{ m is defined }}",
        "{% for i in [1, 2] %}{% with j = loop.index %}{{ j }}{% endwith %}{% endfor %}",
        "{% for i in [1] %}{% with %}{{ loop.index }}{% endwith %}{% endfor %}",
        "{% filter upper %}{% set x = 'a' %}{{ x }}{% endfilter %}{{ x }}",
        "{% set x = 'b' %}{% filter upper %}{{ x }}{% set x = 'a' %}{{ x }}{% endfilter %}{{ x }}",
        "{% filter upper %}{{ missing }}{{ word }}{% endfilter %}",
        "{% set x = 1 %}{% generation %}{% set x = 2 %}{{ x }}{% endgeneration %}{{ x }}",
        "{% generation %}{% set x = 2 %}{{ x }}{% endgeneration %}{{ x }}",
        (
            "{% for i in [1, 2] %}{% generation %}{{ i }}{{ loop.index }}{% endgeneration %}"
            "{% endfor %}"
        ),
        "{% generation %}{% generation %}a{% endgeneration %}{% endgeneration %}",
        "{% generation %}a", "{% generation x %}a{% endgeneration %}", "{% endgeneration %}",
        "{% set x %}{% generation %}a{% endgeneration %}{% endset %}{{ x }}",
        "{% macro m() %}{% generation %}a{% endgeneration %}{% endmacro %}{{ m() }}",
        "{% generation %}{% endgeneration %}b", "{% generation %}<{% endgeneration %}{{ '<' }}",
        "{% if 1 %}{% set x = 1 %}{% endif %}{% for i in [1] %}{{ x }}{% endfor %}",
        "{% for i in [1] %}{% if 1 %}{% set x = 1 %}{% endif %}{{ x }}{% endfor %}{{ x }}",
        (
            "{% for i in [1, 2] %}{% if i == 1 %}{% set word = 'A' %}{% endif %}{{ word }}"
            "{% endfor %}{{ word }}"
        ),
        "{% for i in [1, 2] %}{% if x %}{{ x }}{% endif %}{% set x = i %}{% endfor %}",
        "{% set x = 1 %}{% for i in [x] %}{% set x = 2 %}{{ i }}{{ x }}{% endfor %}{{ x }}",
        "{% set x = 1 %}{% for x in [x, x + 1] %}{{ x }}{% endfor %}{{ x }}",
        "{% for i in [1, 2] if i != x %}{{ i }}{% set x = 9 %}{% endfor %}{{ x }}",
        "{% for i in numbers if i != word %}{% set word = 1 %}{{ i }}{% endfor %}",
        (
            "{% set x = 0 %}{% macro m() %}{% set x = x + 1 %}{{ x }}{% endmacro %}{{ m() }}"
            "{{ m() }}{{ x }}"
        ),
        "{% macro m(x=word) %}{{ x }}{% endmacro %}{% set word = 5 %}{{ m() }}",
        "{% set d = 1 %}{% macro m(x=d) %}{{ x }}{% endmacro %}{% set d = 5 %}{{ m() }}",
        "{% macro m(x=d) %}{{ x }}{% endmacro %}{% set d = 5 %}{{ m() }}",
        "{% for i in [1, 2] %}{% macro m(x=i) %}{{ x }}{% endmacro %}{{ m() }}{% endfor %}",
        (
            "{% set x = 1 %}{% macro m() %}{% for i in [1] %}{{ x }}{% set x = 2 %}{{ x }}"
            "{% endfor %}{{ x }}{% endmacro %}{{ m() }}"
        ),
        (
            "{% for i in [1] %}{% set x = 1 %}{% macro m() %}{{ x }}{% endmacro %}{% set x = 2 %}"
            "{{ m() }}{% endfor %}"
        ),
        (
            "{% macro m() %}{{ x }}{% endmacro %}{% for i in [1] %}{% set x = 1 %}{{ m() }}"
            "{% endfor %}"
        ),
        "{% macro m() %}{{ caller is defined }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m() }}",
        "{% set caller = 1 %}{% macro m() %}{{ caller }}{% endmacro %}{{ m() }}",
        "{% set loop = 5 %}{% for i in [1] %}{{ loop.index }}{% endfor %}{{ loop }}",
        "{% for i in [1] %}{% set loop = 5 %}{% endfor %}",
        "{{ loop }}{% for i in [1] %}{{ loop is defined }}{% endfor %}",
        "{% for i in [1] %}{% macro m() %}{{ loop.index }}{% endmacro %}{{ m() }}{% endfor %}",
        (
            "{% for i in [1, 2] %}{% set l = loop %}{% for j in [1] %}{{ l.index }}"
            "{{ loop.index }}{% endfor %}{% endfor %}"
        ),
        (
            "{% for i in [1, 2] %}{% if loop.first %}{% set first = i %}{% endif %}{{ first }}"
            "{% endfor %}"
        ),
        "{% if 0 %}{% for i in [1] %}{% set x = 1 %}{% endfor %}{% endif %}{{ x }}",
        (
            "{% set x = 1 %}{% if 1 %}{% for i in [1] %}{% set x = 2 %}{% endfor %}{{ x }}"
            "{% endif %}{{ x }}"
        ),
        "{% set a = 1 %}{% with %}{% if 1 %}{% set a = 2 %}{% endif %}{{ a }}{% endwith %}{{ a }}",
        "{% with a = 1 %}{% for i in [1] %}{% set a = 2 %}{{ a }}{% endfor %}{{ a }}{% endwith %}",
        "{% set x = 1 %}{% set y %}{{ x }}{% set x = 2 %}{{ x }}{% endset %}{{ y }}{{ x }}",
        (
            "{% macro m() %}{% set y %}{{ x }}{% endset %}{{ y }}{% endmacro %}{% set x = 3 %}"
            "{{ m() }}"
        ),
        (
            "{% for i in [1, 2] %}{% filter upper %}a{{ loop.index }}{% set z = 1 %}"
            "{% endfilter %}{{ z }}{% endfor %}"
        ),
        "{% macro m() %}{{ m is defined }}{% endmacro %}{{ m() }}",
        (
            "{% set x = 1 %}{% macro x2() %}{{ x }}{% endmacro %}{% with x = 2 %}{{ x2() }}"
            "{{ x }}{% endwith %}"
        ),
        "{% if 0 %}{% set m = 1 %}{% endif %}{% macro f() %}{{ m }}{% endmacro %}[{{ f() }}]",
        "{% for a in [1] %}{% else %}{% set q = 1 %}{% endfor %}{{ q }}",
        "{% for a in [] %}{% else %}{% set q = 1 %}{{ q }}{% endfor %}{{ q }}",
        "{% set q = 0 %}{% for a in [] %}{% else %}{% set q = 1 %}{{ q }}{% endfor %}{{ q }}",
        "{% set a = 1 %}{% for i in [0] %}{% if i %}{% set a = 2 %}{% endif %}{{ a }}{% endfor %}",
        "{% for i in [0, 1] %}{% if i %}{% set a = 2 %}{% else %}{% endif %}[{{ a }}]{% endfor %}",
        (
            "{% set a = 3 %}{% macro m() %}{% if no %}{% set a = 2 %}{% endif %}{{ a }}"
            "{% endmacro %}{{ m() }}"
        ),
        "{% macro m() %}{% for i in [1] %}{{ varargs }}{% endfor %}{% endmacro %}{{ m(1, 2) }}",
        "{% macro m() %}{% if 1 %}{{ kwargs }}{% endif %}{% endmacro %}{{ m(a=1) }}",
    ),
    "loops": (
        "{% for x in numbers %}{{ x }}{% endfor %}", "{% for x in [] %}a{% else %}b{% endfor %}",
        "{% for x in [1] %}a{% else %}b{% endfor %}", "{% for x in word %}{{ x }}.{% endfor %}",
        "{% for x in '' %}a{% else %}b{% endfor %}", "{% for x in table %}{{ x }}{% endfor %}",
        "{% for x in {} %}a{% else %}b{% endfor %}",
        "{% for k, v in table.items() %}{{ k }}{{ v }}{% endfor %}",
        "{% for k, v in table|items %}{{ k }}{{ v }}{% endfor %}",
        "{% for k, v in table|dictsort %}{{ k }}{{ v }}{% endfor %}",
        "{% for x in nothing %}{% endfor %}", "{% for x in missing %}a{% else %}b{% endfor %}",
        "{% for x in missing.y %}{% endfor %}", "{% for x in 5 %}{% endfor %}",
        "{% for x in true %}{% endfor %}", "{% for x in 1.5 %}{% endfor %}",
        "{% for x in range(3) %}{{ x }}{% endfor %}",
        "{% for x in numbers|map('string') %}{{ x }}{% endfor %}",
        "{% for x in pair %}{{ x }}{% endfor %}", "{% for x in namespace() %}{% endfor %}",
        "{% for x in wide %}[{{ x }}]{% endfor %}", "{% for x in 1, 2 %}{{ x }}{% endfor %}",
        "{% for x in (1, 2) %}{{ x }}{% endfor %}",
        "{% for x, y in [[1, 2], [3, 4]] %}{{ x }}{{ y }}{% endfor %}",
        "{% for x, y in [[1]] %}{% endfor %}", "{% for x, y in [[1, 2, 3]] %}{% endfor %}",
        "{% for x, y in [1] %}{% endfor %}",
        "{% for x, y in ['ab', 'cd'] %}{{ x }}{{ y }}{% endfor %}",
        "{% for x, (y, z) in [[1, [2, 3]]] %}{{ x }}{{ y }}{{ z }}{% endfor %}",
        "{% for (x, y) in [[1, 2]] %}{{ x }}{{ y }}{% endfor %}",
        "{% for x, in [[1]] %}{{ x }}{% endfor %}", "{% for x, y in table %}{{ x }}{% endfor %}",
        "{% for x, x in [[1, 2]] %}{{ x }}{% endfor %}", "{% for x.y in [1] %}{% endfor %}",
        "{% for x['y'] in [1] %}{% endfor %}", "{% for 1 in [1] %}{% endfor %}",
        "{% for x [1] %}{% endfor %}", "{% for x in %}{% endfor %}", "{% for in [1] %}{% endfor %}",
        "{% for x in [1] %}", "{% for x in [1] %}{% endif %}", "{% for x in [1] %}{% endfor x %}",
        "{% for x in [1] %}a{% else %}b{% else %}c{% endfor %}",
        "{% for loop in [1] %}{{ loop }}{% endfor %}", "{% for none in [1] %}{% endfor %}",
        "{% for x in [1, 2, 3] if x != 2 %}{{ x }}{% endfor %}",
        "{% for x in [1, 2, 3] if x > 5 %}{{ x }}{% else %}none{% endfor %}",
        (
            "{% for x in [1, 2, 3] if x != 2 %}{{ loop.index }}/{{ loop.length }}{{ loop.last }}"
            "{% endfor %}"
        ),
        "{% for x in [1, 2, 3] if loop.index %}{% endfor %}",
        "{% for x in [1, 2] if y %}{{ x }}{% else %}b{% endfor %}",
        "{% for x in [1, 2] if x is odd and x %}{{ x }}{% endfor %}",
        "{% for x, y in [[1, 2], [3, 0]] if y %}{{ x }}{% endfor %}",
        "{% for x in [1, 2] if x if 1 %}{{ x }}{% endfor %}",
        "{% for x in ([1] if 1 else [2]) %}{{ x }}{% endfor %}",
        "{% for x in [1] if 1 else [2] %}{{ x }}{% endfor %}",
        "{% for u in users if u.admin %}{{ u.name }}{% endfor %}",
        "{% for u in users if u.nope.x %}{{ u.name }}{% endfor %}",
        (
            "{% for x in [1, 2, 3] %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}"
            "{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}|{% endfor %}"
        ),
        (
            "{% for x in word %}{{ loop.index }}{{ loop.last }}{{ loop.length }}"
            "{{ loop.revindex }}|{% endfor %}"
        ),
        "{% for x in table %}{{ loop.last }}{{ loop.length }}{% endfor %}",
        (
            "{% for x in numbers|map('string') %}{{ loop.last }}{{ loop.length }}"
            "{{ loop.revindex }}{% endfor %}"
        ),
        "{% for x in numbers|select('odd') %}{{ x }}{{ loop.last }}{% endfor %}",
        "{% for x in range(3) %}{{ loop.revindex0 }}{% endfor %}",
        "{% for k, v in table.items() %}{{ loop.last }}{{ loop.length }}{% endfor %}",
        "{% for x in numbers %}{{ loop.previtem }}-{{ loop.nextitem }}|{% endfor %}",
        (
            "{% for x in numbers %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }}"
            "|{% endfor %}"
        ),
        "{% for x in word %}{{ loop.previtem }}{{ loop.nextitem }}|{% endfor %}",
        "{% for x in numbers|map('string') %}{{ loop.previtem }}{{ loop.nextitem }}|{% endfor %}",
        "{% for x in users %}{{ loop.nextitem.name }}{% endfor %}",
        "{% for x in users %}{{ loop.previtem.name }}{% endfor %}",
        "{% for x in users %}{% if not loop.last %}{{ loop.nextitem.name }}{% endif %}{% endfor %}",
        "{% for x in numbers if x != 1 %}{{ loop.previtem }}{{ loop.nextitem }}|{% endfor %}",
        "{% for x in [1, 1, 2, 2, 1] %}{{ loop.changed(x) }}{% endfor %}",
        "{% for x in [1, 1.0, true] %}{{ loop.changed(x) }}{% endfor %}",
        "{% for x in [1, 2] %}{{ loop.changed() }}{% endfor %}",
        "{% for x in [1, 2, 3] %}{{ loop.changed(x, x % 2) }}{% endfor %}",
        "{% for x in [1, 1] %}{{ loop.changed(x) }}{{ loop.changed(x) }}{% endfor %}",
        "{% for x in [1, 2, 3] %}{{ loop.cycle('a', 'b') }}{% endfor %}",
        "{% for x in [1, 2, 3] %}{{ loop.cycle() }}{% endfor %}",
        "{% for x in [1, 2, 3] %}{{ loop.cycle(*['a', 'b']) }}{% endfor %}",
        (
            "{% for x in [1] %}{{ loop.depth }}{{ loop.depth0 }}{% for y in [1] %}"
            "{{ loop.depth }}{% endfor %}{% endfor %}"
        ),
        "{% for x in [1] %}{{ loop }}{% endfor %}", "{% for x in [1, 2] %}{{ loop }}{% endfor %}",
        "{% for x in [1, 2] %}{{ loop|length }}{% endfor %}",
        "{% for x in [1] %}{{ loop.nope }}{% endfor %}",
        "{% for x in [1] %}{{ loop.nope.x }}{% endfor %}",
        "{% for x in [1] %}{{ loop['index'] }}{% endfor %}",
        "{% for x in [1] %}{{ loop|attr('index') }}{% endfor %}",
        "{% for x in [1] %}{{ loop() }}{% endfor %}",
        "{% for x in [1] %}{{ loop([1]) }}{% endfor %}",
        "{% for x in [1, 2] %}{{ loop|list }}{% endfor %}",
        (
            "{% for x in [1] %}{{ loop is defined }}{{ loop is iterable }}{{ loop is callable }}"
            "{% endfor %}"
        ),
        "{% for x in [1, 2] %}{{ loop.index + 1 }}{{ loop.first or loop.last }}{% endfor %}",
        "{% for x in [1] %}{{ loop._x }}{% endfor %}",
        "{% for x in [1] %}{{ loop.__class__ }}{% endfor %}",
        (
            "{% for x in [1, 2, 3, 4] %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 4 %}"
            "{% break %}{% endif %}{{ x }}{% endfor %}"
        ),
        "{% for x in [1, 2] %}{% break %}{% else %}b{% endfor %}",
        "{% for x in [1] %}{% continue %}{% else %}b{% endfor %}", "{% break %}", "{% continue %}",
        "{% for x in [] %}{% else %}{% break %}{% endfor %}",
        (
            "{% for x in [1, 2] %}{% for y in [1, 2] %}{% if y == 2 %}{% break %}{% endif %}"
            "{{ x }}{{ y }}{% endfor %}{% endfor %}"
        ),
        "{% for x in [1, 2, 3] %}{% for y in [1] %}{% continue %}{% endfor %}{{ x }}{% endfor %}",
        "{% for x in [1, 2] %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}",
        "{% for x in [1, 2] %}{% set y %}{% break %}{% endset %}{{ x }}{% endfor %}|",
        (
            "{% for x in [1, 2] %}a{% set y %}b{% if x == 1 %}{% continue %}{% endif %}"
            "{% endset %}{{ y }}{% endfor %}|"
        ),
        "{% for x in [1, 2] %}a{% filter upper %}b{% break %}{% endfilter %}c{% endfor %}|",
        "{% for x in [1, 2] %}{% with y = 1 %}{% break %}{% endwith %}{{ x }}{% endfor %}|",
        "{% for x in [1, 2] %}{% generation %}{% break %}{% endgeneration %}{% endfor %}",
        "{% for x in [1, 2] %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% else %}c{% endfor %}",
        (
            "{% for x in [1, 2, 3] %}{% if loop.index == 2 %}{% continue %}{% endif %}"
            "{{ loop.previtem }}{{ x }}{% endfor %}"
        ),
        "{% for x in [1, 2] recursive %}{{ x }}{% endfor %}",
        (
            "{% for n in tree recursive %}{{ n.name }}{% if n.kids %}({{ loop(n.kids) }}"
            "){% endif %}{% endfor %}"
        ),
        (
            "{% for n in tree recursive %}{{ loop.depth }}{{ loop.depth0 }}{{ loop.index }}"
            "{{ n.name }}{{ loop(n.kids) }}{% endfor %}"
        ),
        "{% for n in tree recursive %}{{ n.name }}{{ loop(n.kids) }}{% else %}.{% endfor %}",
        (
            "{% for n in tree recursive %}{% for k in n.kids %}{{ loop.index }}{{ k.name }}"
            "{% endfor %}{% endfor %}"
        ),
        (
            "{% for n in tree recursive %}{% set l = loop %}{% for k in [n.kids] %}{{ l(k) }}"
            "{% endfor %}{{ n.name }}{% endfor %}"
        ),
        "{% for n in tree if n.kids recursive %}{{ n.name }}{{ loop(n.kids) }}{% endfor %}",
        (
            "{% for n in [[1, [2]], [3]] recursive %}{% if n is iterable %}[{{ loop(n) }}"
            "]{% else %}{{ n }}{% endif %}{% endfor %}"
        ),
        "{% for n in [3] recursive %}{{ n }}{% if n %}{{ loop([n - 1]) }}{% endif %}{% endfor %}",
        "{% for n in [1] recursive %}{{ loop() }}{% endfor %}",
        "{% for n in [1] recursive %}{{ loop(1) }}{% endfor %}",
        "{% for n in [1] recursive %}{{ loop(missing) }}{% endfor %}",
        "{% for n in [[]] recursive %}{{ loop(n) ~ '<' }}{% endfor %}",
        "{% for n in [['<']] recursive %}{{ loop(n) ~ '<' if n is not string else n }}{% endfor %}",
        "{% for x in [1, 2] recursive if x %}{% endfor %}", "{% for x in x.y.z %}{% endfor %}",
        "{% for x in [3, 1] + [2] %}{{ x }}{% endfor %}",
        "{% for x in numbers[::-1] %}{{ x }}{% endfor %}",
        "{% for x in numbers|sort %}{{ x }}{% endfor %}",
        "{% for x in numbers|reverse %}{{ x }}{{ loop.length }}{% endfor %}",
        "{% for x in word|reverse %}{{ x }}{% endfor %}",
        (
            "{% for x in users|groupby('age') %}{{ x.grouper }}:{% for u in x.list %}{{ u.name }}"
            "{% endfor %};{% endfor %}"
        ),
        "{% for age, group in users|groupby('age') %}{{ age }}{{ group|length }}{% endfor %}",
        "{% for row in numbers|batch(2, 0) %}{{ row }}{% endfor %}",
        "{% for x in table.keys() %}{{ x }}{% endfor %}",
        "{% for x in table.values() %}{{ x }}{% endfor %}",
        "{% for x in [missing] %}{{ x is defined }}{% endfor %}",
        "{% for x in ['<'|safe] %}{{ x ~ '<' }}{% endfor %}",
        "{% for x in [1, 2] %}{{ x }}{{ ', ' if not loop.last }}{% endfor %}",
        (
            "{% for i in range(2) %}{% for j in range(2) %}{{ loop.index0 }}{% endfor %}"
            "{{ loop.index0 }}{% endfor %}"
        ),
        "{% for x in range(1000) %}{% if x == 999 %}{{ x }}{% endif %}{% endfor %}",
        "{% for x in users %}{{ x.name if x.admin is defined else '-' }}{% endfor %}",
        "{% for x in [1] %}{% for y in loop %}{% endfor %}{% endfor %}",
        "{% for x in [1, 2, 3] %}{{ x }}{% for y in loop %}({{ y }}){% endfor %}{% endfor %}",
        "{% for x in 'a' ~ 'b' %}{{ x }}{% endfor %}",
        "{% for x in lines.split('\\n') %}[{{ x }}]{% endfor %}",
        "{% for x in {1: 2} %}{{ x + 1 }}{% endfor %}", "{% for x in [[]] %}{{ x }}{% endfor %}",
        "{% for _ in range(2) %}x{% endfor %}",
        "{% for _, y in [[1, 2]] %}{{ y }}{{ _ }}{% endfor %}",
        "{% for i in range(3) %}{{ i }}{% if not loop.last %},{% endif %}{% endfor %}",
        "{%for x in[1]%}{{x}}{%endfor%}", "{% for\nx\nin\n[1] %}{{ x }}{% endfor %}",
        "{% for x in not 1 %}{% endfor %}", "{% for x in 1 == 1 %}{% endfor %}",
        "{% for x in a and b %}z{% else %}e{% endfor %}",
        "{% for x in [1] or [2] %}{{ x }}{% endfor %}",
        "{% for x in y recursive %}{{ loop(x) }}{% endfor %}", "{% for x in loop %}{% endfor %}",
        "{% for x in [1, 2] %}{% for loop in [3] %}{% endfor %}{% endfor %}",
        "{% for x in [1] if x is divisibleby 2 else 5 %}{% endfor %}",
        "{% set l = [1, 2] %}{% for x in l %}{% set l = [] %}{{ x }}{{ l }}{% endfor %}",
        "{% for x in [1, 2] %}{{ loop.index is odd }}{{ loop.length is number }}{% endfor %}",
        "{% for x in numbers %}{{ loop.nextitem|default('end') }}{% endfor %}",
        "{% for x in numbers %}{{ loop.previtem|default('start') ~ x }}{% endfor %}",
        "{% for x in [none, 1] %}{{ loop.changed(none) }}{{ loop.previtem is none }}{% endfor %}",
    ),
    "macros": (
        (
            "{% macro m(a, b=2) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}|{{ m(1, 3) }}"
            "|{{ m(a=5) }}|{{ m(b=1, a=2) }}|{{ m() }}"
        ),
        "{% macro m(a) %}{{ a is defined }}{% endmacro %}{{ m() }}",
        "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}",
        "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=1) }}",
        "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}",
        "{% macro m(a) %}{{ a }}{{ varargs }}{% endmacro %}{{ m(1, 2, 3) }}{{ m(1) }}",
        "{% macro m(a) %}{{ a }}{{ kwargs }}{% endmacro %}{{ m(1, b=2, c=3) }}{{ m(1) }}",
        "{% macro m(a) %}{{ a }}{{ kwargs }}{% endmacro %}{{ m(1, 2) }}",
        "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, a=2) }}",
        (
            "{% macro m() %}{{ varargs|length }}{{ kwargs.items()|list }}{% endmacro %}"
            "{{ m(*[1, 2], **{'a': 1}) }}"
        ),
        (
            "{% macro m(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ m(*[1, 2]) }}"
            "{{ m(**{'a': 1, 'b': 2}) }}{{ m(1, *[2]) }}"
        ),
        "{% macro m(a=1, b) %}{{ a }}{{ b }}{% endmacro %}{{ m() }}",
        "{% macro m(a=1, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m() }}{{ m(5) }}",
        "{% macro m(a=b, b=1) %}{{ a }}{{ b }}{% endmacro %}{{ m() }}",
        "{% macro m(a, a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}",
        "{% macro m(a=missing) %}{{ a is defined }}{% endmacro %}{{ m() }}",
        "{% macro m(a) %}{{ a.x }}{% endmacro %}{{ m() }}",
        "{% macro m(a=[]) %}{{ a }}{% endmacro %}{{ m() }}",
        "{% macro m(a='x' ~ 'y') %}{{ a }}{% endmacro %}{{ m() }}",
        "{% macro m(a=none) %}{{ a }}{% endmacro %}{{ m() }}{{ m(none) }}",
        "{% macro m(word) %}{{ word }}{% endmacro %}{{ m() }}|{{ m(1) }}",
        "{% macro m(a=word) %}{{ a }}{% endmacro %}{{ m() }}",
        "{% macro m(word=word) %}{{ word }}{% endmacro %}{{ m() }}",
        "{% macro m %}x{% endmacro %}{{ m() }}", "{% macro m( %}{% endmacro %}",
        "{% macro m(a b) %}{% endmacro %}", "{% macro m(1) %}{% endmacro %}",
        "{% macro m('a') %}{% endmacro %}", "{% macro m(a,) %}{{ a }}{% endmacro %}{{ m(1) }}",
        "{% macro m(*a) %}{% endmacro %}", "{% macro m(**a) %}{% endmacro %}",
        "{% macro (a) %}{% endmacro %}", "{% macro m.x() %}{% endmacro %}", "{% macro m() %}",
        "{% macro m() %}x{% endmacro m %}{{ m() }}", "{% macro m() %}x{% endmacro %}{{ m }}",
        (
            "{% macro m() %}x{% endmacro %}{{ m.name }}{{ m.arguments }}{{ m.catch_kwargs }}"
            "{{ m.catch_varargs }}{{ m.caller }}"
        ),
        (
            "{% macro m(a, b=1) %}{{ kwargs }}{% endmacro %}{{ m.name }}{{ m.arguments }}"
            "{{ m.catch_kwargs }}"
        ),
        "{% macro m() %}x{% endmacro %}{{ m is callable }}{{ m is defined }}{{ m is string }}",
        "{% macro m() %}x{% endmacro %}{{ m|string }}", "{% macro m() %}x{% endmacro %}{{ m.x }}",
        "{% macro m() %}x{% endmacro %}{{ m|length }}",
        "{% macro m() %}x{% endmacro %}{{ m() is string }}{{ m() is escaped }}{{ m()|length }}",
        "{% macro m() %}<{% endmacro %}{{ m() ~ '<' }}",
        "{% macro m() %}<{% endmacro %}{{ m() + '<' }}",
        "{% macro m() %}{% endmacro %}[{{ m() }}]{{ m() == '' }}",
        "{% macro m() %} a {% endmacro %}[{{ m()|trim }}]",
        "{% macro m() %}a\n{% endmacro %}{{ m() }}|",
        "{% macro m(n) %}{{ n }}{% if n %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(3) }}",
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{% endif %}{{ n }}{% endmacro %}{{ m(50) }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        (
            "{% macro a(n) %}{% if n %}{{ b(n - 1) }}{% endif %}{% endmacro %}{% macro b(n) %}"
            "{{ n }}{{ a(n) }}{% endmacro %}{{ a(3) }}"
        ),
        "{% macro m(x) %}{{ x() }}{% endmacro %}{% macro n() %}y{% endmacro %}{{ m(n) }}",
        "{% macro m() %}x{% endmacro %}{% set f = m %}{{ f() }}",
        "{% macro m() %}x{% endmacro %}{{ [m][0]() }}{{ {'a': m}.a() }}",
        "{% macro m() %}{% for i in [1, 2] %}{{ i }}{% endfor %}{% endmacro %}{{ m() }}{{ m() }}",
        "{% macro m(x) %}{{ caller() }}{{ x }}{% endmacro %}{% call m(1) %}a{% endcall %}",
        (
            "{% macro m() %}{{ caller() }}{{ caller() }}{% endmacro %}{% call m() %}a{{ word }}"
            "{% endcall %}"
        ),
        (
            "{% macro m() %}{{ caller('x', 2) }}{% endmacro %}{% call(a, b) m() %}{{ a }}{{ b }}"
            "{% endcall %}"
        ),
        (
            "{% macro m() %}{{ caller('x') }}{% endmacro %}{% call(a, b=5) m() %}{{ a }}{{ b }}"
            "{% endcall %}"
        ),
        "{% macro m() %}{{ caller('x') }}{% endmacro %}{% call m() %}a{% endcall %}",
        "{% macro m() %}{{ caller() }}{% endmacro %}{% call(a) m() %}[{{ a }}]{% endcall %}",
        "{% macro m() %}x{% endmacro %}{% call m() %}a{% endcall %}",
        "{% macro m() %}{{ caller }}{% endmacro %}{{ m() }}",
        "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}",
        (
            "{% macro m() %}{% if caller %}{{ caller() }}{% else %}none{% endif %}{% endmacro %}"
            "{{ m() }}{% call m() %}a{% endcall %}"
        ),
        (
            "{% macro m() %}{{ caller is defined }}{% if 0 %}{{ caller() }}{% endif %}"
            "{% endmacro %}{{ m() }}{% call m() %}{% endcall %}"
        ),
        "{% macro m() %}{{ caller() ~ '<' }}{% endmacro %}{% call m() %}<{% endcall %}",
        (
            "{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}{% call m() %}"
            "a{% endcall %}{% endcall %}"
        ),
        (
            "{% macro m() %}{{ caller.name }}{{ caller.arguments }}{% endmacro %}"
            "{% call(a) m() %}{% endcall %}"
        ),
        "{% macro m(caller) %}{{ caller }}{% endmacro %}{{ m(1) }}",
        "{% macro m(caller=1) %}{{ caller }}{% endmacro %}{{ m() }}",
        "{% macro m(caller=1) %}{{ caller() }}{% endmacro %}{% call m() %}x{% endcall %}",
        (
            "{% macro m() %}{{ caller() }}{% endmacro %}{% set x = 1 %}{% call m() %}{{ x }}"
            "{% set x = 2 %}{{ x }}{% endcall %}{{ x }}"
        ),
        (
            "{% macro m() %}{% set x = 5 %}{{ caller() }}{% endmacro %}{% set x = 1 %}"
            "{% call m() %}{{ x }}{% endcall %}"
        ),
        "{% call word.upper() %}a{% endcall %}", "{% call range(2) %}a{% endcall %}",
        "{% call m() %}a{% endcall %}", "{% call 1 %}a{% endcall %}", "{% call m %}a{% endcall %}",
        "{% call m() %}a",
        (
            "{% macro m() %}{{ caller() }}{% endmacro %}{% for i in [1, 2] %}{% call m() %}"
            "{{ i }}{{ loop.index }}{% endcall %}{% endfor %}"
        ),
        "{% macro m() %}{{ caller(a=1) }}{% endmacro %}{% call(a) m() %}{{ a }}{% endcall %}",
        (
            "{% macro m() %}{{ caller(*[1, 2]) }}{% endmacro %}{% call(a, b) m() %}{{ a }}{{ b }}"
            "{% endcall %}"
        ),
        (
            "{% macro m() %}{{ caller(1, 2) }}{% endmacro %}{% call(a) m() %}{{ a }}{{ varargs }}"
            "{% endcall %}"
        ),
        "{% macro m(x) %}{% endmacro %}{% call m(1, caller=2) %}{% endcall %}",
        "{% macro m() %}{{ kwargs }}{{ caller is defined }}{% endmacro %}{{ m(caller=1) }}",
        "{% macro m() %}{{ caller }}{% endmacro %}{{ m(caller=1) }}",
        "{% macro list(x) %}{{ x }}{% endmacro %}{{ list(1) }}{{ 'ab'|list }}",
        "{% macro range() %}r{% endmacro %}{{ range() }}",
        "{% macro m(x) -%} {{ x }} {%- endmacro %}[{{ m(1) }}]",
        (
            "{% macro m(items) %}{% for k, v in items.items() %}{{ k }}{{ v }}"
            "{{ ',' if not loop.last }}{% endfor %}{% endmacro %}{{ m(table) }}"
        ),
        "{% macro m(x) %}{{ x|upper }}{% endmacro %}{{ texts|map('upper')|list }}{{ m('a') }}",
        "{{ [1]|map(m)|list }}{% macro m(x) %}{% endmacro %}",
        (
            "{% macro kind(t) %}{% if t is string %}s{% elif t is mapping %}"
            "m{% elif t is iterable %}[{% for x in t %}{{ kind(x) }}{% endfor %}]{% else %}"
            "o{% endif %}{% endmacro %}{{ kind(mixed) }}{{ kind(nested) }}"
        ),
        (
            "{% macro m(a, b='x', c=none) %}{{ [a, b, c] }}{% endmacro %}{{ m(1, c=2) }}"
            "{{ m(c=1, b=2, a=3) }}{{ m(1, 2, c=3) }}{{ m(1, 2, 3, 4) }}"
        ),
        "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(a=1, a=2) }}",
        "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(a=1, **{'a': 2}) }}",
        "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(**{'b': 2}) }}",
        "{% macro m(varargs) %}{{ varargs }}{% endmacro %}{{ m(1) }}",
        "{% macro m(kwargs) %}{{ kwargs }}{% endmacro %}{{ m(1) }}",
        "{% macro m(loop) %}{{ loop }}{% endmacro %}{{ m(1) }}",
        "{% macro m(self) %}{{ self }}{% endmacro %}{{ m(1) }}",
        "{% macro _m() %}x{% endmacro %}{{ _m() }}",
        "{% macro m(_a) %}{{ _a }}{% endmacro %}{{ m(1) }}",
        "{% macro m(a) %}{% set a = a ~ 'x' %}{{ a }}{% endmacro %}{{ m('y') }}",
        (
            "{% macro m(a) %}{% if a %}{% set a = 2 %}{% endif %}{{ a }}{% endmacro %}{{ m(1) }}"
            "{{ m(0) }}{{ m() }}"
        ),
    ),
    "state": (
        "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}",
        "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.reset() }}{{ c.next() }}",
        (
            "{% set c = cycler(1, 2, 3) %}{% for x in 'abcd' %}{{ c.next() }}{% endfor %}"
            "{{ c.current }}{{ c.pos }}{{ c.items }}"
        ),
        "{% set c = cycler('a') %}{{ c.nope }}",
        "{% set c = cycler(*numbers) %}{{ c.next() }}{{ c.next() }}",
        "{% set j = joiner(', ') %}{% for x in numbers %}{{ j() }}{{ x }}{% endfor %}",
        "{% set j = joiner() %}{{ j() }}a{{ j() }}b{{ j() }}",
        "{% set j = joiner('|') %}{{ j.used }}{{ j() }}{{ j.used }}{{ j.sep }}",
        "{% set j = joiner('<') %}{{ j() }}{{ j() ~ '>' }}",
        (
            "{% set g = numbers|map('string') %}{% for x in g %}{{ x }}{% endfor %}"
            "|{% for x in g %}{{ x }}{% endfor %}"
        ),
        "{% set g = numbers|select('odd') %}{{ g|first }}{{ g|list }}",
        "{% set g = numbers|map('string') %}{{ g|list|length }}{{ g|list|length }}",
        "{% set g = numbers|map('string') %}{{ 1 if g else 2 }}{{ g|list }}{{ 1 if g else 2 }}",
        "{% set g = numbers|map('string') %}{{ '1' in g }}{{ g|list }}",
        "{% set g = numbers|map('string') %}{{ '9' in g }}{{ g|list }}",
        (
            "{% set g = numbers|map('string') %}{% for x in g %}{{ x }}{% break %}{% endfor %}"
            "{{ g|list }}"
        ),
        (
            "{% set g = numbers|map('string') %}{% for x in g %}{{ x }}{{ loop.nextitem }}"
            "{% break %}{% endfor %}{{ g|list }}"
        ),
        (
            "{% set g = numbers|map('string') %}{% for x in g %}{{ loop.length }}{% break %}"
            "{% endfor %}{{ g|list }}"
        ),
        "{% set g = numbers|map('nope') %}a", "{% set g = numbers|map('upper') %}{{ 1 }}",
        "{% set g = nothing|map('upper') %}a", "{% set g = nothing|map('upper') %}{{ g|list }}",
        "{% set g = numbers|select('nope') %}a",
        "{% set g = users|map(attribute='nope.x') %}a{{ g|first }}",
        "{% set g = numbers|map('string') %}{{ g|length }}",
        "{% set g = numbers|map('string') %}{{ g[0] }}",
        "{% set g = numbers|map('string') %}{{ g[0] is defined }}{{ g[:1] }}",
        "{% set g = numbers|map('string') %}{{ g[::-1] }}",
        "{% set g = numbers|map('string') %}{{ g + [1] }}",
        "{% set g = numbers|map('string') %}{{ g == g }}",
        "{% set g = numbers|map('string') %}{{ g|tojson }}",
        "{% set g = numbers|map('string') %}{{ g.x is defined }}",
        "{% set g = numbers|map('string') %}{{ g|join }}{{ g|join }}",
        "{% set g = numbers|map('string') %}{{ g|sort }}{{ g|sort }}",
        "{% set g = numbers|map('string') %}{{ g|max }}{{ g|max }}",
        "{% set g = numbers|map('int') %}{{ g|sum }}{{ g|sum }}",
        "{% set g = numbers|map('string')|map('upper') %}{{ g|first }}{{ g|first }}{{ g|list }}",
        "{% set g = table|items %}{{ g|list }}{{ g|list }}",
        "{% set g = numbers|batch(2) %}{{ g|first }}{{ g|list }}",
        "{% set g = numbers|slice(2) %}{{ g|first }}{{ g|list }}",
        "{% set g = numbers|unique %}{{ g|first }}{{ g|list }}",
        "{% set g = numbers|reverse %}{{ g|first }}{{ g|list }}",
        "{% set g = numbers|reverse %}{{ g|list }}{{ g|list }}",
        "{% set g = pair|reverse %}{{ g|list }}{{ g|list }}",
        (
            "{% set g = numbers|map('string') %}{{ g is iterable }}{{ g is sequence }}"
            "{{ g is string }}{{ g is mapping }}{{ g is callable }}"
        ),
        (
            "{% set x = [] %}{% for i in numbers|map('string') %}"
            "{% for j in numbers|map('string') %}{{ i }}{{ j }} {% endfor %}{% endfor %}"
        ),
        (
            "{% set g = numbers|map('string') %}{% for i in g %}{% for j in g %}{{ i }}{{ j }}"
            " {% endfor %}{% endfor %}"
        ),
        (
            "{% set ns = namespace(n=0) %}{% macro m(x) %}{% set ns.n = ns.n + 1 %}{{ x }}"
            "{% endmacro %}{{ m(1) if 0 else m(2) }}{{ ns.n }}{{ [m(1), m(2)]|join }}{{ ns.n }}"
        ),
        (
            "{% set ns = namespace(n=0) %}{% macro m(x) %}{% set ns.n = ns.n + 1 %}{{ x }}"
            "{% endmacro %}{{ (m('') or m(1)) ~ (m('') and m(1)) }}{{ ns.n }}"
        ),
        "{% set g = numbers|map('string') %}{% set a, b, c = g %}{{ a }}{{ b }}{{ c }}",
        "{% set g = numbers|map('string') %}{{ dict.fromkeys(g) }}{{ g|list }}",
        "{% set g = numbers|map('string') %}{{ ''.join(g) }}{{ ''.join(g) }}",
        "{% set g = [1, 'a']|map('abs') %}{{ g|first }}",
        "{% set g = [1, 'a']|map('abs') %}{{ g|list }}",
    ),
    "blocks": (
        "{% filter upper %}a{{ word }}{% endfilter %}",
        "{% filter upper|replace('A', 'x') %}a{% endfilter %}",
        "{% filter replace('a', 'b') %}aa{% endfilter %}", "{% filter length %}abc{% endfilter %}",
        "{% filter trim %} a {% endfilter %}|", "{% filter nope %}a{% endfilter %}",
        "{% filter e %}<{% endfilter %}",
        "{% filter upper %}{% filter replace('A', 'b') %}a{% endfilter %}{% endfilter %}",
        "{% filter indent(2) %}a\nb{% endfilter %}", "{% filter %}a{% endfilter %}",
        "{% filter upper %}a", "{% filter upper() %}a{% endfilter %}",
        "{% filter list %}ab{% endfilter %}", '{% filter tojson %}a"{% endfilter %}',
        "{% filter int %}42{% endfilter %}", "{% filter safe %}<{% endfilter %}{{ '<' }}",
        (
            "{% filter upper %}{% if 1 %}a{% else %}b{% endif %}{% for i in 'xy' %}{{ i }}"
            "{% endfor %}{% endfilter %}"
        ),
        "{% filter wordcount %}a b c{% endfilter %}", "{% filter first %}abc{% endfilter %}",
        "{% block a %}x{% endblock %}", "{% block a %}{{ word }}{% endblock %}",
        "{% block a %}x{% endblock a %}", "{% block a %}x{% endblock b %}",
        "{% block a %}x{% endblock %}{{ self.a() }}",
        "{% set x = 1 %}{% block a %}{{ x }}{% endblock %}",
        "{% for x in [1] %}{% block a %}{{ x }}{% endblock %}{% endfor %}",
        "{% for x in [1] %}{% block a scoped %}{{ x }}{% endblock %}{% endfor %}",
        "{% block a %}{% block b %}x{% endblock %}{% endblock %}",
        "{% block a %}{% endblock %}{% block a %}{% endblock %}",
        "{% block a required %}{% endblock %}", "{% block a %}{{ super() }}{% endblock %}",
        "{% block %}{% endblock %}", "{% block a-b %}{% endblock %}", "{% extends 'x' %}",
        "{% include 'x' %}", "{% include 'x' ignore missing %}", "{% import 'x' as y %}",
        "{% from 'x' import y %}", "{% autoescape true %}{{ '<' }}{% endautoescape %}",
        "{% autoescape false %}{{ '<' }}{% endautoescape %}",
        "{% autoescape true %}{{ '<' ~ '>' }}{{ '<'|safe }}{% endautoescape %}{{ '<' }}",
        "{% do 1 %}", "{% do numbers.append(1) %}", "{% nope %}", "{% trans %}a{% endtrans %}",
        "{% debug %}", "{% print 1 %}", "{% print 1, 2 %}", "{% print %}",
        "{% with %}a{% endwith %}", "{% raw %}{% endraw %}x",
        "{% block a %}x{% endblock %}{{ self.nope }}",
        "{{ self.a is defined }}{% block a %}x{% endblock %}",
        "{% block a %}<{% endblock %}{{ self.a() ~ '<' }}",
        "{% macro m() %}{% block a %}x{% endblock %}{% endmacro %}{{ m() }}",
        "{% if 0 %}{% block a %}x{% endblock %}{% endif %}",
        "{% if 0 %}{% extends 'a' %}{% endif %}x", "{{ 1 }}{% extends none %}",
        "{% set x = self %}a", "{% block a %}{% set q = 1 %}{{ q }}{% endblock %}{{ q }}",
        "{{ gettext('a') }}", "{{ _('a') }}",
    ),
    "errors": (
        "{{ raise_exception('stop here') }}",
        "{% if 1 %}{{ raise_exception('a' ~ word) }}{% endif %}",
        "{% if 0 %}{{ raise_exception('a') }}{% endif %}b",
        "{{ 'a' if 1 else raise_exception('b') }}", "{{ nope('a') }}", "{{ word|nope }}",
        "{% if 0 %}{{ word|nope }}{% endif %}a", "{% if 0 %}{{ word is nope }}{% endif %}a",
        "{{ word|nope if 0 else 'a' }}", "{{ 'a' if 1 else word|nope }}", "{{ 1 or word|nope }}",
        "{% macro m() %}{{ word|nope }}{% endmacro %}a",
        "{% macro m() %}{{ word|nope }}{% endmacro %}{{ m() }}",
        "{% for x in [] %}{{ x|nope }}{% endfor %}a", "{% for x in [1] %}{{ x|nope }}{% endfor %}a",
        "{% if word is nope %}a{% endif %}", "{% if nothing|nope %}a{% endif %}",
        "{% if yes or (word is nope) %}a{% endif %}", "{% set x = word|nope if no else 5 %}{{ x }}",
        "{{ word | upper | }}", "{{ | upper }}", "{{ word | 1 }}", "{{ word |upper() }}",
        "{{ word|upper.x }}", "{{ word|upper['x'] }}", "{{ word|upper()[0] }}",
        "{{ (word|upper)[0] }}", "{{ word.upper()|lower }}", "{{ word|a.b }}", "{{ word is a.b }}",
        "{{ word is }}", "{{ word is 1 }}", "{{ word is not }}", "{{ a..b }}", "{{ a. }}",
        "{{ .a }}", "{{ a[ }}", "{{ a[] }}", "{{ a[1 }}", "{{ a(1 }}", "{{ a) }}", "{{ [1 }}",
        "{{ {1 }}", "{{ (1 }}", "{{ 1) }}", "{{ ] }}", "{{ 1 + }}", "{{ * 1 }}", "{{ 1 + * 2 }}",
        "{{ a = 1 }}", "{{ if }}", "{{ for }}", "{{ in }}", "{{ is }}", "{{ else }}",
        "{{ 1 if else 2 }}", "{{ 1 else 2 }}", "{{ 1 not 2 }}", "{{ 1 not in }}", "{{ 1 is in }}",
        "{{ a b }}", "{{ 'a' 1 }}", "{{ 1 'a' }}", "{{ a 'b' }}", "{{ 1 2 }}", "{{ a: 1 }}",
        "{{ a, }}", "{{ a,, b }}", "{{ (a,,b) }}", "{{ {a:} }}", "{{ {:1} }}",
        "{{ {'a': 1 'b': 2} }}", "{{ {**table} }}", "{{ [*numbers] }}", "{{ *numbers }}",
        "{{ lambda x: x }}", "{{ [x for x in numbers] }}", "{{ a := 1 }}", "{{ a += 1 }}",
        "{{ a++ }}", "{{ a->b }}", "{{ a::b }}", "{{ a & b }}", "{{ a | b | c }}", "{{ !a }}",
        "{{ a && b }}", "{{ a || b }}", "{{ a ? b : c }}", "{{ f'a' }}", "{{ r'a' }}", "{{ b'a' }}",
        "{{ u'a' }}", "{{ 'a'b }}", "{{ 1a }}", "{{ 0b2 }}", "{{ 0o8 }}", "{{ 0xg }}", "{{ 1_ }}",
        "{{ _1 }}", "{{ \u00e9 }}", "{{ \u6771 is defined }}", "{% set \u00e9 = 1 %}{{ \u00e9 }}",
        "{{ a\u00b2 }}", "{{ \u00b2 }}", "{% set \ufb01 = 1 %}{{ fi }}{{ \ufb01 }}",
        "{{ a.\u00e9 is defined }}", "{{ {'\u00e9': 1}.\u00e9 }}", "{{ {'e\u0301': 1}.e\u0301 }}",
        "{{ \U0001f44d }}", "{{ \u2019a\u2019 }}", "{{ a\u200b }}", "{{ a;b }}", "{{ a\\b }}",
        "{{ '\\' }}", '{{ "a }}', "{{ 'a\n }}", "{% if a b %}{% endif %}",
        "{% for x in y z %}{% endfor %}", "{% set x = 1 2 %}", "{% 1 %}", "{% 'a' %}",
        "{% if %}{% endif %}", "{% set %}", "{% for %}{% endfor %}", "{% macro %}{% endmacro %}",
        "{% call %}{% endcall %}", "{% with 1 %}{% endwith %}", "{% endset %}", "{% endmacro %}",
        "{% endcall %}", "{% endwith %}", "{% endfilter %}", "{% endraw %}", "{% endblock %}",
        "{% endgeneration %}", "{% if 1 %}{% for x in y %}{% endif %}{% endfor %}",
        "{% IF 1 %}{% ENDIF %}", "{% If 1 %}{% endif %}", "{{ a if b else c else d }}", "{{ not }}",
        "{{ a not b }}", "{{ a is not not b }}", "{{ a in in b }}", "{{ a == == b }}",
        "{{ a < > b }}", "{{ a <= >= b }}", "{{ ~a }}", "{{ a ~ }}", "{{ a ** }}", "{{ a // }}",
        "{{ a % }}", "{{ % a }}", "{{ a.1b }}", "{{ a.1.2 }}", "{{ numbers.1.real }}",
        "{{ a.'b' }}", "{{ a.if }}", "{{ {'if': 1}.if }}", "{{ {'not': 1}.not }}",
        "{{ {'true': 1}.true }}", "{{ {'None': 1}.None }}", "{{ a.none }}",
    ),
}
# fmt: on
