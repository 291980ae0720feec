"""How samples and reports show themselves: in one line, and in a notebook."""

import dataclasses
import pickle
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest

import everyturn
from chats import TWO_TURNS, Record, answer, chat_of, user
from everyturn.inspect.notebook import runs_of, sample_html
from everyturn.torch import SampleDataset, StreamDataset
from paths import EXAMPLE_CHATS

TEMPLATE = "{% for m in messages %}{{ m.content }}<|im_end|>{% endfor %}"
DEMO = everyturn.Expander("demo")


def plain(html: str) -> str:
    """The text that a browser shows."""
    return unescape(re.sub(r"<[^>]*>", "", html))


def test_a_line_says_how_much_there_is_of_each() -> None:
    """No array is in it."""
    samples = DEMO.expand(EXAMPLE_CHATS)
    assert repr(samples) == "Samples(samples=16, tokens=2552, trained=1198)"
    assert repr(samples[8]) == "Sample(line=8, messages=[3], tokens=133, trained=55)"
    assert repr(samples.report) == (
        "Report(records=13, targets=29, samples=16, tokens=2552, trained=1198, warnings=['control_tokens'])"
    )
    assert repr(DEMO.stats(EXAMPLE_CHATS)) == (
        "Stats(conversations=13, duplicates=0, layout='merged', train_on='all_assistant_messages', "
        "samples=16, tokens=2552, trained=1198)"
    )
    assert repr(DEMO.renderer.lint()) == (
        "TemplateReport(is_fine=True, findings=['warning: history_rewritten'], recommendation={})"
    )
    assert repr(StreamDataset(DEMO, "chats.jsonl")) == (
        f"StreamDataset('chats.jsonl', {DEMO.renderer!r}, layout='merged')"
    )
    assert repr(SampleDataset(samples)) == f"SampleDataset({samples!r})"


def test_what_is_dropped_is_in_the_line_of_a_report() -> None:
    """By number; a run without losses does not name them."""
    chats: list[Record] = [{"messages": []}, {"messages": TWO_TURNS}]
    lost = DEMO.replace(on_error="skip").expand(chats)
    assert "records_dropped=1" in repr(lost.report)
    assert "targets_dropped" not in repr(lost.report)


def test_a_sample_shows_its_text_with_what_is_trained_marked() -> None:
    """As the terminal does: in the margin, and by a colour of its own."""
    (sample,) = DEMO.expand([{"messages": TWO_TURNS}])
    lines = plain(sample._repr_html_()).splitlines()
    assert (
        lines[0]
        == f"<records>:1, messages 1, 3: {len(sample.input_ids)} tokens, 4 trained (13.8 %)"
    )
    trained = [line for line in lines if line.startswith("T")]
    assert trained == ["T assistant 1 ┃ one<|im_end|>", "T assistant 3 ┃ two<|im_end|>"]
    context = "".join(line.partition("│ ")[2] for line in lines if "│" in line)
    assert context == (
        "<|im_start|>usera<|im_end|><|im_start|>assistant↵↵<|im_start|>userb<|im_end|><|im_start|>assistant↵"
    )


@pytest.mark.parametrize("layout", ["per_turn", "merged", "tree", "conversation"])
def test_every_trained_token_is_marked_in_every_layout(layout: str) -> None:
    """The marked text is what the trained ids decode to."""
    renderer = DEMO.renderer
    for sample in DEMO.replace(layout=layout).expand(EXAMPLE_CHATS):
        lines = plain(sample._repr_html_()).splitlines()
        marked = "".join(line.partition("┃ ")[2] for line in lines if line.startswith("T"))
        expected = renderer.decode(sample.trained_ids)
        assert re.sub(r"[\s↵·]", "", marked) == re.sub(r"[\s·]", "", expected)


@pytest.mark.parametrize("model", ["llama-2", "qwen3", "phi-3-mini"])
def test_the_text_is_what_the_ids_decode_to(
    model: str, tokenizer_folder: Callable[[str], Path]
) -> None:
    """Also where decoding leaves out the first space of a text, and where two tokens share a character."""
    renderer = everyturn.Renderer.from_dir(tokenizer_folder(model))
    chat = chat_of("a b", " c  d", "e 🦄", "🧮🧮 h")
    (sample,) = everyturn.Expander(renderer, layout="conversation").expand([chat])
    shown = "".join(run.text for run in runs_of(sample, renderer))
    assert shown == renderer.decode(sample.input_ids)


