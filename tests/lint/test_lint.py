"""What `everyturn lint` says of a template: each finding where it belongs, and nowhere else."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import everyturn
from battery import Case
from everyturn import TemplateReport
from everyturn.cli import main
from paths import ROOT, TESTS, find_data
from template_reference import Refusal, reference_apply, stopped_clock

NOW = "2026-01-31T12:00:00"
LOOP = "{%- for message in messages -%}"
HEADER = "{{- '<|im_start|>' ~ message.role ~ '\\n' -}}"
TURN = "{{- message.content ~ '<|im_end|>\\n' -}}"
END = "{%- endfor -%}"
PROMPT = "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
PLAIN = LOOP + HEADER + TURN + END + PROMPT


def bare(template: str, **options: Any) -> TemplateReport:
    """Look at a template without a model."""
    return TemplateReport.of_template(template, now=NOW, **options)


def kinds(report: TemplateReport) -> set[tuple[str, str]]:
    """The findings by severity and kind, without what every template of these tests has."""
    usual = {"control_tokens_guessed", "reasoning_ignored", "tools_ignored", "tools_dropped"}
    return {(found.severity, found.kind) for found in report.findings if found.kind not in usual}


def answer(before: str = "", body: str = TURN, after: str = "") -> str:
    """Return ChatML whose assistant turns are written in another way."""
    is_answer = "{%- if message.role == 'assistant' -%}"
    return (
        LOOP + is_answer + before + body + after + "{%- else -%}" + HEADER + TURN + "{%- endif -%}"
    )


# --------------------------------------------------------------------------------------------
# What ends and what starts a turn
# --------------------------------------------------------------------------------------------


def test_a_plain_template_is_fine(models: dict[str, Path]) -> None:
    """Nothing is wrong with ChatML but what it leaves out, and the report says how it works."""
    report = TemplateReport.of_model(models["chatml"])
    assert kinds(report) == set()
    assert report.is_fine
    assert not report.control_tokens_guessed
    (stop,) = {(stop.text, stop.owner, stop.trailing) for stop in report.stop_tokens}
    assert stop == ("<|im_end|>", "turn", "\n")
    assert report.stop_tokens[0].id in everyturn.Renderer.from_dir(models["chatml"]).stop_token_ids
    assert report.prompt_is_prefix["plain"] is True
    assert report.rows["plain"] == 1
    assert report.history_rewritten == {}
    assert report.recommendation == ()


def test_a_renderer_says_the_same(models: dict[str, Path]) -> None:
    """`Renderer.lint` is the report of its own sources."""
    renderer = everyturn.Renderer.from_dir(models["dated"], now=NOW)
    assert renderer.lint() == TemplateReport.of_model(models["dated"], now=NOW)


def test_turns_without_an_end_are_an_error(models: dict[str, Path]) -> None:
    """A template that no renderer can be made of is reported all the same."""
    report = TemplateReport.of_model(models["no_terminator"])
    assert ("error", "no_stop_token") in kinds(report)
    assert report.stop_tokens == ()
    assert report.prompt_is_prefix["plain"] is True
    with pytest.raises(everyturn.ModelError):
        everyturn.Renderer.from_dir(models["no_terminator"])


def test_the_next_header_may_be_the_stop(models: dict[str, Path]) -> None:
    """Plain turns and calls have stops of their own, which the turn does not write."""
    report = TemplateReport.of_model(models["header_is_stop"])
    assert kinds(report) == {("note", "next_header_stop")}
    found = {(stop.of, stop.text, stop.owner) for stop in report.stop_tokens}
    assert found == {
        ("plain", "<|user|>", "next_header"),
        ("tool_calls", "<|observation|>", "next_header"),
    }


def test_a_stop_that_no_server_stops_at_is_told(models: dict[str, Path]) -> None:
    """`generation_config.json` has to hold it."""
    report = TemplateReport.of_model(
        models["chatml"], chat_template=PLAIN.replace("<|im_end|>", "<|pad|>")
    )
    assert kinds(report) == {("warning", "stop_not_in_generation_config")}


def test_calls_that_do_not_end_are_lost() -> None:
    """A turn whose stop is missing cannot be trained."""
    ending = "{{- message.content ~ ('' if message.tool_calls else '<|im_end|>\\n') -}}"
    report = bare(answer(HEADER, ending) + END + PROMPT)
    assert ("warning", "unclosed_turn") in kinds(report)
    assert report.rows["tools"] is None


def test_a_begin_token_is_counted(models: dict[str, Path]) -> None:
    """Once is as it should be, twice is an error; the tokenizer may add another."""
    once = TemplateReport.of_model(models["llama_like"])
    assert once.begin_token is not None
    assert (once.begin_token.written, once.begin_token.added, once.begin_token.doubled) == (
        1,
        True,
        True,
    )
    assert kinds(once) == {("note", "begin_token")}
    source = (models["llama_like"] / "chat_template.jinja").read_text(encoding="utf-8")
    twice = TemplateReport.of_model(
        models["llama_like"], chat_template="{{- bos_token -}}" + source
    )
    assert ("error", "begin_token") in kinds(twice)
    assert TemplateReport.of_model(models["chatml"]).begin_token is None


# --------------------------------------------------------------------------------------------
# Prompts and history
# --------------------------------------------------------------------------------------------


def test_a_prompt_that_is_no_prefix_is_an_error(models: dict[str, Path]) -> None:
    """The option that resolves it was tried on the very conversations."""
    report = TemplateReport.of_model(models["prefills_thinking"])
    assert ("error", "prompt_mismatch") in kinds(report)
    assert report.prompt_is_prefix["plain"] is False
    (advice,) = report.recommendation
    assert (advice.option, advice.value) == ("prompt_mismatch", "splice")
    assert report.rows["plain"] == 3


def test_a_flag_that_fits_the_answer_is_tried_first() -> None:
    """Where a thinking flag makes the prompt a prefix, that is better than any policy."""
    opens = "{{- '<think>' if add_generation_prompt and enable_thinking | default(true) -}}"
    said = "{{- '<think>' ~ message.reasoning_content ~ '</think>' if message.reasoning_content -}}"
    report = bare(LOOP + HEADER + said + TURN + END + PROMPT + opens)
    assert report.prompt_is_prefix["plain"] is False
    assert report.prompt_is_prefix["reasoning"] is True
    assert report.thinking_flags == {"enable_thinking": "switch"}
    (advice,) = report.recommendation
    assert (advice.option, advice.value) == ("thinking", "match")


def test_refused_conversations_are_not_judged(models: dict[str, Path]) -> None:
    """None, with the template's own words."""
    report = TemplateReport.of_model(models["strict_alternation"])
    assert report.prompt_is_prefix == {
        "plain": True,
        "reasoning": True,
        "inline_reasoning": True,
        "tools": None,
        "tools_with_reasoning": None,
    }
    assert "must alternate" in report.refused["tools"]
    assert report.rows["tools"] is None
    assert kinds(report) == {("note", "refused")}


