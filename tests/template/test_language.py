"""The template language by itself, against Jinja2 as transformers sets it up.

First a table of short templates, topic by topic, then templates that a generator writes.
"""

from collections import Counter

import pytest
from hypothesis import given, seed, settings

import everyturn
from everyturn import _core
from template_reference import (
    NOW,
    Answer,
    Engine,
    Refusal,
    agree,
    depends_on_addresses,
    difference,
    reference_render,
    stopped_clock,
)
from template_snippets import VARIABLES, snippets
from template_strategies import EXTRA_VARIABLES, templates

#: How many differing templates of a topic are shown.
SHOWN = 12
#: What the engine leaves out on purpose, as it says so: a refusal with one of these may stand where
#: Jinja2 renders. Each of them is met in the table, or it is an error.
LEFT_OUT: tuple[str, ...] = (
    "complex numbers are not supported",
    "going over `loop` is not supported",
    "within a container is not supported",
    "escapes by name, '\\N{..}', are not supported",
    "is a lone surrogate, which is not supported",
    "float.hex() is not supported",
    "str.encode() is not supported",
    "str.maketrans() is not supported",
    "dict.fromkeys",
    "dict_keys.isdisjoint() is not supported",
    "Markup.unescape() is not supported",
    "Markup.striptags() is not supported",
    "a number read from text in markup is not supported",
    "a text is indented by markup, which would escape it",
    "meets a character reference that it does not know",
    "the filter 'random' would make every rendering another one",
    "the filter 'urlize' is not supported",
    "chat templates of this engine cannot 'autoescape'",
    "chat templates of this engine cannot 'block'",
    "chat templates of this engine cannot 'extends'",
)
#: Templates of the table whose answers differ in another way, each with the reason. One that agrees
#: after all is an error, too.
DECLARED: dict[str, str] = {
    "{{ self }}": "there are no blocks, and so nothing that has them",
    "{{ self is defined }}": "likewise",
    "{% set \ufb01 = 1 %}{{ fi }}{{ \ufb01 }}": "names are not normalised as Python's are",
    "{% set x = 1e400 %}{{ x }}": "Jinja2 writes infinity as a name that Python does not know",
    "{{ (1)[1:] }}": "Jinja2 slices a literal in another way than a variable",
    "{{ 1 or word|nope }}": "a filter that is missing is missed before anything is worked out",
}

#: Generated templates, in parts of as many, without and with `--whole`.
PARTS, WHOLE_PARTS, PART = 10, 700, 300


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Write more templates if all of the data is asked for."""
    if "part" in metafunc.fixturenames:
        whole = metafunc.config.getoption("--whole")
        metafunc.parametrize("part", range(WHOLE_PARTS if whole else PARTS))


def _answers(source: str, *, generated: bool = False) -> tuple[Answer, Answer]:
    variables = VARIABLES | EXTRA_VARIABLES if generated else VARIABLES
    return reference_render(source, variables), Engine(source).render(variables)


def _is_left_out(found: Answer) -> str | None:
    """Return what a refusal names of the things that are left out."""
    if not isinstance(found, Refusal):
        return None
    return next((words for words in LEFT_OUT if words in found.says), None)


def _differ(expected: Answer, found: Answer) -> bool:
    return not (agree(expected, found) or _is_left_out(found) or depends_on_addresses(expected))


# --------------------------------------------------------------------------------------------
# The table
# --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("topic", snippets())
def test_snippets_equal_jinja(topic: str) -> None:
    """Each template of the table gives Jinja2's text; where Jinja2 raises, the engine raises."""
    with stopped_clock():
        answers = {source: _answers(source) for source in snippets()[topic]}
    unrepeatable = [source for source, pair in answers.items() if depends_on_addresses(pair[0])]
    assert not unrepeatable, f"{topic}: these print addresses"
    differing = [source for source, pair in answers.items() if _differ(*pair)]
    undeclared = [source for source in differing if source not in DECLARED]
    shown = "\n".join(
        f"{source!r}\n{difference(*answers[source])}" for source in undeclared[:SHOWN]
    )
    assert not undeclared, f"{topic}: {len(undeclared)} of {len(answers)} differ, of which\n{shown}"
    agreeing = answers.keys() & DECLARED.keys() - set(differing)
    assert not agreeing, f"{topic}: declared to differ, and equal"


def test_the_table_names_each_template_once() -> None:
    """No topic has a template twice, and what is declared to differ is in the table."""
    for topic, sources in snippets().items():
        twice = [source for source, count in Counter(sources).items() if count > 1]
        assert not twice, topic
    known = {source for sources in snippets().values() for source in sources}
    assert known >= DECLARED.keys()


def test_what_is_left_out_is_refused() -> None:
    """Everything that is declared to be left out is met where Jinja2 renders."""
    with stopped_clock():
        met = {
            words
            for sources in snippets().values()
            for source in sources
            if (words := _is_left_out(Engine(source).render(VARIABLES)))
            and isinstance(reference_render(source, VARIABLES), str)
        }
    assert met == set(LEFT_OUT)


def test_raised_texts_reach_the_user() -> None:
    """What a template says with `raise_exception` is in the error."""
    for source, text in (
        ("{{ raise_exception('stop') }}", "stop"),
        ("{{ raise_exception('no ' ~ word ~ ': ' ~ [1.0, none]) }}", "no abc: [1.0, None]"),
        ("{% for x in users %}{{ raise_exception(x.name) }}{% endfor %}", "Ann"),
        ("{% macro m(x) %}{{ raise_exception(x) }}{% endmacro %}{{ m('\u6771') }}", "\u6771"),
        ("{{ raise_exception('a\nb') }}", "a\nb"),
    ):
        with pytest.raises(everyturn.TemplateError) as caught:
            _core.Template(source, now=NOW).render(VARIABLES)
        assert text in str(caught.value)


# --------------------------------------------------------------------------------------------
# Templates by chance
# --------------------------------------------------------------------------------------------


def test_generated_templates_equal_jinja(part: int) -> None:
    """Templates that are written by chance give Jinja2's text, or raise where it raises.

    With `--whole` there are many more of them. One that differs is shown as small as it can be.
    """

    @seed(part)
    @settings(max_examples=PART, database=None)
    @given(templates())
    def equals_jinja(source: str) -> None:
        expected, found = _answers(source, generated=True)
        assert not _differ(expected, found), difference(expected, found)

    with stopped_clock():
        equals_jinja()


def test_generated_templates_mostly_render() -> None:
    """More than half of the generated templates get through, so that their texts are compared."""
    answers = []

    @seed(0)
    @settings(max_examples=PART, database=None)
    @given(templates())
    def render(source: str) -> None:
        answers.append(reference_render(source, VARIABLES | EXTRA_VARIABLES))

    render()
    assert sum(isinstance(answer, str) for answer in answers) > len(answers) // 2
