"""What only `everyturn lint` reports of a chat template, before anything is trained.

The severity depends on what it costs, and is part of the finding. What an expansion fails on or counts as well
(`template`, `no_stop_token`, `prompt_mismatch`, `empty_thinking`, `header_trained`, ..) has the name that it has there.
"""

from everyturn.diagnostics.kind import Kind

KINDS = (
    Kind(
        name="control_tokens_guessed",
        severity=None,
        summary="there is no tokenizer, so control tokens are guessed",
        reason="A template alone does not say which of its texts are tokens; what looks like a "
        "control token counts as one.",
        remedy="Give the model folder with `--model` to be sure.",
    ),
    Kind(
        name="next_header_stop",
        severity=None,
        summary="a turn ends where the header of the next one starts",
        reason="The template writes no token after an answer, so the token that opens the next "
        "message is trained as the stop.",
        remedy="Let the server stop at that token.",
    ),
    Kind(
        name="unclosed_turn",
        severity=None,
        summary="some turns lack the stop token that others have",
        reason="Targets of that kind, e.g. tool calls, cannot be trained: the model would not "
        "learn to stop. Each is the error no_stop_token.",
        remedy="Correct the template, or drop such targets and count them.",
        hint="--on-error skip drops such targets and counts them",
    ),
    Kind(
        name="begin_token",
        severity=None,
        summary="the template and the tokenizer do not agree on the begin token",
        reason="A sequence starts with one begin token or with none. Written twice, it is not what "
        "the model was trained on.",
        remedy="Encode rendered text with `add_special_tokens=False`, as everyturn and servers do; "
        "where the template itself writes it twice, correct the template.",
    ),
    Kind(
        name="tokenizer_class",
        severity=None,
        summary="servers encode the model's text with other ids than `tokenizer.json`",
        reason="vLLM, SGLang and transformers load tokenizers by `AutoTokenizer`. It chooses a class by `model_type` "
        "and `tokenizer_class`, and some classes take only vocabulary and merges from `tokenizer.json` and build the "
        "rest themselves, so that digits, blanks or accents get other tokens.",
        remedy='`tokenizer="auto_tokenizer"` trains the ids that `AutoTokenizer` gives. Or write '
        '`"tokenizer_class": "TokenizersBackend"` into `tokenizer_config.json` (with most model types this loads the '
        "file as it stands), serve that, and load it again to see. Where the class is not known here, compare ids with "
        "the server's.",
        hint="--tokenizer auto_tokenizer encodes as the server does",
    ),
    Kind(
        name="refused",
        severity=None,
        summary="the template refuses a kind of conversation",
        reason="Data of that kind, e.g. with tools, cannot be rendered, here or on a server. Each "
        "such target is the error template.",
        remedy="The text is the template's own words; drop such conversations, or use another "
        "template.",
    ),
    Kind(
        name="system_refused",
        severity=None,
        summary="the template refuses a system message",
        reason="Conversations that start with one cannot be rendered.",
        remedy="Write the instruction into the first user message.",
    ),
    Kind(
        name="history_rewritten",
        severity=None,
        summary="an earlier turn is rendered differently once more turns follow",
        reason="Most often its reasoning is cut. One rendering of the whole conversation with a "
        "mask then trains after contexts that no server sends.",
        remedy="Keep the layout `merged`: it makes a sample for each context that occurs.",
    ),
    Kind(
        name="reasoning_ignored",
        severity=None,
        summary="the template never renders reasoning",
        reason="The key `reasoning_content` is not read, so reasoning in the data is not trained.",
        remedy="Use a template that renders it, or write the reasoning into the content.",
    ),
    Kind(
        name="tools_ignored",
        severity=None,
        summary="the template never renders tool calls",
        reason="Calls that are not rendered are not trained.",
        remedy="Use a template that writes tools; some models have one named tool_use.",
        hint="--chat-template tool_use uses the model's template of that name",
    ),
    Kind(
        name="unread_arguments",
        severity="warning",
        summary="the template does not read an argument that it is given",
        reason="An argument of `template_kwargs`, or of a record's `chat_template_kwargs`, has a name that the "
        "template does not look at: a misspelt `enable_thinking` switches nothing. Loading, reports and "
        "`everyturn check` say so as well, with the arguments that the template reads.",
        remedy="Correct the name, or leave the argument out.",
    ),
    Kind(
        name="date",
        severity=None,
        summary="the template writes today's date, or may",
        reason="The same chat has different tokens on another day, and all samples of a run show the "
        "day of the run.",
        remedy="Set the clock, so that a later run gives the same samples.",
        hint="--now sets the clock that the template asks",
    ),
    Kind(
        name="default_system",
        severity=None,
        summary="a conversation without a system message gets a default one",
        reason="The text is part of every such prompt, in training and on a server that sends none.",
        remedy="Serve without a system message as well, or write one into each conversation.",
    ),
    Kind(
        name="content_format",
        severity=None,
        summary="the server hands contents over in a form that the template does not show",
        reason="A server finds out by itself whether a template takes texts or lists of parts. Where it is wrong, the "
        "prompt has a Python list in it, or lacks a text. Loading such a model is an error.",
        remedy="Choose the format, and serve with the same one.",
        hint="--content-format string shows contents as texts",
    ),
    Kind(
        name="own_encoder",
        severity=None,
        summary="the server does not render this model's chats by the template",
        reason="Some servers have an encoder of their own for some models, so their prompts can differ from those of "
        "the template, which are trained.",
        remedy="Compare a few prompts with your server's, or serve by the template.",
    ),
    Kind(
        name="generation_blocks",
        severity=None,
        summary="generation blocks mark something other than what a model must write",
        reason="Trainers that mask by `{% generation %}` train other tokens than those that "
        "follow the prompt, through the stop token.",
        remedy="Nothing needs to be done here: the blocks are not used.",
    ),
)
