"""Chat template and tokenizer of one model."""

import dataclasses
import datetime as dt
import json
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from everyturn import _core
from everyturn.exceptions import (
    ModelError,
    OptionsError,
    ServingWarning,
    TemplateArgumentWarning,
)
from everyturn.io.json_lines import json_text
from everyturn.model_sources import (
    CONTENT_FORMAT,
    ENGINE,
    LIMITS,
    SERVE,
    TOKENIZER,
    Sources,
    sources_of,
)
from everyturn.options import ContentFormat, Engine, Serve, StrPath, TokenizerSource
from everyturn.wording import unread_argument

if TYPE_CHECKING:
    from everyturn.lint.report import TemplateReport


class Renderer:
    r"""Chat template and tokenizer of one model: text and ids exactly as transformers and tokenizers give them.

    ``Renderer(path)`` loads a model folder, `from_dir` one with options. Frozen and safe to use from many threads; it
    pickles as the sources it was made from, and refuses to be rebuilt where they give another result.

    >>> renderer = Renderer.from_dir("demo")
    >>> renderer.render([{"role": "user", "content": "Hi"}], add_generation_prompt=True)
    '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n'
    >>> renderer.decode(renderer.encode("Hi<|im_end|>"))
    'Hi<|im_end|>'
    """

    __slots__ = ("_core", "_sources")
    _core: _core.Renderer
    _sources: Sources

    def __init__(self, model: StrPath | Sources) -> None:
        """Load a model folder as `from_dir` does, which takes options as well."""
        sources = model if isinstance(model, Sources) else sources_of(model)
        object.__setattr__(self, "_sources", sources)
        object.__setattr__(self, "_core", sources.load())
        for note in (self._core.serving_note, self._core.tokenizer_note):
            if note is not None:
                warnings.warn(note, ServingWarning, stacklevel=3)
        for name in self._core.unread_arguments:
            note = unread_argument(name, self.template_arguments)
            warnings.warn(note, TemplateArgumentWarning, stacklevel=3)

    @classmethod
    def from_dir(
        cls,
        path: StrPath,
        *,
        chat_template: StrPath | None = None,
        template_kwargs: Mapping[str, Any] | None = None,
        now: dt.datetime | str | None = None,
        engine: Engine = ENGINE,
        serve: Serve = SERVE,
        content_format: ContentFormat = CONTENT_FORMAT,
        tokenizer: TokenizerSource = TOKENIZER,
        stop_token: str | None = None,
        limits: int = LIMITS,
    ) -> "Renderer":
        """Load a model folder as transformers does.

        Args:
            path: A folder with ``tokenizer.json``, ``tokenizer_config.json`` and a chat template; an id of the Hugging
                Face Hub whose files are in the local cache (nothing is downloaded); or ``"demo"``.
            chat_template: The text of another template, its file, or the name of one of the model's named templates.
            template_kwargs: Arguments for every rendering, e.g. ``{"enable_thinking": False}``.
            now: The local time that ``strftime_now`` shows, a datetime or ISO text; the current one if None.
            engine: What encodes text. ``"reference"``: the ``tokenizers`` library. ``"fast"``: a fast engine, or an
                error where it cannot be proven to give the same ids. ``"auto"``: the fast one where it is proven and
                there is enough text to be worth loading it; ids are the same whichever it is.
            serve: The server that the model is trained for. What it does to a request before the template sees it
                (arguments as objects, tools rebuilt, contents as lists, ..) is done to every conversation;
                `docs/serving.md` has the rules and versions. ``"template"``: nothing is done, as by transformers'
                ``apply_chat_template``.
            content_format: How the server gives contents to the template: ``"string"``, ``"openai"`` (lists of
                parts), or as the server finds out by itself. Named after vLLM's
                ``--chat-template-content-format``.
            tokenizer: What makes ids of text. ``"file"``: ``tokenizer.json`` as it stands. ``"auto_tokenizer"``: what
                the installed transformers' ``AutoTokenizer`` makes of the folder, by which vLLM and ``transformers
                serve`` load it; some classes build other parts than the file has.
            stop_token: For a template that ends no turn, a control token to append to each target, or ``"eos"`` for the
                model's own. A model is never trained on answers that do not stop, so such a template is refused
                without it; one that ends turns itself is refused with another token than its own.
            limits: A factor for the limits on the size of the template and of the model's files and on the cost of a
                rendering (`SECURITY.md` has them), for a trusted model that exceeds one.

        Raises:
            ModelError: A file is missing or cannot be used, the template does not end turns, or it does not print
                contents as the server gives them and `content_format` was not chosen. With
                ``tokenizer="auto_tokenizer"``: transformers cannot load the folder's tokenizer.
            ModuleNotFoundError: ``tokenizer="auto_tokenizer"`` needs transformers.

        Warns:
            TemplateArgumentWarning: The template does not read an argument of `template_kwargs`.
            ServingWarning: The server does not render this model's chats by its template, or gives the same text other
                ids than ``tokenizer.json``.
        """
        sources = sources_of(
            path,
            chat_template=chat_template,
            template_kwargs=template_kwargs,
            now=now,
            engine=engine,
            serve=serve,
            content_format=content_format,
            tokenizer=tokenizer,
            stop_token=stop_token,
            limits=limits,
        )
        return cls(sources)

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        add_generation_prompt: bool = False,
        **template_kwargs: Any,
    ) -> str:
        """Render messages as the server does for a request with them.

        With ``serve="template"``: as transformers' ``apply_chat_template(.., tokenize=False)`` does.

        Raises:
            ConversationError: The server refuses such a request.
            TemplateError: The template raised.
        """
        chat, tools_text, arguments = request_texts(messages, tools, template_kwargs)
        return self._core.render(chat, tools_text, add_generation_prompt, arguments)

    def request(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        **template_kwargs: Any,
    ) -> dict[str, Any]:
        """Return the body of a request that asks the server for an answer to these messages.

        Reasoning goes under the name that the server takes, tool calls get what the API asks for (an id, a type,
        arguments as text), empty lists are left out; what else a record holds is not sent.

        >>> renderer = Renderer.from_dir("demo")
        >>> renderer.request([{"role": "user", "content": "Hi", "id": 7}], enable_thinking=False)
        {'messages': [{'role': 'user', 'content': 'Hi'}], 'chat_template_kwargs': {'enable_thinking': False}}
        """
        body: dict[str, Any] = json.loads(
            self._core.request(*request_texts(messages, tools, template_kwargs))
        )
        return body

    @property
    def template_arguments(self) -> tuple[str, ...]:
        """The arguments that the template reads, which `template_kwargs` and records can set.

        >>> Renderer.from_dir("demo").template_arguments
        ('enable_thinking',)
        """
        return tuple(self._core.template_arguments)

    @property
    def serve(self) -> Serve:
        """The server that prompts are made for."""
        return self._sources.serve

    @property
    def server(self) -> str | None:
        """Its name with the version whose rules are followed; None for ``serve="template"``."""
        return self._core.server

    @property
    def content_format(self) -> str | None:
        """How contents reach the template, ``"string"`` or ``"openai"``; None for ``serve="template"``."""
        return self._core.content_format

    @property
    def tokenizer(self) -> TokenizerSource:
        """What makes ids of text: ``"file"`` or ``"auto_tokenizer"``."""
        return self._sources.tokenizer

    @property
    def stop_token(self) -> str | None:
        """The control token that is appended to targets, or ``"eos"``; None where the template ends turns itself."""
        return self._sources.stop_token

    def encode(self, text: str) -> npt.NDArray[np.int32]:
        """Encode a text; control tokens in it are recognised, none is added. Returns int32[T]."""
        return self._core.encode(text)

    def decode(self, ids: Sequence[int] | npt.NDArray[np.integer[Any]]) -> str:
        """Decode ids, control tokens included.

        Raises:
            OptionsError: An id is negative or has more than 32 bits.
        """
        try:
            return self._core.decode([int(token) for token in ids])
        except OverflowError as error:
            raise OptionsError("ids: a token's id is from 0 to 4294967295") from error

    def lint(self) -> "TemplateReport":
        """Tell what the template does to training, by rendering made-up conversations.

        >>> Renderer.from_dir("demo").lint().prompt_is_prefix["reasoning"]
        True
        """
        from everyturn.lint.report import TemplateReport

        return TemplateReport.from_json(self._core.lint())

    def spelling(self) -> tuple[bytes, npt.NDArray[np.int32]] | None:
        """Return what each token spells: the bytes of all tokens in the order of their ids, and how many each id has.

        None where a text is not joined from what its tokens spell, as with WordPiece. The bytes of a single token need
        not be whole characters.

        >>> from everyturn import Renderer
        >>> data, lengths = Renderer.from_dir("demo").spelling()
        >>> len(data) == int(lengths.sum())
        True

        Returns:
            The bytes, and int32[V], 0 where no token has the id.
        """
        return self._core.spelling()

    @property
    def stop_token_ids(self) -> tuple[int, ...]:
        """The tokens that end an assistant's turn: found by probing the template, or named as its `stop_token`."""
        return tuple(self._core.stop_token_ids)

    @property
    def pad_token_id(self) -> int | None:
        """The model's padding token, if it names one."""
        return self._core.pad_token_id

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over what decides samples but `now`: tokenizer, template and its arguments, tokens, server."""
        return self._core.fingerprint

    @property
    def engine(self) -> str:
        """What has encoded text so far: the engine, its version, and why if it is not the fast one."""
        return self._core.engine

    @property
    def now(self) -> str:
        """The local time that templates are shown, ISO."""
        return self._sources.now

    @property
    def asks_for_the_date(self) -> bool:
        """Whether the template shows the date, so that `now` is part of what is trained."""
        return self._core.asks_for_the_date

    def for_server(
        self, serve: Serve, *, content_format: ContentFormat = CONTENT_FORMAT
    ) -> "Renderer":
        """Return the renderer of the same model for another server; warnings were given already.

        >>> Renderer.from_dir("demo").for_server("sglang").server
        'SGLang 0.5.23'

        Raises:
            ModelError: As `from_dir`.
        """
        sources = dataclasses.replace(self._sources, serve=serve, content_format=content_format)
        with warnings.catch_warnings():
            for kind in (ServingWarning, TemplateArgumentWarning):
                warnings.simplefilter("ignore", kind)
            return Renderer(sources)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Renderer is frozen: {name} cannot be set")

    def __repr__(self) -> str:
        return f"Renderer.from_dir({self._sources.folder!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self._sources, self.fingerprint)


def request_texts(
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] | None,
    template_kwargs: Mapping[str, Any],
) -> tuple[str, str | None, str]:
    """Return messages, tools and arguments as the core takes them, of whatever `Expander.expand` takes."""
    tools_text = None if tools is None else json_text([*tools])
    return json_text([*messages]), tools_text, json_text(template_kwargs)


def _rebuild(sources: Sources, fingerprint: str) -> Renderer:
    renderer = Renderer(sources)
    if renderer.fingerprint != fingerprint:
        raise ModelError(
            f"{sources.folder}: the model folder is not the one that this renderer was made from "
            f"(fingerprint {renderer.fingerprint[:12]}, expected {fingerprint[:12]})"
        )
    return renderer
