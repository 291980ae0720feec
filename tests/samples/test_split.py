"""Parts of conversations."""

import hashlib
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import everyturn
from chats import named_chat, to_jsonl

SHARES = {"train": 0.7, "eval": 0.2, "test": 0.1}


@pytest.fixture(scope="module")
def expander() -> everyturn.Expander:
    """A row for each target: several rows a conversation."""
    return everyturn.Expander("demo", layout="per_turn")


@pytest.fixture(scope="module")
def samples(expander: everyturn.Expander) -> everyturn.Samples:
    """Many small conversations of one to three rows."""
    return expander.expand(to_jsonl(named_chat(name, 1 + name % 3) for name in range(600)))


def parts_of(samples: everyturn.Samples, **options: Any) -> dict[str, str]:
    """Return the part of each conversation; one in two parts fails."""
    found: dict[str, str] = {}
    for name, part in samples.split(SHARES, **options).items():
        for conversation in set(part.conversation_id):
            assert conversation not in found, "a conversation lies in two parts"
            found[conversation] = name
    return found


def rows_of(samples: everyturn.Samples) -> list[tuple[Any, ...]]:
    """What identifies a sample."""
    return [(row.conversation_id, row.line, row.targets.tolist()) for row in samples]


# --------------------------------------------------------------------------------------------
# Split
# --------------------------------------------------------------------------------------------


def test_every_row_is_in_one_part_and_rows_keep_their_order(samples: everyturn.Samples) -> None:
    """Nothing is lost, nothing is in two parts, and a part is a subsequence of the whole."""
    parts = samples.split(SHARES)
    assert list(parts) == list(SHARES)
    whole = rows_of(samples)
    assert sorted(row for part in parts.values() for row in rows_of(part)) == sorted(whole)
    for part in parts.values():
        places = [whole.index(row) for row in rows_of(part)]
        assert places == sorted(places)
        assert part.report == samples.report


def test_shares_hold_on_average(samples: everyturn.Samples) -> None:
    """Of 600 conversations each part has its share, give or take what chance allows."""
    parts = parts_of(samples)
    for name, share in SHARES.items():
        count = sum(part == name for part in parts.values())
        deviation = (600 * share * (1 - share)) ** 0.5
        assert abs(count - 600 * share) < 4 * deviation


def test_a_part_is_chosen_by_the_documented_hash(samples: everyturn.Samples) -> None:
    """The id alone gives the part."""
    for seed in (0, 7, -1):
        key = seed.to_bytes(8, "big", signed=True)
        for conversation, part in parts_of(samples, seed=seed).items():
            digest = hashlib.blake2b(
                bytes.fromhex(conversation), digest_size=8, key=key, person=b"everyturn.split"
            ).digest()
            place = int.from_bytes(digest, "big") / 2**64
            expected = "train" if place < 0.7 else "eval" if place < 0.9 else "test"
            assert part == expected


def test_another_seed_gives_another_split(samples: everyturn.Samples) -> None:
    """The seed is part of the hash; without one it is 0."""
    assert parts_of(samples) == parts_of(samples, seed=0)
    assert parts_of(samples) != parts_of(samples, seed=1)


@given(order=st.randoms(use_true_random=False), kept=st.integers(1, 60))
def test_neither_order_nor_other_records_move_a_conversation(
    expander: everyturn.Expander, order: random.Random, kept: int
) -> None:
    """A conversation is in the part in which it would be alone."""
    records = [named_chat(name) for name in range(60)]
    whole = parts_of(expander.expand(to_jsonl(records)))
    order.shuffle(records)
    some = parts_of(expander.expand(to_jsonl(records[:kept])))
    assert len(some) == kept
    assert some.items() <= whole.items()


def test_no_samples_make_empty_parts(expander: everyturn.Expander) -> None:
    """Each part is there, and has no rows."""
    parts = expander.expand(b"").split(SHARES)
    assert {name: len(part) for name, part in parts.items()} == dict.fromkeys(SHARES, 0)


def test_one_part_takes_all(samples: everyturn.Samples) -> None:
    """A share of 1 is everything."""
    assert rows_of(samples.split({"train": 1.0})["train"]) == rows_of(samples)


@pytest.mark.parametrize(
    "shares",
    [{}, {"a": 0.5}, {"a": 0.6, "b": 0.5}, {"a": 1.5, "b": -0.5}, {"a": 1.0, "b": 0.0}],
    ids=str,
)
def test_shares_that_do_not_sum_to_one_are_refused(
    samples: everyturn.Samples, shares: dict[str, float]
) -> None:
    """Each share is above 0, and they make a whole."""
    with pytest.raises(everyturn.OptionsError, match="shares must"):
        samples.split(shares)


@pytest.mark.parametrize("seed", [2**63, "x", 0.5])
def test_a_seed_is_a_whole_number_of_64_bits(samples: everyturn.Samples, seed: Any) -> None:
    """Any other number is refused by name."""
    with pytest.raises(everyturn.OptionsError, match="seed"):
        samples.split(SHARES, seed=seed)
