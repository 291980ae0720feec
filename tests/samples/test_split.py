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
    """The first half of the id alone gives the part, or all of it."""
    for seed, prefixes in ((0, "together"), (7, "together"), (-1, "apart")):
        key = seed.to_bytes(8, "big", signed=True)
        for conversation, part in parts_of(samples, seed=seed, prefixes=prefixes).items():
            name = bytes.fromhex(conversation)[: 8 if prefixes == "together" else 16]
            digest = hashlib.blake2b(
                name, digest_size=8, key=key, person=b"everyturn.split"
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


# --------------------------------------------------------------------------------------------
# What belongs together
# --------------------------------------------------------------------------------------------


def sides(samples: everyturn.Samples, **options: Any) -> dict[int, str]:
    """Return the part of each line."""
    parts = samples.split({"train": 0.5, "eval": 0.5}, **options)
    return {line: name for name, part in parts.items() for line in part.line.tolist()}


def test_a_copy_with_another_id_is_on_the_same_side() -> None:
    """Ids, spaces and the order of keys do not count: no row that is evaluated is trained."""
    chats = [named_chat(name) for name in range(100)]
    records = [{"id": at, **chat} for at, chat in enumerate([*chats, *reversed(chats)])]
    side = sides(everyturn.Expander("demo").expand(records))
    assert set(side.values()) == {"train", "eval"}
    assert all(side[at] == side[201 - at] for at in range(1, 101))


def test_what_continues_a_conversation_goes_with_it_unless_told_apart() -> None:
    """All beginnings of a conversation are on one side; apart, chance decides."""
    whole = [named_chat(name, 4)["messages"] for name in range(50)]
    records = [{"messages": messages[:cut]} for messages in whole for cut in (2, 4, 6, 8)]
    samples = everyturn.Expander("demo").expand(records)

    def is_whole(**options: Any) -> bool:
        side = sides(samples, **options)
        return all(len({side[4 * at + i] for i in (1, 2, 3, 4)}) == 1 for at in range(50))

    assert is_whole()
    assert not is_whole(prefixes="apart")


@given(
    groups=st.lists(st.sampled_from(["a", "b", "c", "d", "e", None]), min_size=1, max_size=24),
    chats=st.lists(st.integers(0, 11), min_size=24, max_size=24),
    prefixes=st.sampled_from(["together", "apart"]),
    order=st.randoms(use_true_random=False),
)
def test_groups_and_what_they_have_in_common_are_on_one_side(
    groups: list[str | None], chats: list[int], prefixes: Any, order: random.Random
) -> None:
    """A slow reference joins sides until nothing changes; the order of records is nothing to it."""
    records = [
        {"group": group, **named_chat(chat // 2, 1 + chat % 2)}
        for group, chat in zip(groups, chats, strict=False)
    ]
    expander = everyturn.Expander("demo", keep=["group"])
    samples = expander.expand(to_jsonl(records))
    side = sides(samples, group_by="group", prefixes=prefixes)
    for one, group in enumerate(groups):
        for other in range(one):
            is_same_group = group is not None and group == groups[other]
            is_same_chat = chats[one] == chats[other] or (
                prefixes == "together" and chats[one] // 2 == chats[other] // 2
            )
            if is_same_group or is_same_chat:
                assert side[one + 1] == side[other + 1]
    numbers = list(range(len(records)))
    order.shuffle(numbers)
    shuffled = expander.expand(to_jsonl(records[number] for number in numbers))
    moved = sides(shuffled, group_by="group", prefixes=prefixes)
    assert all(moved[at + 1] == side[number + 1] for at, number in enumerate(numbers))


def test_a_group_is_a_kept_key() -> None:
    """The error names what is kept."""
    samples = everyturn.Expander("demo", keep=["id"]).expand([{"id": 1, **named_chat("Ada")}])
    with pytest.raises(everyturn.OptionsError, match="'user' is not kept; the samples keep id"):
        samples.split({"all": 1}, group_by="user")
    with pytest.raises(everyturn.OptionsError, match="prefixes"):
        samples.split({"all": 1}, prefixes="near")  # type: ignore[arg-type]
