"""Train a step on trees and on merged rows with FlexAttention on a GPU, and compare loss, gradients, time and memory.

    python benches/tree_gpu.py [--data chats.jsonl --model path/to/model] [--hidden 1024] [--layers 8]

Self-contained: without ``--data`` the chats are made up (many turns with reasoning, which the built-in template drops
from history), and models have random weights. Prints the card's name and one line a comparison. Needs an
accelerator, as FlexAttention has no backward on CPUs; loss and gradients are held to those of SDPA with a dense mask in
float32, times are of bfloat16.
"""

import argparse
import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

import everyturn
from everyturn.torch import TreeCollator

DEVICE = "cuda"
REPEATS = 5
BLOCK = 128


def made_up_chats(count: int, turns: int) -> list[dict[str, Any]]:
    """Return chats whose answers have reasoning."""

    def messages(number: int) -> list[dict[str, Any]]:
        told = []
        for turn in range(turns):
            told.append({"role": "user", "content": f"Question {turn} of {number}? " * 5})
            thought = f"Let me think about {turn} and {number}. " * 8
            words = f"The answer to {turn} is {number}. " * 4
            told.append({"role": "assistant", "content": words, "reasoning_content": thought})
        return told

    return [{"messages": messages(number)} for number in range(count)]


def model_of(arguments: argparse.Namespace, vocabulary: int, attention: str) -> Any:
    """Return a model with random weights, the same each time."""
    torch.manual_seed(0)
    heads = arguments.hidden // 64
    config = Qwen3Config(
        vocab_size=vocabulary,
        hidden_size=arguments.hidden,
        intermediate_size=3 * arguments.hidden,
        num_hidden_layers=arguments.layers,
        num_attention_heads=heads,
        num_key_value_heads=max(1, heads // 4),
        head_dim=64,
        max_position_embeddings=1 << 17,
        attn_implementation=attention,
        use_cache=False,
    )
    return Qwen3ForCausalLM(config).to(DEVICE)


def batches_of(samples: everyturn.Samples, attention: Any, longest: int) -> list[dict[str, Any]]:
    """Return one batch for each pack of trees, all of one length: FlexAttention is compiled for each."""
    length = -(-longest // BLOCK) * BLOCK
    collate = TreeCollator(pad_token_id=0, attention=attention, multiple_of=length)
    batches = []
    for row in samples.pack(longest):
        batch = collate([row])
        batches.append({name: value.to(DEVICE) for name, value in batch.items()})
    return batches


def step(model: Any, batches: Sequence[dict[str, Any]], count: int) -> float:
    """Go forward and backward over all batches; the loss is the mean over all trained tokens."""
    model.zero_grad()
    total = 0.0
    for batch in batches:
        loss = model(**batch, num_items_in_batch=count).loss
        loss.backward()
        total += float(loss.detach())
    return total


def timed(model: Any, batches: Sequence[dict[str, Any]], count: int) -> tuple[float, float]:
    """Return the seconds of the fastest step, and the most memory in GiB; the first steps compile."""
    for _ in range(2):
        step(model, batches, count)
    torch.cuda.reset_peak_memory_stats()
    seconds = []
    for _ in range(REPEATS):
        torch.cuda.synchronize()
        start = time.perf_counter()
        step(model, batches, count)
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return min(seconds), torch.cuda.max_memory_allocated() / 2**30


def compare(arguments: argparse.Namespace, trees: everyturn.Samples, vocabulary: int) -> None:
    """Hold FlexAttention's loss and gradients to those of SDPA, on a few trees."""
    some, count = trees[:4], int((trees[:4].labels != everyturn.IGNORE_INDEX).sum())
    longest = int(some.lengths.max())
    found = []
    for attention, implementation in (("sdpa", "sdpa"), ("flex", "flex_attention")):
        model = model_of(arguments, vocabulary, implementation)
        loss = step(model, batches_of(some, attention, longest), count)
        found.append((loss, [parameter.grad.clone() for parameter in model.parameters()]))
    (loss, gradients), (other, others) = found
    pairs = zip(gradients, others, strict=True)
    furthest = max(float((mine - theirs).norm() / mine.norm()) for mine, theirs in pairs)
    print(f"loss: SDPA {loss:.6f}, FlexAttention {other:.6f}; gradients differ by {furthest:.1e}")


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data")
    parser.add_argument("--model", default="demo")
    parser.add_argument("--hidden", type=int, default=1024)
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--limit", type=int, default=24)
    arguments = parser.parse_args()
    source = arguments.data or made_up_chats(arguments.limit, turns=24)
    options: dict[str, Any] = {"prompt_mismatch": "match_thinking", "on_error": "skip"}
    print(torch.cuda.get_device_name(), f"torch {torch.__version__}", sep=", ")
    layouts: dict[str, everyturn.Samples] = {}
    for layout in ("merged", "tree"):
        expander = everyturn.Expander(arguments.model, layout=layout, **options)
        samples = expander.expand(source)
        lines = sorted(set(samples.line.tolist()))[: arguments.limit]
        layouts[layout] = samples.select(
            [row for row, line in enumerate(samples.line.tolist()) if line in lines]
        )
        print(f"{layout}: {len(layouts[layout].input_ids):,} tokens")
    vocabulary = int(max(samples.input_ids.max() for samples in layouts.values())) + 1
    vocabulary = -(-vocabulary // 64) * 64
    trees = layouts["tree"]
    compare(arguments, trees, vocabulary)
    count = int((trees.labels != everyturn.IGNORE_INDEX).sum())
    longest = int(max(samples.lengths.max() for samples in layouts.values()))
    model = model_of(arguments, vocabulary, "flex_attention").to(torch.bfloat16)
    seconds = {}
    for layout, samples in layouts.items():
        batches = batches_of(as_trees(samples), "flex", longest)
        seconds[layout], memory = timed(model, batches, count)
        print(f"{layout}: {seconds[layout]:.3f} s a step, {memory:.1f} GiB, {len(batches)} rows")
    print(f"trees are {seconds['merged'] / seconds['tree']:.2f} times faster")


def as_trees(samples: everyturn.Samples) -> everyturn.Samples:
    """Return rows that are no trees as trees without branches, so that both are masked by the same kernel."""
    if samples.subtree_end is not None:
        return samples
    lengths = samples.lengths
    starts = np.repeat(samples.offsets[:-1], lengths)
    labels = np.append(samples.labels[1:], np.int32(everyturn.IGNORE_INDEX))
    labels[samples.offsets[1:] - 1] = everyturn.IGNORE_INDEX
    return dataclasses.replace(
        samples,
        position_ids=(np.arange(len(samples.labels)) - starts).astype(np.int32),
        subtree_end=np.repeat(lengths, lengths).astype(np.int32),
        shift_labels=labels,
    )


if __name__ == "__main__":
    main()