def test_a_plain_conversation_that_is_refused_is_an_error() -> None:
    """Nothing can be trained."""
    report = bare("{{ raise_exception('no') }}")
    assert kinds(report) >= {("error", "template")}
    assert report.prompt_is_prefix["plain"] is None


def test_a_system_message_that_is_refused_is_told(models: dict[str, Path]) -> None:
    """Not every template takes one."""
    assert ("note", "system_refused") in kinds(TemplateReport.of_model(models["inst_prepend"]))
    assert ("note", "system_refused") not in kinds(TemplateReport.of_model(models["chatml"]))


def test_reasoning_that_is_cut_from_history() -> None:
    """The demo model shows reasoning after the last question only."""
    report = TemplateReport.of_model("demo")
    assert report.history_rewritten == {
        "reasoning": "thinking_cut",
        "inline_reasoning": "thinking_cut",
        "tools_with_reasoning": "thinking_cut",
    }
    assert report.rows == {
        "plain": 1,
        "reasoning": 3,
        "inline_reasoning": 3,
        "tools": 1,
        "tools_with_reasoning": 2,
    }
    assert kinds(report) == {("warning", "history_rewritten")}
    assert report.is_fine
    assert {"reasoning_content", "tool_calls", "tools"} <= set(report.keys_read)


