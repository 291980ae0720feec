"""Write docs/recipes: for each family of models the command, what it trains, what an epoch costs, for which servers.

    python tools/make_recipes.py           # writes the pages
    python tools/make_recipes.py --check   # exit code 1 where one is not what is made

In: the published templates of the folder named by EVERYTURN_DATA, and the example chats. Out: a page for each family
and their index. All figures and texts are the product's own; what a template says in words of its own is left out.
Where a family's tokenizer is not at hand, the built-in one counts, with the control tokens of the template.
"""

import argparse
import dataclasses
import functools
import itertools
import json
import os
import sys
import tempfile
import textwrap
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

from everyturn import Expander, Renderer, TemplateReport  # noqa: E402
from everyturn.inspect import pick, terminal  # noqa: E402
from everyturn.inspect.inspection import Sample, inspect_record  # noqa: E402
from everyturn.model_sources import SERVE  # noqa: E402
from everyturn.options import Layout, Serve  # noqa: E402
from paths import find_data  # noqa: E402 - found beside the tests
from published import write_model  # noqa: E402 - likewise

PAGES = ROOT / "docs" / "recipes"
CHATS = "chats.jsonl"
LINE = 8
"""Two questions, each answered with reasoning."""

COLUMNS = 80
WIDTH = 140
SHOWN_CONTEXT = 6
"""How many lines before an answer are shown."""

LONGEST_HEADER = 24
"""Template text of more characters is not shown."""

SKIPS = (
    "`on_error`: leaves out what the template refuses of the example chats; yours may need none."
)

OF_RENDERER = ("content_format", "template_kwargs", "now", "stop_token")
"""The options of `Renderer` that `lint` may advise; the others are those of `Expander`."""

NOW = "2026-01-01T00:00:00"


@dataclasses.dataclass(frozen=True)
class Family:
    """A family of models.

    Attributes:
        name: The name of its page.
        title: Its heading.
        template: The published template, by the name of its file.
        tokenizer: Its tokenizer, by the name of its folder; None if it is not at hand.
        words: What is particular to it.
        serve: The server whose prompts are made, if it is not the default one.
    """

    name: str
    title: str
    template: str
    tokenizer: str | None
    words: str
    serve: Serve = SERVE


FAMILIES = (
    Family(
        name="qwen3",
        title="Qwen3",
        template="Qwen-Qwen3-0.6B",
        tokenizer="qwen3",
        words="""Earlier reasoning is cut from prompts, and an answer without reasoning is written after an empty block
        of thinking, in the last turn only. So answers seldom share a sample: `--layout tree` is cheaper where
        the attention takes a mask.""",
    ),
    Family(
        name="deepseek-r1",
        title="DeepSeek-R1",
        template="hfjs-deepseek-ai-DeepSeek-R1",
        tokenizer="deepseek-v3",
        words="""The template of the first release cuts the reasoning of every answer, also of the last, and knows no
        tools. So it trains no model that reasons: give another one by `--chat-template`.""",
    ),
    Family(
        name="deepseek-r1-distill",
        title="Distillations of DeepSeek-R1",
        template="deepseek-ai-DeepSeek-R1-Distill-Qwen-32B",
        tokenizer="deepseek-v3",
        words="""The prompt opens the thinking that the history hides, so no prompt is a prefix of its answered turn:
        `splice` trains the reasoning and the answer after what the prompt wrote.""",
    ),
    Family(
        name="gpt-oss",
        title="gpt-oss",
        template="openai-gpt-oss-120b",
        tokenizer=None,
        words="""An answer ends with `<|return|>`, and is shown with `<|end|>` in later prompts, so answers seldom
        share a sample. The template renders the reasoning of an answer where it gets records as they stand
        (`--serve template`); as vLLM, SGLang and llama.cpp would send it, it is not rendered, and counted as
        `reasoning_dropped`. vLLM renders gpt-oss by harmony and not by this template
        ([why](../serving.md#where-the-template-is-not-asked)): check with `everyturn verify`.""",
        serve="template",
    ),
    Family(
        name="llama-3",
        title="Llama 3",
        template="llama-3.1-8b-instruct",
        tokenizer="llama-3.1",
        words="""History stays as it was: all answers of a chat share one sample. Reasoning is not rendered, and an
        answer with two tool calls is refused.""",
    ),
    Family(
        name="gemma",
        title="Gemma 3",
        template="gemma-3-4b-it",
        tokenizer=None,
        words="""History stays as it was: all answers of a chat share one sample. Tools and reasoning are not rendered,
        and roles that do not take turns are refused.""",
    ),
    Family(
        name="mistral",
        title="Mistral",
        template="Mistral-Small-3.2-24B-Instruct-2506",
        tokenizer=None,
        words="""Without tools history stays as it was: all answers of a chat share one sample. Where there is no system
        message the template writes a long one of its own, with the date. With Mistral's own tokenizer vLLM does not
        render by this template ([why](../serving.md#where-the-template-is-not-asked)): check with
        `everyturn verify`.""",
    ),
    Family(
        name="glm",
        title="GLM",
        template="GLM-4.6",
        tokenizer=None,
        words="""The template writes no end of a turn, so the token that opens the next header is trained as the stop
        token. Earlier reasoning is cut from prompts.""",
    ),
    Family(
        name="kimi",
        title="Kimi",
        template="Kimi-K2-Thinking",
        tokenizer=None,
        words="""An answer whose reasoning is not rendered has an empty block of thinking: `empty_thinking` and
        `reasoning_dropped` count these.""",
    ),
)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What a family's page is made of."""

    family: Family
    lint: TemplateReport
    expander: Expander
    flags: str

    def costs(self) -> Iterator[tuple[str, int, int, int]]:
        """Samples, tokens and trained tokens of the example chats, by layout."""
        for layout in get_args(Layout):
            # One rendering has no prompts, and so no policy for them.
            changes = {"thinking": "as_rendered"} if layout == "conversation" else {}
            report = self.expander.replace(layout=layout, **changes).expand(CHATS).report
            yield layout, report.rows, report.tokens, report.trained_tokens


