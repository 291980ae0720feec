"""Which bytes are a record, and what they mean: CPython's json, minus what is refused on purpose.

Refused although CPython takes it: NaN and the infinities, numbers too large for a float, lone
surrogates, more than 128 levels. Only a newline ends a line.
"""

import functools
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import everyturn
from paths import find_data
from reference import MAX_NESTING, RecordError, parse_json, parse_record, split_lines
from value_reader import Reader

#: They begin as a list of records does, whose first one counts.
OPEN_LISTS = {"n_array_unclosed_with_object_inside.json"}
#: Files of the suite with a newline inside: as JSONL they are several lines, whatever they hold.
SEVERAL_LINES = {
    "n_array_newlines_unclosed.json",
    "n_array_unclosed_with_new_lines.json",
    "n_number_invalid-utf-8-in-int.json",
    "n_object_bracket_key.json",
    "n_string_unescaped_newline.json",
    "n_structure_open_array_object.json",
    "y_array_with_1_and_newline.json",
    "y_number_double_close_to_zero.json",
    "y_object_with_newlines.json",
    "y_structure_trailing_newline.json",
}
#: What the project takes of the files that a parser may take or leave.
EITHER_WAY_TAKEN = {
    "i_number_double_huge_neg_exp.json",
    "i_number_real_underflow.json",
    "i_number_too_big_neg_int.json",
    "i_number_too_big_pos_int.json",
    "i_number_very_big_negative_int.json",
}


# --------------------------------------------------------------------------------------------
# One value through the product
# --------------------------------------------------------------------------------------------


def record_with(document: bytes) -> bytes:
    """A record that has the document next to its messages, where nothing reads it."""
    messages = b'[{"role":"user","content":"u"},{"role":"assistant","content":"a"}]'
    return b'{"messages":' + messages + b',"x":' + document + b"}"


def printed(document: bytes) -> str:
    """What CPython makes of it."""
    return json.dumps([json.loads(document.decode())], ensure_ascii=False)


# --------------------------------------------------------------------------------------------
# JSONTestSuite
# --------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1)
def _suite() -> dict[str, bytes]:
    data = find_data()
    if data is None:
        return {}
    found: dict[str, bytes] = {}
    with tarfile.open(data / "text" / "jsontestsuite_test_parsing.tar.gz") as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is not None and member.name.endswith(".json"):
                found[Path(member.name).name] = content.read()
    return dict(sorted(found.items()))


def _suite_files() -> list[Any]:
    return [pytest.param(name, id=name) for name in _suite()] or [pytest.param(None, id="no-data")]


def _is_taken(name: str) -> bool:
    return name.startswith("y_") or name in EITHER_WAY_TAKEN


@pytest.mark.usefixtures("data")
def test_the_suite_is_whole() -> None:
    """All 318 files are looked at, and those of several lines are the ones listed."""
    suite = _suite()
    kinds = [name[0] for name in suite]
    assert (kinds.count("n"), kinds.count("y"), kinds.count("i")) == (188, 95, 35)
    assert {name for name, document in suite.items() if b"\n" in document} == SEVERAL_LINES


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("name", _suite_files())
def test_a_suite_document_in_a_record_is_judged_as_the_contract_says(
    reader: Reader, name: str
) -> None:
    """What is n_ is refused, what is y_ is taken, and i_ where it is text and finite.

    A record of several lines is a document of its own.
    """
    line = record_with(_suite()[name])
    if _is_taken(name):
        if name not in SEVERAL_LINES:
            parse_record(line)
        assert len(reader.expand(line)) == 1
        return
    with pytest.raises(RecordError):
        parse_record(line.split(b"\n")[0])
    with pytest.raises(everyturn.JsonlError):
        reader.expand(line)


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("name", _suite_files())
def test_a_suite_document_as_a_line_is_never_taken_for_a_chat(reader: Reader, name: str) -> None:
    """Bare documents are refused, as not JSON, or as not a record of a chat."""
    document = _suite()[name]
    lines = list(split_lines(document))
    if not lines or document.strip() == b"[]":
        assert len(reader.expand(document)) == 0
        return
    with pytest.raises(everyturn.EveryturnError) as caught:
        reader.expand(document)
    if (
        name in SEVERAL_LINES
        or name in OPEN_LISTS
        or b"\x00" in document[:4]
        or document.startswith(b"\xff\xfe")
    ):
        # A document, or text of wide characters.
        assert isinstance(
            caught.value, everyturn.JsonlError | everyturn.InputError | everyturn.ConversationError
        )
        return
    number, first = lines[0]
    assert caught.value.line == number
    try:
        parse_json(first)
    except RecordError:
        assert isinstance(caught.value, everyturn.JsonlError)
    else:
        assert isinstance(caught.value, everyturn.ConversationError)


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("name", _suite_files())
def test_a_suite_value_equals_that_of_cpython(reader: Reader, name: str) -> None:
    """What is taken prints as CPython prints it, from JSONL and from Python objects."""
    document = _suite()[name]
    if _is_taken(name):
        assert reader.python_value(json.loads(document)) == printed(document)
        if name not in SEVERAL_LINES:
            assert reader.values(document) == [printed(document)]


