"""How a command line is refused: in one line, with what was meant, and without the usage of every flag."""

import inspect
import json
from pathlib import Path

import pytest

import everyturn
from everyturn.cli import main
from paths import EXAMPLE_CHATS

CHATS = str(EXAMPLE_CHATS)

#: Arguments, what the error says, and the command whose help is named.
REFUSED: list[tuple[list[str], str, str]] = [
    (["expnd"], "'expnd' is unknown", "everyturn"),
    (["expnd"], "did you mean expand?", "everyturn"),
    (["--verion"], "did you mean --version?", "everyturn"),
    (["expand", CHATS, "--modl", "demo"], "did you mean --model?", "everyturn expand"),
    (
        ["expand", CHATS, "--model", "demo", "--train_on", "last"],
        "did you mean --train-on?",
        "everyturn expand",
    ),
    (["check", CHATS, "--layout", "merge"], "did you mean merged?", "everyturn check"),
    (["check", CHATS, "--layout", "packed"], "expected one of per_turn,", "everyturn check"),
    (["check", CHATS, "--train-on", "lasted"], "last_assistant_message", "everyturn check"),
    (
        ["expand", CHATS, "--model", "demo", "--keep", "{id"],
        "--keep: not JSON: ",
        "everyturn expand",
    ),
    (["expand", CHATS], "--model DIR is missing: a model folder", "everyturn expand"),
    (["expand", CHATS], '"demo", the built-in model', "everyturn expand"),
    (["verify", CHATS, "--model", "demo"], "--server URL is missing", "everyturn verify"),
    (["explain", "json", "io"], "io: not expected here", "everyturn explain"),
    (["expand", "--model", "demo"], "INPUT", "everyturn expand"),
]


@pytest.mark.parametrize(("arguments", "said", "command"), REFUSED)
def test_wrong_use_is_two_lines(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str, command: str
) -> None:
    """What is wrong and what was meant; where help is."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    captured = capsys.readouterr()
    error, hint = captured.err.splitlines()
    assert captured.out == ""
    assert error.startswith("error: ")
    assert said in error
    assert hint == f"hint: `{command} --help` lists what it takes"


def test_other_names_of_a_value_are_not_offered(capsys: pytest.CaptureFixture[str]) -> None:
    """They are taken, but help does not name them."""
    with pytest.raises(SystemExit):
        main(["check", CHATS, "--train-on", "lasts"])
    assert "train_on_last" not in capsys.readouterr().err
    assert main(["expand", CHATS, "--model", "demo", "--train-on", "last", "--limit", "1"]) == 0


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        # The flag of other commands, and the beginning of one that means something else.
        (["inspect", CHATS, "--model", "demo", "--limit", "5"], "--limits"),
        (["stats", CHATS, "--mod=demo"], "--model"),
    ],
)
def test_the_beginning_of_a_flag_is_not_that_flag(
    capsys: pytest.CaptureFixture[str], arguments: list[str], meant: str
) -> None:
    """It is named instead."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert f"is not a flag of `everyturn {arguments[0]}`; did you mean {meant}?" in (
        capsys.readouterr().err
    )


FLAGS = [
    ["--chat-template", "chatml"],
    ["--template-kwargs", "a=1"],
    ["--now", "2026-01-31"],
    ["--engine", "fast"],
    ["--serve", "sglang"],
    ["--content-format", "string"],
    ["--tokenizer", "auto_tokenizer"],
    ["--stop-token", "eos"],
    ["--limits", "2"],
]


def test_every_option_of_a_model_is_such_a_flag() -> None:
    """A new one is refused, too, where there is no model."""
    parameters = inspect.signature(everyturn.Renderer.from_dir).parameters
    options = {name for name, each in parameters.items() if each.kind is each.KEYWORD_ONLY}
    assert {flag.removeprefix("--").replace("-", "_") for flag, _ in FLAGS} == options


@pytest.mark.parametrize("flag", FLAGS, ids=[name for name, _ in FLAGS])
@pytest.mark.parametrize("command", ["check", "relabel"])
def test_a_flag_of_a_model_needs_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str, flag: list[str]
) -> None:
    """Without a model it would do nothing."""
    everyturn.Expander("demo", provenance=True).expand(CHATS, limit=1).save(tmp_path / "samples")
    rules = tmp_path / "rules.json"
    rules.write_text('[{"weight": 1}]', encoding="utf-8")
    rest = ["--rules", str(rules), "-o", str(tmp_path / "out")] if command == "relabel" else []
    source = str(tmp_path / "samples") if command == "relabel" else CHATS
    assert main([command, source, *rest, *flag]) == 2
    assert f"{flag[0]} needs --model" in capsys.readouterr().err


