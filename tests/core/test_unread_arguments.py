"""Template arguments that a template does not read: they do nothing, and that is said with what it reads."""

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest

import everyturn
from as_template import template_renderer
from chats import Record, Route
from everyturn.cli import main
from everyturn.options import Serve
from paths import DEMO

CHATML = (
    "SET{%- for message in messages -%}"
    "{{- '<|im_start|>' ~ message.role ~ '\\n' ~ message.content ~ '<|im_end|>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)
CHAT: list[Record] = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]


def renderer(before: str, **options: Any) -> everyturn.Renderer:
    """Return a renderer whose template begins so."""
    return template_renderer("demo", chat_template=CHATML.replace("SET", before), **options)


def unread(before: str, **arguments: Any) -> dict[str, int]:
    """Return the arguments of a record that a template does not read."""
    records = [{"messages": CHAT, "chat_template_kwargs": arguments}]
    report = everyturn.Expander(renderer(before), on_error="skip").expand(records).report
    return dict(report.unread_arguments)


#: What reads the argument `flag`.
READ = (
    "{%- if flag -%}{%- endif -%}",
    "{%- if flag is defined -%}{%- endif -%}",
    "{%- if not flag is defined -%}{%- set flag = false -%}{%- endif -%}",
    "{%- set flag = flag | default(1) -%}",
    "{%- macro used() -%}{{- flag -}}{%- endmacro -%}",
    "{%- macro used(a=flag) -%}{{- a -}}{%- endmacro -%}",
    "{%- filter replace('a', flag) -%}{%- endfilter -%}",
    "{%- for each in [1] if flag -%}{%- endfor -%}",
    "{%- set box = namespace(a=flag) -%}",
    "{%- with a = flag -%}{%- endwith -%}",
    "{%- if false -%}{{- {'a': [flag]} -}}{%- endif -%}",
    "{{- ('a' if flag else 'b') | length if false -}}",
)


@pytest.mark.parametrize("before", READ)
def test_an_argument_that_is_read_anywhere_is_not_named(before: str) -> None:
    """Whether the rendering of this chat comes there or not."""
    assert unread(before, flag=True) == {}
    assert renderer(before).template_arguments == ("flag",)


@pytest.mark.parametrize(
    "before",
    [
        "",
        "{%- if messages[0].flag -%}{%- endif -%}",
        "{%- if 'flag' in messages[0] -%}{%- endif -%}",
        "{%- set flag = 1 -%}{{- '' if flag -}}",
        "{%- for flag in [1] -%}{{- '' if flag -}}{%- endfor -%}",
        "{%- macro used(flag) -%}{{- flag -}}{%- endmacro -%}",
    ],
)
def test_a_key_or_a_name_of_the_template_itself_is_no_argument(before: str) -> None:
    """Nothing that is given from outside is looked at."""
    assert unread(before, flag=True) == {"flag": 1}
    assert renderer(before).template_arguments == ()


@pytest.mark.parametrize(
    ("serve", "unread_of"), [("vllm", {"of_tools": 1}), ("template", {"of_others": 1})]
)
def test_the_template_that_renders_is_the_one_that_reads(
    tmp_path: Path, serve: Serve, unread_of: dict[str, int]
) -> None:
    """A server takes an empty list of tools for none, so that the template for tools has no say."""
    folder = tmp_path / "model"
    shutil.copytree(DEMO, folder)
    texts = {
        "chat_template.jinja": "{%- if of_others -%}{%- endif -%}",
        "additional_chat_templates/tool_use.jinja": "{%- if of_tools -%}{%- endif -%}",
    }
    for name, before in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(CHATML.replace("SET", before), encoding="utf-8")
    arguments = {"of_tools": True, "of_others": True}
    record = {"messages": CHAT, "tools": [], "chat_template_kwargs": arguments}
    expander = everyturn.Expander(everyturn.Renderer.from_dir(folder, serve=serve))
    assert dict(expander.expand([record]).report.unread_arguments) == unread_of


