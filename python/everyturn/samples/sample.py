"""One sample, as a table of samples gives it out."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from everyturn.renderer import Renderer
from everyturn.samples.labels import IGNORE_INDEX


@dataclasses.dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Sample:
    """One sample.

    Attributes:
        input_ids: int32[T].
        labels: int32[T], the id where the token is trained, else -100; unshifted, as Hugging Face models want them.
        loss_weights: float32[T], or None where all weights are 0 or 1.
        file: The input's name.
        line: The 1-based line (or the number of the record).
        conversation_id: 32 hex digits, equal for conversations that are the same; see `Samples.conversation_id`.
        targets: int32[M], the 0-based indices of the messages that are trained.
        depth_from_end: int32[M], how many targets of the conversation, in all of its samples, come after each: 0 for
            the last.
        position_ids: int32[T], how many tokens come before each on its path; None but in the layout ``tree``.
        subtree_end: int32[T], where what follows each token ends: token j sees token i if
            ``i <= j < subtree_end[i]``; None but in the layout ``tree``.
        shift_labels: int32[T], the id that the position predicts where that is trained, else -100; ``loss_weights``
            are at these positions, too. None but in the layout ``tree``.
        run_lengths: int32[R], the number of tokens in each run of adjacent tokens with one origin; empty without
            ``provenance``.
        run_kinds: uint8[R], what they are, by their places in `everyturn.samples.KINDS`.
        run_messages: int32[R], the message that wrote them, -1 for none.
        run_answers: bool[R], whether they are of an answer that is trained here: the model must emit them.
        kept: What the record has under the keys that are kept, by name; None where it has none.
        renderer: What made it, and decodes it; None where that is not known, as after loading or unpickling.
    """

    input_ids: npt.NDArray[np.int32]
    labels: npt.NDArray[np.int32]
    loss_weights: npt.NDArray[np.float32] | None
    file: str
    line: int
    conversation_id: str
    targets: npt.NDArray[np.int32]
    depth_from_end: npt.NDArray[np.int32]
    run_lengths: npt.NDArray[np.int32]
    run_kinds: npt.NDArray[np.uint8]
    run_messages: npt.NDArray[np.int32]
    run_answers: npt.NDArray[np.bool_]
    position_ids: npt.NDArray[np.int32] | None = None
    subtree_end: npt.NDArray[np.int32] | None = None
    shift_labels: npt.NDArray[np.int32] | None = None
    kept: dict[str, Any] = dataclasses.field(default_factory=dict)
    renderer: Renderer | None = None

    @property
    def trained_ids(self) -> npt.NDArray[np.int32]:
        """The ids that are trained, int32."""
        trained: npt.NDArray[np.int32] = self.input_ids[self.labels != IGNORE_INDEX]
        return trained

    @property
    def trained_tokens(self) -> int:
        """How many tokens are trained."""
        return int(np.count_nonzero(self.labels != IGNORE_INDEX))

    def __repr__(self) -> str:
        return (
            f"Sample(line={self.line}, messages={self.targets.tolist()}, tokens={len(self.input_ids)}, "
            f"trained={self.trained_tokens})"
        )

    def _repr_html_(self) -> str:
        from everyturn.inspect.notebook import sample_html

        return sample_html(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return without_renderer(self)


def without_renderer(record: Any) -> tuple[Any, ...]:
    """Pickle a sample, or many, without the renderer: another process has no use for its tokenizer."""
    made: Callable[..., Any] = type(record)
    fields = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    return functools.partial(made, **{**fields, "renderer": None}), ()
