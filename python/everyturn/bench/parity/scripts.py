"""A script that reproduces what a peer does with one target, with nothing of everyturn in it.

In: a model, a record, a target and a peer. Out: the text of a script of about ten lines over transformers and the peer's
own names. It makes what inference shows and the peer's rows, and prints where they part; a peer that refuses the record
raises its error.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

from everyturn.bench.benchmark import Plan
from everyturn.bench.parity.targets import Target
from everyturn.bench.tools.llama_factory import ENDLESS, OF_CHAT_TEMPLATE, TAGS, example_of

TINY = (
    "hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, "
    "vocab_size=len(tokenizer)"
)
"""The sizes of a model that is never trained."""

COMPARE = """\
wanted = [(t, None) for t in P[:-1]] + [(P[-1], -100)] + [(t, t) for t in W[len(P):]] + [(None, -100)]
reach = lambda row: next((i for i, (want, has) in enumerate(zip(wanted, zip(row[0] + [None], row[1] + [-100]))) if any(w not in (None, h) for w, h in zip(want, has))), len(wanted))
at, row = max(((reach(row), row) for row in rows), key=lambda pair: pair[0])
print("equal" if at == len(wanted) else f"differs at token {at} of {len(W)} ({len(P)} are the prompt)\\nwanted: {tokenizer.decode(W[max(at - 12, 0):at + 12])!r}\\nfound:  {tokenizer.decode(row[0][max(at - 12, 0):at + 12])!r}\\n" + f"trained there: {row[1][at:at + 1] not in ([], [-100])}")
"""
"""Prints how far the nearest row is what inference shows: ids up to and through the answer, labels from its prompt on."""


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


def script(peer: str, case: Case) -> str:
    """Return the script of a peer that has one: those of `PEERS_WITH_SCRIPTS`."""
    sources = case.plan.sources
    template = "" if sources.chat_template is None else f", chat_template={sources.chat_template!r}"
    imports, rows = ROWS[peer](case)
    head = [
        f"import json, transformers{''.join(f', {name}' for name in imports)}",
        f"chat = json.loads({json.dumps(case.record)!r})",
        f"tokenizer = transformers.AutoTokenizer.from_pretrained({sources.folder!r}{template})",
        *_wanted(case),
    ]
    return "\n".join([*head, *rows]) + "\n" + COMPARE


def _wanted(case: Case) -> list[str]:
    """Return the lines that make `P`, the ids of the prompt, and `W`, those through the answer."""
    target, renderer = case.target, case.plan.renderer
    texts = _texts(case)
    whole = list(target.prompt + target.completion)
    if texts is None or renderer.encode(texts[0] + texts[1]).tolist() != whole:
        # What a server sends that changes requests, or a text in which a token would run over the border.
        return [f"P, W = {list(target.prompt)}, {whole}"]
    prompt, completion = texts
    before, through = (
        f'chat["messages"][:{target.message}]',
        f'chat["messages"][:{target.message + 1}]',
    )
    more = "".join(f", {key}={value!r}" for key, value in case.kwargs.items())
    render = f"tokenizer.apply_chat_template(messages, tools=chat.get('tools'), tokenize=False{more}, **more)"
    rest = renderer.render(**_rendered(case, target.message + 1))[len(prompt) :]
    cut = f"turn[:len(prompt) + {len(completion)}]"
    if len(completion) > len(rest):
        cut = f"turn + {completion[len(rest) :]!r}"
    return [
        f"render = lambda messages, **more: {render}",
        f"prompt, turn = render({before}, add_generation_prompt=True), render({through})",
        f"P, W = (tokenizer.encode(text, add_special_tokens=False) for text in (prompt, {cut}))",
    ]


def _texts(case: Case) -> tuple[str, str] | None:
    """Return prompt and completion as texts, where transformers renders them without a server's rules."""
    renderer, target = case.plan.renderer, case.target
    if case.plan.sources.serve != "template":
        return None
    prompt = renderer.render(**_rendered(case, target.message), add_generation_prompt=True)
    full = renderer.render(**_rendered(case, target.message + 1))
    stops = [renderer.decode([stop]) for stop in renderer.stop_token_ids]
    rest = full[len(prompt) :]
    end = max(rest.rfind(stop) + len(stop) if stop in rest else 0 for stop in stops)
    return prompt, rest[:end] if end else rest + stops[0]