def test_no_chat_writes_into_the_page() -> None:
    """Markup is text, and what steers a reading order is shown as a sign."""
    hostile = "</pre><script>alert(1)</script>\u202e\x1b[31m&amp;[bold]"
    chat = {"messages": [user(hostile), answer(hostile)]}
    samples = DEMO.expand([chat])
    for html in (samples._repr_html_(), samples[0]._repr_html_(), samples.report._repr_html_()):
        assert set(re.findall(r"<(/?\w+)", html)) <= {"pre", "/pre", "span", "/span"}
        assert "\u202e" not in html
        assert "\x1b" not in html
    assert "&amp;amp;[bold]" in samples[0]._repr_html_()


def test_long_context_is_cut_and_answers_are_not() -> None:
    """Its begin and its end are shown, with how much is between."""
    story = "\n".join(f"line {at}." for at in range(50))
    (sample,) = DEMO.expand([{"messages": [user(story), answer(story)]}])
    text = plain(sample._repr_html_())
    assert "│ … 40 lines of context" in text
    assert text.count("line 7.") == 1
    assert text.count("line 49.") == 2


def test_without_a_renderer_numbers_are_shown() -> None:
    """As after unpickling, which takes no tokenizer along."""
    samples = DEMO.expand([{"messages": TWO_TURNS}])
    assert samples.renderer is samples[0].renderer is DEMO.renderer
    for unpickled in (pickle.loads(pickle.dumps(samples)), pickle.loads(pickle.dumps(samples[0]))):  # noqa: S301
        assert unpickled.renderer is None
        assert "one" not in plain(unpickled._repr_html_())
        assert "29" in plain(unpickled._repr_html_())


def test_loaded_samples_show_their_text_by_the_renderer_that_made_them(tmp_path: Path) -> None:
    """And by no other."""
    DEMO.expand([{"messages": TWO_TURNS}]).save(tmp_path / "saved")
    load = everyturn.Samples.load
    assert "one" not in plain(load(tmp_path / "saved")[0]._repr_html_())
    assert "one" in plain(load(tmp_path / "saved", renderer=DEMO.renderer)[0]._repr_html_())
    other = everyturn.Renderer.from_dir("demo", chat_template=TEMPLATE)
    with pytest.raises(everyturn.OptionsError, match="made by another renderer"):
        load(tmp_path / "saved", renderer=other)


def test_samples_show_the_first_of_them() -> None:
    """With how their trained text begins, and how many more there are."""
    text = plain(DEMO.expand(EXAMPLE_CHATS)._repr_html_())
    assert "Samples(samples=16, tokens=2552, trained=1198)" in text
    assert "<think>↵31 divided by 4" in text
    assert "and 6 samples more" in text


def test_an_empty_sample_is_shown() -> None:
    """It has no lines."""
    (sample,) = DEMO.expand([{"messages": TWO_TURNS}])
    empty = {name: getattr(sample, name)[:0] for name in ("input_ids", "labels", "targets")}
    assert "0 tokens, 0 trained (0.0 %)" in plain(sample_html(dataclasses.replace(sample, **empty)))


def test_statistics_show_what_an_epoch_costs_in_each_layout() -> None:
    """With the figures of each layout's own report."""
    stats = DEMO.stats(EXAMPLE_CHATS)
    rows = [line.split() for line in plain(stats._repr_html_()).splitlines()]
    for (layout, train_on), variant in stats.variants.items():
        if train_on == stats.train_on:
            report = variant.report
            numbers = [report.rows, report.tokens, report.trained_tokens]
            assert [layout, *(f"{number:,}" for number in numbers)] in [row[:4] for row in rows]


def test_reports_of_expansions_and_of_templates_show_their_lines() -> None:
    """All of them."""
    report = DEMO.expand(EXAMPLE_CHATS).report
    assert "29 targets in 16 samples" in plain(report._repr_html_())
    assert "warning: control_tokens, once" in plain(report._repr_html_())
    verdict = "usable with the defaults: 1 warning"
    assert verdict in plain(DEMO.renderer.lint()._repr_html_())
