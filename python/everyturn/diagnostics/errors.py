"""The kinds of errors, in the order of the stages."""

from everyturn.diagnostics.kind import Cure, Kind

READING = (
    Kind(
        name="io",
        severity=None,
        summary="an input cannot be opened or read",
        reason="The system refused access: no such file, no permission, a disk or network that failed. "
        "The records after that point are unknown, so the run ends.",
        remedy="Correct the path or the permission. A folder is not an input: name its files, "
        "`folder/*.jsonl`.",
    ),
    Kind(
        name="compression",
        severity="error",
        summary="a compressed input is broken or cut off",
        reason="The data ends in the middle of a gzip, zstd or bzip2 stream, or its checksum is "
        "wrong: mostly an upload or a download that did not finish. What comes out of "
        "such a stream cannot be trusted.",
        remedy="Fetch or compress the file again; `gzip -t`, `zstd -t` and `bzip2 -t` report "
        "whether it is complete.",
    ),
    Kind(
        name="content",
        severity=None,
        summary="the content of an input cannot be read from there",
        reason="Parquet and Arrow files are read where they are named as files: a pipe, bytes in "
        "memory and an archive within a file cannot be searched as they need it.",
        remedy="Name the file; from memory, give the table itself.",
    ),
    Kind(
        name="line_too_long",
        severity="error",
        summary="a line is longer than max_line_bytes",
        reason="A record is held in memory as a whole. One of many megabytes is usually a file with "
        "other line ends, read as a single line.",
        remedy="Write one record per line, or raise the limit if the record is really that long.",
        hint="--max-line-bytes raises the limit",
    ),
    Kind(
        name="json",
        severity="error",
        summary="a record is not JSON",
        reason="Each line that is not blank, or each item of a list, must be one JSON value. Single "
        "quotes, trailing commas and comments are not JSON.",
        remedy="Write records with a JSON library.",
        hint="--on-error skip drops such records and counts them",
    ),
    Kind(
        name="json_utf8",
        severity="error",
        summary="the bytes of a line are not UTF-8",
        reason="JSON is UTF-8. Latin-1 or UTF-16 read as something else would be trained as "
        "wrong letters.",
        remedy="Convert the file, e.g. `iconv -f UTF-16 -t UTF-8`.",
        hint="--on-error skip drops such lines and counts them",
    ),
    Kind(
        name="json_surrogate",
        severity="error",
        summary="an escape is one half of a character",
        reason="`\\ud83d` alone is half of a pair, mostly of an emoji that was cut in two. "
        "It is not a character and has no token ids; readers that let it pass put something "
        "else there.",
        remedy="Repair the text where it was cut: by characters, not by UTF-16 units.",
        hint="--on-error skip drops such lines and counts them",
    ),
    Kind(
        name="json_number",
        severity="error",
        summary="a number is NaN, Infinity or too large",
        reason="JSON has no NaN and no Infinity, and a float beyond 64 bits cannot be kept. The text "
        "names the key. Texts that are JSON, such as the arguments of a call, are held to the same.",
        remedy="Write null, a text, or a number that fits; or let such numbers be read as Python does: "
        '`non_finite="read"`.',
        hint="--non-finite read reads them as Python does; --on-error skip drops such lines and counts them",
    ),
    Kind(
        name="json_depth",
        severity="error",
        summary="arrays and objects nest too deep",
        reason="JSON that nests deeper than 128 levels is not a chat, and can crash the programs that read it.",
        remedy="Check the program that wrote the line.",
        hint="--on-error skip drops such lines and counts them",
    ),
)