def _rendered(case: Case, count: int) -> dict[str, Any]:
    record = case.record
    kwargs = record.get("chat_template_kwargs") or {}
    return {"messages": record["messages"][:count], "tools": record.get("tools"), **kwargs}


def _mask(case: Case) -> tuple[tuple[str, ...], list[str]]:
    more = "".join(f", {key}={value!r}" for key, value in case.kwargs.items())
    return (), [
        'row = tokenizer.apply_chat_template(chat["messages"], tools=chat.get("tools"), '
        f"return_dict=True, return_assistant_tokens_mask=True{more})",
        'rows = [(row["input_ids"], [t if m else -100 '
        'for t, m in zip(row["input_ids"], row["assistant_masks"])])]',
    ]


def _trl(settings: str, columns: str) -> Callable[[Case], tuple[tuple[str, ...], list[str]]]:
    def rows(case: Case) -> tuple[tuple[str, ...], list[str]]:
        held = columns.format(at=case.target.message, after=case.target.message + 1)
        if case.record.get("tools"):
            held += ', "tools": json.dumps(chat["tools"])'
        if case.kwargs:
            held += f', "chat_template_kwargs": {case.kwargs!r}'
        return ("datasets", "trl"), [
            f'data = datasets.Dataset.from_list([{{{held}}}], on_mixed_types="use_json")',
            f"config = trl.SFTConfig({settings}max_length=None, use_cpu=True, bf16=False, report_to='none')",
            f"model = transformers.LlamaForCausalLM(transformers.LlamaConfig({TINY}))",
            "trainer = trl.SFTTrainer(model, config, train_dataset=data, processing_class=tokenizer)",
            'rows = [(row["input_ids"], row["labels"]) for row in trainer.train_dataset]',
        ]

    return rows


def _axolotl(case: Case) -> tuple[tuple[str, ...], list[str]]:
    more = f", chat_template_kwargs={case.kwargs!r}" if case.kwargs else ""
    return (), [
        "from axolotl.prompt_strategies.chat_template import load",
        "from axolotl.utils.dict import DictDefault",
        "settings = DictDefault(sequence_len=10**9, train_on_inputs=False, "
        f'chat_template="tokenizer_default"{more})',
        'row = load(tokenizer, settings, ds_cfg={"type": "chat_template", "field_messages": "messages"})'
        ".tokenize_prompt(chat)",
        'rows = [(row["input_ids"], row["labels"])]',
    ]


def _llama_factory(case: Case) -> tuple[tuple[str, ...], list[str]]:
    name = None if case.variant == OF_CHAT_TEMPLATE else case.variant
    names = ", ".join(f"{key}={value!r}" for key, value in TAGS.items())
    return (), [
        "from llamafactory.data import converter, parser, processor, template",
        "from llamafactory.hparams.data_args import DataArguments",
        f"data = DataArguments(template={name!r}, cutoff_len={ENDLESS})",
        f'attributes = parser.DatasetAttr("file", dataset_name="chats", {names})',
        "example = converter.SharegptDatasetConverter(attributes, data)"
        f"(json.loads({json.dumps(example_of(case.record))!r}))",
        "fitting = template.get_template_and_fix_tokenizer(tokenizer, data)",
        "made = processor.SupervisedDatasetProcessor(fitting, tokenizer, None, data)"
        ".preprocess_dataset({key: [value] for key, value in example.items()})",
        'rows = [*zip(made["input_ids"], made["labels"])]',
    ]


CHAT = '"messages": chat["messages"]'
PAIR = '"prompt": chat["messages"][:{at}], "completion": chat["messages"][{at}:{after}]'

ROWS: Mapping[str, Callable[[Case], tuple[tuple[str, ...], list[str]]]] = {
    "transformers-mask": _mask,
    "trl": _trl("assistant_only_loss=True, ", CHAT),
    "trl-default": _trl("", CHAT),
    "trl-prompt-completion": _trl("", PAIR),
    "axolotl": _axolotl,
    "llama-factory": _llama_factory,
}
"""By peer: what it imports beside transformers, and the lines that make `rows`, pairs of ids and labels."""
