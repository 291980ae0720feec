"""Rule: the page about a data set shows the counts of `stats`, loads nothing, and takes what a chat holds as text."""

import re
from pathlib import Path

import pytest

import everyturn
from browser import Browser
from chats import chat_of, to_jsonl
from counted_chats import EXAMPLES, HOSTILE
from everyturn.cli import main
from everyturn.stats import Histogram, kept_by_max_length
from everyturn.stats.page.data_set import data_set_page

HOSTILE_KEY = "<script>alert(1)</script>"
TITLES = [
    "What does an epoch cost in each layout?",
    "What does each train_on train?",
    "Who wrote the text?",
    "How long are the samples?",
    "How many answers has a conversation?",
    "Which max_length keeps what?",
    "How much is padding?",
    "Which records were dropped?",
    "Which scripts is the text written in?",
]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Chats, broken records, and a key that is markup."""
    path = tmp_path_factory.mktemp("stats") / "chats & more.jsonl"
    record = chat_of("Hi", "Hey")
    record["messages"][0][HOSTILE_KEY] = 1
    path.write_bytes(EXAMPLES + to_jsonl([*HOSTILE, record]))
    return path


@pytest.fixture(scope="module")
def made(source: Path) -> Path:
    """The page that the command writes."""
    path = source.with_suffix(".html")
    assert (
        main(["stats", str(source), "--model", "demo", "--max-length", "256", "--html", str(path)])
        == 0
    )
    return path


def test_numbers_are_those_of_stats(source: Path, made: Path) -> None:
    """Each bar has its number as text; trained tokens are a part of all tokens."""
    stats = everyturn.Expander("demo", max_length=256).stats(source)
    text = made.read_text()
    for (layout, train_on), variant in stats.variants.items():
        if stats.train_on == train_on or layout == stats.layout:
            report = variant.report
            assert (
                f"{report.tokens:,}, trained {report.trained_tokens:,}; {report.rows:,} samples"
                in text
            )
    for role, count in stats.characters_by_role.items():
        assert f"<title>{role}: {count:,} (" in text
    for kept in kept_by_max_length(stats):
        share, lost = f"{100 * kept.share:.1f} %", f"{kept.lost:,} answer"
        assert f"<title>{kept.max_length:,}: {share}; {lost}" in text
        assert f"{kept.packs:,} pack" in text
    total = stats.variant.report.records_read
    for cause, count in stats.variant.report.records_dropped.items():
        assert f"<title>{cause}: {count:,} ({100 * count / total:.1f} %)" in text
    assert re.findall(r"<h3>(.*?)</h3>", text) == TITLES
    assert f"Samples of more than 256 tokens: {stats.variant.lengths.above(256):,} (" in text


def test_bars_are_as_long_as_their_numbers(made: Path) -> None:
    """The longest bar of a plot is as wide as there is room, the others in proportion."""
    text = made.read_text()
    figure = text[text.index(TITLES[0]) : text.index(TITLES[1])]
    tokens = [int(number.replace(",", "")) for number in re.findall(r": ([\d,]+), trained", figure)]
    widths = [float(width) for width in re.findall(r'class="bar"[^>]* width="([\d.]+)"', figure)]
    assert max(widths) == 210
    assert widths == pytest.approx([210 * number / max(tokens) for number in tokens], abs=0.01)


def test_what_a_chat_holds_is_text(made: Path) -> None:
    """Markup in keys and names of files is shown and not run."""
    text = made.read_text()
    assert HOSTILE_KEY not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "chats &amp; more.jsonl" in text


def test_many_numbers_share_bars() -> None:
    """Ranges up to powers of two hold every number once."""
    from everyturn.stats.page import data_set

    histogram = Histogram(dict.fromkeys(range(1, 300), 1))
    plot = data_set._ranges("t", "w.", histogram)  # noqa: SLF001
    assert [bar.label for bar in plot.bars][-1] == "up to 512"
    counts = [int(bar.number.split(" ")[0]) for bar in plot.bars]
    assert sum(counts) == 299
    assert counts == [1, 1, 2, 4, 8, 16, 32, 64, 128, 43]


def test_a_source_without_conversations_has_a_page() -> None:
    """Nothing is divided by nothing."""
    text = data_set_page(everyturn.Expander("demo").stats(b""), source="-", model="demo")
    assert "Trained: 0 assistant messages of 0 conversations" in text


def test_the_browser_shows_it_and_loads_nothing(browser: Browser, made: Path) -> None:
    """Every plot is there, in light and dark, wide and narrow."""
    browser.requests.clear()
    browser.complaints.clear()
    browser.open(made)
    assert browser.run("document.querySelectorAll('figure svg').length") == len(TITLES)
    assert browser.run("document.querySelector('.bar').getBoundingClientRect().width > 50")
    colours = []
    for _ in ("light", "dark"):
        browser.run("document.getElementById('theme').click()")
        colours.append(browser.run("getComputedStyle(document.body).backgroundColor"))
    assert len(set(colours)) == 2
    browser.resize(400, 800)
    assert browser.run("document.documentElement.scrollWidth <= 400")
    browser.resize(1280, 900)
    assert browser.complaints == []
    assert browser.requests == [made.absolute().as_uri()]