LAST = "{%- if loop.last -%}{{- '<think>\\n\\n</think>\\n\\n' -}}{%- endif -%}"
KEEPS = (
    "{%- if loop.last or preserve_thinking | default(false) -%}"
    "{{- '<think>\\n' ~ (message.reasoning_content or '') ~ '\\n</think>\\n\\n' -}}{%- endif -%}"
)
OTHERWISE = "{{- (message.content if loop.last else message.content | upper) ~ '<|im_end|>\\n' -}}"


@pytest.mark.parametrize(
    ("template", "why"),
    [
        (answer(HEADER + LAST) + END + PROMPT, "empty_think_block"),
        (answer(HEADER, OTHERWISE) + END + PROMPT, "other"),
        (answer(HEADER, TURN, "{{- eos_token if loop.last -}}") + END + PROMPT, "end_token"),
        ("{{- strftime_now('%Y-%m-%d') -}}" + PLAIN, "date"),
        (PLAIN, None),
    ],
)
def test_why_history_is_rewritten(template: str, why: str | None) -> None:
    """Each way has its name, and a finding unless it costs nothing."""
    report = bare(template)
    assert report.history_rewritten.get("plain") == why
    severities = {found.severity for found in report.findings if found.kind == "history_rewritten"}
    assert severities == {
        "empty_think_block": {"warning"},
        "other": {"warning"},
        "end_token": {"note"},
    }.get(why or "", set())


def test_an_argument_that_keeps_thinking_is_named() -> None:
    """Tried, too: with it a conversation is one row."""
    report = bare(answer(HEADER + KEEPS) + END + PROMPT)
    assert report.history_rewritten["reasoning"] == "thinking_cut"
    advised = {advice.option: advice.value for advice in report.recommendation}
    assert advised == {"template_kwargs": {"preserve_thinking": True}}
    kept = bare(answer(HEADER + KEEPS) + END + PROMPT, template_kwargs={"preserve_thinking": True})
    assert kept.history_rewritten == {}
    assert kept.rows["reasoning"] == 1


def test_a_date_is_to_be_fixed(models: dict[str, Path]) -> None:
    """The clock of the report is what is advised."""
    report = TemplateReport.of_model(models["dated"], now=NOW)
    assert report.asks_for_the_date
    assert {("warning", "date"), ("warning", "default_system")} == kinds(report)
    advised = {advice.option: advice.value for advice in report.recommendation}
    assert advised == {"now": NOW}


# --------------------------------------------------------------------------------------------
# Thinking that is empty, and servers
# --------------------------------------------------------------------------------------------

EMPTY = "{{- '<think>\\n' ~ (message.reasoning_content or '') ~ '\\n</think>\\n\\n' -}}"
SWITCHED = (
    "{%- if add_generation_prompt and not enable_thinking | default(true) -%}"
    "{{- '<think>\\n\\n</think>\\n\\n' -}}{%- endif -%}"
)


def empty_thinking(report: TemplateReport) -> str | None:
    """Return the text of the finding."""
    found = [found.text for found in report.findings if found.kind == "empty_thinking"]
    return found[0] if found else None


@pytest.mark.parametrize("serve", ["vllm", "llama.cpp", "template"])
def test_a_switch_cures_empty_thinking(serve: everyturn.options.Serve) -> None:
    """The finding names the option, and it is recommended, whatever flags the server adds by itself."""
    report = bare(answer(HEADER + EMPTY) + END + PROMPT + SWITCHED, serve=serve)
    text = empty_thinking(report)
    assert text is not None
    assert "(plain, tools)" in text
    assert 'thinking="match"' in text
    assert [(advice.option, advice.value) for advice in report.recommendation] == [
        ("thinking", "match")
    ]


def test_empty_thinking_without_a_switch_is_told() -> None:
    """There is nothing to set, and the finding says so."""
    report = bare(answer(HEADER + EMPTY) + END + PROMPT)
    assert "no switch" in (empty_thinking(report) or "")
    assert report.recommendation == ()
    off = {"enable_thinking": False}
    turned_off = bare(answer(HEADER + EMPTY) + END + PROMPT + SWITCHED, template_kwargs=off)
    assert empty_thinking(turned_off) is None
    assert empty_thinking(bare(PLAIN)) is None


