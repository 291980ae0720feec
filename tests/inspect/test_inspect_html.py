"""`everyturn inspect --html`: one file that loads nothing, in which whatever a chat holds is text."""

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from browser import Browser
from chats import to_jsonl
from everyturn import Expander
from everyturn.cli import main
from everyturn.html.shell import Section, page
from everyturn.inspect import pick
from everyturn.inspect.inspection import inspect_record
from inspected_chats import CHATS, chat
from layouts import LAYOUTS

ASSETS = [
    *Path(pick.__file__).parent.joinpath("page").glob("*.js"),
    *Path(pick.__file__).parent.parent.joinpath("html").glob("*.js"),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page about all chats, hostile ones among them, and a broken record."""
    folder = tmp_path_factory.mktemp("html")
    source = folder / "chats.jsonl"
    lines = [chat(name) for name in CHATS]
    source.write_bytes(b"".join(lines) + b'{"messages": "<script>alert(2)</script>"}\n')
    path = folder / "report.html"
    assert main(["inspect", str(source), "--model", "demo", "--html", str(path)]) == 0
    return path


@pytest.fixture
def opened(browser: Browser, made: Path) -> Browser:
    """The page, freshly opened."""
    browser.requests.clear()
    browser.complaints.clear()
    browser.open(made)
    return browser


def data_of(path: Path) -> Any:
    """Return the data of a page."""
    found = re.search(r'id="conversations-data">(.*?)</script>', path.read_text(), re.DOTALL)
    assert found is not None
    return json.loads(found[1])


# --------------------------------------------------------------------------------------------
# The file
# --------------------------------------------------------------------------------------------


def test_the_page_holds_every_variant_with_the_ids_and_labels_that_expand_gives(made: Path) -> None:
    """Rows that begin alike are held once; unpacked, each is the sample."""
    *conversations, _broken = data_of(made)["conversations"]
    for conversation, name in zip(conversations, CHATS, strict=True):
        for layout, by_train_on in conversation["variants"].items():
            for train_on, variant in by_train_on.items():
                # The rows of a tree are its paths.
                rows: Any = "per_turn" if layout == "tree" else layout
                samples = Expander("demo", layout=rows, train_on=train_on).expand(chat(name))
                for row, sample in zip(variant["rows"], samples, strict=True):
                    body = conversation["bodies"][row["body"]]
                    assert body["ids"][: row["tokens"]] == sample.input_ids.tolist()
                    trained = [at for start, end, *_ in row["trained"] for at in range(start, end)]
                    assert trained == [
                        at for at, label in enumerate(sample.labels) if label != -100
                    ]


def test_rows_that_begin_alike_are_held_once(made: Path) -> None:
    """A template that keeps history needs one text for all layouts."""
    plain = data_of(made)["conversations"][list(CHATS).index("plain")]
    assert len(plain["variants"]["per_turn"]["all_assistant_messages"]["rows"]) == 2
    assert len(plain["bodies"]) == 1


def test_nothing_runs_or_loads_but_what_the_policy_names(made: Path) -> None:
    """The hashes of the policy are those of the one style and the one script; there is no address in the file."""
    text = made.read_text()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert policy[1].startswith("default-src &#39;none&#39;")
    for element, kind in (("style", "style-src"), ("script", "script-src")):
        bodies = re.findall(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)
        assert len(bodies) == 1
        digest = base64.b64encode(hashlib.sha256(bodies[0].encode()).digest()).decode()
        assert f"{kind} &#39;sha256-{digest}&#39;" in policy[1]
    assert not re.search(
        r"\b(src|href|action|onload|onerror|style)\s*=",
        re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL),
    )
    assert set(re.findall(r"https?://[^\s\"']*", text)) <= {"http://www.w3.org/2000/svg"}


def test_what_a_chat_holds_ends_no_element(made: Path) -> None:
    """As many script elements as the shell has, whatever the chats say."""
    text = made.read_text()
    assert len(re.findall(r"<script", text)) == len(re.findall(r"</script", text)) == 2
    assert "alert(1)" in text


@pytest.mark.parametrize("path", ASSETS, ids=lambda path: path.name)
def test_scripts_make_no_markup_from_text(path: Path) -> None:
    """What comes from data becomes text by the functions that can do nothing else."""
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(",
        path.read_text(),
    )


def test_the_file_appears_whole_or_not_at_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line that is not there leaves no page behind, and a folder that is not there is said at once."""
    source = tmp_path / "chats.jsonl"
    source.write_bytes(chat("plain"))
    path = tmp_path / "report.html"
    assert main(["inspect", f"{source}:9", "--model", "demo", "--html", str(path)]) == 2
    assert (
        main(
            [
                "inspect",
                str(source),
                "--model",
                "demo",
                "--html",
                str(tmp_path / "no" / "report.html"),
            ]
        )
        == 2
    )
    assert (
        main(["inspect", f"{source}:1", "--model", "demo", "--html", str(path), "--sample", "3"])
        == 2
    )
    assert list(tmp_path.iterdir()) == [source]
    assert "no such folder" in capsys.readouterr().err


def test_a_sample_of_the_conversations_is_on_the_page(tmp_path: Path) -> None:
    """`--sample` says how many, `--seed` which."""
    source = tmp_path / "chats.jsonl"
    source.write_bytes(to_jsonl([{"messages": CHATS["plain"], "n": n} for n in range(30)]))
    lines: list[list[int]] = []
    for seed in ("1", "1", "2"):
        path = tmp_path / "report.html"
        arguments = ["--sample", "4", "--seed", seed, "--html", str(path)]
        assert main(["inspect", str(source), "--model", "demo", *arguments]) == 0
        lines.append([conversation["line"] for conversation in data_of(path)["conversations"]])
    assert len(lines[0]) == 4
    assert lines[0] == lines[1] != lines[2]


def test_a_section_of_one_s_own_has_its_data_and_its_escaped_template() -> None:
    """The shell knows nothing of conversations."""
    section = Section(
        name="numbers",
        title="Numbers",
        template="<p>{{ word }}</p>",
        style=".a { color: var(--text); }",
        script="everyturn.sections.numbers = (root, data) => {};",
        context={"word": "<b>"},
        data=["</script>"],
    )
    text = page("A page", [section, section])
    assert "<p>&lt;b&gt;</p>" in text
    assert text.count("<h2>Numbers</h2>") == 2
    assert '["\\u003c/script\\u003e"]' in text


def test_a_script_that_would_end_its_element_is_refused() -> None:
    """The package's own files are put in as they are, so they must not hold an end."""
    section = Section(
        name="a", title="", template="", style="", script="'</script>'", context={}, data=None
    )
    with pytest.raises(ValueError, match="end its element"):
        page("A page", [section])


# --------------------------------------------------------------------------------------------
# In a browser
# --------------------------------------------------------------------------------------------


def choose(browser: Browser, name: str) -> None:
    """Show another conversation."""
    browser.run(
        f"""(() => {{ const select = document.getElementById("conversation");
        select.value = "{list(CHATS).index(name)}"; select.dispatchEvent(new Event("change")); }})()"""
    )


def press(browser: Browser, group: str, choice: str) -> None:
    """Press a button of a group."""
    browser.run(f"""document.querySelector('#{group} [data-choice="{choice}"]').click()""")


def words(browser: Browser, selector: str, number: int = 0) -> str:
    """Return the text of elements in a sample, without the signs for newlines and next tokens."""
    script = f"""(() => {{ const copy = document.querySelectorAll(".lines")[{number}].cloneNode(true);
        copy.querySelectorAll(".mark, .predicted").forEach((each) => each.remove());
        return [...copy.querySelectorAll("{selector}")].map((each) => each.textContent).join(""); }})()"""
    return str(browser.run(script))


@pytest.mark.parametrize("name", CHATS)
def test_the_page_marks_as_trained_what_is_trained(opened: Browser, name: str) -> None:
    """The text of the marked cells, sample by sample, is that of the tokens with labels."""
    choose(opened, name)
    expander = Expander("demo")
    explained = inspect_record(expander, next(pick.records(expander, chat(name))))
    assert opened.run("document.querySelectorAll('.lines').length") == len(explained.samples)
    for number, sample in enumerate(explained.samples):
        trained = "".join(run.text for run in sample.runs if run.trained)
        shown = words(opened, ".trained", number)
        if name != "hostile":
            assert shown.replace("\n", "") == trained.replace("\n", "")
            assert words(opened, ".cell", number) == sample.text.replace("\n", "")
        stop = "".join(run.text for run in sample.runs if run.is_stop)
        assert words(opened, ".stop", number) == stop


def test_nothing_is_loaded_and_nothing_complains(opened: Browser, made: Path) -> None:
    """Every conversation, layout, train_on and view, and the only request is the file."""
    for name in CHATS:
        choose(opened, name)
        for layout in LAYOUTS:
            press(opened, "layouts", layout)
            for view in ("tokens", "next", "text"):
                press(opened, "views", view)
    for train_on in opened.run(
        "[...document.getElementById('train_on').options].map((each) => each.value)"
    ):
        opened.run(
            f"""(() => {{ const select = document.getElementById("train_on"); select.value = "{train_on}";
            select.dispatchEvent(new Event("change")); }})()"""
        )
        assert opened.run("document.querySelectorAll('#samples > *').length") >= 1
    assert opened.requests == [made.as_uri()]
    assert opened.complaints == []


def test_hostile_text_is_text(opened: Browser) -> None:
    """Nothing of it runs, makes an element or turns the reading order; it is shown."""
    choose(opened, "hostile")
    assert opened.run("document.querySelectorAll('main script:not([type])').length") == 0
    text = opened.run("document.getElementById('samples').textContent")
    assert "<script>alert(1)</script>" in text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", text)
    assert opened.complaints == []


def test_what_is_dropped_is_shown_first(
    browser: Browser, models: dict[str, Path], tmp_path: Path
) -> None:
    """Above everything that is trained, and first among the messages, in the colour of warnings."""
    source = tmp_path / "chats.jsonl"
    source.write_bytes(chat("plain"))
    path = tmp_path / "report.html"
    model = ["--model", str(models["prefills_thinking"]), "--prompt-mismatch", "skip"]
    assert main(["inspect", str(source), *model, "--html", str(path)]) == 0
    browser.open(path)
    losses = browser.run(
        "[...document.querySelectorAll('#losses .notice')].map((e) => e.textContent)"
    )
    assert [text.partition(": first prompt_mismatch: ")[0] for text in losses] == [
        "Dropped: messages 2 and 6"
    ]
    names = browser.run("[...document.querySelectorAll('#messages b')].map((e) => e.textContent)")
    assert names[:2] == ["2 assistant", "6 assistant"]
    assert len(names) == len(CHATS["plain"])
    assert browser.run("document.querySelectorAll('#messages .is-lost').length") == 2
    assert browser.run("document.querySelectorAll('#messages .is-trained').length") == 0
    lead = browser.run("document.querySelector('#lead').textContent")
    assert lead.startswith("0 of 2 messages that were to be trained are: 0 of 0 tokens")
    assert browser.run("document.title") == "What is trained: chats.jsonl:1"


def test_a_broken_record_is_named(opened: Browser) -> None:
    """It is one of the conversations, with its error instead of samples."""
    count = opened.run("document.getElementById('conversation').options.length")
    assert count == len(CHATS) + 1
    opened.run("document.getElementById('before').click()")
    assert "cannot be trained" in opened.run("document.getElementById('lead').textContent")
    assert "text that is not JSON" in opened.run("document.getElementById('notes').textContent")


def test_keys_move_from_token_to_token_and_say_what_each_is(opened: Browser) -> None:
    """Arrows, Home and End; the position, the id and the message are shown."""
    choose(opened, "plain")
    opened.run("document.querySelector('.cell').focus()")
    seen = [opened.run("document.getElementById('details').textContent")]
    for key in ("ArrowRight", "ArrowDown", "End", "Home"):
        opened.press(key)
        seen.append(opened.run("document.getElementById('details').textContent"))
    samples = Expander("demo").expand(chat("plain"))
    ids = samples[0].input_ids
    assert f"Token 0Id {ids[0]}" in seen[0] == seen[4]
    assert f"Token 1Id {ids[1]}" in seen[1]
    assert f"Token {len(ids) - 1}Id {ids[-1]}" in seen[3]
    assert "the stop token" in seen[3]


def test_pointing_at_a_token_says_what_it_is(opened: Browser) -> None:
    """Characters and bytes are counted from the start of the sample."""
    choose(opened, "foreign")
    place = opened.run(
        """(() => { const cell = document.querySelector(".of-user .cell"); cell.scrollIntoView({block: "center"});
        const box = cell.getBoundingClientRect(); return [box.x + 2, box.y + 4]; })()"""
    )
    opened.point(*place)
    shown = opened.run("document.getElementById('details').textContent")
    assert "Written by message user 0" in shown
    assert "Token 4 to 5, which share a character" in shown
    assert "Characters 17 to 19Bytes 17 to 23" in shown


def test_the_view_of_next_tokens_marks_the_position_before_each_trained_token(
    opened: Browser,
) -> None:
    """Labels are unshifted: as many positions predict as tokens are trained, and each names the next one."""
    choose(opened, "tools")
    press(opened, "views", "next")
    samples = Expander("demo").expand(chat("tools"))
    count = sum(len(sample.trained_ids) for sample in samples)
    assert opened.run("document.querySelectorAll('.predicts').length") == count
    predicted = opened.run(
        "[...document.querySelectorAll('.predicted')].map((each) => each.textContent)"
    )
    assert predicted[-1] == "→<|im_end|>"
    press(opened, "views", "text")


def test_the_layout_and_train_on_are_chosen_on_the_page(opened: Browser) -> None:
    """What the sentence on top counts is what expand counts."""
    choose(opened, "reasoning")
    for layout in LAYOUTS:
        press(opened, "layouts", layout)
        report = Expander("demo", layout=layout).expand(chat("reasoning")).report
        lead = opened.run("document.getElementById('lead').textContent")
        assert f"{report.trained_tokens:,} of {report.tokens:,} tokens" in lead
    assert "a server would never show" in opened.run(
        "document.getElementById('layout-words').textContent"
    )
    press(opened, "layouts", "merged")


def test_a_tree_shows_what_its_paths_share_once(made: Path, opened: Browser) -> None:
    """A branch begins where it leaves the others, indented, and says where and why."""
    choose(opened, "reasoning")
    press(opened, "layouts", "tree")
    found = data_of(made)["conversations"][list(CHATS).index("reasoning")]["variants"]["tree"]
    rows = found["all_assistant_messages"]["rows"]
    shown = opened.run(
        "[...document.querySelectorAll('#samples .sample')].map((each) => [each.querySelector('.branch').textContent, "
        "each.style.marginInlineStart, each.querySelectorAll('.cell').length])"
    )
    assert [words for words, _, _ in shown] == [row["branch"]["words"] for row in rows]
    assert shown[0][:2] == ["from the root", "0rem"]
    assert "branches off path 0 after" in shown[1][0]
    assert shown[1][1] == "2rem"
    assert all(row["branch"]["shared"] > 0 for row in rows[1:])
    press(opened, "layouts", "merged")


def test_light_and_dark_follow_the_system_and_the_button(made: Path, opened: Browser) -> None:
    """The button switches from the system's choice to light and dark."""
    themes = []
    for _ in range(3):
        themes.append(opened.run("document.documentElement.dataset.theme"))
        opened.run("document.getElementById('theme').click()")
    assert themes == ["light", "light", "dark"]
    with Browser(dark=True) as dark:
        dark.open(made)
        assert dark.run("document.documentElement.dataset.theme") == "dark"


@pytest.mark.parametrize("width", [320, 420, 800, 1280])
def test_the_page_is_never_wider_than_the_screen(opened: Browser, width: int) -> None:
    """No conversation makes it scroll sideways, in no view."""
    opened.resize(width, 900)
    for name in CHATS:
        choose(opened, name)
        for view in ("text", "tokens", "next"):
            press(opened, "views", view)
            assert opened.run("document.documentElement.scrollWidth") <= width, (name, view)
    press(opened, "views", "text")
    opened.resize(1280, 900)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_is_readable_against_its_ground(opened: Browser, theme: str) -> None:
    """Every colour of text has a contrast of 4.5 to 1, as WCAG 2.2 asks of level AA."""
    opened.run(f"document.documentElement.dataset.theme = '{theme}'")
    pairs = [
        ("--text", "--page"),
        ("--faint", "--page"),
        ("--faint", "--panel"),
        ("--trained", "--trained-back"),
    ]
    pairs += [
        ("--stop-text", "--stop-back"),
        ("--page", "--accent"),
        ("--current-text", "--current"),
    ]
    pairs += [
        (name, "--panel") for name in ("--system", "--user", "--assistant", "--tool", "--trained")
    ]
    style = "getComputedStyle(document.documentElement).getPropertyValue"
    for ink, ground in pairs:
        colours = [str(opened.run(f"{style}('{name}')")).strip() for name in (ink, ground)]
        light, dark = sorted((luminance(colour) for colour in colours), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, ground)


def luminance(colour: str) -> float:
    """The relative luminance of ``#rrggbb``, as WCAG 2.2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
