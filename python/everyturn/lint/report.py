"""What a chat template does to training, reported before anything is trained."""

import dataclasses
import datetime as dt
import json
from collections.abc import Mapping
from typing import Any, Literal

from everyturn import _core
from everyturn.diagnostics.kind import Severity
from everyturn.io.json_lines import json_text
from everyturn.lint.report_text import report_lines
from everyturn.model_sources import (
    CONTENT_FORMAT,
    LIMITS,
    SERVE,
    TOKENIZER,
    checked_limits,
    local_time,
    sources_of,
)
from everyturn.options import ContentFormat, Serve, StrPath, TokenizerSource


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StopToken:
    """A token that ends an assistant's turn.

    Attributes:
        text: The token.
        id: Its id; None for a template without a model.
        owner: ``turn`` if the turn itself writes it, ``next_header`` if the header of the next message does,
            ``stop_token`` if the option of that name appends it.
        of: ``plain`` for turns that answer, ``tool_calls`` for turns that call tools.
        trailing: What the template writes after it, which is never trained.
    """

    text: str
    id: int | None
    owner: Literal["turn", "next_header", "stop_token"]
    of: Literal["plain", "tool_calls"]
    trailing: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BeginToken:
    """The model's begin token.

    Attributes:
        text: The token.
        id: Its id.
        written: How often the template writes it at the start of a conversation.
        added: Whether the tokenizer adds it where it may add special tokens.
        doubled: Whether there is more than one if it does.
    """

    text: str
    id: int
    written: int
    added: bool
    doubled: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GenerationBlocks:
    """The ``{% generation %}`` blocks, by which other trainers find what to train.

    Attributes:
        count: How many the template has.
        equals_rule: Whether they mark what a model must write, no more, no less; None if nothing can be compared.
        differs: How they differ from the rule, as text.
    """

    count: int = 0
    equals_rule: bool | None = None
    differs: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFinding:
    """Something that matters to training.

    Attributes:
        severity: An ``error`` makes training wrong or impossible by default, a ``warning`` loses or changes
            something, a ``note`` is worth knowing.
        kind: A stable name.
        text: A sentence.
    """

    severity: Severity
    kind: str
    text: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """An option to set.

    Attributes:
        option: Its name: ``thinking``, ``prompt_mismatch`` or ``header`` of `Expander`, ``content_format``,
            ``template_kwargs``, ``now`` or ``stop_token`` of `Renderer`.
        value: What to set it to.
        text: Why.
    """

    option: str
    value: Any
    text: str


