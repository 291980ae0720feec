"""Other names of keys and roles: records are read under the names that they have."""

import json
from pathlib import Path
from typing import Any

import pytest

import everyturn
from as_template import template_renderer
from chats import Record, Route, answer, user
from everyturn.cli import main
from record_formats import CALL, FORMATS, SHOWING_TEMPLATE, TOOL


@pytest.fixture(scope="module")
def showing(models: dict[str, Path]) -> everyturn.Renderer:
    """A renderer that shows what the template is given."""
    return template_renderer(models["chatml"], chat_template=SHOWING_TEMPLATE)


CHAT = [user("Ping?"), answer("Pong.")]

#: Records, and by which names they are the chat.
NAMED: dict[str, tuple[Record, dict[str, Any]]] = {
    "another list": ({"dialog": CHAT}, {"map": {"messages": "dialog"}}),
    "other keys": (
        {
            "dialog": [
                {"speaker": "bot" if i else "person", "text": message["content"]}
                for i, message in enumerate(CHAT)
            ]
        },
        {
            "map": {"messages": "dialog", "role": "speaker", "content": "text"},
            "roles": {"bot": "assistant", "person": "user"},
        },
    ),
    "roles alone": (
        {"messages": [{"role": "Human", "content": "Ping?"}, {"role": "AI", "content": "Pong."}]},
        {"roles": {"Human": "user", "AI": "assistant"}},
    ),
    "ShareGPT": (
        {"talk": [{"who": "human", "what": "Ping?"}, {"who": "machine", "what": "Pong."}]},
        {
            "map": {"conversations": "talk", "from": "who", "value": "what"},
            "roles": {"machine": "assistant"},
        },
    ),
    "a pair": (
        {"question": "Ping?", "answer": "Pong."},
        {"map": {"prompt": "question", "completion": "answer"}},
    ),
    "JSON text": (
        {
            "dialog": json.dumps(
                [{"role": "user", "body": "Ping?"}, {"role": "assistant", "body": "Pong."}]
            )
        },
        {"map": {"messages": "dialog", "content": "body"}},
    ),
}


@pytest.mark.parametrize("name", NAMED)
def test_records_are_read_under_their_own_names(
    showing: everyturn.Renderer, route: Route, name: str
) -> None:
    """As if they had the names that are read here."""
    record, names = NAMED[name]
    expected = everyturn.Expander(showing).expand([{"messages": CHAT}])
    samples = everyturn.Expander(showing, **names).expand(route([record]))
    assert samples.input_ids.tolist() == expected.input_ids.tolist()
    assert samples.labels.tolist() == expected.labels.tolist()


@pytest.mark.parametrize("name", NAMED)
def test_check_reads_the_same_names(route: Route, name: str) -> None:
    """And finds nothing wrong with the record."""
    record, names = NAMED[name]
    assert [
        finding
        for finding in everyturn.check(route([record]), **names)
        if finding.severity == "error"
    ] == []


@pytest.mark.parametrize(
    ("record", "proposed"),
    [
        ({"conversation": CHAT}, '{"messages": "conversation"}'),
        ({"input": "Ping?", "output": "Pong."}, '{"prompt": "input", "completion": "output"}'),
        ({"prompt": "Ping?", "response": "Pong."}, '{"completion": "response"}'),
        (
            {"turns": [{"speaker": "user", "text": "a"}, {"speaker": "assistant", "text": "b"}]},
            '{"messages": "turns", "role": "speaker", "content": "text"}',
        ),
        (
            {"messages": [{"role": "user", "text": "a"}, {"role": "assistant", "text": "b"}]},
            '{"content": "text"}',
        ),
        (
            {
                "conversations": [
                    {"speaker": "user", "text": "a"},
                    {"speaker": "assistant", "text": "b"},
                ]
            },
            '{"role": "speaker", "content": "text"}',
        ),
    ],
)
def test_an_error_proposes_the_mapping_and_it_works(
    showing: everyturn.Renderer, record: Record, proposed: str
) -> None:
    """Nothing is read by a guess."""
    with pytest.raises(everyturn.ConversationError) as caught:
        everyturn.Expander(showing).expand([record])
    assert f"map={proposed}" in str(caught.value)
    samples = everyturn.Expander(showing, map=json.loads(proposed)).expand([record])
    assert samples.report.targets_trained == 1


@pytest.mark.parametrize(
    ("role", "meant"),
    [("Human", "user"), ("bot", "assistant"), ("ipython", "tool"), ("USER", "user")],
)
def test_an_unknown_role_proposes_what_it_means(
    showing: everyturn.Renderer, role: str, meant: str
) -> None:
    """Where there is one meaning."""
    with pytest.raises(everyturn.ConversationError) as caught:
        everyturn.Expander(showing).expand([{"messages": [{"role": role, "content": "a"}]}])
    assert f'roles={{"{role}": "{meant}"}}' in str(caught.value)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"map": {"mesages": "dialog"}}, "mesages"),
        ({"roles": {"bot": "robot"}}, "robot"),
    ],
)
def test_names_that_are_not_read_are_refused(names: dict[str, Any], said: str) -> None:
    """With those that are."""
    with pytest.raises(everyturn.OptionsError, match=said):
        everyturn.Expander("demo", **names)


