"""What is wrong with chats, before anything is trained on them.

`everyturn.check` is the way in. A rule is a function from a `records.Record` to remarks, in a file by theme; what each
kind of finding means, and how grave it is, stands in `everyturn.diagnostics`.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from everyturn.checks.checker import Checker
from everyturn.checks.finding import Change, Finding
from everyturn.io.inputs import Source
from everyturn.options import StrPath
from everyturn.renderer import Renderer

__all__ = ["Change", "Checker", "Finding", "check"]


def check(
    source: Source,
    *,
    renderer: Renderer | StrPath | None = None,
    ignore: Iterable[str] = (),
    limit: int | None = None,
    **options: Any,
) -> Iterator[Finding]:
    r"""Find everything that is wrong with chats, or worth knowing.

    Every fault is named, not only the first: several of a record where they are independent. Memory does not grow with
    the input but for a hash of each record, by which copies are found.

    >>> lines = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": " "}]}\n'
    >>> for finding in check(lines):
    ...     print(finding)
    <bytes>:1: message 1: warning: empty_targets: the answer is empty: only its end is trained

    Args:
        source: As `Expander.expand` takes it.
        renderer: A renderer or a model folder: then what its expansion finds is reported, too.
        ignore: Kinds that are left out.
        limit: Stop after this many records.
        **options: Those of `Expander` but ``on_error``, as a fault is a finding and ends nothing; without a renderer
            only ``input_format``, ``max_line_bytes`` and ``num_threads`` do something.

    Returns:
        An iterator over findings, in the order of the lines.

    Raises:
        InputError: An input cannot be opened or read. Broken compressed data are a finding.
        OptionsError: An option or a kind is unknown, or needs a renderer.
    """
    return Checker(renderer, ignore=ignore, **options).check(source, limit=limit)
