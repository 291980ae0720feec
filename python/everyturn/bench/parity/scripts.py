"""A script that reproduces what a peer does with one target, with nothing of everyturn in it.

In: a model, a record, a target and a peer. Out: the text of a script of about ten lines over transformers and the
peer's own names. It makes what inference shows and the peer's rows, and prints where they part; a peer that refuses the
record raises its error.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

from everyturn.bench.benchmark import Plan
from everyturn.bench.parity.targets import Target
from everyturn.bench.tools.axolotl_chat import DATA, SETTINGS
from everyturn.bench.tools.llama_factory import (
    OF_CHAT_TEMPLATE,
    REASONED,
    TAGS,
    example_of,
    is_reasoning_shown,
)

Lines = tuple[tuple[str, ...], list[str]]
"""Modules to import, and lines that make `rows`, pairs of ids and labels."""

TINY = (
    "hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, "
    "vocab_size=len(tokenizer)"
)
"""The sizes of a model that is never trained."""

FIRST = (
    "next((i for i, pairs in enumerate(zip(wanted, zip(row[0] + [None], row[1] + [-100]))) "
    "if any(want not in (None, has) for want, has in zip(*pairs))), len(wanted))"
)
TEXTS = (
    '(f"{name}: {tokenizer.decode(ids[max(at - 12, 0):at + 12])!r}" '
    'for name, ids in (("wanted", W), ("found", row[0])))'
)
COMPARE = f"""\
assert rows, "the tool makes no row of it"
wanted = [(t, None) for t in P[:-1]] + [(P[-1], -100)] + [(t, t) for t in W[len(P):]] + [(None, -100)]
at, row = max(({FIRST}, row) for row in rows)
said = "equal" if at == len(wanted) else f"differs at token {{at}} of {{len(W)}}, {{len(P)}} of them the prompt"
print(said, *{TEXTS}, sep="\\n")
"""
"""Prints how far the nearest row is as inference shows it: ids through the answer, and labels from its prompt on."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """What a script is about.

    Attributes:
        plan: The model, with its renderer.
        record: The conversation, as every tool gets it.
        target: Which answer.
        variant: Which of its own templates the peer has chosen, if it has several.
    """

    plan: Plan
    record: Mapping[str, Any]
    target: Target
    variant: str | None

    @property
    def kwargs(self) -> dict[str, Any]:
        """The arguments of every rendering, but the tools."""
        given: dict[str, Any] = json.loads(self.plan.sources.template_kwargs)
        return {**given, **(self.record.get("chat_template_kwargs") or {})}

    @property
    def as_arguments(self) -> str:
        """The same as they are written in a call that has others."""
        return "".join(f", {key}={value!r}" for key, value in self.kwargs.items())


def script(peer: str, case: Case) -> str:
    """Return the script of a peer: one of `ROWS`."""
    sources = case.plan.sources
    template = "" if sources.chat_template is None else f", chat_template={sources.chat_template!r}"
    imports, rows = ROWS[peer](case)
    lines = [
        f"import {', '.join(('json', 'transformers', *imports))}",
        f"chat = json.loads({json.dumps(case.record)!r})",
        f"tokenizer = transformers.AutoTokenizer.from_pretrained({sources.folder!r}{template})",
        *_wanted(case),
        *rows,
        COMPARE,
    ]
    return "\n".join(lines)


def _wanted(case: Case) -> list[str]:
    """Return the lines that make `P`, the ids of the prompt, and `W`, those through the answer."""
    target, renderer = case.target, case.plan.renderer
    texts = _texts(case)
    whole = list(target.prompt + target.completion)
    if texts is None or renderer.encode("".join(texts)).tolist() != whole:
        # The prompt of a server that changes requests, or a text in which a token would run over the border.
        return [f"P, W = {list(target.prompt)}, {whole}"]
    prompt, completion = texts
    rest = renderer.render(**_rendered(case, target.message + 1))[len(prompt) :]
    cut = f"turn[:len(prompt) + {len(completion)}]"
    if len(completion) > len(rest):
        cut = f"turn + {completion[len(rest) :]!r}"
    at = target.message
    settings = f'tools=chat.get("tools"), add_generation_prompt=n == {at}, tokenize=False{case.as_arguments}'
    render = f'tokenizer.apply_chat_template(chat["messages"][:n], {settings})'
    return [
        f"prompt, turn = ({render} for n in ({at}, {at + 1}))",
        f"P, W = (tokenizer.encode(text, add_special_tokens=False) for text in (prompt, {cut}))",
    ]


def _texts(case: Case) -> tuple[str, str] | None:
    """Return prompt and completion as texts, where transformers renders them without a server's rules."""
    renderer, target = case.plan.renderer, case.target
    if case.plan.sources.serve != "template":
        return None
    prompt = renderer.render(**_rendered(case, target.message), add_generation_prompt=True)
    rest = renderer.render(**_rendered(case, target.message + 1))[len(prompt) :]
    stops = [renderer.decode([stop]) for stop in renderer.stop_token_ids]
    end = max(rest.rfind(stop) + len(stop) if stop in rest else 0 for stop in stops)
    return prompt, rest[:end] if end else rest + stops[0]