# --------------------------------------------------------------------------------------------
# Values
# --------------------------------------------------------------------------------------------

NUMBERS = (
    "0",
    "-0",
    "1",
    "-1",
    "10",
    "1e0",
    "1E5",
    "1e5",
    "1e+5",
    "1e-5",
    "1.0",
    "1.10",
    "100.0",
    "-0.0",
    "0.1",
    "-0.1e-7",
    "1e-7",
    "1e15",
    "1e16",
    "1e17",
    "1e21",
    "1e22",
    "1e23",
    "123456789012345678",
    "9007199254740993",
    "9007199254740993.0",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "123456789012345678901234567890123456789012345678901234567890",
    "0.30000000000000004",
    "2.2250738585072014e-308",
    "5e-324",
    "4.9e-324",
    "2e-324",
    "1e-400",
    "1.7976931348623157e308",
    "1.7976931348623158e308",
    "0.1000000000000000055511151231257827",
    "1e308",
    "123.456e-789",
    "3.14159265358979323846264338327950288",
    "6.02214076e23",
    "-1.5e-10",
    "0e10",
    "0.0e-5",
    "12e1",
    "1.2345678901234567890123456789e10",
    "600000000000000.25",
    "-4503599627370497.5",
)

STRINGS = (
    r'""',
    r'"a"',
    r'"\"\\\/\b\f\n\r\t"',
    r'"\u0000"',
    r'"\u0001\u001f\u007f\u0080"',
    r'"\u00e9 é e\u0301"',
    r'"\u2028\u2029\u0085"',
    '"\u2028\u2029\u0085"',
    r'"\ud83d\ude00\uD83D\uDE00"',
    '"😀 你好 नमस्ते"',
    r'"\uffff\ufffe\ufdd0"',
    '"\uffff\ufffe\U0010ffff"',
    r'"\udbff\udfff"',
    '"\x7f\x80"',
    r'"</script> <b> & \u003c \u0026 \u0027"',
    r'"{{ messages }} {% if x %}"',
    r'"\\u0041 \\\\"',
)

CONTAINERS = (
    "null",
    "true",
    "false",
    "[]",
    "{}",
    "[[], {}, [[]]]",
    '{"b": 1, "a": 2, "c": 3}',
    '{"10": 1, "9": 2, "1": 3}',
    '{"a": 1, "b": 2, "a": 3}',
    '{"a": {"x": 1}, "b": 0, "a": {"y": 2}}',
    '{"": null, " ": "", "a.b": [1, 2.0, "3"]}',
    r'{"\u0061": 1, "a": 2}',
    r'{"\ud83d\ude00": 1, "\n": 2}',
    ' [ 1 ,\t2 , { "a" : [ ] } ] \r',
)


@pytest.mark.parametrize("document", [*NUMBERS, *STRINGS, *CONTAINERS])
def test_a_value_equals_that_of_cpython(reader: Reader, document: str) -> None:
    """Numbers, texts, key order and the last of equal keys are CPython's."""
    text = document.encode()
    assert reader.values(text) == [printed(text)]
    assert reader.python_value(json.loads(document)) == printed(text)