def test_other_servers_give_other_prompts() -> None:
    """The report names them, with the chats; a template that shows no arguments has one prompt for all."""
    calls = (
        "{%- for call in message.tool_calls or [] -%}"
        "{{- call.function.arguments if call.function.arguments is string"
        " else call.function.arguments | tojson -}}{%- endfor -%}"
    )
    report = bare(LOOP + HEADER + calls + TURN + END + PROMPT)
    assert report.server == "vLLM 0.33.0"
    assert report.content_format == "string"
    assert report.prompts_differ == {"template": ("tools",)}
    assert "template (tools)" in str(report)
    as_it_stands = bare(LOOP + HEADER + calls + TURN + END + PROMPT, serve="template")
    assert as_it_stands.server is None
    assert as_it_stands.content_format is None
    assert set(as_it_stands.prompts_differ) == {"vllm", "sglang", "transformers", "llama.cpp"}
    thinks = "{{- message.reasoning_content or '' -}}"
    report = bare(LOOP + HEADER + thinks + "{{- (message.content or '') ~ '<|im_end|>' -}}" + END)
    assert report.prompts_differ == {"transformers": ("reasoning",)}
    assert bare(PLAIN.replace("message.content", "(message.content or '')")).prompts_differ == {}


def test_reasoning_that_a_server_sends_under_another_name_is_named_with_what_shows_it() -> None:
    """gpt-oss: the template shows what records have, and not what servers send."""
    thinks = "{{- message.thinking or '' -}}{{- (message.content or '') ~ '<|im_end|>' -}}"
    (ignored,) = (
        finding.text
        for finding in bare(LOOP + HEADER + thinks + END).findings
        if finding.kind == "reasoning_ignored"
    )
    assert "as vLLM" in ignored
    assert 'serve="template" renders it' in ignored


def test_contents_that_are_printed_as_lists_are_an_error() -> None:
    """Loading such a model is one; the recommended format cures it."""
    loops = "{%- for message in messages -%}{%- for part in message.content -%}{%- endfor -%}{%- endfor -%}"
    report = bare(loops + PLAIN)
    assert ("error", "content_format") in kinds(report)
    assert [(advice.option, advice.value) for advice in report.recommendation] == [
        ("content_format", "string")
    ]
    chosen = bare(loops + PLAIN, content_format="string")
    assert chosen.content_format == "string"
    assert kinds(chosen) == set()


def test_a_server_that_does_not_ask_the_template_is_told(
    models: dict[str, Path], tmp_path: Path
) -> None:
    """The warning of loading is a finding, too."""
    folder = tmp_path / "model"
    shutil.copytree(models["chatml"], folder)
    (folder / "config.json").write_text('{"model_type": "gpt_oss"}', encoding="utf-8")
    assert ("warning", "own_encoder") in kinds(TemplateReport.of_model(folder))
    assert kinds(TemplateReport.of_model(folder, serve="template")) == set()


# --------------------------------------------------------------------------------------------
# What is read, injected and marked
# --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prints", "key"),
    [
        ("{{- message.reasoning_content -}}", "reasoning_content"),
        ("{{- message.tool_calls | tojson if message.tool_calls -}}", "tool_calls"),
        ("{{- message.tool_call_id -}}", "tool_call_id"),
        ("{{- message.name -}}", "name"),
        ("{{- tools | tojson if tools and loop.first -}}", "tools"),
        ("{{- documents[0].text if documents and loop.first -}}", "documents"),
    ],
)
def test_what_is_read(prints: str, key: str) -> None:
    """A key that comes out is read; the others are ignored."""
    report = bare(LOOP + HEADER + prints + TURN + END + PROMPT)
    assert report.keys_read == (key,)
    assert len(report.keys_ignored) == 5
    said = {found.kind for found in report.findings}
    assert ("reasoning_ignored" in said) == (key != "reasoning_content")
    assert ("tools_ignored" in said) == (key != "tool_calls")
    assert ("tools_dropped" in said) == (key != "tools")


def test_the_form_of_tool_arguments(models: dict[str, Path]) -> None:
    """As probing finds it."""
    assert TemplateReport.of_model(models["string_arguments"]).tool_arguments == "text"
    assert TemplateReport.of_model("demo").tool_arguments == "either"