def test_what_the_template_sets_for_itself_is_not_listed() -> None:
    """It is read where nothing was set, and is not meant to be given."""
    before = (
        "{%- if messages[0].role == 'system' -%}{%- set system = messages[0] -%}{%- endif -%}"
        "{{- '' if system -}}{{- '' if flag -}}"
    )
    assert renderer(before).template_arguments == ("flag",)
    assert unread(before, system="x") == {}


def test_records_are_counted_by_name(route: Route) -> None:
    """As keys are; a record without arguments counts nowhere."""
    records: list[Record] = [
        {"messages": CHAT, "chat_template_kwargs": {"enable_thinkin": False}},
        {
            "messages": CHAT,
            "chat_template_kwargs": {"enable_thinkin": True, "enable_thinking": True},
        },
        {"messages": CHAT, "chat_template_kwargs": {"other": 1}},
        {"messages": CHAT},
    ]
    report = everyturn.Expander("demo").expand(route(records)).report
    assert report.unread_arguments == {"enable_thinkin": 2, "other": 1}
    lines = "\n".join(report.lines())
    assert (
        "warning: unread_arguments: 2 records: the template does not read the argument 'enable_thinkin'; "
        "it reads enable_thinking\n" in lines
    )
    halves = [
        everyturn.Expander("demo").expand(route(half)).report for half in (records[:2], records[2:])
    ]
    assert halves[0] + halves[1] == report
    assert everyturn.Report.from_dict(report.to_dict()) == report


def test_the_template_for_tools_is_asked_where_there_are_tools(
    models: dict[str, Path], tmp_path: Path
) -> None:
    """A model may have two templates: what one of them reads is not unread of the model."""
    folder = tmp_path / "model"
    folder.mkdir()
    for file in models["chatml"].iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "additional_chat_templates").mkdir()
    with_flag = CHATML.replace("SET", "{{- '' if flag -}}")
    (folder / "additional_chat_templates" / "tool_use.jinja").write_text(
        with_flag, encoding="utf-8"
    )
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    records = [
        {"messages": CHAT, "chat_template_kwargs": {"flag": 1}, "tools": tools},
        {"messages": CHAT, "chat_template_kwargs": {"flag": 1}},
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error", everyturn.TemplateArgumentWarning)
        both = everyturn.Renderer.from_dir(folder, template_kwargs={"flag": 1})
    assert everyturn.Expander(both).expand(records).report.unread_arguments == {"flag": 1}


def test_an_argument_of_every_rendering_is_named_at_load() -> None:
    """Once, with what the template reads; the most similar name first."""
    with pytest.warns(everyturn.TemplateArgumentWarning) as given:
        loaded = renderer(
            "{{- '' if add_a -}}{{- '' if enable_thinking -}}",
            template_kwargs={"enable_thinkin": False, "add_a": True},
        )
    assert [str(warning.message) for warning in given] == [
        "the template does not read the argument 'enable_thinkin'; it reads enable_thinking, add_a"
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded.for_server("vllm")


@pytest.mark.filterwarnings("default::everyturn.TemplateArgumentWarning")
def test_the_command_says_it_in_its_own_words(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A line, without the place in a program."""
    path = tmp_path / "chats.jsonl"
    path.write_text(json.dumps({"messages": CHAT}) + "\n", encoding="utf-8")
    arguments = ["--template-kwargs", '{"enable_thinkin": false}', "-o", str(tmp_path / "x.jsonl")]
    assert main(["expand", str(path), "--model", "demo", *arguments]) == 0
    first, *_ = capsys.readouterr().err.splitlines()
    assert first == (
        "warning: the template does not read the argument 'enable_thinkin'; it reads enable_thinking"
    )


def test_check_names_each_once_a_file() -> None:
    """With a model; the finding says what is read."""
    records = [{"messages": CHAT, "chat_template_kwargs": {"enable_thinkin": n}} for n in (0, 1)]
    findings = [
        finding
        for finding in everyturn.check(records, renderer="demo")
        if finding.kind == "unread_arguments"
    ]
    assert [(finding.line, finding.severity) for finding in findings] == [(1, "warning")]
    assert findings[0].text.endswith("it reads enable_thinking")
