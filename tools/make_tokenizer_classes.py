"""Write the table of what transformers makes of a `tokenizer.json`: rust/core/src/model/tokenizer_classes.json.

In: the installed transformers. Out: which class `AutoTokenizer` takes for a model type, and for each class that builds
a tokenizer of its own from the file's vocabulary and merges, what it builds.

    python tools/make_tokenizer_classes.py [FILE]
"""

import inspect
import json
import logging
import sys
from pathlib import Path
from typing import Any

import transformers
from transformers.models.auto import tokenization_auto as auto
from transformers.tokenization_utils_tokenizers import TokenizersBackend

TABLE = Path(__file__).parent.parent / "rust/core/src/model/tokenizer_classes.json"
NAMED = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
CHOICES: tuple[dict[str, bool], ...] = tuple(
    {
        **({} if space is None else {"add_prefix_space": space}),
        **({} if legacy is None else {"legacy": legacy}),
    }
    for space in (None, False, True)
    for legacy in (None, False, True)
)
"""Arguments of tokenizer_config.json on which the built parts may depend."""


def class_named(name: str) -> type[Any] | None:
    """Return a class as transformers finds it; None if it cannot be loaded here."""
    try:
        found = auto.tokenizer_class_from_name(name)
        _ = getattr(found, "model", None)
    except (ImportError, AttributeError):
        return None
    return found if inspect.isclass(found) else None


def parts(cls: type[Any], arguments: dict[str, bool]) -> dict[str, Any] | None:
    """Return what a class builds, whatever the vocabulary; None if that is not known."""
    try:
        built = json.loads(cls(**arguments).backend_tokenizer.to_str())
    except Exception:  # noqa: BLE001 - a class may want files, packages or other arguments
        return None
    model = {key: value for key, value in built["model"].items() if key not in ("vocab", "merges")}
    return {
        "normalizer": built["normalizer"],
        "pre_tokenizer": built["pre_tokenizer"],
        "model": model,
    }


def described(cls: type[Any]) -> dict[str, Any]:
    """Describe a class that builds a tokenizer: `parts` is empty if they are not known."""
    known = [(choice, parts(cls, choice)) for choice in CHOICES]
    if any(built is None for _, built in known) or getattr(cls.model, "__name__", "") != "BPE":
        return {"parts": []}
    usual = known[0][1]
    others = [{"where": choice, **built} for choice, built in known if built and built != usual]
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(cls.__init__).parameters.items()
        if name in NAMED and parameter.default not in (None, inspect.Parameter.empty)
    }
    return {"parts": [*others, {"where": {}, **(usual or {})}], "named_tokens": defaults}


def main(path: Path) -> None:
    """Write the table."""
    logging.getLogger("transformers").setLevel(logging.ERROR)
    names = {name for name in auto.TOKENIZER_MAPPING_NAMES.values() if name}
    public = {name for name in dir(transformers) if name.endswith("Tokenizer")}
    classes: dict[str, Any] = {}
    for name in sorted(names | public):
        cls = class_named(name)
        if cls is None or not issubclass(cls, TokenizersBackend):
            classes[name] = {"parts": []}
        elif cls is not TokenizersBackend and "__init__" in cls.__dict__:
            classes[name] = described(cls)
    table = {
        "transformers": transformers.__version__,
        "incorrect": sorted(auto.MODELS_WITH_INCORRECT_HUB_TOKENIZER_CLASS),
        "model_types": {
            key: name for key, name in sorted(auto.TOKENIZER_MAPPING_NAMES.items()) if name
        },
        "classes": classes,
    }
    path.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TABLE)