WEIGHTS = ("weight", "trainable", "train", "loss", "loss_weight", "output_with_loss")
MEDIA = ("image", "images", "video", "videos", "audio", "audios")


def keys_of(record: Record) -> set[str]:
    """Return the keys of a record and of its messages."""
    return {
        key
        for each in (record, *(item for name in record for item in items_of(record, name)))
        for key in each
    }


def items_of(record: Record, name: str) -> list[Record]:
    """Return the messages that a record has under a key."""
    held = (
        record[name]
        if name not in ("tools", "functions") and isinstance(record[name], list)
        else []
    )
    return [item for item in held if isinstance(item, dict)]


#: Records with the keys that no record of `FORMATS` has; what is said of them may be an error.
OTHERS: list[Record] = [
    {"messages": CHAT, "tools": [TOOL], "chat_template_kwargs": {"mode": "m"}},
    {"messages": CHAT, "functions": [TOOL["function"]]},
    {"messages": [{"role": "system", "content": "Hm", "tools": [TOOL]}, *CHAT]},
    {"messages": [{"role": "system", "content": "Hm", "functions": [TOOL["function"]]}, *CHAT]},
    *({"messages": CHAT, key: "Be kind."} for key in ("system", "system_prompt", "instructions")),
    *({"messages": CHAT, key: 0.5} for key in WEIGHTS),
    *({"messages": [CHAT[0], {**CHAT[1], key: 0.5}]} for key in WEIGHTS),
    *({"messages": CHAT, key: "good"} for key in ("label", "kto_tag", "desirable")),
    *({"messages": CHAT, key: ["a.bin"]} for key in MEDIA),
    {"messages": [CHAT[0], {**CHAT[1], "reasoning": "Hm.", "reasoning_weight": 0.5}]},
    {"messages": [CHAT[0], {**CHAT[1], "thinking": "Hm."}]},
    {
        "messages": [
            CHAT[0],
            {
                **CHAT[1],
                "train_detail": [{"begin_offset": 0, "end_offset": 1, "train": False}],
            },
        ]
    },
    {"messages": [CHAT[0], answer("", tool_calls=[{**CALL, "id": "a"}]),
                  {"role": "tool", "name": "add", "tool_call_id": "a", "content": "4"}, CHAT[1]]},
    {"query": "Ping?", "response": "Pong.", "history": [["a", "b"]]},
    {"conversation": [{"system": "Be kind.", "human": "Ping?", "assistant": "Pong."}]},
    {"conversation": [{"input": "Ping?", "output": "Pong.", "output_with_loss": False},
                      {"input": "Ping?", "output": "Pong."}]},
    {
        "input": "Ping?",
        "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
            {"type": "function_call", "call_id": "a", "name": "add", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "a", "output": "4"},
            {"type": "message", "role": "assistant", "content": "Pong."},
        ],
    },
]  # fmt: skip
EVERY_KEY = [
    pytest.param(record, key, id=f"{key}-{number}")
    for number, record in enumerate([*(record for record, _, _ in FORMATS.values()), *OTHERS])
    for key in sorted(keys_of(record))
]


@pytest.mark.parametrize(("record", "key"), EVERY_KEY)
def test_every_key_that_is_read_can_have_another_name(
    showing: everyturn.Renderer, record: Record, key: str
) -> None:
    """The record is read, or refused, as with its own names."""

    def read(record: Record, **names: Any) -> Any:
        expander = everyturn.Expander(showing, on_error="skip", control_tokens="allow", **names)
        samples = expander.expand([record])
        faults = [(fault.kind, fault.message_index) for fault in samples.report.faults]
        return samples.input_ids.tolist(), samples.labels.tolist(), faults

    def under_their_name(held: Record) -> Record:
        return {f"their {name}" if name == key else name: value for name, value in held.items()}

    theirs = under_their_name(
        {
            name: [under_their_name(item) for item in items_of(record, name)] or value
            for name, value in record.items()
        }
    )
    assert read(theirs, map={key: f"their {key}"}) == read(record)


def test_two_keys_for_one_name_are_an_error(showing: everyturn.Renderer) -> None:
    """Which one is meant cannot be told."""
    record = {"messages": CHAT, "dialog": CHAT}
    with pytest.raises(everyturn.ConversationError, match="dialog"):
        everyturn.Expander(showing, input_format="messages", map={"messages": "dialog"}).expand(
            [record]
        )


def test_the_command_line_takes_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As NAME=OTHER, separated by commas."""
    record, _ = NAMED["other keys"]
    chats = tmp_path / "chats.jsonl"
    chats.write_text(json.dumps(record) + "\n", encoding="utf-8")
    names = [
        "--map",
        "messages=dialog,role=speaker,content=text",
        "--roles",
        "bot=assistant,person=user",
    ]
    assert main(["check", str(chats), *names]) == 0
    assert (
        main(["expand", str(chats), "--model", "demo", "-o", str(tmp_path / "out.parquet"), *names])
        == 0
    )
    assert main(["check", str(chats), *names, "--fix", "-o", str(tmp_path / "copy.jsonl")]) == 2
    assert "map" in capsys.readouterr().err
