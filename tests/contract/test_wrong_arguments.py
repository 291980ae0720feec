"""Rule: whatever public functions are given, they raise an error of the package, a TypeError or a ValueError."""

import contextlib
import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import everyturn
from chats import chat_of

RENDERER = everyturn.Renderer.from_dir("demo")
EXPANDER = everyturn.Expander("demo", num_threads=1, provenance=True, keep_texts=True)
SAMPLES = EXPANDER.expand([chat_of("Hi", "Hey", "So", "Well")] * 3)

NONE: Any = None

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**31, -(2**31), 2**63, -(2**63) - 1, 2**64, 2**70, -1, 0]),
    st.floats(),
    st.text(),
    st.sampled_from(["\ud800", "\0", "-", "", "demo", "/", "x" * 10_000]),
    st.binary(max_size=20),
    st.builds(object),
)
anything: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(max_size=5), inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["messages", "role", "content", "tool_calls", "weight", "tools"]),
            inner,
            max_size=3,
        ),
        st.tuples(inner, inner),
    ),
    max_leaves=8,
)

OPTIONS = (
    "train_on",
    "layout",
    "max_length",
    "overflow",
    "history_turns",
    "max_prompt_tokens",
    "keep",
    "map",
    "roles",
    "on_error",
    "num_threads",
    "max_line_bytes",
)


def _option(name: str, one: Any, _: Any) -> object:
    return everyturn.Expander("demo", **{name: one})


CONDITIONS = tuple(field.name for field in dataclasses.fields(everyturn.Rule))


def _rule(name: str, one: Any, _: Any) -> object:
    return SAMPLES.relabel([{"weight": 1, name: one}])


CALLS: dict[str, Callable[[Any, Any], object]] = {
    "from_dir": lambda one, _: everyturn.Renderer.from_dir(one),
    "now": lambda one, _: everyturn.Renderer.from_dir("demo", now=one),
    "chat_template": lambda one, _: everyturn.Renderer.from_dir("demo", chat_template=one),
    "template_kwargs": lambda one, _: everyturn.Renderer.from_dir("demo", template_kwargs=one),
    "stop_token": lambda one, _: everyturn.Renderer.from_dir("demo", stop_token=one),
    "render": lambda one, other: RENDERER.render(one, tools=other),
    "render arguments": lambda one, _: RENDERER.render([], x=one),
    "encode": lambda one, _: RENDERER.encode(one),
    "decode": lambda one, _: RENDERER.decode(one),
    "decode list": lambda one, other: RENDERER.decode([one, other]),
    "window": lambda one, other: everyturn.window(one, renderer=RENDERER, max_prompt_tokens=other),
    "expander": lambda one, _: everyturn.Expander(one),
    **{f"option {name}": partial(_option, name) for name in OPTIONS},
    # Any text names files, some of which are there.
    "expand": lambda one, _: EXPANDER.expand(b"" if isinstance(one, str) else one),
    "expand records": lambda one, other: EXPANDER.expand([one, other]),
    "limit": lambda one, _: EXPANDER.expand(b"", limit=one),
    "stats": lambda one, _: EXPANDER.stats(b"", limit=one),
    "check": lambda one, _: list(everyturn.check(b"", limit=one)),
    "stream": lambda one, other: list(EXPANDER.stream(b"", chunk_bytes=one, limit=other)),
    "sample": lambda one, _: SAMPLES[one],
    "select": lambda one, _: SAMPLES.select(one),
    "pad": lambda one, _: SAMPLES.pad(pad_token_id=one),
    "pack": lambda one, _: SAMPLES.pack(one),
    "split": lambda one, other: SAMPLES.split(one, seed=other),
    "relabel": lambda one, _: SAMPLES.relabel(one),
    "rule": lambda one, other: SAMPLES.relabel([{"weight": one, "kind": other}]),
    "rule record": lambda one, other: SAMPLES.relabel([{"weight": 0, "record": {"id": one}, "role": other}]),
    **{f"rule {name}": partial(_rule, name) for name in CONDITIONS},
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("max_line_bytes", lambda: everyturn.Expander("demo", max_line_bytes=NONE)),
        ("chunk_bytes", lambda: EXPANDER.stream(b"", chunk_bytes=NONE)),
        ("max_length", lambda: SAMPLES.pack(NONE)),
        ("multiple_of", lambda: SAMPLES.pad(pad_token_id=0, multiple_of=NONE)),
        ("limit", lambda: everyturn.verify(EXPANDER, b"", server="http://127.0.0.1:9", limit=NONE)),
    ],
)
def test_a_count_that_is_needed_is_no_none(name: str, call: Callable[[], object]) -> None:
    """None is for counts that can be left out; the error names the option."""
    with pytest.raises(everyturn.OptionsError, match=f"{name} must be a whole number"):
        call()


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.filterwarnings("ignore::UserWarning")
@given(one=anything, other=anything)
@example(one=-1, other=-1)
def test_only_named_errors_are_raised(
    call: Callable[[Any, Any], object], one: Any, other: Any
) -> None:
    """No panic, no AttributeError, no OverflowError."""
    # As in any sequence, an IndexError is for what is not there.
    with contextlib.suppress(everyturn.EveryturnError, TypeError, ValueError, IndexError):
        call(one, other)