@pytest.mark.parametrize(
    "document",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "[NaN]",
        "1e309",
        "-1e309",
        "1.7976931348623159e308",
        "1e99999999999",
        r'"\ud800"',
        r'"\udc00"',
        r'"\ud83d\ue000"',
        r'"\ud800\uffff"',
        r'"\ud83dA"',
        r'"\ude00\ud83d"',
        r'"\ud83d\ud83d\ude00"',
        r'{"\ud800": 1}',
        r'{"a": "\ud800", "a": 1}',
        '{"a": 1e999, "a": 1}',
        '{"a": NaN, "a": 1}',
        '"\t"',
        '"\x00"',
        '"\x1f"',
        r'"\x41"',
        r'"\u12"',
        r'"\u00g0"',
        "01",
        "+1",
        ".5",
        "1.",
        "1e",
        "0x10",
        "1_000",
        "--1",
        "True",
        "'a'",
        "[1,]",
        '{"a":1,}',
        "{a:1}",
        '{1:"a"}',
        "[1 2]",
        "// comment",
        "\u00a01",
        "\x0b1",
        "\ufeff1",
        "1 2",
        "",
    ],
)
def test_what_is_no_json_is_refused(reader: Reader, document: str) -> None:
    """No laxity is accepted, CPython's or any other."""
    line = record_with(document.encode())
    with pytest.raises(RecordError):
        parse_record(line)
    with pytest.raises(everyturn.JsonlError):
        reader.expand(line)


@pytest.mark.parametrize(
    "damaged",
    [
        b"\xff",
        b"\x80",
        b"\xc0\xaf",
        b"\xc1\xbf",
        b"\xe0\x80\xaf",
        b"\xe0\xff",
        b"\xed\xa0\x80",
        b"\xed\xb0\x80",
        b"\xf0\x80\x80\x80",
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xe4\xbd",
        b"\xf0\x9f\x98",
        "é".encode("latin-1"),
    ],
)
def test_what_is_no_utf8_is_refused(reader: Reader, damaged: bytes) -> None:
    """Overlong, cut, surrogate and foreign bytes are refused wherever they stand."""
    for line in (
        record_with(b'"' + damaged + b'"'),
        record_with(b'"' + b"a" * 1000 + damaged + b"a" * 1000 + b'"'),
        record_with(b'{"' + damaged + b'": 1}'),
        record_with(b"1" + damaged),
    ):
        with pytest.raises(RecordError):
            parse_record(line)
        with pytest.raises(everyturn.JsonlError):
            reader.expand(line)


# --------------------------------------------------------------------------------------------
# Random documents
# --------------------------------------------------------------------------------------------

_space = st.sampled_from(["", "", "", " ", "\t", "\r", "  \t"])
_characters = st.characters(exclude_categories=["Cs"])


@st.composite
def _numbers(draw: st.DrawFn) -> str:
    sign = draw(st.sampled_from(["", "-"]))
    whole = draw(st.one_of(st.just("0"), st.from_regex(r"[1-9][0-9]{0,40}", fullmatch=True)))
    fraction = draw(st.one_of(st.just(""), st.from_regex(r"\.[0-9]{1,30}", fullmatch=True)))
    exponent = draw(st.one_of(st.just(""), st.from_regex(r"[eE][+-]?[0-9]{1,2}", fullmatch=True)))
    return sign + whole + fraction + exponent


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02X}" for at in range(0, len(units), 2))


_string_pieces = st.one_of(
    _characters.map(lambda character: json.dumps(character, ensure_ascii=False)[1:-1]),
    _characters.map(_escaped),
    st.sampled_from([r"\"", r"\\", r"\/", r"\b", r"\f", r"\n", r"\r", r"\t", r"\u0000", "<&>'"]),
)
_strings = st.lists(_string_pieces, max_size=12).map(lambda pieces: f'"{"".join(pieces)}"')


