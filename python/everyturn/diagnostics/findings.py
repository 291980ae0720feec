"""What only `everyturn check` finds: nothing here keeps a record from being expanded."""

from everyturn.diagnostics.kind import Kind

ORDER = (
    Kind(
        name="ends_without_assistant",
        severity="warning",
        summary="the last message is not an assistant's",
        reason="What stands behind the last answer is never part of a sample. Hosted services "
        "and some trainers refuse such a conversation.",
        cure="Take the messages behind the last answer out.",
    ),
    Kind(
        name="starts_with_assistant",
        severity="warning",
        summary="an assistant speaks before any user",
        reason="Many templates refuse it, and without a system message there is no prompt for "
        "that answer.",
        cure="Take the greeting out, or give it the weight 0.",
    ),
    Kind(
        name="consecutive_assistants",
        severity="warning",
        summary="two messages of the assistant in a row",
        reason="The model has to write the second one with nothing new to answer; many templates "
        "refuse it, and a server seldom asks so. Often a tool's result or a user's "
        "message was lost between them.",
        cure="Join them, or put back what was between them.",
    ),
    Kind(
        name="consecutive_users",
        severity="warning",
        summary="two messages of the user in a row",
        reason="Templates that want alternating roles refuse it; LLaMA-Factory leaves such "
        "records out. Often an answer was lost between them.",
        cure="Join them, or put back what was between them.",
    ),
    Kind(
        name="system_not_first",
        severity="warning",
        summary="a system message stands behind other messages",
        reason="Many templates refuse it, or move it, or leave it out.",
        cure="Put it first; what comes later as a user's message.",
    ),
)

CONTENT = (
    Kind(
        name="empty_content",
        severity="warning",
        summary="a system or user message is empty",
        reason="A model is trained to answer to nothing; hosted services refuse it.",
        cure="Fill it, or take the exchange out.",
    ),
    Kind(
        name="content_missing",
        severity="note",
        summary='a message that calls tools has no key "content"',
        reason="OpenAI allows it, and templates that print the content fail on it or print `None`.",
        cure='Write `"content": ""` or null.',
    ),
    Kind(
        name="unknown_key",
        severity="note",
        summary="a message or a record has a key that nobody reads",
        reason="Keys of messages go to the template, which seldom knows them; OpenAI refuses "
        "unknown ones. It may be a known key, misspelt. Each key is named once a file.",
        cure="Take it out, or spell it right.",
    ),
    Kind(
        name="weight_not_binary",
        severity="note",
        summary="a weight is neither 0 nor 1",
        reason="OpenAI and Mistral take 0 and 1 only. Here any number from 0 up is a factor of "
        "the loss.",
        cure="Nothing needs to be done, unless the file goes there.",
    ),
    Kind(
        name="unread_keys",
        severity="note",
        summary="the template never reads a key of a message",
        reason="What the key holds is not trained. Each key is named once a file.",
        cure="`everyturn lint` tells what the template reads.",
    ),
)

