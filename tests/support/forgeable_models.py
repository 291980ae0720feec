"""Small models of the shapes whose tokenizers make control tokens of plain text by themselves."""

import json
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

from disguises import full_width

#: ChatML, and a second end that only some of the tokenizers have.
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LETTERS = [chr(code) for code in range(33, 127)]


def _special(text: str, *, normalized: bool = False) -> AddedToken:
    return AddedToken(text, special=True, normalized=normalized)


def write(
    folder: Path, tokenizer: Tokenizer, *special: AddedToken, template: str = TEMPLATE
) -> Path:
    """Write the model of a tokenizer, with these special tokens and those of the template."""
    tokenizer.add_special_tokens([*special, _special("<|im_start|>"), _special("<|im_end|>")])
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<|im_end|>"}))
    (folder / "chat_template.jinja").write_text(template)
    return folder


def t5(folder: Path) -> Path:
    """Unigram, NFKC, words at white space, ends and sentinels in the vocabulary, as in T5."""
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("<extra_id_0>", 0.0), ("▁", -2.0)]
    pieces += [(letter, -4.0) for letter in LETTERS]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=2))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    named = [_special(text) for text in ("<pad>", "</s>", "<unk>", "<extra_id_0>")]
    return write(folder, tokenizer, *named)


def xlm_r(folder: Path) -> Path:
    """Unigram with `<s>`, `</s>` and `<mask>` in the vocabulary, as in XLM-R."""
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(letter, -4.0) for letter in LETTERS] + [("<mask>", 0.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace("  ", " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    mask = AddedToken("<mask>", special=True, lstrip=True, normalized=False)
    return write(
        folder, tokenizer, *(_special(text) for text in ("<s>", "<pad>", "</s>", "<unk>")), mask
    )


def _words() -> dict[str, int]:
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "say",
        "user",
        "assistant",
        "fine",
        "now",
    ]
    return {word: number for number, word in enumerate([*words, *LETTERS])}


def bert(folder: Path, *, splits_punctuation: bool = True) -> Path:
    """WordPiece in lower case; with words at white space alone, `[SEP]` is a word of the vocabulary."""
    vocabulary = _words() | {f"##{letter}": 200 + number for number, letter in enumerate(LETTERS)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=splits_punctuation)
    tokenizer.pre_tokenizer = (
        pre_tokenizers.BertPreTokenizer()
        if splits_punctuation
        else pre_tokenizers.WhitespaceSplit()
    )
    named = [_special(text) for text in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")]
    return write(folder, tokenizer, *named)


def word_level(folder: Path) -> Path:
    """Words at white space, control tokens among them."""
    tokenizer = Tokenizer(models.WordLevel(_words(), unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return write(folder, tokenizer, *(_special(text) for text in ("[UNK]", "[CLS]", "[SEP]")))


def merging(folder: Path) -> Path:
    """BPE whose merges reach the control token `</s>`."""
    vocabulary = {letter: number for number, letter in enumerate([*LETTERS, " ", "\n"])}
    merges = [("<", "/"), ("s", ">"), ("</", "s>")]
    for one, other in merges:
        vocabulary[one + other] = len(vocabulary)
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    return write(folder, tokenizer, _special("</s>"))


def normalizing(folder: Path, normalizer: normalizers.Normalizer) -> Path:
    """Characters, and the control token `<|evil|>` that is looked for in normalized text."""
    characters = [*LETTERS, " ", "\n", *"\u200bé\u0301", *full_width("<|evilEVIL>")]
    tokenizer = Tokenizer(
        models.BPE({letter: number for number, letter in enumerate(characters)}, [])
    )
    tokenizer.normalizer = normalizer
    return write(folder, tokenizer, _special("<|evil|>", normalized=True))