SHAPE = (
    Kind(
        name="json_document",
        severity="error",
        summary="a JSON document is broken or cut off",
        reason="In a file of one list, or of objects that take many lines, a missing bracket or "
        "quote hides where the next record starts, so the run ends. The records before it are "
        "read.",
        remedy="Correct the file at the line that the text names. `jq . FILE` finds the same place; "
        "a file that ends within a record was not written or fetched to its end.",
    ),
    Kind(
        name="not_an_object",
        severity="error",
        summary="a record is neither an object nor a list of messages",
        reason="A record is `{..}` with its messages under a key, or a list whose first item is a "
        "message by its keys, `role` or `from`. Any other list or text does not say what it is.",
        remedy='Write `{"messages": [..]}`, one per line.',
        hint="--on-error skip drops such records and counts them",
    ),
    Kind(
        name="unknown_format",
        severity="error",
        summary="no key shows the format of a record",
        reason="`messages`, `conversations`, `instruction` or `completion` shows the format, and "
        "the first record of a file that has one decides for all that follow. A record "
        "before it, or a file without any, cannot be read.",
        remedy="Rename the key that holds the messages, or name the format.",
        hint="--input-format names the format where no key shows it",
    ),
    Kind(
        name="shape",
        severity="error",
        summary="a record or a message lacks what its format needs",
        reason="A list is missing where messages should be, a message is not an object, has no "
        "content and nothing instead of it, has parts or reasoning that are not text, or says "
        "two things where one is meant: two system messages, two texts of reasoning. A tree lacks "
        "a message. The text of the error says which. Nothing is guessed.",
        remedy="Give the message its content, keep one of what is there twice, and put records of "
        "different formats into different files.",
        hint="--on-error skip drops such records and counts them; --input-format names another format",
    ),
    Kind(
        name="role",
        severity="error",
        summary="a role is unknown",
        reason="Whether a message is trained depends on its role, so a role that is not known "
        "is refused, not guessed. `messages` take OpenAI's roles; `human`, `gpt` and the like "
        "are understood in `conversations`.",
        remedy="Use system, developer, user, assistant or tool. `everyturn check --fix` renames "
        "what has one meaning.",
        hint="`everyturn check --fix -o FIXED` renames roles such as human, gpt and bot",
    ),
    Kind(
        name="tools",
        severity="error",
        summary="tools or tool calls have the wrong shape",
        reason="`tools` must be a list of objects, or JSON text of one; `tool_calls` a list of "
        "objects. A call given twice, as `function_call` and in `tool_calls`, could mean "
        "either. Tools that an API has itself, such as its web search, are not functions.",
        remedy='Follow OpenAI\'s shape: `{"type": "function", "function": {"name": .., '
        '"arguments": ..}}`.',
        hint="--on-error skip drops such records and counts them",
    ),
    Kind(
        name="weight",
        severity="error",
        summary="a weight is not a number of at least 0",
        reason="`weight`, `trainable`, `train`, `loss`, `loss_weight` and `output_with_loss` say whether a message "
        "is trained: true, false or a number of at least 0, or a text that spells one of them. "
        "Two that disagree, or another text, do not say it; a float of 32 bits must hold it.",
        remedy="Use one of these keys: 0 for context only, any other number as a factor of the loss of an answer that "
        "`train_on` chooses.",
        hint="--on-error skip drops such records and counts them",
    ),
    Kind(
        name="undesired",
        severity="error",
        summary="the record marks an answer as undesired",
        reason="KTO and preference data contain answers that the model should not give. Supervised training would "
        "teach them, so they are not trained unless it is asked for. A `kto_tag` or `desirable` that says neither "
        "true nor false is refused likewise.",
        remedy='Train with a preference method, or use the good answers alone: `undesired="skip"`. Where the '
        'label means something else, `undesired="ignore"`.',
        hint="--undesired skip trains nothing of such records; --undesired ignore does not look at labels",
    ),
    Kind(
        name="media",
        severity="error",
        summary="a record or a message has images, sounds or videos",
        reason="Only text is rendered and trained. Trained without its image, an answer about it teaches the model "
        "to invent what it sees.",
        remedy='Leave such records out, or train their text alone: `media="text"` leaves out what stands under keys '
        "such as `images`. An image that is a part of a content has to be removed from it.",
        hint="--media text leaves out what stands under keys such as images, and treats placeholders as text",
    ),
    Kind(
        name="template_kwargs",
        severity="error",
        summary="chat_template_kwargs cannot be used",
        reason="It must be an object, and may not set what the expansion itself sets: messages, "
        "tools, documents and the generation prompt.",
        remedy="Remove these keys; tools belong next to the messages, under `tools`.",
        hint="--on-error skip drops such records and counts them",
    ),
    Kind(
        name="control_token",
        severity="error",
        summary="text contains a control token that control_tokens rejects, or that literal cannot encode",
        reason="Text such as `<|im_end|>` within a message becomes the control token itself, as "
        "in Hugging Face: a user could end a turn or open another one. Under literal it is plain text, "
        "unless the tokenizer makes the token's id of any text (T5's `</s>`).",
        remedy="Clean the text, or have it encoded as the plain text that it is.",
        hint="--control-tokens literal encodes it as plain text; warn lets it pass and counts it",
        cures=(
            Cure("control_tokens", "literal"),
            Cure("control_tokens", "warn", is_last_resort=True),
        ),
        resort="--on-error skip drops such records and counts them",
    ),
    Kind(
        name="refused_by_server",
        severity="error",
        summary="the server would answer this conversation with an error",
        reason="Servers check a request before they render it: tool calls need a function with a name, tools need "
        "parameters that are an object, some roles and types of content are not taken. There is no prompt "
        "that this server would send.",
        remedy="Correct the record as the text says, or train for another server.",
        hint="--serve template renders the record as it stands; --serve names another server",
        cures=(Cure("serve", "template"),),
        resort="--on-error skip drops such records and counts them",
    ),
)