@pytest.mark.parametrize("text", ["You are of great help.", "{system_message}", "你是助手"])
def test_a_system_text_that_nobody_wrote(text: str) -> None:
    """It is quoted, without the header around it."""
    injects = (
        "{%- if messages[0].role != 'system' -%}"
        f"{{{{- '<|im_start|>system\\n{text}<|im_end|>\\n' -}}}}"
        "{%- endif -%}"
    )
    report = bare(injects + PLAIN)
    assert report.default_system == text
    assert ("warning", "default_system") in kinds(report)
    assert bare(PLAIN).default_system is None


MARKED = "{%- generation -%}"
UNMARKED = "{%- endgeneration -%}"
STOP = "{{- '<|im_end|>' -}}"
NEWLINE = "{{- '\\n' -}}"
CONTENT = "{{- message.content -}}"


@pytest.mark.parametrize(
    ("turn", "differs"),
    [
        (HEADER + MARKED + CONTENT + STOP + UNMARKED + NEWLINE, ()),
        (MARKED + HEADER + CONTENT + STOP + UNMARKED + NEWLINE, ("header included",)),
        (HEADER + MARKED + CONTENT + UNMARKED + STOP + NEWLINE, ("stop left out",)),
        (HEADER + MARKED + CONTENT + STOP + NEWLINE + UNMARKED, ("text after the stop included",)),
        (HEADER + CONTENT + STOP + NEWLINE + MARKED + UNMARKED, ("turns left out",)),
        (HEADER + CONTENT + MARKED + STOP + UNMARKED + NEWLINE, ("start left out",)),
    ],
)
def test_what_generation_blocks_mark(turn: str, differs: tuple[str, ...]) -> None:
    """The rule is everything after the prompt, through the stop token."""
    report = bare(answer("", turn) + END + PROMPT)
    assert report.generation_blocks.count == 1
    assert report.generation_blocks.differs == differs
    assert report.generation_blocks.equals_rule == (not differs)
    assert (("warning", "generation_blocks") in kinds(report)) == bool(differs)


def test_templates_without_generation_blocks() -> None:
    """There is nothing to compare."""
    blocks = bare(PLAIN).generation_blocks
    assert (blocks.count, blocks.equals_rule, blocks.differs) == (0, None, ())


# --------------------------------------------------------------------------------------------
# The command line, and the form of a report
# --------------------------------------------------------------------------------------------


def run(*arguments: object) -> int:
    """Run `everyturn lint`."""
    return main(["lint", *map(str, arguments)])


