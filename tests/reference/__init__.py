"""The slow, obvious reference: what every row of everyturn is compared with.

Nothing here is fast, and nothing is shared with what it checks. JSON comes from CPython (`json`), formats are read here
(`records`, `targets`), text and ids come from transformers and tokenizers (`model`), and the rule is the one that
`everyturn._educational` spells out (`layouts`).
"""

from everyturn._educational import IGNORE_INDEX, Ids, Row, merged
from reference.json import (
    MAX_NESTING,
    RecordError,
    parse_json,
    parse_record,
    read_lines,
    split_lines,
)
from reference.layouts import (
    Sample,
    assert_merged_minimal,
    assert_same_samples,
    expected_samples,
    row_of,
    rows_by_line,
    samples_of,
)
from reference.model import STOP_TOKENS, ReferenceModel, RenderError, Result
from reference.records import Conversation, Message, conversations_of, detect_format, normalise
from reference.targets import Target, targets
from reference.trees import tokens_of_a_trie

__all__ = [
    "IGNORE_INDEX",
    "MAX_NESTING",
    "STOP_TOKENS",
    "Conversation",
    "Ids",
    "Message",
    "RecordError",
    "ReferenceModel",
    "RenderError",
    "Result",
    "Row",
    "Sample",
    "Target",
    "assert_merged_minimal",
    "assert_same_samples",
    "conversations_of",
    "detect_format",
    "expected_samples",
    "merged",
    "normalise",
    "parse_json",
    "parse_record",
    "read_lines",
    "row_of",
    "rows_by_line",
    "samples_of",
    "split_lines",
    "targets",
    "tokens_of_a_trie",
]