def recipe(family: Family, data: Path, work: Path) -> Recipe:
    """Load a family's template, ask `lint` for options, and take them."""
    source = (data / "templates" / f"{family.template}.jinja").read_text(encoding="utf-8")
    if family.tokenizer is None:
        load = functools.partial(Renderer.from_dir, write_model(work / family.name, source))
    else:
        folder = data / "tokenizers" / family.tokenizer
        load = functools.partial(Renderer.from_dir, folder, chat_template=source)
    load = functools.partial(load, serve=family.serve)
    lint = load(now=NOW).lint()
    options = {advice.option: advice.value for advice in lint.recommendation}
    of_renderer = {"now": NOW} | {name: options[name] for name in OF_RENDERER if name in options}
    of_expander = {name: value for name, value in options.items() if name not in OF_RENDERER}
    expander = Expander(load(**of_renderer), on_error="skip", **of_expander)
    flags = "" if family.serve == SERVE else f" --serve {family.serve}"
    flags += "".join(
        f" --{name.replace('_', '-')} {_flag(value)}" for name, value in options.items()
    )
    if expander.expand(CHATS).report.faults:
        flags += " --on-error skip"
    return Recipe(family, lint, expander, flags)


def _flag(value: Any) -> str:
    return f"'{json.dumps(value)}'" if isinstance(value, dict) else str(value)


def page(found: Recipe) -> str:
    """Return the page of a family."""
    family, lint = found.family, found.lint
    report = found.expander.expand(CHATS).report
    # Under a list of names, the template's own words may follow.
    said = [line for line in report.lines() if not line.startswith("  ")]
    parts = [
        f"# {family.title}",
        wrapped(family.words),
        f"```sh\neveryturn expand {CHATS} --model path/to/model -o train.parquet{found.flags}\n```",
        "```text\n" + "\n".join(said) + "\n```",
        *(wrapped(f"`{advice.option}`: {advice.text}.") for advice in lint.recommendation),
        *([wrapped(SKIPS)] if "--on-error" in found.flags else []),
        wrapped(f"`everyturn lint` finds {_kinds(lint) or 'nothing'}."),
        "## What is trained",
        wrapped(
            f"Line {LINE} of the [example chats](../../examples/chats.jsonl), as shown by `everyturn inspect`; of the "
            "context, only the text right before each answer."
        ),
        "```text\n" + "\n".join(_trained(found.expander)) + "\n```",
        "## What an epoch costs",
        _table(("layout", "samples", "tokens", "trained"), found.costs()),
        wrapped(_counted_with(family)),
        "## Servers",
        wrapped(_servers(found)),
    ]
    return "\n\n".join(parts) + "\n"


def _kinds(lint: TemplateReport) -> str:
    kinds = dict.fromkeys((finding.severity, finding.kind) for finding in lint.findings)
    return ", ".join(f"{severity} [`{kind}`](../errors.md#{kind})" for severity, kind in kinds)