TOOLS = (
    Kind(
        name="call_without_id",
        severity="warning",
        summary="a tool call has no id",
        reason="Results name the call that they answer by its id; OpenAI refuses calls without "
        "one.",
        cure="Give each call an id of its own, and its result the same as `tool_call_id`.",
    ),
    Kind(
        name="call_without_type",
        severity="warning",
        summary='a tool call has no "type": "function"',
        reason="OpenAI refuses it, and some templates print it.",
        cure='Add `"type": "function"`; `--fix` does.',
    ),
    Kind(
        name="call_without_function",
        severity="warning",
        summary='a tool call has no object "function"',
        reason="Name and arguments belong in it; templates that look there print nothing or fail.",
        cure='Write `{"id": .., "type": "function", "function": {"name": .., "arguments": '
        "..}}`; where name and arguments stand in the call itself, `--fix` moves them.",
    ),
    Kind(
        name="call_without_name",
        severity="warning",
        summary="a tool call does not name its function",
        reason="The model would learn to call nothing.",
        cure="Name the function.",
    ),
    Kind(
        name="arguments_not_json",
        severity="warning",
        summary="the arguments of a call are not a JSON object",
        reason="The model learns to write what no program can read. Templates that want an "
        "object fail, or print the text in quotes. JSON within JSON text counts as such.",
        cure='Write the arguments as JSON text of an object; `"{}"` where there are none.',
    ),
    Kind(
        name="arguments_object",
        severity="note",
        summary="the arguments of a call are an object, not JSON text",
        reason="Hugging Face templates want an object; OpenAI and Mistral refuse it and take "
        "text only. Both are understood here, and turned into what the template takes.",
        cure="Nothing needs to be done, unless the file goes there; `--fix` writes text.",
    ),
    Kind(
        name="function_call",
        severity="note",
        summary="a call in the old form, function_call",
        reason="OpenAI replaced it by `tool_calls`; it is read as a call without an id here.",
        cure="`--fix` writes `tool_calls`, with an id that its result carries, too.",
    ),
    Kind(
        name="functions",
        severity="warning",
        summary="the record has functions, which nothing reads",
        reason="The old form of `tools`: the template is not shown them, so the model learns to "
        "call what it was never told of.",
        cure="Write `tools`; `--fix` does.",
    ),
    Kind(
        name="tools_text",
        severity="note",
        summary="tools are JSON text, not a list",
        reason="Some loaders need all rows to have one type and keep tools as text; OpenAI takes "
        "a list only. Both are understood here.",
        cure="Nothing needs to be done, unless the file goes there; `--fix` writes the list.",
    ),
    Kind(
        name="tool_definition",
        severity="warning",
        summary="a tool is not defined in OpenAI's form",
        reason="Templates look for `type` and `function.name`; what lies elsewhere is printed "
        "otherwise, or not at all.",
        cure='Write `{"type": "function", "function": {"name": .., "description": .., '
        '"parameters": ..}}`.',
    ),
    Kind(
        name="tool_not_defined",
        severity="warning",
        summary="a call names a tool that the record does not define",
        reason="The model learns to call tools that it was not told of.",
        cure="Define it in `tools`, or look for a misspelt name.",
    ),
    Kind(
        name="tool_without_call",
        severity="warning",
        summary="a tool's result without a call before it",
        reason="Nothing asked for it. OpenAI and several templates refuse it; the call may have "
        "been lost.",
        cure="Put the call back, or take the result out.",
    ),
    Kind(
        name="tool_call_id_missing",
        severity="warning",
        summary="a tool's result does not say which call it answers",
        reason="The calls have ids, and the result has no `tool_call_id`: OpenAI refuses it.",
        cure="Write the id of the call.",
    ),
    Kind(
        name="tool_call_id_unknown",
        severity="warning",
        summary="a tool's result answers a call that is not open",
        reason="No call before it has that id, or the call has its result already.",
        cure="Write the id of the call that it answers.",
    ),
    Kind(
        name="call_without_result",
        severity="warning",
        summary="a tool call has no result",
        reason="The conversation goes on without it; the model learns to call and to know the "
        "answer itself. OpenAI refuses it. A call at the end of a conversation is fine.",
        cure="Put the result back, or end the conversation with the call.",
    ),
)

TEXT = (
    Kind(
        name="leaked_end_token",
        severity="warning",
        summary="an answer ends on the text of an end token",
        reason="`<|endoftext|>`, `</s>` and their like at the end of a text come from another "
        "model's output or from older formats. The template writes the end of a turn "
        "itself: the token is trained twice, or spelt out as text.",
        cure="Take it off the text.",
    ),
    Kind(
        name="identical_messages",
        severity="warning",
        summary="a message repeats the one before it",
        reason="The same role and the same words twice in a row: mostly a record written twice.",
        cure="Take one out.",
    ),
    Kind(
        name="echoed_user",
        severity="warning",
        summary="an answer is word for word what the user said",
        reason="The model learns to repeat. Often columns were mixed up.",
        cure="Look at what wrote the record.",
    ),
)

FILES = (
    Kind(
        name="mixed_formats",
        severity="warning",
        summary="a record is in another format than its file",
        reason="The first record with a known key tells the format of the whole file; this one "
        "has the key of another and is read by the file's, or refused.",
        cure="Write a file for each format.",
    ),
    Kind(
        name="bom",
        severity="warning",
        summary="the file starts with a byte order mark",
        reason="Many readers of JSON lines fail on the first line. It is passed over here.",
        cure="Save as UTF-8 without a mark; `--fix` takes it off.",
    ),
    Kind(
        name="crlf",
        severity="note",
        summary="lines end in CR LF",
        reason="Harmless to most readers; the bytes of the lines are the same. Named once a file.",
        cure="`--fix` writes LF.",
    ),
)

KINDS = (*ORDER, *CONTENT, *TOOLS, *TEXT, *FILES)
