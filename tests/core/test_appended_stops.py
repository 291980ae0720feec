"""Rule: where a template ends no turn, the stop token that is named ends every target, and nothing else does."""

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest

import everyturn
from as_template import template_renderer
from chats import THREE_TURNS, answer, chat_of, user
from everyturn import TemplateReport
from everyturn.cli import main
from layouts import every_exact_layout
from paths import DEMO

STOP = "<|endoftext|>"


def expand(
    folders: dict[str, Path], messages: list[dict[str, Any]], **options: Any
) -> tuple[everyturn.Renderer, everyturn.Samples]:
    """Expand a conversation with the model's own end as the stop."""
    renderer = template_renderer(folders["no_terminator"], stop_token="eos")
    return renderer, everyturn.Expander(renderer, **options).expand([{"messages": messages}])


@every_exact_layout
def test_each_target_ends_with_the_stop_token(folders: dict[str, Path], layout: str) -> None:
    """It comes right after the words; no prompt shows it, as no prompt of the template does."""
    renderer, samples = expand(folders, THREE_TURNS, layout=layout)
    trained = {
        renderer.decode(one.completion): renderer.decode(one.prompt) for one in samples.unroll()
    }
    assert list(trained) == [f"{said}{STOP}" for said in ("one", "two", "three")]
    assert (
        trained[f"three{STOP}"]
        == "User: a\nAssistant: one\nUser: b\nAssistant: two\nUser: c\nAssistant: "
    )
    assert samples.report.warnings["stop_appended"] == 3


def test_the_words_of_a_message_are_kept_through_their_last_newline(
    folders: dict[str, Path],
) -> None:
    """The newline that the template writes after an answer separates messages; the message's own is trained."""
    renderer, samples = expand(folders, [user("a"), answer("one\n\n")])
    assert renderer.decode(samples[0].trained_ids) == f"one\n\n{STOP}"


def test_an_empty_answer_is_the_stop_alone(folders: dict[str, Path]) -> None:
    """Also where the prompt ends with the start of what separates messages."""
    template = (
        "{%- for m in messages -%}{{- m.role ~ ':\n' ~ m.content ~ '\n\n' -}}{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{- 'assistant:\n\n' -}}{%- endif -%}"
    )
    folder = folders["no_terminator"]
    renderer = template_renderer(folder, chat_template=template, stop_token="eos")
    samples = everyturn.Expander(renderer).expand([chat_of("a", "")])
    assert renderer.decode(samples[0].trained_ids) == STOP


def test_a_turn_that_says_the_stop_itself_has_it_once(folders: dict[str, Path]) -> None:
    """A server would have stopped there."""
    renderer, samples = expand(folders, [user("a"), answer(f"one{STOP}")], control_tokens="allow")
    assert renderer.decode(samples[0].trained_ids) == f"one{STOP}"
    literal = expand(folders, [user("a"), answer(f"one{STOP}")], control_tokens="literal")[1]
    assert literal[0].trained_ids[-1] in renderer.stop_token_ids
    assert renderer.decode(literal[0].trained_ids) == f"one{STOP}{STOP}"
    assert "stops_early" not in literal.report.warnings


def test_a_header_that_is_always_written_is_no_part_of_a_turn(folders: dict[str, Path]) -> None:
    """A template that prompts unasked for the next answer has that prompt after every turn."""
    template = (
        "{%- for m in messages -%}{{- m.role ~ ': ' ~ m.content ~ '\n' -}}{%- endfor -%}assistant: "
    )
    folder = folders["no_terminator"]
    renderer = template_renderer(folder, chat_template=template, stop_token=STOP)
    samples = everyturn.Expander(renderer).expand([chat_of("a", "one")])
    assert renderer.decode(samples[0].trained_ids) == f"one{STOP}"


def test_a_token_that_is_none_is_refused(folders: dict[str, Path]) -> None:
    """It could not be told from text."""
    with pytest.raises(everyturn.ModelError, match="not a control token"):
        template_renderer(folders["no_terminator"], stop_token="END")