def test_the_command_shows_a_screen(
    models: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Lines of 80 columns, on stdout; the exit code says whether training would be right."""
    for name, code in [("chatml", 0), ("dated", 0), ("no_terminator", 1), ("prefills_thinking", 1)]:
        assert run("--model", models[name]) == code
        out, err = capsys.readouterr()
        assert err == ""
        assert max(map(len, out.splitlines())) <= 80
        assert ("wrong by default" in out.splitlines()[0]) == bool(code)


def test_json_is_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    """Plain JSON of every field."""
    assert run("--model", "demo", "--json", "--now", NOW) == 0
    report = json.loads(capsys.readouterr().out)
    assert report == TemplateReport.of_model("demo", now=NOW).to_dict()
    assert {"stop_tokens", "prompt_is_prefix", "findings", "recommendation"} <= report.keys()
    assert report["stop_tokens"][0].keys() == {"text", "id", "owner", "of", "trailing"}


def test_a_file_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There is no tokenizer, so control tokens are guessed, and the report says so."""
    path = tmp_path / "a.jinja"
    path.write_text(PLAIN, encoding="utf-8")
    assert run(path) == 0
    out = capsys.readouterr().out
    assert "<|im_end|>" in out
    assert "[control_tokens_guessed]" in out
    path.write_text("{% if %}", encoding="utf-8")
    assert run(path) == 1
    assert "error: " in capsys.readouterr().out


def test_arguments_reach_the_template(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--template-kwargs` and `--chat-template` mean what they mean elsewhere."""
    path = tmp_path / "a.jinja"
    path.write_text("{{- word -}}" + PLAIN, encoding="utf-8")
    flags = ("--template-kwargs", '{"word": "Be kind to them all."}', "--json")
    for where in ((path,), ("--model", "demo", "--chat-template", path)):
        assert run(*where, *flags) == 0
        assert json.loads(capsys.readouterr().out)["default_system"] == "Be kind to them all."


def test_an_argument_that_is_not_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With those that are read."""
    path = tmp_path / "a.jinja"
    path.write_text("{{- word -}}{{- other -}}" + PLAIN, encoding="utf-8")
    assert run(path, "--template-kwargs", '{"wrod": 1}') == 0
    said = "warning: the template does not read the argument 'wrod'; it reads other, word [unread_arguments]"
    assert said in " ".join(capsys.readouterr().out.split())
    assert run(path, "--template-kwargs", '{"word": 1}') == 0
    assert "does not read" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("no/such/file.jinja",),
        ("a.jinja", "--model", "demo"),
        ("--model", "no/such/folder"),
        ("--model", "demo", "--template-kwargs", "["),
        ("--model", "demo", "--now", "never"),
    ],
)
def test_wrong_use(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and a word on stderr."""
    assert run(*arguments) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_a_template_that_does_not_compile_has_a_report() -> None:
    """One error, with its location; every other field is empty."""
    report = bare("{% for %}")
    assert not report.compiles
    assert not report.is_fine
    assert [found.kind for found in report.findings] == ["template"]
    assert TemplateReport.from_json(json.dumps(report.to_dict())) == report
    assert len(report.lines()) > 1


# --------------------------------------------------------------------------------------------
# Every template of the data
# --------------------------------------------------------------------------------------------


def plain_prompts_are_prefixes(source: str) -> bool | None:
    """What transformers says of a plain conversation; None if it raises."""
    messages = [
        {"role": ("user", "assistant")[place % 2], "content": f"everyturn word {place}"}
        for place in range(6)
    ]
    holds = True
    for target in (1, 3, 5):
        prompt = reference_apply(source, Case(messages[:target]), prompting=True)
        turn = reference_apply(source, Case(messages[: target + 1]), prompting=False)
        if isinstance(prompt, Refusal) or isinstance(turn, Refusal):
            return None
        assert isinstance(prompt, str)
        assert isinstance(turn, str)
        holds &= turn.startswith(prompt)
    return holds


def _templates() -> list[Path]:
    data = find_data()
    own = sorted((TESTS / "data" / "templates").glob("*.jinja"))
    return own + (sorted((data / "templates").glob("*.jinja")) if data else [])


def test_no_template_is_too_odd() -> None:
    """Every template gets a report, and prompts are prefixes where transformers says so."""
    differing = []
    with stopped_clock():
        for path in _templates():
            source = path.read_bytes().decode("utf-8")
            report = bare(source, serve="template")
            assert max(map(len, report.lines())) <= 80, path.name
            as_it_stands = bare(source, serve="template")
            if as_it_stands.prompt_is_prefix.get("plain") != plain_prompts_are_prefixes(source):
                differing.append(path.name)
    assert not differing


def test_the_page_shows_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """`docs/lint.md` holds the real report of the demo model."""
    assert run("--model", "demo") == 0
    page = (ROOT / "docs" / "lint.md").read_text(encoding="utf-8")
    assert f"```text\n{capsys.readouterr().out}```" in page


def test_the_headline_does_not_call_fine_what_has_warnings(data: Path) -> None:
    """A template that leaves out all reasoning fails on nothing, and is not fine for a model that reasons."""
    template = (data / "templates" / "hfjs-deepseek-ai-DeepSeek-R1.jinja").read_text(
        encoding="utf-8"
    )
    report = TemplateReport.of_model(
        data / "tokenizers" / "deepseek-v3", chat_template=template, template_kwargs={}
    )
    assert report.is_fine
    assert report.lines()[0] == "usable with the defaults: 2 warnings, 2 notes"


def test_what_follows_a_stop_token_is_shown_as_it_is_written(data: Path) -> None:
    """Its characters, not their numbers: the line above shows the token so."""
    template = data / "templates" / "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B.jinja"
    report = TemplateReport.of_model(data / "tokenizers" / "deepseek-v3", chat_template=template)
    shown = "".join(line.strip() for line in report.lines())
    assert "<\uff5cAssistant\uff5c>" in shown
    assert "\\uff5c" not in shown