@st.composite
def _lists(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    items = draw(st.lists(inner, max_size=4))
    return "[" + ",".join(draw(_space) + item + draw(_space) for item in items) + "]"


@st.composite
def _objects(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    keys = st.one_of(st.sampled_from(['"a"', '"b"', r'"\u0061"', '""']), _strings)
    items = [
        draw(_space) + key + draw(_space) + ":" + draw(_space) + item + draw(_space)
        for key, item in draw(st.lists(st.tuples(keys, inner), max_size=4))
    ]
    return "{" + ",".join(items) + "}"


documents = st.recursive(
    st.one_of(st.sampled_from(["null", "true", "false"]), _numbers(), _strings),
    lambda inner: st.one_of(_lists(inner), _objects(inner)),
    max_leaves=12,
)


@given(texts=st.lists(documents, min_size=1, max_size=8))
def test_random_documents_equal_those_of_cpython(reader: Reader, texts: list[str]) -> None:
    """Any JSON text prints as `json.dumps(json.loads(text), ensure_ascii=False)`."""
    lines = [text.encode() for text in texts]
    assert reader.values(*lines) == [printed(line) for line in lines]


@given(texts=st.lists(documents, min_size=1, max_size=4))
def test_random_python_values_print_as_in_python(reader: Reader, texts: list[str]) -> None:
    """Python objects given to `render` have the same values as their JSON text."""
    for text in texts:
        assert reader.python_value(json.loads(text)) == printed(text.encode())


@st.composite
def _damaged_documents(draw: st.DrawFn) -> bytes:
    """A JSON text with a few bytes put in, taken out or changed; no newline."""
    document = bytearray(draw(documents).encode())
    foreign = st.one_of(
        st.sampled_from([b",", b":", b'"', b"\\", b"[", b"]", b"{", b"}", b"e", b".", b"-", b"0"]),
        st.binary(min_size=1, max_size=1),
    )
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(document)))
        taken_out = draw(st.integers(0, 2))
        document[at : at + taken_out] = draw(st.one_of(st.just(b""), foreign))
    return bytes(document).replace(b"\n", b" ")


@given(damaged=st.lists(_damaged_documents(), min_size=1, max_size=8))
def test_damaged_documents_are_judged_as_by_cpython(reader: Reader, damaged: list[bytes]) -> None:
    """A line is refused as JSON exactly where the contract refuses it."""
    for document in damaged:
        line = record_with(document)
        try:
            parse_record(line)
        except RecordError:
            assert reader.refuses(line), document
        else:
            assert not reader.refuses(line), document


# --------------------------------------------------------------------------------------------
# Nesting
# --------------------------------------------------------------------------------------------

NESTED = {
    "lists": (b"[", b"", b"]"),
    "objects": (b'{"a":', b"null", b"}"),
}


@pytest.mark.parametrize("kind", sorted(NESTED))
@pytest.mark.parametrize("levels", [127, 128, 129, 100_000])
def test_nesting_is_bounded(reader: Reader, kind: str, levels: int) -> None:
    """128 levels are taken, the record being the first; deeper is refused and never crashes."""
    opening, inside, closing = NESTED[kind]
    within = levels - 1
    line = record_with(opening * within + inside + closing * within)
    if levels <= MAX_NESTING:
        assert len(reader.expand(line)) == 1
    else:
        with pytest.raises(everyturn.JsonlError, match=str(MAX_NESTING)):
            reader.expand(line)


@pytest.mark.parametrize("kind", sorted(NESTED))
def test_unclosed_nesting_is_refused(reader: Reader, kind: str) -> None:
    """A hundred thousand opening brackets are refused and never crash."""
    with pytest.raises(everyturn.JsonlError):
        reader.expand(record_with(NESTED[kind][0] * 100_000))


def test_nesting_inside_a_message_is_bounded_alike(reader: Reader) -> None:
    """Levels are counted from the record, wherever the containers stand."""
    outside = 4  # the record, its messages, the message, and the list of `record_saying`
    within = MAX_NESTING - outside
    deepest = b"[" * within + b"]" * within
    assert reader.values(deepest) == [printed(deepest)]
    with pytest.raises(everyturn.JsonlError):
        reader.values(b"[" + deepest + b"]")
