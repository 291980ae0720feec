"""JSON that others wrote, of which what Python does not read is an error that names it; values of Python as JSON."""

from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import everyturn
from chats import named_chat
from everyturn.arrow import Preparer, read_reports
from everyturn.bench import corpus
from everyturn.cli import main
from everyturn.samples import storage
from everyturn.samples.rules import read_rules

DEEP = '{"a": ' * 100_000 + "1" + "}" * 100_000


def written(path: Path, text: str) -> Path:
    """A file, in a folder that is made for it."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def saved(folder: Path) -> Path:
    """A folder of saved samples, of which the manifest is another."""
    everyturn.Expander("demo").expand([named_chat("Ada")]).save(folder)
    written(folder / storage.MANIFEST, DEEP)
    return folder


def prepared(_folder: Path) -> None:
    """Expand a table with a column of JSON."""
    column = pa.array([DEEP]).cast(pa.json_())
    Preparer("demo")(pa.table({"messages": [named_chat("Ada")["messages"]], "x": column}))


READERS: dict[str, Callable[[Path], object]] = {
    "rules": lambda path: read_rules(written(path / "rules.json", DEEP)),
    "saved samples": lambda path: everyturn.Samples.load(saved(path / "saved")),
    "the state of a data set": lambda path: everyturn.Expander("demo").expand(
        written(path / "data" / "state.json", DEEP).parent
    ),
    "several data sets": lambda path: everyturn.Expander("demo").expand(
        written(path / "data" / "dataset_dict.json", DEEP).parent
    ),
    "reports": lambda path: read_reports(written(path / "reports" / "a.jsonl", DEEP).parent),
    "a column of JSON": prepared,
}


@pytest.mark.parametrize("reader", sorted(READERS))
def test_files_that_are_nested_too_deeply_are_errors(reader: str, tmp_path: Path) -> None:
    """Python gives up on them in a way of its own."""
    with pytest.raises(everyturn.EveryturnError):
        READERS[reader](tmp_path)


@pytest.mark.parametrize("flag", ["--template-kwargs", "--keep"])
def test_a_flag_that_is_nested_too_deeply_is_wrong_use(
    flag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Said as of any other JSON that is none."""
    path = written(tmp_path / "chats.jsonl", "{}")
    try:
        code: object = main(["expand", str(path), "--model", "demo", flag, DEEP])
    except SystemExit as ended:
        code = ended.code
    assert code == 2
    assert f"{flag}: not JSON: it is nested too deeply" in capsys.readouterr().err


def test_an_argument_of_a_template_that_python_does_not_read_is_text() -> None:
    """As any other value that is not JSON."""
    parsed = everyturn.cli.parser().parse_args(["lint", "--template-kwargs", f"a={DEEP}"])
    assert everyturn.cli.options.kwargs_from(parsed) == {"a": DEEP}


def test_a_record_that_is_nested_too_deeply_is_left_out_of_a_benchmark() -> None:
    """No tool could be given it."""
    with pytest.raises(corpus.LeftOutError, match="not JSON"):
        corpus.usable_line(DEEP.encode())


def frozen(value: Any) -> Any:
    """The same with mappings that are no dicts, and numbers and lists of numpy."""
    if isinstance(value, dict):
        return MappingProxyType({key: frozen(of) for key, of in value.items()})
    if isinstance(value, list):
        return [frozen(of) for of in value]
    return np.float64(value) if isinstance(value, float) else value


def test_whatever_takes_messages_takes_what_expand_takes() -> None:
    """Mappings, and numbers of numpy."""
    with pytest.warns(everyturn.TemplateArgumentWarning, match="does not read"):
        renderer = everyturn.Renderer.from_dir("demo", template_kwargs=frozen({"n": {"x": 0.5}}))
    call = {"name": "look", "arguments": {"at": 0.5}}
    chat: list[Any] = [
        {"role": "user", "content": "¡Hola!"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"type": "function", "function": call}],
        },
        {"role": "user", "content": "So?"},
    ]
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"least": 0.5}}}]
    other = {"messages": frozen(chat), "tools": frozen(tools)}
    flags: Any = {"enable_thinking": np.bool_(0)}
    text = renderer.render(chat, tools=tools, enable_thinking=False)
    assert renderer.render(**other, **flags) == text
    body = renderer.request(chat, tools=tools, enable_thinking=False)
    assert renderer.request(**other, **flags) == body
    for limits in ({"history_turns": 1}, {"max_prompt_tokens": 1_000, "renderer": renderer}):
        kept = everyturn.window(chat, tools=tools, **limits, enable_thinking=False)
        assert everyturn.window(**other, **limits, **flags) == frozen(kept)
    trained = [*chat, {"role": "assistant", "content": "Well."}]
    expanded = [
        everyturn.Expander(renderer).expand([record]).input_ids.tolist()
        for record in ({"messages": trained}, frozen({"messages": trained}))
    ]
    assert expanded[0] == expanded[1]


@pytest.mark.parametrize("value", [object(), {1, 2}, b"text"])
def test_what_is_not_json_is_a_type_error(value: object) -> None:
    """In messages, tools and arguments alike."""
    renderer = everyturn.Renderer.from_dir("demo")
    chat: Any = [{"role": "user", "content": "Hi", "x": value}]
    with pytest.raises(TypeError, match="which is not JSON"):
        renderer.render(chat)
    with pytest.raises(TypeError, match="which is not JSON"):
        renderer.request([], tools=chat)
    with pytest.raises(TypeError, match="which is not JSON"):
        everyturn.window([], history_turns=1, x=value)


def test_a_dict_that_is_nested_too_deeply_is_named_by_its_number() -> None:
    """As other records that JSON does not hold."""
    deep: object = 1
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(everyturn.InputError, match="record 2: it is nested too deeply"):
        everyturn.Expander("demo").expand([named_chat("Ada"), {"x": deep}])
