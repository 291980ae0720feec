"""A record of each format and what it means, and a template that shows what it is given."""

import json

from chats import Record, answer, user

#: Prints all that normalisation may change, so that two records read alike if they mean alike.
SHOWING_TEMPLATE = (
    "{%- for tool in tools or [] -%}{{- tool | tojson ~ '\\n' -}}{%- endfor -%}"
    "{%- if mode is defined -%}{{- mode ~ '\\n' -}}{%- endif -%}"
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' ~ message.role ~ '\\n' -}}"
    "{{- message.content if message.content is string else '(none)' -}}"
    "{%- if message.reasoning_content is defined -%}"
    "{{- '|thought ' ~ message.reasoning_content -}}{%- endif -%}"
    "{%- if message.tool_calls is defined -%}"
    "{{- '|calls ' ~ message.tool_calls | tojson -}}{%- endif -%}"
    "{%- if message.name is defined -%}{{- '|name ' ~ message.name | tojson -}}{%- endif -%}"
    "{%- if message.function_call is defined -%}{{- '|function_call' -}}{%- endif -%}"
    "{%- for key in ['weight', 'train', 'trainable', 'loss', 'loss_weight'] -%}"
    "{%- if message[key] is defined -%}{{- '|' ~ key -}}{%- endif -%}"
    "{%- endfor -%}"
    "{{- '<|im_end|>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)

CALL = {"type": "function", "function": {"name": "add", "arguments": {"a": 2, "b": 2.50}}}
TEXT_CALL = {"type": "function", "function": {"name": "add", "arguments": '{"a": 2, "b": 2.50}'}}
TOOL = {"type": "function", "function": {"name": "add", "parameters": {"z": 1, "a": 1e3}}}

#: A record, its format, and the messages that a template is to see.
FORMATS: dict[str, tuple[Record, str, list[Record]]] = {
    "messages": (
        {"messages": [{"role": "system", "content": "Be kind."}, user("Hi"), answer("Hello")]},
        "messages",
        [{"role": "system", "content": "Be kind."}, user("Hi"), answer("Hello")],
    ),
    "developer": (
        {"messages": [{"role": "developer", "content": "Be kind."}, user("Hi"), answer("Hey")]},
        "messages",
        [{"role": "developer", "content": "Be kind."}, user("Hi"), answer("Hey")],
    ),
    "function role is tool": (
        {"messages": [user("2+2?"), {"role": "function", "name": "add", "content": "4"},
                      answer("4")]},
        "messages",
        [user("2+2?"), {"role": "tool", "name": "add", "content": "4"}, answer("4")],
    ),
    "tool calls without content": (
        {"messages": [user("2+2?"), {"role": "assistant", "tool_calls": [CALL]}]},
        "messages",
        [user("2+2?"), {"role": "assistant", "tool_calls": [CALL]}],
    ),
    "tool calls with null content": (
        {"messages": [user("2+2?"), {"role": "assistant", "content": None, "tool_calls": [CALL]}]},
        "messages",
        [user("2+2?"), {"role": "assistant", "tool_calls": [CALL]}],
    ),
    "arguments that are text": (
        {"messages": [user("2+2?"), answer("", tool_calls=[TEXT_CALL])]},
        "messages",
        [user("2+2?"), answer("", tool_calls=[TEXT_CALL])],
    ),
    "legacy function_call": (
        {"messages": [user("2+2?"), answer("", function_call=TEXT_CALL["function"])]},
        "messages",
        [user("2+2?"), answer("", tool_calls=[TEXT_CALL])],
    ),
    "legacy function_call null": (
        {"messages": [user("Hi"), answer("Hello", function_call=None, name=None)]},
        "messages",
        [user("Hi"), answer("Hello")],
    ),
    "reasoning": (
        {"messages": [user("2+2?"), answer("4", reasoning_content="Two and two.")]},
        "messages",
        [user("2+2?"), answer("4", reasoning_content="Two and two.")],
    ),
    "text parts": (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "One"},
                                                   {"type": "text", "value": "Two"}]},
                      {"role": "assistant", "content": [{"type": "text", "text": "Three"}]}]},
        "messages",
        [user("One\nTwo"), answer("Three")],
    ),
    "reasoning parts": (
        {"messages": [user("2+2?"), answer(
            [{"type": "reasoning", "value": "Two and two."}, {"type": "text", "value": "4"}]
        )]},
        "messages",
        [user("2+2?"), answer("4", reasoning_content="Two and two.")],
    ),
    "thinking parts": (
        {"messages": [user("2+2?"), answer(
            [{"type": "thinking", "thinking": "Two and two."}, {"type": "text", "text": "4"}]
        )]},
        "messages",
        [user("2+2?"), answer("4", reasoning_content="Two and two.")],
    ),
    "tool call parts": (
        {"messages": [user("2+2?"), answer(
            [{"type": "text", "value": "Adding."},
             {"type": "tool_call", "value": CALL["function"]},
             {"type": "tool_call", "value": json.dumps(TEXT_CALL["function"])}]
        )]},
        "messages",
        [user("2+2?"), answer("Adding.", tool_calls=[CALL, TEXT_CALL])],
    ),
    "tool call parts alone": (
        {"messages": [user("2+2?"), answer([{"type": "tool_call", "value": CALL["function"]}])]},
        "messages",
        [user("2+2?"), answer("", tool_calls=[CALL])],
    ),
    "keys of ours are not rendered": (
        {"messages": [{**user("Hi"), "weight": 0, "train": False},
                      answer("Hello", weight=1, trainable=True, train=True, loss=True,
                                loss_weight=1.0)]},
        "messages",
        [user("Hi"), answer("Hello")],
    ),
    "sharegpt": (
        {"conversations": [{"from": "system", "value": "Be kind."},
                           {"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"},
                           {"from": "user", "value": "So"}, {"from": "chatgpt", "value": "Yes"},
                           {"from": "user", "value": "So"}, {"from": "model", "value": "No"}]},
        "sharegpt",
        [{"role": "system", "content": "Be kind."}, user("Hi"), answer("Hello"),
         user("So"), answer("Yes"), user("So"), answer("No")],
    ),
    "sharegpt with a system key": (
        {"system": "Be kind.",
         "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]},
        "sharegpt",
        [{"role": "system", "content": "Be kind."}, user("Hi"), answer("Hello")],
    ),
    "sharegpt with calls": (
        {"conversations": [{"from": "human", "value": "2+2?"},
                           {"from": "function_call", "value": json.dumps(CALL["function"])},
                           {"from": "observation", "value": "4.5"},
                           {"from": "function_call", "value": CALL["function"]},
                           {"from": "tool", "value": "4.5"},
                           {"from": "function_call",
                            "value": json.dumps([CALL["function"], TEXT_CALL["function"]])},
                           {"from": "function_response", "value": "4.5"},
                           {"from": "gpt", "value": "4.5"}]},
        "sharegpt",
        [user("2+2?"), answer("", tool_calls=[CALL]), {"role": "tool", "content": "4.5"},
         answer("", tool_calls=[CALL]), {"role": "tool", "content": "4.5"},
         answer("", tool_calls=[CALL, TEXT_CALL]), {"role": "tool", "content": "4.5"},
         answer("4.5")],
    ),
    "sharegpt with role and content": (
        {"conversations": [user("2+2?"), answer("", tool_calls=[TEXT_CALL], weight=None),
                           {"role": "tool", "content": "4"}, answer("4")]},
        "sharegpt",
        [user("2+2?"), answer("", tool_calls=[TEXT_CALL]), {"role": "tool", "content": "4"},
         answer("4")],
    ),
    "sharegpt with the roles of messages": (
        {"conversations": [{"role": "developer", "content": "Be kind."}, user("2+2?"),
                           answer("", function_call=TEXT_CALL["function"]),
                           {"role": "function", "content": "4"}, answer("4")]},
        "sharegpt",
        [{"role": "developer", "content": "Be kind."}, user("2+2?"),
         answer("", tool_calls=[TEXT_CALL]), {"role": "tool", "content": "4"}, answer("4")],
    ),
    "alpaca": (
        {"instruction": "Add.", "input": "2, 2", "output": "4"},
        "alpaca",
        [user("Add.\n2, 2"), answer("4")],
    ),
    "alpaca without input": (
        {"instruction": "Hi", "input": "", "output": "Hello"},
        "alpaca",
        [user("Hi"), answer("Hello")],
    ),
    "alpaca without instruction": (
        {"instruction": "", "input": "2+2?", "output": "4"},
        "alpaca",
        [user("2+2?"), answer("4")],
    ),
    "alpaca with response": (
        {"instruction": "Hi", "response": "Hello"},
        "alpaca",
        [user("Hi"), answer("Hello")],
    ),
    "alpaca with system and history": (
        {"system": "Be kind.", "history": [["One?", "1"], ["Two?", "2"]],
         "instruction": "Three?", "output": "3"},
        "alpaca",
        [{"role": "system", "content": "Be kind."}, user("One?"), answer("1"),
         user("Two?"), answer("2"), user("Three?"), answer("3")],
    ),
    "prompt and completion": (
        {"prompt": "Hi", "completion": " Hello"},
        "prompt_completion",
        [user("Hi"), answer(" Hello")],
    ),
    "lists of prompt and completion as texts": (
        {"prompt": json.dumps([user("Hi")]), "completion": json.dumps([answer("Hello")])},
        "prompt_completion",
        [user("Hi"), answer("Hello")],
    ),
    "a prompt that is JSON of no messages": (
        {"prompt": '[{"role": "x"}]', "completion": "[]"},
        "prompt_completion",
        [user('[{"role": "x"}]'), answer("[]")],
    ),
    "lists of prompt and completion": (
        {"prompt": [user("One?"), answer("1"), user("Two?")],
         "completion": [answer("2"), user("Three?"), answer("3")]},
        "prompt_completion",
        [user("One?"), answer("1"), user("Two?"), answer("2"), user("Three?"),
         answer("3")],
    ),
}  # fmt: skip