def _trained(expander: Expander) -> Iterator[str]:
    """The samples of the chat, as a terminal shows them; of context what is right before an answer."""
    record = pick.records_at(expander, CHATS, LINE)[0]
    inspection = inspect_record(expander, record)
    samples = tuple(_without_its_words(sample) for sample in inspection.samples)
    inspection = dataclasses.replace(inspection, samples=samples)
    lines = [line.plain for line in terminal.inspection_lines(inspection, COLUMNS)]
    first, last = (
        lines.index(""),
        next(at for at, line in enumerate(lines) if "── messages" in line),
    )
    samples_alone = lines[first + 1 : last - 1]
    for is_context, group in itertools.groupby(samples_alone, key=lambda line: "│" in line):
        shown = list(group)
        if is_context and len(shown) > SHOWN_CONTEXT:
            before, _, _ = shown[0].partition("│")
            yield f"{' ' * len(before)}│ …"
            shown = shown[-SHOWN_CONTEXT:]
        yield from (line.rstrip() for line in shown)


def _without_its_words(sample: Sample) -> Sample:
    """Leave out what a template says by itself: that is its publisher's text."""
    runs = (
        dataclasses.replace(run, text="…")
        if run.origin == "template" and run.kind == "template" and len(run.text) > LONGEST_HEADER
        else run
        for run in sample.runs
    )
    return dataclasses.replace(sample, runs=tuple(runs))


def _counted_with(family: Family) -> str:
    counted = "Tokens of the example chats in one epoch, counted with "
    if family.tokenizer is None:
        return (
            counted
            + "the built-in tokenizer and the control tokens of the template: compare layouts, not families."
        )
    return f"{counted}the tokenizer {family.tokenizer}."


def _servers(found: Recipe) -> str:
    ours = found.expander.renderer
    differing = {serve: ", ".join(chats) for serve, chats in found.lint.prompts_differ.items()}
    others = [serve for serve in get_args(Serve) if serve not in (ours.serve, *differing)]
    if ours.serve == SERVE:
        said = [f"Prompts are those of {ours.server} (`--serve {ours.serve}`, the default)."]
    else:
        said = [
            f"Prompts are those of the template, which gets records as they stand (`--serve {ours.serve}`)."
        ]
    if others:
        same = ", ".join(f"`{serve}`" for serve in others)
        but = "" if ours.serve == SERVE else ", but not what is trained of reasoning"
        said.append(f"Prompts are the same under {same}{but}.")
    if differing:
        told = "; ".join(f"`{serve}` for {chats}" for serve, chats in differing.items())
        said.append(f"They differ under {told}; pass `--serve` if you use it.")
    return " ".join(said)


def wrapped(words: str) -> str:
    """Break a paragraph into lines."""
    text = " ".join(words.split())
    return textwrap.fill(text, WIDTH, break_on_hyphens=False, break_long_words=False)


def _table(head: tuple[str, ...], rows: Iterator[tuple[Any, ...]]) -> str:
    lines = [head, ("---",) * len(head)]
    cells = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in [*lines, *cells])


def index(recipes: list[Recipe]) -> str:
    """Return the page that names all of them."""
    rows = (
        (
            f"[{found.family.title}]({found.family.name}.md)",
            found.family.template,
            f"`{found.flags.strip() or 'none'}`",
        )
        for found in recipes
    )
    toctree = "\n".join(found.family.name for found in recipes)
    words = """For families of models: the command, what it trains, what an epoch of the example chats costs in each
    layout, and for which servers. The options are those that `everyturn lint` advises for the template that is named:
    run it on yours, as publishers change theirs. `tools/make_recipes.py` makes these pages."""
    parts = [
        "# Recipes",
        wrapped(words),
        _table(("family", "template", "options"), rows),
        f"```{{toctree}}\n:hidden:\n\n{toctree}\n```",
    ]
    return "\n\n".join(parts) + "\n"


def pages(data: Path) -> dict[str, str]:
    """Return all pages by their names."""
    warnings.simplefilter("ignore")
    here = Path.cwd()
    os.chdir(ROOT / "examples")  # The pages show no folder.
    try:
        with tempfile.TemporaryDirectory() as work:
            recipes = [recipe(family, data, Path(work)) for family in FAMILIES]
            made = {found.family.name: page(found) for found in recipes}
            return {"README": index(recipes), **made}
    finally:
        os.chdir(here)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", 1)[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail where a page differs"
    )
    parsed = parser.parse_args()
    data = find_data()
    if data is None:
        parser.error("set EVERYTURN_DATA to the folder of published templates")
    made = pages(data)
    PAGES.mkdir(exist_ok=True)
    differing = []
    for name, text in made.items():
        path = PAGES / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            differing.append(name)
            if not parsed.check:
                path.write_text(text, encoding="utf-8")
    print(
        f"{len(made)} pages, {len(differing)} {'differ' if parsed.check else 'written'}: {', '.join(differing)}"
    )
    return int(parsed.check and bool(differing))


if __name__ == "__main__":
    sys.exit(main())
