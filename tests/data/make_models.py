"""Build tiny model folders for tests, one for each chat template in `templates/`.

    python tests/data/make_models.py DIRECTORY

Needs the package `tokenizers`. A folder holds tokenizer.json, tokenizer_config.json,
generation_config.json and chat_template.jinja: `AutoTokenizer.from_pretrained` loads it as well.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

TEMPLATES = Path(__file__).resolve().parent / "templates"

SENTENCES = (
    "Hello there, how are you today? I am fine, thank you, and you?",
    "The user asks a question and the assistant answers it. The system speaks first.",
    "What is the weather like in Lisbon? It is warm and sunny, 24 degrees by the sea.",
    "One, two, three, four, five. 1 2 3 10 20 100 2024 2025 2026.",
    'Call a tool: {"name": "get_weather", "arguments": {"city": "Lisbon", "days": 3}}',
    "def add(a, b):\n    return a + b\n\nprint(add(1, 2))\n",
    "Let me think about it. First I add the numbers, then I check the result. Done.",
    "[INST] Say it again, please. [/INST] Of course: it was the sea that sang. ",
    "Der Fluss ist breit und das Wasser ist kalt. Où est la gare, s'il vous plaît ?",
    "你好。今天天气很好。Привет, как дела? مرحبا كيف حالك؟ नमस्ते, आप कैसे हैं? 👋🌍",
)

WORD_START = "\u2581"


@dataclass(frozen=True)
class Controls:
    """The control tokens that one template needs."""

    special: tuple[str, ...]
    markup: tuple[str, ...] = ()  # added, but not special
    bos: str | None = None
    eos: str | None = None
    pad: str | None = None
    stops: tuple[str, ...] = ()  # eos_token_id of generation_config.json; the EOS if empty


CHATML = Controls(
    special=("<|pad|>", "<|im_start|>", "<|im_end|>"), eos="<|im_end|>", pad="<|pad|>"
)
CHATML_THINKING = Controls(
    special=CHATML.special, markup=("<think>", "</think>"), eos=CHATML.eos, pad=CHATML.pad
)

BYTE_LEVEL: dict[str, Controls] = {
    "chatml": CHATML,
    "dated": CHATML,
    "drops_reasoning": CHATML_THINKING,
    "eos_only_at_end": Controls(
        special=("<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"),
        eos="<|endoftext|>",
        pad="<|endoftext|>",
        stops=("<|end|>", "<|endoftext|>"),
    ),
    "generation_tags": CHATML,
    "header_is_stop": Controls(
        special=(
            "<|endoftext|>",
            "<|start|>",
            "<|system|>",
            "<|user|>",
            "<|assistant|>",
            "<|observation|>",
        ),
        markup=("<|call|>",),
        eos="<|endoftext|>",
        pad="<|endoftext|>",
        stops=("<|endoftext|>", "<|user|>", "<|observation|>"),
    ),
    "llama_like": Controls(
        special=("<|bos|>", "<|eos|>", "<|pad|>", "<|head|>", "<|body|>", "<|eot|>"),
        bos="<|bos|>",
        eos="<|eot|>",
        pad="<|pad|>",
        stops=("<|eos|>", "<|eot|>"),
    ),
    "no_terminator": Controls(special=("<|endoftext|>",), eos="<|endoftext|>"),
    "parts": CHATML,
    "prefills_thinking": CHATML_THINKING,
    "strict_alternation": CHATML,
    "string_arguments": Controls(
        special=CHATML.special, markup=("<|call|>",), eos=CHATML.eos, pad=CHATML.pad
    ),
}

INST = Controls(special=("<unk>", "<s>", "</s>"), bos="<s>", eos="</s>")


def add_controls(tokenizer: Tokenizer, controls: Controls) -> None:
    """Give the tokenizer its control tokens, and the post-processor that would write a BOS."""
    tokenizer.add_special_tokens(
        [AddedToken(text, normalized=False, special=True) for text in controls.special]
    )
    tokenizer.add_tokens(
        [AddedToken(text, normalized=False, special=False) for text in controls.markup]
    )
    if controls.bos is not None:
        # The template writes the BOS as well: encoding with special tokens would double it.
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{controls.bos} $A",
            pair=f"{controls.bos} $A {controls.bos} $B",
            special_tokens=[(controls.bos, token_id(tokenizer, controls.bos))],
        )


def token_id(tokenizer: Tokenizer, text: str) -> int:
    """Return the id of a token that has to be there."""
    found = tokenizer.token_to_id(text)
    if found is None:
        raise ValueError(text)
    return found


def byte_level(controls: Controls) -> Tokenizer:
    """Train a byte-level BPE of a few hundred ids, without normalizer."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        min_frequency=2,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    add_controls(tokenizer, controls)
    return tokenizer


