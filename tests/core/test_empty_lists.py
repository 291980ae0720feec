"""An empty list of tool calls, tools or parts is none to a server: it is left out, and counted."""

from pathlib import Path
from typing import Any

import pytest

import everyturn
from as_template import template_renderer
from paths import find_data
from published import write_model

SERVERS = ("vllm", "sglang", "transformers", "llama.cpp")
#: Without `--whole`, one template of so many.
SAMPLED = 12
#: It asks whether a list is there, and not whether something is in it.
ASKS_WHETHER_THERE = """\
{%- if tools is not none -%}{{- '[TOOLS]' ~ tools ~ '<|im_end|>' -}}{%- endif -%}
{%- for message in messages -%}
    {{- '<|im_start|>' ~ message.role ~ ':' -}}
    {%- if message.tool_calls is defined -%}{{- message.tool_calls -}}
    {%- else -%}{{- message.content -}}{%- endif -%}
    {{- '<|im_end|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant:' -}}{%- endif -%}
"""
ASKED = {"role": "user", "content": "Name a colour."}
AGAIN = {"role": "user", "content": "Another."}


def record(*, calls: bool = False, tools: bool = False) -> dict[str, Any]:
    """Return a chat with empty lists, or without."""
    more: dict[str, Any] = {"tool_calls": []} if calls else {}
    answers = [{"role": "assistant", "content": text, **more} for text in ("Blue.", "Red.")]
    messages = [ASKED, answers[0], AGAIN, answers[1]]
    return {"messages": messages, "tools": []} if tools else {"messages": messages}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose template shows every list."""
    return write_model(tmp_path_factory.mktemp("lists") / "model", ASKS_WHETHER_THERE)


def texts(samples: everyturn.Samples, renderer: everyturn.Renderer) -> list[str]:
    """Return what is trained."""
    return [renderer.decode(sample.trained_ids) for sample in samples]


@pytest.mark.parametrize("serve", SERVERS)
@pytest.mark.parametrize(("calls", "tools", "lists"), [(1, 0, 2), (0, 1, 1), (1, 1, 3)])
def test_no_server_shows_an_empty_list(
    folder: Path, serve: str, calls: int, tools: int, lists: int
) -> None:
    """The rows are those of the chat without, and the report says how many lists there were."""
    renderer = everyturn.Renderer.from_dir(folder, serve=serve)  # type: ignore[arg-type]
    expander = everyturn.Expander(renderer, layout="per_turn")
    samples = expander.expand([record(calls=bool(calls), tools=bool(tools))])
    assert texts(samples, renderer) == ["Blue.<|im_end|>", "Red.<|im_end|>"]
    assert samples.input_ids.tolist() == expander.expand([record()]).input_ids.tolist()
    assert samples.report.warnings == {"empty_lists_removed": lists}


@pytest.mark.parametrize("serve", SERVERS)
def test_a_content_without_parts_is_an_empty_text(folder: Path, serve: str) -> None:
    """Where contents reach the template as text; it is no content of parts that were joined."""
    renderer = everyturn.Renderer.from_dir(
        folder,
        serve=serve,  # type: ignore[arg-type]
        content_format="string",
    )
    chat = {"messages": [{**ASKED, "content": []}, {"role": "assistant", "content": "Blue."}]}
    samples = everyturn.Expander(renderer).expand([chat])
    prompt = renderer.decode(samples.input_ids[: -len(samples[0].trained_ids)])
    assert prompt == "<|im_start|>user:<|im_end|><|im_start|>assistant:"
    assert samples.report.warnings["empty_lists_removed"] == 1
    assert "parts_joined" not in samples.report.warnings


def test_without_a_server_lists_stay_as_transformers_has_them(folder: Path) -> None:
    """The words that are trained in place of the answer are told."""
    renderer = template_renderer(folder)
    samples = everyturn.Expander(renderer, layout="per_turn").expand([record(calls=True)])
    assert texts(samples, renderer) == ["[]<|im_end|>", "[]<|im_end|>"]
    assert "empty_lists_removed" not in samples.report.warnings
    assert samples.report.warnings["own_text_dropped"] == 2


def test_a_template_for_tools_is_for_tools_that_are_there(tmp_path: Path) -> None:
    """Of two templates, an empty list of tools is rendered by the one for chats without."""
    folder = write_model(tmp_path / "model", ASKS_WHETHER_THERE)
    (folder / "additional_chat_templates").mkdir()
    for_tools = ASKS_WHETHER_THERE.replace("'[TOOLS]'", "'[MORE TOOLS]'")
    (folder / "additional_chat_templates" / "tool_use.jinja").write_text(for_tools)
    messages = record()["messages"][:1]
    served = everyturn.Renderer.from_dir(folder, serve="vllm")
    assert served.render(messages, tools=[]) == served.render(messages)
    assert "[MORE TOOLS]" in template_renderer(folder).render(messages, tools=[])


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("serve", SERVERS)
def test_published_templates_show_no_empty_list(
    tmp_path: Path, request: pytest.FixtureRequest, serve: str
) -> None:
    """Whatever a template asks of a list."""
    data = find_data()
    assert data is not None
    whole = request.config.getoption("--whole")
    wrong = []
    for path in sorted((data / "templates").glob("*.jinja"))[:: 1 if whole else SAMPLED]:
        try:
            model = write_model(tmp_path / path.name, path.read_bytes().decode("utf-8"))
            renderer = everyturn.Renderer.from_dir(model, serve=serve)  # type: ignore[arg-type]
        except everyturn.ModelError:
            continue
        expander = everyturn.Expander(renderer, on_error="skip", prompt_mismatch="common_prefix")
        plain = expander.expand([record()])
        listed = expander.expand([record(calls=True, tools=True)])
        warnings = dict(listed.report.warnings)
        lists = warnings.pop("empty_lists_removed", 0)
        same = plain.input_ids.tolist() == listed.input_ids.tolist()
        if not same or lists != 3 or warnings != dict(plain.report.warnings):
            wrong.append(f"{path.name}: {listed.report.warnings}, {plain.report.warnings}")
    assert not wrong, "\n".join(wrong)