@dataclasses.dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class TemplateReport:
    """What a chat template does to training, found by rendering made-up conversations of three targets each.

    The conversations are ``plain``, ``reasoning`` (each answer has some), ``inline_reasoning`` (between tags, within
    the content), ``tools`` (the first answer is a call) and ``tools_with_reasoning``.

    >>> report = TemplateReport.of_template(
    ...     "{% for m in messages %}{{ m.content }}<|end|>{% endfor %}"
    ... )
    >>> report.stop_tokens[0].text, report.prompt_is_prefix["plain"], report.is_fine
    ('<|end|>', True, True)

    Attributes:
        compiles: If not, only the findings say anything.
        control_tokens_guessed: There is no tokenizer, so what looks like a control token counts as one.
        server: The server whose prompts are made, with its version; None for ``serve="template"``.
        content_format: How it hands contents to this template: as ``string`` or, in lists of parts, as ``openai``.
        prompts_differ: The other values of ``serve`` that give this template other prompts, each with the kinds of
            chats: ``plain``, ``reasoning``, ``tools`` (arguments are JSON text without blanks).
        stop_tokens: What ends a turn; empty if nothing does.
        prompt_is_prefix: By conversation, whether what a server sends is a prefix of what the template makes of the
            answered turn, for every target; None if the template refuses the conversation.
        refused: By conversation, the template's words where it refuses one.
        history_rewritten: By conversation, why earlier turns are rendered otherwise once more follow: ``thinking_cut``,
            ``empty_think_block`` (in the last turn only), ``end_token`` (the end of a turn differs), ``date`` or
            ``other``.
        rows: By conversation, the rows of the layout ``merged``, under the recommended options about thinking, besides
            one that keeps the thinking of earlier turns; None if not all targets can be rendered.
        keys_read: Of the keys ``reasoning_content``, ``tool_calls``, ``tool_call_id``, ``name`` and the variables
            ``tools``, ``documents`` those that make a difference to a rendering.
        keys_ignored: The others.
        tool_arguments: How arguments of calls must be given: as an ``object``, as JSON ``text``, or ``either``.
        default_system: What the template says where no system message is given.
        begin_token: None for a template without a model, or a model without the token.
        generation_blocks: What ``{% generation %}`` marks.
        asks_for_the_date: The template calls ``strftime_now``.
        thinking_flags: Template arguments about thinking, each with its kind: ``switch``, ``keeps_history``,
            ``drops_history`` or ``effort``.
        findings: What all this means, errors first.
        recommendation: Options that resolve it, tried together: nothing else trains more targets.
    """

    compiles: bool
    control_tokens_guessed: bool
    server: str | None = None
    content_format: Literal["string", "openai"] | None = None
    prompts_differ: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    stop_tokens: tuple[StopToken, ...] = ()
    prompt_is_prefix: Mapping[str, bool | None] = dataclasses.field(default_factory=dict)
    refused: Mapping[str, str] = dataclasses.field(default_factory=dict)
    history_rewritten: Mapping[str, str] = dataclasses.field(default_factory=dict)
    rows: Mapping[str, int | None] = dataclasses.field(default_factory=dict)
    keys_read: tuple[str, ...] = ()
    keys_ignored: tuple[str, ...] = ()
    tool_arguments: Literal["object", "text", "either"] | None = None
    default_system: str | None = None
    begin_token: BeginToken | None = None
    generation_blocks: GenerationBlocks = GenerationBlocks()
    asks_for_the_date: bool = False
    thinking_flags: Mapping[str, str] = dataclasses.field(default_factory=dict)
    findings: tuple[TemplateFinding, ...] = ()
    recommendation: tuple[Recommendation, ...] = ()

    @classmethod
    def from_json(cls, text: str) -> "TemplateReport":
        """Read the core's report."""
        fields: dict[str, Any] = json.loads(text)
        for name, kind in (
            ("stop_tokens", StopToken),
            ("findings", TemplateFinding),
            ("recommendation", Recommendation),
        ):
            fields[name] = tuple(kind(**item) for item in fields.get(name, ()))
        for name in ("keys_read", "keys_ignored"):
            fields[name] = tuple(fields.get(name, ()))
        differing: dict[str, list[str]] = fields.get("prompts_differ", {})
        fields["prompts_differ"] = {serve: tuple(chats) for serve, chats in differing.items()}
        if begin := fields.get("begin_token"):
            fields["begin_token"] = BeginToken(**begin)
        if blocks := fields.get("generation_blocks"):
            fields["generation_blocks"] = GenerationBlocks(
                **{**blocks, "differs": tuple(blocks["differs"])}
            )
        return cls(**fields)

    @classmethod
    def of_template(
        cls,
        template: str,
        *,
        template_kwargs: Mapping[str, Any] | None = None,
        now: dt.datetime | str | None = None,
        serve: Serve = SERVE,
        content_format: ContentFormat = CONTENT_FORMAT,
        stop_token: str | None = None,
        limits: int = LIMITS,
    ) -> "TemplateReport":
        """Look at the text of a template without a model: what looks like a control token is taken for one."""
        kwargs = json_text(dict(template_kwargs or {}))
        return cls.from_json(
            _core.lint_template(
                template,
                kwargs,
                local_time(now),
                serve,
                content_format,
                stop_token,
                checked_limits(limits),
            )
        )

    @classmethod
    def of_model(
        cls,
        path: StrPath,
        *,
        chat_template: StrPath | None = None,
        template_kwargs: Mapping[str, Any] | None = None,
        now: dt.datetime | str | None = None,
        serve: Serve = SERVE,
        content_format: ContentFormat = CONTENT_FORMAT,
        tokenizer: TokenizerSource = TOKENIZER,
        stop_token: str | None = None,
        limits: int = LIMITS,
    ) -> "TemplateReport":
        """Look at a model's template, even one that `Renderer.from_dir` refuses; the arguments are the same.

        >>> TemplateReport.of_model("demo").history_rewritten["reasoning"]
        'thinking_cut'
        """
        sources = sources_of(
            path,
            chat_template=chat_template,
            template_kwargs=template_kwargs,
            now=now,
            serve=serve,
            content_format=content_format,
            tokenizer=tokenizer,
            stop_token=stop_token,
            limits=limits,
        )
        return cls.from_json(sources.lint())

    @property
    def is_fine(self) -> bool:
        """Whether training would be right by default: there is no error among the findings."""
        return all(finding.severity != "error" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON types."""
        plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return plain

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def __repr__(self) -> str:
        found = [f"{finding.severity}: {finding.kind}" for finding in self.findings]
        options = {advice.option: advice.value for advice in self.recommendation}
        return f"TemplateReport(is_fine={self.is_fine}, findings={found}, recommendation={options})"

    def _repr_html_(self) -> str:
        from everyturn.inspect.notebook import lines_html

        return lines_html(self.lines())

    def lines(self) -> list[str]:
        """The report as text, each line of at most 80 columns."""
        return report_lines(self)