def test_eos_is_the_models_own_end(folders: dict[str, Path], tmp_path: Path) -> None:
    """A model that names none has no such token."""
    folder = folders["no_terminator"]
    named = template_renderer(folder, stop_token=STOP)
    assert template_renderer(folder, stop_token="eos").stop_token_ids == named.stop_token_ids
    nameless = shutil.copytree(folder, tmp_path / "nameless")
    (nameless / "tokenizer_config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(everyturn.ModelError, match="eos_token"):
        template_renderer(nameless, stop_token="eos")


def test_a_template_that_ends_turns_keeps_its_own_stop() -> None:
    """Another one would be trained beside it, or instead of it."""
    assert template_renderer("demo", stop_token="<|im_end|>").stop_token == "<|im_end|>"
    with pytest.raises(everyturn.ModelError, match=r"itself ends turns, with <\|im_end\|>"):
        template_renderer("demo", stop_token="<think>")


@pytest.mark.parametrize("options", [{"layout": "conversation"}, {"train_on": "all_tokens"}])
def test_one_rendering_has_no_room_for_it(
    folders: dict[str, Path], options: dict[str, Any]
) -> None:
    """The template writes one text of all turns, without ends."""
    with pytest.raises(everyturn.OptionsError, match="stop_token"):
        expand(folders, THREE_TURNS, **options)


def test_stats_count_the_layouts_that_have_room_for_it(folders: dict[str, Path]) -> None:
    """One rendering is none of the ways to train such a model."""
    renderer = template_renderer(folders["no_terminator"], stop_token="eos")
    stats = everyturn.Expander(renderer).stats([{"messages": THREE_TURNS}])
    assert {layout for layout, _ in stats.variants} == {"per_turn", "merged", "tree"}
    assert stats.variant.report.warnings["stop_appended"] == 3


def test_a_stop_that_generation_config_lacks_is_a_warning(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    """The model would write on after it, as after any stop that is trained and not declared."""
    folder = shutil.copytree(folders["no_terminator"], tmp_path / "declaring")
    config = {"eos_token_id": [0, 1]}
    (folder / "generation_config.json").write_text(json.dumps(config), encoding="utf-8")
    renderer = template_renderer(folder, stop_token=STOP)
    declared = set(config["eos_token_id"]) >= set(renderer.stop_token_ids)
    report = everyturn.Expander(renderer).expand([chat_of("a", "one")]).report
    assert ("stop_not_in_generation_config" in report.warnings) != declared


def test_it_is_part_of_what_samples_are_made_of(folders: dict[str, Path]) -> None:
    """Metadata and fingerprint carry it, and a pickled renderer keeps it."""
    folder = folders["no_terminator"]
    renderer = template_renderer(folder, stop_token="eos")
    samples = everyturn.Expander(renderer).expand([chat_of("a", "one")])
    assert samples.metadata["stop_token"] == "eos"
    assert everyturn.Expander("demo").expand([chat_of("a", "one")]).metadata["stop_token"] is None
    copied = pickle.loads(pickle.dumps(renderer))  # noqa: S301 - its own
    assert copied.stop_token_ids == renderer.stop_token_ids
    own = template_renderer(DEMO, stop_token="eos")
    assert own.fingerprint != template_renderer(DEMO).fingerprint


def test_lint_names_it(folders: dict[str, Path]) -> None:
    """Without it the template is an error with a cure; with it the report says who writes the stop."""
    folder = folders["no_terminator"]
    without = TemplateReport.of_model(folder)
    assert [found.kind for found in without.findings if found.severity == "error"] == [
        "no_stop_token"
    ]
    assert ("stop_token", "eos") in {(each.option, each.value) for each in without.recommendation}
    cured = TemplateReport.of_model(folder, stop_token="eos")
    assert cured.is_fine
    assert "stop_appended" in {found.kind for found in cured.findings}
    assert {(stop.text, stop.owner) for stop in cured.stop_tokens} == {(STOP, "stop_token")}
    text = (folder / "chat_template.jinja").read_text(encoding="utf-8")
    assert not TemplateReport.of_template(text).is_fine
    assert TemplateReport.of_template(text, stop_token="eos").is_fine


def test_the_command_has_the_option(
    folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without it the error says how it is called."""
    chats = tmp_path / "chats.jsonl"
    chats.write_text(json.dumps(chat_of("a", "one")), encoding="utf-8")
    asked = ["expand", str(chats), "--model", str(folders["no_terminator"])]
    output = ["-o", str(tmp_path / "out.parquet")]
    assert main([*asked, *output]) != 0
    assert "stop_token" in capsys.readouterr().err
    assert main([*asked, "--stop-token", "eos", *output]) == 0
    assert "stop_appended" in capsys.readouterr().err
