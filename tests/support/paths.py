"""Where things lie: this repository, its examples, and the built-in model."""

from pathlib import Path

import everyturn

TESTS = Path(__file__).resolve().parent.parent
ROOT = TESTS.parent
EXAMPLE_CHATS = ROOT / "examples" / "chats.jsonl"
DEMO = Path(everyturn.__file__).parent / "models" / "demo"