def test_lint_has_no_flag_that_does_nothing(
    capsys: pytest.CaptureFixture[str], models: dict[str, Path]
) -> None:
    """It encodes nothing, and a template alone has no tokenizer."""
    with pytest.raises(SystemExit):
        main(["lint", "--model", "demo", "--engine", "fast"])
    assert "--engine is not a flag of `everyturn lint`" in capsys.readouterr().err
    template = str(models["chatml"] / "chat_template.jinja")
    assert main(["lint", template, "--tokenizer", "auto_tokenizer"]) == 2
    assert "--tokenizer needs --model" in capsys.readouterr().err


def test_what_follows_two_dashes_is_not_a_flag(capsys: pytest.CaptureFixture[str]) -> None:
    """A file may be called so."""
    assert main(["stats", "--model", "demo", "--", "--chats.jsonl"]) == 2
    assert capsys.readouterr().err.startswith("error: --chats.jsonl: no such file")


@pytest.mark.parametrize("arguments", [["help", "expand"], ["expand", "--help"], ["expand", "-h"]])
def test_help_begins_with_what_a_command_needs(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """The flags are below, each with its explanation."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[:2] == ["usage: everyturn expand INPUT .. --model DIR [flags]", ""]
    assert any(line.lstrip().startswith("--layout ") for line in shown)


def test_help_alone_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """As ``--help`` does."""
    for arguments in (["help"], ["--help"]):
        with pytest.raises(SystemExit):
            main(arguments)
    one, other = capsys.readouterr().out.split("usage: ")[1:]
    assert one == other


ARGUMENTS = [
    (["enable_thinking=false"], {"enable_thinking": False}),
    (["enable_thinking=False"], {"enable_thinking": False}),
    (["a=1", "b=text", "c=null"], {"a": 1, "b": "text", "c": None}),
    (["a=x=y"], {"a": "x=y"}),
    (['a=["x"]'], {"a": ["x"]}),
    (['{"a": 1}', "a=2"], {"a": 2}),
]


@pytest.mark.parametrize(("given", "kwargs"), ARGUMENTS)
def test_arguments_of_the_template_are_key_and_value(
    given: list[str], kwargs: dict[str, object]
) -> None:
    """JSON where the value is JSON, else text; the words of Python mean what they mean there."""
    flags = [word for text in given for word in ("--template-kwargs", text)]
    parsed = everyturn.cli.parser().parse_args(["lint", *flags])
    assert everyturn.cli.options.kwargs_from(parsed) == kwargs


@pytest.mark.parametrize("given", ["enable_thinking", "=false", "[1]", "a b=1"])
def test_other_arguments_are_refused_with_an_example(
    capsys: pytest.CaptureFixture[str], given: str
) -> None:
    """Both ways to write one."""
    assert main(["lint", "--model", "demo", "--template-kwargs", given]) == 2
    error = capsys.readouterr().err
    assert "KEY=VALUE" in error
    assert "enable_thinking=false" in error


def test_lint_takes_the_folder_of_a_model(
    capsys: pytest.CaptureFixture[str], models: dict[str, Path]
) -> None:
    """As if it were named by ``--model``."""
    folder = str(models["chatml"])
    codes = [main(["lint", folder]), main(["lint", "--model", folder])]
    one, other = capsys.readouterr().out.split("prompts of")[1:]
    assert codes[0] == codes[1]
    assert one.strip().startswith(other.strip()[:200])


def test_lists_of_names_add_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A flag that is given twice loses nothing of the first."""
    path, out = tmp_path / "chats.jsonl", tmp_path / "rows.parquet"
    messages = [{"who": "user", "content": "q"}, {"who": "assistant", "content": "a"}]
    path.write_text(json.dumps({"dialog": messages, "id": 1, "source": "x"}))
    words = ["expand", str(path), "--model", "demo", "-o", str(out)]
    words += ["--keep", "id", "--keep", "source:string"]
    words += ["--map", "messages=dialog", "--map", "role=who"]
    assert main(words) == 0, capsys.readouterr().err
    assert {"id", "source"} <= set(everyturn.Samples.from_parquet(out).kept)
    words = ["check", str(path), "--map", "messages=dialog,role=who", "--json"]
    words += ["--ignore", "unread_record_keys", "--ignore", "unread_keys"]
    main(words)
    assert "unread" not in capsys.readouterr().out
