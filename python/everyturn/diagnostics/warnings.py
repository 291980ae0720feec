"""What a report counts that is not an error: warnings by name, and causes of dropped records."""

from everyturn.diagnostics.kind import Kind

WARNINGS = (
    Kind(
        name="reasoning_dropped",
        severity="warning",
        summary="the template omits a target's reasoning",
        reason="The message has reasoning and the rendering does not, so the model is trained to "
        "answer without it.",
        remedy="`everyturn lint` shows which keys the template reads; a flag such as "
        "enable_thinking may switch it on.",
        hint="--template-kwargs sets the template's thinking flag",
    ),
    Kind(
        name="own_text_dropped",
        severity="warning",
        summary="the template omits a target's own text",
        reason="The message has a text, and no byte of the completion comes from it: it is not learned. Many "
        "templates print the tool calls of a message and not the text beside them.",
        remedy="Use a template that prints both, give the text a message of its own, or give the message the weight 0.",
    ),
    Kind(
        name="message_dropped",
        severity="warning",
        summary="nothing of a message is in the prompt",
        reason="The template, or the server before it, leaves the message out: a role that it does not know "
        "(often `developer`), or a system message that is not the first one. The target is trained as if the message "
        "did not exist, which is what a server would show, too.",
        remedy="Give it a role that the template prints, put it into the first system message, or leave the record "
        "out. `everyturn lint` says which roles a template leaves out.",
    ),
    Kind(
        name="message_part_dropped",
        severity="warning",
        summary="a text or a tool call of a message is not in the prompt",
        reason="The template prints other parts of a message before the target, and not this one. Reasoning is not "
        "counted: templates leave that of earlier turns out on purpose.",
        remedy="Use a template that prints it, or leave it out of the record.",
    ),
    Kind(
        name="tools_dropped",
        severity="warning",
        summary="tools of the record are not in the prompt",
        reason="The template prints no tools, or not all of them: the model is trained to call, or not to call, tools "
        "that it was not shown.",
        remedy="Use a template that prints tools; some models have one named tool_use.",
        hint="--chat-template tool_use uses the model's template of that name",
    ),
    Kind(
        name="tool_calls_dropped",
        severity="warning",
        summary="the template omits a target's tool call, or its arguments",
        reason="The message calls tools, and no byte of the completion comes from one of the calls: the model learns "
        "not to call there. Some templates print the first of several calls only.",
        remedy="Use a template that writes tool calls; some models have one named tool_use.",
        hint="--chat-template tool_use uses the model's template of that name",
    ),
    Kind(
        name="stops_early",
        severity="warning",
        summary="a target contains its stop token before its end",
        reason="A server stops at the first stop token, so it would never show what is trained "
        "after it.",
        remedy="Clean the text of control tokens, or have them encoded as plain text.",
        hint="--control-tokens literal encodes them as plain text",
    ),
    Kind(
        name="stop_appended",
        severity="note",
        summary="the stop token of a target was appended, because the template writes none",
        reason="The template ends no turn, and stop_token names what is to end them. The model learns to stop there; "
        "no prompt shows the token, since the template does not write it after earlier turns.",
        remedy="Let the server stop at that token: `stop_token_ids` of the renderer has its id.",
    ),
    Kind(
        name="header_trained",
        severity="warning",
        summary="a target is trained to write its own header",
        reason="The template has no generation prompt, or none in this place: it writes the header of an answer "
        "(`<|im_start|>assistant`) only once the answer is there. No server puts it into the prompt, so the model "
        "has to write it.",
        remedy="Correct the template, so that it writes the header where add_generation_prompt is set. Or have the "
        "header belong to the prompt, and serve with a template that writes it there.",
        hint="--header context trains after the header",
    ),
    Kind(
        name="header_in_prompt",
        severity="note",
        summary="a target's prompt got the header that the template leaves out of it",
        reason="`header` is `context`: the prompt ends with the header of the answer, which this template writes "
        "only once the answer is there.",
        remedy="Serve with a template that writes the header where add_generation_prompt is set.",
    ),
    Kind(
        name="border_merges",
        severity="note",
        summary="a token would have crossed the border of prompt and completion",
        reason="Encoded as one text, a token spans the end of the prompt and the start of the "
        "answer. A server encodes the prompt alone, so the border is kept and the answer "
        "encoded as what follows.",
        remedy="Nothing needs to be done: that is what inference shows.",
    ),
    Kind(
        name="inexact_targets",
        severity="warning",
        summary="a target follows a context that never occurs at inference",
        reason="The layout `conversation` renders once, and this template writes history "
        "differently from the prompt that the answer had.",
        remedy="The layouts `merged`, `per_turn` and `tree` are exact, and `everyturn stats` counts how many tokens "
        "each takes. Where a template rewrites history after every answer, `merged` makes a sample of each answer; "
        "`tree` holds once what they have in common.",
        hint="--layout merged is exact",
    ),
    Kind(
        name="positions_repeated",
        severity="warning",
        summary="a position predicts two trained tokens and is in its tree twice",
        reason="Two answers come after the same prompt, or one prompt ends within another answer. "
        "A position has one label, so it is repeated: the loss is that of the layout per_turn, and "
        "the tree has a token more.",
        remedy="Nothing is wrong. Where there are many, look whether the window of history_turns "
        "makes many prompts alike, or whether conversations repeat themselves.",
    ),
    Kind(
        name="empty_targets",
        severity="warning",
        summary="only the stop token of a target is trained",
        reason="An assistant message without text, reasoning and calls, or whose text the "
        "template omits, teaches the model to answer with nothing.",
        remedy="Remove the message, or give it the weight 0.",
    ),
    Kind(
        name="consecutive_assistants",
        severity="warning",
        summary="two messages of the assistant in a row",
        reason="The model has to write the second one with nothing new to answer; many templates "
        "refuse it, and a server seldom asks so. Often a tool's result or a user's "
        "message was lost between them.",
        remedy="Join them, or put back what was between them.",
    ),
    Kind(
        name="parts_reordered",
        severity="warning",
        summary="the parts of a message are not in the order in which templates write them",
        reason="A template writes the reasoning of an answer, then its text, then its calls; the results of "
        "tools are messages before the user's text. Text after a call, reasoning after text or after a "
        "call, and results after text are moved before it.",
        remedy="Write what comes later as a message of its own, or accept the order.",
    ),
    Kind(
        name="repeated_keys",
        severity="warning",
        summary="an object of a record has a key twice",
        reason="Of its values the last one counts, as for Python's `json`; other readers take the first. What the "
        "others say is not trained, and a corrected copy does not have it. Texts that are read as JSON, such as the "
        "arguments of a call, are looked through, too.",
        remedy="Keep one of them.",
    ),
    Kind(
        name="arguments_not_json",
        severity="warning",
        summary="the arguments of a call are not a JSON object",
        reason="The model learns to write what no program can read. Templates that want an "
        "object fail, or print the text in quotes. JSON within JSON text counts as such.",
        remedy='Write the arguments as JSON text of an object; `"{}"` where there are none.',
    ),
    Kind(
        name="null_arguments",
        severity="warning",
        summary="a key in the arguments of a call, or in a tool's parameters, is null",
        reason="Arrow gives every object the keys of all others, and null where a row has none. "
        "Rows that went through it and were written as JSON (`to_json`, `to_pylist`) train the "
        "model to write those nulls, and show it tools that nobody serves.",
        remedy="Give the table itself, or its Parquet or Arrow file: what Arrow put in is taken "
        "out there. In JSON a null may be meant, and stays.",
    ),
    Kind(
        name="undesired_skipped",
        severity="note",
        summary="answers are labelled as undesired",
        reason='`undesired="skip"` was asked for: nothing of such a record, or of such an answer, is trained.',
        remedy="Nothing needs to be done.",
    ),
    Kind(
        name="media_left_out",
        severity="warning",
        summary="images, sounds or videos of a record are left out",
        reason='`media="text"` was asked for: the model is trained to answer without what the answers speak of, and '
        "placeholders such as `<image>` are trained as text.",
        remedy="Leave such records out, or check that their answers make sense without the media.",
    ),
    Kind(
        name="weight_ignored",
        severity="warning",
        summary="a message with a weight is not an assistant's",
        reason="Only assistant messages become targets; a weight above 0 elsewhere does "
        "nothing. Some services train on any message with a weight.",
        remedy="Remove the weight, or train on all tokens.",
        hint="--train-on all_tokens trains every message",
    ),
    Kind(
        name="parts_joined",
        severity="note",
        summary="the parts of a content were joined into one text",
        reason="The template takes text only, so the texts of the parts were put together, "
        "with a newline between them.",
        remedy="Nothing needs to be done if the parts are text that belongs together.",
    ),
    Kind(
        name="arguments_converted",
        severity="note",
        summary="tool arguments were turned into what the template takes",
        reason="Some templates take an object, some JSON text; given the other, they fail or "
        "print something wrong.",
        remedy="Nothing needs to be done.",
    ),
    Kind(
        name="content_filled",
        severity="note",
        summary="a message that calls tools was given an empty content",
        reason="The template fails without one. A server that renders the same message may fail.",
        remedy='Write `"content": ""` with tool calls if other tools read the file.',
    ),
    Kind(
        name="call_ids_made_up",
        severity="warning",
        summary="a target is trained to write an id of a call that the record does not have",
        reason="vLLM refuses calls without an id, so a client has to make one up, as is done here; this "
        "template shows the ids, so the model is trained to write the made-up one.",
        remedy="Put the ids into the records that the model is to write.",
    ),
    Kind(
        name="empty_lists_removed",
        severity="note",
        summary="an empty list of tool calls, tools or parts was left out",
        reason="Servers show the template no empty lists; without that, templates that only ask whether there "
        "is a list would write `[]` or refuse the record.",
        remedy='Nothing needs to be done. With serve "template" the lists stay, as apply_chat_template shows them.',
    ),
    Kind(
        name="arguments_emptied",
        severity="warning",
        summary="the arguments of a tool call are not a JSON object, and the server shows `{}`",
        reason="vLLM gives the template an empty object for arguments that it cannot read as an object, so the model "
        "is shown, and trained to write, a call without arguments.",
        remedy="Correct the arguments, or leave the record out.",
    ),
    Kind(
        name="empty_thinking",
        severity="warning",
        summary="a target without reasoning is trained to write an empty block of thinking",
        reason="The prompt asks for thinking, and the template writes an empty block for an answer without "
        "reasoning: the model learns to skip its reasoning although it is asked to think.",
        remedy="Render such targets as a server does that is asked not to think, and serve them so. A template without "
        "a switch has no such prompt: leave these answers out, or train the block.",
        hint="--thinking match gives such targets a prompt that asks for no thinking",
    ),
    Kind(
        name="two_thinking_blocks",
        severity="warning",
        summary="a target is trained to write one block of thinking after another",
        reason="The reasoning is in the content, and the template does not know it there: it writes a block of its own "
        "before it, mostly an empty one, or the prompt has closed one already.",
        remedy="Put the reasoning into `reasoning_content`, where the template writes it into its own block.",
    ),
    Kind(
        name="white_space_swallowed",
        severity="warning",
        summary="a control token takes white space with it that belongs to a target",
        reason="Some tokens strip the white space before or after them, as those of Phi-3 do: an answer that starts "
        "with blanks after such a token has no ids for them, and is trained without.",
        remedy="Nothing can be done where the model's tokenizer works this way: a server encodes in the same way. "
        "Answers in which the white space matters (code that is to be continued) can be left out.",
    ),
    Kind(
        name="asked_not_to_think",
        severity="note",
        summary="a target without reasoning comes after a prompt that asks for none",
        reason="`thinking` is `match`: the template's switch is turned off for answers without reasoning.",
        remedy="Nothing needs to be done where the server is asked not to think for such answers.",
    ),
    Kind(
        name="matched_thinking",
        severity="note",
        summary="a target was rendered with the thinking flag that fits it",
        reason="Its prompt was not a prefix otherwise, and prompt_mismatch is match_thinking.",
        remedy="Nothing needs to be done: a server with that flag sends this prompt.",
    ),
    Kind(
        name="spliced",
        severity="note",
        summary="a target's own text was put after its prompt",
        reason="Its prompt was not a prefix of the rendering, and prompt_mismatch is splice.",
        remedy="Nothing needs to be done; look at a few of them.",
    ),
    Kind(
        name="common_prefix",
        severity="warning",
        summary="a target is trained from where prompt and rendering diverge",
        reason="Its prompt was not a prefix of the rendering, and prompt_mismatch is common_prefix: "
        "the context is not what inference shows.",
        remedy="`everyturn lint` names a policy that is exact, where there is one.",
        hint="--prompt-mismatch match_thinking is exact where it works",
    ),
    Kind(
        name="history_shrunk",
        severity="note",
        summary="a target's prompt lost its oldest exchanges to fit",
        reason="The sample was longer than max_length, or the prompt than max_prompt_tokens; "
        "what is left was rendered again.",
        remedy="Serve with the same window: `everyturn.window` cuts as the training does.",
    ),
    Kind(
        name="prompt_truncated",
        severity="warning",
        summary="a target's prompt lost its first tokens",
        reason="The sample was longer than max_length, and overflow is truncate_prompt: the "
        "prompt starts in the middle of a text.",
        remedy="Drop entire exchanges instead.",
        hint="--overflow shrink_history drops the oldest exchanges",
    ),
    Kind(
        name="control_tokens",
        severity="warning",
        summary="the text of a message contains control tokens",
        reason="`<|im_end|>` and the like within a message become the control tokens themselves, "
        "as in Hugging Face: a turn ends or begins in the middle of a text. Without a "
        "model, what looks like one is reported.",
        remedy="Clean the text, or have it encoded as the plain text that it is. Reasoning that a content has in "
        "`<think>..</think>` is counted here, too: if `everyturn inspect` shows it as a block of thinking, "
        "nothing needs to be done; else move it to `reasoning_content`.",
        hint="--control-tokens literal encodes them as plain text",
    ),
    Kind(
        name="stop_not_in_generation_config",
        severity=None,
        summary="a stop token that is trained does not stop a server",
        reason="`generation_config.json` of the model does not list it, so the model would write "
        "on after it.",
        remedy="Add its id to `eos_token_id` there, or stop at it where you serve.",
    ),
)

CAUSES = (
    Kind(
        name="no_target",
        severity="error",
        summary="no message of a record is to be trained",
        reason="There is no assistant message, or each has the weight 0, or `train_on` chooses "
        "none. The record is dropped.",
        remedy="Remove such records, or look for wrong roles and weights.",
    ),
    Kind(
        name="all_targets_dropped",
        severity=None,
        summary="every target of a record was dropped",
        reason="Each has its own reason, which the report gives.",
        remedy="Look at the faults of that line.",
    ),
    Kind(
        name="duplicate",
        severity="warning",
        summary="a record is a duplicate of an earlier one",
        reason="The same messages, tools and template arguments. What occurs twice is trained twice, and on both sides "
        "of a split it makes an evaluation worthless.",
        remedy="Drop duplicates, with `deduplicate=True` or by `Samples.deduplicate`.",
        hint="--deduplicate keeps the first of them",
    ),
)

KINDS = (*WARNINGS, *CAUSES)