def _rendered(case: Case, count: int) -> dict[str, Any]:
    record = case.record
    kwargs = record.get("chat_template_kwargs") or {}
    return {"messages": record["messages"][:count], "tools": record.get("tools"), **kwargs}


def _mask(case: Case) -> Lines:
    settings = f'tools=chat.get("tools"), return_dict=True, return_assistant_tokens_mask=True{case.as_arguments}'
    pairs = 'zip(row["input_ids"], row["assistant_masks"])'
    return (), [
        f'row = tokenizer.apply_chat_template(chat["messages"], {settings})',
        f'rows = [(row["input_ids"], [t if m else -100 for t, m in {pairs}])]',
    ]


def _trl(settings: str, columns: str) -> Callable[[Case], Lines]:
    def rows(case: Case) -> Lines:
        held = columns.format(at=case.target.message, after=case.target.message + 1)
        if case.record.get("tools"):
            held += ', "tools": json.dumps(chat["tools"])'
        if case.kwargs:
            held += f', "chat_template_kwargs": {case.kwargs!r}'
        config = (
            f"trl.SFTConfig({settings}max_length=None, use_cpu=True, bf16=False, report_to='none')"
        )
        model = f"transformers.LlamaForCausalLM(transformers.LlamaConfig({TINY}))"
        given = f"{model}, {config}, train_dataset=data, processing_class=tokenizer"
        return ("datasets", "trl"), [
            f'data = datasets.Dataset.from_list([{{{held}}}], on_mixed_types="use_json")',
            f"trainer = trl.SFTTrainer({given})",
            'rows = [(row["input_ids"], row["labels"]) for row in trainer.train_dataset]',
        ]

    return rows


def _axolotl(case: Case) -> Lines:
    settings = dict(SETTINGS)
    if case.kwargs:
        settings["chat_template_kwargs"] = case.kwargs
    load = "axolotl.prompt_strategies.chat_template.load"
    return ("axolotl.prompt_strategies.chat_template", "axolotl.utils.dict"), [
        f"settings = axolotl.utils.dict.DictDefault({settings!r})",
        f"row = {load}(tokenizer, settings, ds_cfg={DATA!r}).tokenize_prompt(chat)",
        'rows = [(row["input_ids"], row["labels"])]',
    ]


def _llama_factory(case: Case) -> Lines:
    name = None if case.variant == OF_CHAT_TEMPLATE else case.variant
    names = ", ".join(f"{key}={value!r}" for key, value in TAGS.items())
    attributes = f'lf.parser.DatasetAttr("file", dataset_name="chats", {names})'
    with_reasoning = is_reasoning_shown(case.plan.renderer.render(REASONED))
    held = example_of(case.record, with_reasoning=with_reasoning)
    example = f"json.loads({json.dumps(held)!r})"
    fitting = "lf.template.get_template_and_fix_tokenizer(tokenizer, data)"
    columns = "{key: [value] for key, value in example.items()}"
    made = f"lf.processor.SupervisedDatasetProcessor({fitting}, tokenizer, None, data)"
    return (), [
        "from llamafactory import data as lf, hparams",
        f"data = hparams.data_args.DataArguments(template={name!r}, cutoff_len=10**9)",
        f"example = lf.converter.SharegptDatasetConverter({attributes}, data)({example})",
        f"made = {made}.preprocess_dataset({columns})",
        'rows = [*zip(made["input_ids"], made["labels"])]',
    ]


CHAT = '"messages": chat["messages"]'
PAIR = '"prompt": chat["messages"][:{at}], "completion": chat["messages"][{at}:{after}]'

ROWS: Mapping[str, Callable[[Case], Lines]] = {
    "transformers-mask": _mask,
    "trl": _trl("assistant_only_loss=True, ", CHAT),
    "trl-default": _trl("", CHAT),
    "trl-prompt-completion": _trl("", PAIR),
    "axolotl": _axolotl,
    "llama-factory": _llama_factory,
}
"""By peer, what a script needs for it."""
