"""Speed against what people write by hand with transformers, on the same records in the same run.

By hand: for each assistant message render the prompt, render the turn, encode both, mask the prompt.
Equal ids are the precondition: the first difference ends the run.

python benches/against_transformers.py [--data FILE] [--model DIR] [--limit N] [--repeat N]
"""

import argparse
import importlib.metadata
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import tokenizers
import transformers

import everyturn

ROOT = Path(__file__).parent.parent
Row = tuple[list[int], list[int]]
Result = TypeVar("Result")


def by_hand(
    records: list[dict[str, Any]], model: Any, tokenizer: tokenizers.Tokenizer
) -> list[Row]:
    """Return (prompt ids, completion ids) of every assistant message."""
    rows: list[Row] = []
    for record in records:
        messages, kwargs = record["messages"], record.get("chat_template_kwargs") or {}

        def render(count: int, *, prompt: bool, record: dict[str, Any] = record) -> list[int]:
            text = model.apply_chat_template(
                record["messages"][:count],
                tools=record.get("tools"),
                add_generation_prompt=prompt,
                tokenize=False,
                **kwargs,  # noqa: B023 - called within the same turn of the loop
            )
            return tokenizer.encode(text, add_special_tokens=False).ids

        for i, message in enumerate(messages):
            if message["role"] == "assistant" and i:
                prompt = render(i, prompt=True)
                rows.append((prompt, render(i + 1, prompt=False)[len(prompt) :]))
    return rows


def timed(work: Callable[[], Result]) -> tuple[Result, float, float]:
    """Return the result, seconds of CPU (all threads) and seconds by the wall."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    return result, time.process_time() - cpu, time.perf_counter() - wall


def main() -> int:
    """Compare, then print a line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--data", default=str(ROOT / "examples" / "chats.jsonl"), help="messages format"
    )
    parser.add_argument("--model", default="demo")
    parser.add_argument("--limit", type=int, default=500)
    parser.add_argument("--repeat", type=int, default=1, help="take the records so many times")
    arguments = parser.parse_args()

    with everyturn_open(arguments.data) as file:
        lines = [line for _, line in zip(range(arguments.limit), file, strict=False)]
    records = [clean(json.loads(line)) for line in lines] * arguments.repeat
    data = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()

    renderer = everyturn.Renderer.from_dir(arguments.model)
    folder = (
        Path(everyturn.__file__).parent / "models" / "demo"
        if arguments.model == "demo"
        else arguments.model
    )
    model = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer = tokenizers.Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
    expander = everyturn.Expander(
        renderer, layout="per_turn", num_threads=1, control_tokens="allow"
    )
    expander.expand(data[: data.index(b"\n")])  # starts the thread
    by_hand(records[:1], model, tokenizer)  # compiles the template

    samples, our_cpu, our_wall = timed(lambda: expander.expand(data))
    rows, their_cpu, their_wall = timed(lambda: by_hand(records, model, tokenizer))
    if not same(samples, rows):
        return 1
    megabytes = len(data) / 1e6
    print(f"{len(records)} conversations, {len(rows)} targets, {megabytes:.2f} MB; all ids equal")
    versions = " ".join(
        f"{name} {importlib.metadata.version(name)}"
        for name in ("transformers", "tokenizers", "everyturn")
    )
    print(versions)
    for name, cpu, wall in (
        ("transformers by hand", their_cpu, their_wall),
        ("everyturn, 1 thread", our_cpu, our_wall),
    ):
        print(
            f"{name:22} {megabytes / cpu:8.3f} MB per CPU-second {megabytes / wall:8.3f} MB/s by the wall"
        )
    print(
        f"ratio                  {their_cpu / our_cpu:8.1f}x                   {their_wall / our_wall:8.1f}x"
    )
    return 0


def everyturn_open(path: str) -> Any:
    """Open a plain or gzip file."""
    import gzip

    return (
        gzip.open(path, "rt", encoding="utf-8")
        if path.endswith(".gz")
        else Path(path).open(encoding="utf-8")
    )


def clean(record: dict[str, Any]) -> dict[str, Any]:
    """Take the keys out that steer training: both sides then train every assistant message."""
    keys = {"weight", "trainable", "train", "loss", "loss_weight"}
    messages = [
        {k: v for k, v in message.items() if k not in keys} for message in record["messages"]
    ]
    return {**record, "messages": messages}


def same(samples: everyturn.Samples, rows: list[Row]) -> bool:
    """Compare ids; what stands behind the stop token is context for the one and left out by the other."""
    if len(samples) != len(rows):
        print(f"{len(samples)} samples, {len(rows)} by hand")
        return False
    for i, (sample, (prompt, completion)) in enumerate(zip(samples, rows, strict=True)):
        ids = sample.input_ids.tolist()
        trained = sample.trained_ids.tolist()
        if ids[: len(prompt)] != prompt or trained != completion[: len(trained)]:
            print(f"row {i} (line {sample.line}) differs")
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