TARGET = (
    Kind(
        name="empty_prompt",
        severity="error",
        summary="a conversation starts with its target",
        reason="Nothing comes before the message that is to be trained, so a server could not "
        "have been asked for it.",
        remedy="Put a user or system message before it, or give it the weight 0.",
        hint="--on-error skip drops such targets and counts them",
    ),
    Kind(
        name="template",
        severity="error",
        summary="the chat template refused a conversation",
        reason="Many templates raise for roles that do not alternate, for a system message or "
        "for tools. A server with the same template refuses the same conversation.",
        remedy="The text is the template's own words. Correct the conversation, or use another "
        "template.",
        hint="--on-error skip drops such targets and counts them; `everyturn lint` shows "
        "what the template refuses",
    ),
    Kind(
        name="prompt_mismatch",
        severity="error",
        summary="a prompt is not a prefix of its turn's own rendering",
        reason="The template writes the turn differently once it is answered than when it is asked "
        "for, e.g. a thinking block that the prompt opens. So the texts do not "
        "show where the answer starts.",
        remedy="`everyturn lint` names the policy that resolves it; `everyturn inspect` shows what it trains.",
        hint="--prompt-mismatch match_thinking (or splice, common_prefix, skip) chooses what "
        "is trained",
        cures=(
            Cure("prompt_mismatch", "match_thinking"),
            Cure("prompt_mismatch", "splice"),
            Cure("prompt_mismatch", "common_prefix", is_last_resort=True),
        ),
        resort="--prompt-mismatch skip drops such targets and counts them",
    ),
    Kind(
        name="no_stop_token",
        severity="error",
        summary="no stop token ends a target",
        reason="The template does not end this turn with the token that ends other turns, so the "
        "model would not learn to stop there.",
        remedy="Correct the template: the end of the turn depends on what is in the message. Where the turn ends with "
        "a token at which a server is to stop, declare it in `eos_token_id` of `generation_config.json`. Where the "
        "template ends no turn at all, stop_token names a control token to append to each target.",
        hint="--on-error skip drops such targets and counts them; --stop-token eos appends the model's end where the "
        "template ends no turn",
    ),
    Kind(
        name="not_located",
        severity="error",
        summary="a message is not found in the rendering",
        reason="The layout `conversation` renders once and marks the messages in it. This one "
        "was omitted or rewritten by the template, so there is nothing to mark.",
        remedy="Use another layout: it renders each target separately.",
        hint="--layout merged renders each target separately",
        cures=(Cure("layout", "merged"),),
        resort="--on-error skip drops such targets and counts them",
    ),
    Kind(
        name="too_long",
        severity="error",
        summary="a sample has more tokens than max_length, or a prompt more than max_prompt_tokens",
        reason="A target is never cut: half an answer teaches to stop in the middle. With "
        "max_prompt_tokens or overflow shrink_history, earlier exchanges were dropped already, "
        "and the one to be answered is still too long.",
        remedy="Drop earlier exchanges as a server with a short context does "
        "(`--overflow shrink_history`), cut the prompt's first tokens (`truncate_prompt`), raise "
        "the limit, or drop such targets (`drop`).",
        hint="--overflow drop drops the target, shrink_history drops earlier exchanges, "
        "truncate_prompt cuts the prompt's first tokens; --max-length raises the limit",
        cures=(
            Cure("overflow", "shrink_history"),
            Cure("overflow", "truncate_prompt", is_last_resort=True),
        ),
        resort="--overflow drop drops such targets and counts them; --max-length raises the limit",
    ),
    Kind(
        name="encode",
        severity="error",
        summary="the tokenizer failed on a text",
        reason="It has no token for a part of the text and no unknown token, or its pattern failed.",
        remedy="Check the text, and whether the tokenizer is the model's own.",
        hint="--on-error skip drops such targets and counts them",
    ),
)

OUTSIDE = (
    Kind(
        name="model",
        severity=None,
        summary="a model folder cannot be used",
        reason="A file is missing or broken, the chat template does not compile, or no token "
        "ends its turns.",
        remedy="The folder needs `tokenizer.json`, `tokenizer_config.json` and a chat template. For a "
        "model of the Hugging Face Hub `hf download` fetches them into the local cache, where "
        "`--model OWNER/NAME` finds them. `--chat-template FILE` gives another template, and "
        "`everyturn lint` says what a template does to training.",
        hint="a model folder holds tokenizer.json, tokenizer_config.json and a chat template",
    ),
    Kind(
        name="options",
        severity=None,
        summary="an option has a value that it does not take",
        reason="The text names the option and what it takes.",
        remedy="`everyturn COMMAND --help` lists every option with its values.",
    ),
    Kind(
        name="internal",
        severity="error",
        summary="a bug of everyturn or of a library that it uses",
        reason="The program failed on this record; the record is dropped, and no other is affected.",
        remedy="Please report it, with the record if you can share it.",
        hint="--on-error skip drops such records and counts them",
    ),
)

KINDS = (*READING, *SHAPE, *TARGET, *OUTSIDE)
"""Those of the core."""

OF_SERVERS = (
    Kind(
        name="server",
        severity=None,
        summary="a server does not answer, or its answer cannot be used",
        reason="`everyturn verify` asks a running server for the ids of prompts. It refused the "
        "connection, took too long, redirected elsewhere, failed, asked for a key, or is none of "
        "those that show the ids of a prompt: vLLM, SGLang and llama.cpp. Nothing was compared "
        "after that.",
        remedy="The text names the address and what came back. `curl URL/v1/models` shows whether "
        "the server is there; a key goes into the environment variable EVERYTURN_API_KEY, a slow "
        "server gets `--timeout`.",
    ),
)
"""Those of asking a server, which the core never does."""
