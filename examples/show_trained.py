"""Show what is trained: every sample of a file of chats, the trained text marked.

python examples/show_trained.py [CHATS.jsonl] [MODEL]
"""

import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

import everyturn
from everyturn import IGNORE_INDEX


def show(chats: str, model: str) -> None:
    """Print each sample: trained text in bold green between ▸ and ◂, context as it is."""
    console = Console(soft_wrap=True)
    renderer = everyturn.Renderer.from_dir(model)
    samples = everyturn.Expander(renderer).expand(chats)
    for row, sample in enumerate(samples):
        console.rule(f"sample {row}: line {sample.line}, messages {sample.targets.tolist()}")
        text = Text()
        trained = sample.labels != IGNORE_INDEX
        start = 0
        for end in range(1, len(trained) + 1):
            if end < len(trained) and trained[end] == trained[start]:
                continue
            run = renderer.decode(sample.input_ids[start:end])
            text.append(*((f"▸{run}◂", "bold green") if trained[start] else (run, "dim")))
            start = end
        console.print(text)
    console.rule()
    for line in samples.report.lines():
        console.print(line)


if __name__ == "__main__":
    defaults = [str(Path(__file__).parent / "chats.jsonl"), "demo"]
    show(*(sys.argv[1:] + defaults[len(sys.argv) - 1 :])[:2])
