"""Options by name: types, defaults and flags are those that the core takes."""

import inspect
import typing
from argparse import Namespace
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import everyturn
import everyturn.cli.expand
from everyturn import _core, options
from everyturn.arrow import Preparer
from everyturn.cli import main
from everyturn.expander import options_with

LITERALS: dict[str, Any] = {
    "train_on": options.TrainOn,
    "layout": options.Layout,
    "overflow": options.Overflow,
    "prompt_mismatch": options.PromptMismatch,
    "thinking": options.Thinking,
    "header": options.Header,
    "control_tokens": options.ControlTokens,
    "input_format": options.InputFormat,
    "normalize": options.Normalize,
    "undesired": options.Undesired,
    "media": options.Media,
    "non_finite": options.NonFinite,
    "on_error": options.OnError,
    "engine": options.Engine,
}
#: What other methods choose from.
OTHER_LITERALS: dict[str, Any] = {
    "strategy": options.PackStrategy,
    "serve": options.Serve,
    "content_format": options.ContentFormat,
}
#: The options of `Expander` with their defaults, as the documentation of the project fixes them.
DEFAULTS: dict[str, Any] = {
    "train_on": "all_assistant_messages",
    "layout": "merged",
    "max_length": None,
    "overflow": "error",
    "history_turns": None,
    "max_prompt_tokens": None,
    "prompt_mismatch": "error",
    "thinking": "as_rendered",
    "header": "as_rendered",
    "control_tokens": "warn",
    "normalize": "none",
    "deduplicate": False,
    "keep": (),
    "provenance": False,
    "keep_texts": False,
    "input_format": "auto",
    "map": None,
    "roles": None,
    "undesired": "error",
    "media": "error",
    "non_finite": "error",
    "on_error": "raise",
    "max_line_bytes": 64 << 20,
    "num_threads": None,
}


def test_the_names_that_python_types_are_those_that_the_core_takes() -> None:
    """Each option with a set of names has the same names, in the same order, on both sides."""
    literals = LITERALS | OTHER_LITERALS
    named = {option: list(typing.get_args(literal)) for option, literal in literals.items()}
    assert named == _core.CHOICES


def test_the_defaults_of_the_core_are_those_of_python() -> None:
    """Tests and benches of the core build on its defaults, so they are the same."""
    chosen = {name: value for name, value in DEFAULTS.items() if name in _core.CHOICES}
    known = {name: value for name, value in _core.DEFAULT_CHOICES.items() if name in DEFAULTS}
    assert known == chosen
    assert DEFAULTS["max_line_bytes"] == _core.MAX_LINE_BYTES
    assert set(_core.DEFAULT_CHOICES) == set(_core.CHOICES)


def test_options_are_keywords_with_the_documented_defaults() -> None:
    """`Expander` takes the model by position, and every option by name alone."""
    first, *rest = inspect.signature(everyturn.Expander).parameters.values()
    assert first.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert {parameter.kind for parameter in rest} == {inspect.Parameter.KEYWORD_ONLY}
    assert {parameter.name: parameter.default for parameter in rest} == DEFAULTS


def parsed(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Namespace:
    """Return what the command line makes of the arguments of `expand`."""
    taken: list[Namespace] = []

    def run(namespace: Namespace) -> int:
        taken.append(namespace)
        return 0

    monkeypatch.setattr(everyturn.cli.expand, "run", run)
    assert main(["expand", "chats.jsonl", "--model", "demo", *arguments]) == 0
    return taken[0]


@pytest.mark.parametrize(
    "make",
    [
        lambda **options: everyturn.Expander("demo", **options),
        lambda **options: everyturn.Expander("demo").replace(**options),
        lambda **options: everyturn.check(b"", **options),
        lambda **options: everyturn.check(b"", renderer="demo", **options),
        lambda **options: Preparer("demo", **options),
    ],
    ids=["Expander", "replace", "check", "check with a model", "Preparer"],
)
def test_an_unknown_option_is_refused_in_one_way(make: Callable[..., object]) -> None:
    """With the name of the one that is meant; nothing is a TypeError."""
    with pytest.raises(
        everyturn.OptionsError, match="max_lenght is not an option; did you mean max_length"
    ):
        make(max_lenght=5)


def test_every_option_is_a_flag_with_the_same_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without flags, the command line means what `Expander` without options means."""
    taken = vars(parsed(monkeypatch))
    assert {name: taken[name] for name in DEFAULTS} == DEFAULTS


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        (option, name, name)
        for option, literal in LITERALS.items()
        if option in DEFAULTS
        for name in literal.__args__
    ]
    + [(option, "7", 7) for option in options_with("count")],
)
def test_every_value_of_an_option_can_be_given_as_a_flag(
    monkeypatch: pytest.MonkeyPatch, option: str, text: str, value: object
) -> None:
    """A flag is named as its option, with hyphens, and takes what the option takes."""
    taken = vars(parsed(monkeypatch, "--" + option.replace("_", "-"), text))
    assert {name: taken[name] for name in DEFAULTS} == {**DEFAULTS, option: value}


@pytest.mark.parametrize("option", sorted(LITERALS.keys() & DEFAULTS.keys()))
def test_an_unknown_name_is_refused_with_the_known_ones(option: str) -> None:
    """The error of an option names the option, what was given, and what could have been."""
    unknown: dict[str, Any] = {option: "nothing_of_this_name"}
    with pytest.raises(everyturn.OptionsError) as caught:
        everyturn.Expander("demo", **unknown)
    for said in (option, "nothing_of_this_name", *typing.get_args(LITERALS[option])):
        assert said in str(caught.value)


@pytest.mark.parametrize("option", sorted(set(DEFAULTS) - {"keep", "map", "roles"}))
def test_a_value_of_another_type_is_refused_by_name(option: str) -> None:
    """An object that is of no option's type."""
    for value in (["a"], 0.5, b"x"):
        wrong: dict[str, Any] = {option: value}
        with pytest.raises(everyturn.OptionsError, match=f"^{option}"):
            everyturn.Expander("demo", **wrong)


@pytest.mark.parametrize("option", options_with("count"))
def test_whole_numbers_of_numpy_are_whole_numbers(option: str) -> None:
    """They are Python's in the options, and so in what is written of them."""
    counted: dict[str, Any] = {option: np.int64(700)}
    value = everyturn.Expander("demo", **counted).options()[option]
    assert type(value) is int
    assert value == 700


def test_a_limit_is_a_whole_number() -> None:
    """Truth values are none; zero records can be asked for."""
    expander = everyturn.Expander("demo")
    for limit in (True, 1.5, -1, "1", 2**63):
        wrong: dict[str, Any] = {"limit": limit}
        for call in (expander.expand, expander.stats, lambda *a, **o: [*everyturn.check(*a, **o)]):
            with pytest.raises(everyturn.OptionsError, match=r"^limit must be"):
                call(b"{}", **wrong)
    assert len(expander.expand(b"{}", limit=0)) == 0
