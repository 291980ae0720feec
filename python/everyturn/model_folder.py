"""Where a model lies on disk: a folder, the built-in model, or a Hugging Face id in the local cache.

In: what a caller names as a model, and as a template. Out: a folder, and the text or the name of a template. Nothing is
downloaded, and nothing of the model is read here.
"""

import os
import re
from pathlib import Path

from everyturn import _core
from everyturn.exceptions import ModelError, OptionsError, system_words
from everyturn.options import StrPath

DEMO = "demo"
"""The name of the built-in model."""

FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "special_tokens_map.json",
    "generation_config.json",
    "added_tokens.json",
    "chat_template.json",
    "config.json",
    "vocab.json",
)
"""Files of a model's folder, whether they are read here or by others."""

_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+", re.ASCII)


def files_of(model: StrPath) -> list[Path]:
    """Return the files that a model's folder has or may have, besides its weights."""
    folder = folder_of(model)
    return [folder / name for name in FILES] + [*folder.glob("additional_chat_templates/*.jinja")]


def folder_of(model: StrPath) -> Path:
    """Return the folder of a model.

    Args:
        model: A folder, ``"demo"`` (the built-in model), or an id of the Hugging Face Hub such as
            ``"Qwen/Qwen3-0.6B"``, of which the snapshot in the local cache is taken.

    Raises:
        ModelError: There is no such folder, nor a model of that id in the cache.
    """
    if model == DEMO:
        return Path(__file__).parent / "models" / DEMO
    path, name = Path(model), os.fspath(model)
    # No folder has a name that is too long: Path raises there.
    if os.path.isdir(name):  # noqa: PTH112
        return path
    if os.path.exists(name):  # noqa: PTH110
        raise ModelError(f"{name}: is a file; a model is named by its folder, {path.parent}")
    if _HUB_ID.fullmatch(name) is None:
        raise ModelError(f"{name}: no such folder")
    snapshot = _cached_snapshot(name)
    if snapshot is None:
        raise ModelError(
            f"{name}: no such folder, and no model of this id in the local cache of the Hugging Face Hub. Fetch its "
            f'tokenizer with: hf download {name} --include "*.json" "*.jinja"'
        )
    return snapshot


def _cached_snapshot(name: str) -> Path | None:
    """Return the folder in which the cache has the tokenizer of a model; None where it has none."""
    try:
        from huggingface_hub import try_to_load_from_cache
    except ModuleNotFoundError:
        return None
    file = try_to_load_from_cache(name, "tokenizer.json")
    return Path(file).parent if isinstance(file, str) else None


def template_of(template: StrPath | None, *, limits: int) -> str | None:
    """Return the text of a template that is given by its file; a text or a name as it is.

    A text is taken for a path where it ends in ``.jinja`` or names a file.

    Raises:
        OptionsError: The file cannot be read.
    """
    if template is None or (isinstance(template, str) and not is_template_file(template)):
        return template
    return read_template(template, limits=limits)


def is_template_file(template: str) -> bool:
    """Whether a template is given by its file, not by its text or name.

    >>> is_template_file("a/folder/mine.jinja"), is_template_file("{{ messages }}.jinja")
    (True, False)
    """
    if "{" in template or "\n" in template:
        return False
    return template.endswith(".jinja") or os.path.isfile(template)  # noqa: PTH113 - a name may be too long for Path


def read_template(path: StrPath, *, limits: int) -> str:
    """Read a template with its line ends as they are, as a model's configuration would hold it.

    Raises:
        OptionsError: The file cannot be read.
    """
    try:
        # So much of what may have no end that the core says it is too long.
        with Path(path).open("rb") as file:
            return file.read(limits * _core.MAX_TEMPLATE_BYTES + 1).decode("utf-8")
    except OSError as error:
        raise OptionsError(f"{path}: {system_words(error)}") from error
    except UnicodeDecodeError as error:
        raise OptionsError(f"{path}: not UTF-8") from error