def word_start_model() -> models.BPE:
    """Train a BPE over words that begin with the word-start sign, with a token for every byte."""
    tokenizer = Tokenizer(models.BPE())
    # Training sees words, so that no merge crosses one; the finished tokenizer sees whole segments.
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    trainer = trainers.BpeTrainer(vocab_size=320, min_frequency=2, show_progress=False)
    tokenizer.train_from_iterator(SENTENCES, trainer)
    learned: dict[str, Any] = json.loads(tokenizer.to_str())["model"]
    tokens = [*INST.special, *(f"<0x{byte:02X}>" for byte in range(256))]
    tokens += sorted(learned["vocab"], key=learned["vocab"].__getitem__)
    return models.BPE(
        vocab={text: number for number, text in enumerate(tokens)},
        merges=[(left, right) for left, right in learned["merges"]],
        unk_token="<unk>",
        fuse_unk=True,
        byte_fallback=True,
    )


def word_start(*, prepend_by_normalizer: bool) -> Tokenizer:
    """Build a SentencePiece-like BPE in one of the two shapes that are in use."""
    tokenizer = Tokenizer(word_start_model())
    if prepend_by_normalizer:
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.Prepend(WORD_START), normalizers.Replace(" ", WORD_START)]
        )
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace(WORD_START, " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    add_controls(tokenizer, INST)
    return tokenizer


def write_model(folder: Path, template: str, tokenizer: Tokenizer, controls: Controls) -> Path:
    """Write the four files of a model."""
    folder.mkdir(parents=True, exist_ok=True)
    named = {"bos_token": controls.bos, "eos_token": controls.eos, "pad_token": controls.pad}
    config: dict[str, Any] = {
        "clean_up_tokenization_spaces": False,
        "tokenizer_class": "PreTrainedTokenizerFast",
        **{name: text for name, text in named.items() if text is not None},
    }
    if "<unk>" in controls.special:
        config["unk_token"] = "<unk>"
    stops = controls.stops or tuple(text for text in (controls.eos,) if text is not None)
    generation = {"eos_token_id": [token_id(tokenizer, text) for text in stops]}
    (folder / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    (folder / "generation_config.json").write_text(
        json.dumps(generation, indent=2), encoding="utf-8"
    )
    source = (TEMPLATES / f"{template}.jinja").read_text(encoding="utf-8")
    (folder / "chat_template.jinja").write_text(source, encoding="utf-8")
    return folder


def make_models(directory: Path) -> dict[str, Path]:
    """Build all models below `directory`; return their folders by name."""
    made = {
        name: write_model(directory / name, name, byte_level(controls), controls)
        for name, controls in BYTE_LEVEL.items()
    }
    for name, prepend_by_normalizer in (("inst_prepend", True), ("inst_metaspace", False)):
        tokenizer = word_start(prepend_by_normalizer=prepend_by_normalizer)
        made[name] = write_model(directory / name, "inst", tokenizer, INST)
    return made


if __name__ == "__main__":
    for name, folder in make_models(Path(sys.argv[1])).items():
        sys.stdout.write(f"{name}\t{folder}\n")
