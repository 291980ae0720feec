"""Where things lie: this repository, its examples, the built-in model, and the real data."""

import os
from pathlib import Path

import everyturn

TESTS = Path(__file__).resolve().parent.parent
ROOT = TESTS.parent
EXAMPLE_CHATS = ROOT / "examples" / "chats.jsonl"
DEMO = Path(everyturn.__file__).parent / "models" / "demo"
DATA_VARIABLE = "EVERYTURN_DATA"


def find_data() -> Path | None:
    """The folder of real tokenizers and chats, or None where there is none."""
    named = os.environ.get(DATA_VARIABLE)
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    return folder.resolve() if (folder / "tokenizers").is_dir() else None
