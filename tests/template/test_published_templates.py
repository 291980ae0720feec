"""How every published template ends a turn: one stop token, at the end of every target that renders."""

from pathlib import Path

import pytest

import everyturn
from as_template import template_renderer
from paths import find_data
from published import CONVERSATIONS, answer, user, write_model
from template_reference import NOW, stopped_clock

#: Templates are taken in this many groups, so that processes can share them.
GROUPS = 16

#: Templates that no model can be made of, and a word of the reason.
REFUSED = {
    "command-r-v01.rag.jinja": "not iterable",  # wants documents
    "fireworks-ai-llama-3-firefunction-v2.jinja": "undefined",  # needs its own variable
    "hfjs-fireworks-ai-firefunction-v1.jinja": "functions",  # needs its own role
    "hfjs-CohereForAI-c4ai-command-r-v01.jinja": "not iterable",  # needs tools of its own shape
    "lcppt-ai-sage-GigaChat-20B-A3B-instruct.jinja": "undefined",  # wants a list of special tokens
    "lcppt-yandex-YandexGPT-5-Lite-8B-instruct.jinja": "does not print",
    "vllm-kimi_audio.jinja": "does not print",
}
#: Templates that end a turn in plain text, or not at all. A person has read each of them.
WITHOUT_STOP = {
    "axolotl-llava.jinja",
    "cz-amberchat.jinja",
    "cz-chatqa.jinja",
    "cz-falcon-instruct.jinja",
    "cz-solar-instruct.jinja",
    "falcon-7b-instruct.jinja",
    "hfjs-Deci-DeciLM-7B-instruct.jinja",
    "hfjs-blenderbot.jinja",  # ends the conversation alone, and no turn
    "hfjs-maywell-PiVoT-MoE.jinja",
    "hfjs-maywell-Synatra-Mixtral-8x7B.jinja",
    "hfjs-meta-llama-Llama-Guard-3-11B-Vision.jinja",
    "hfjs-upstage-SOLAR-10.7B-Instruct-v1.0.jinja",
    "lcppt-MiniCPM-3B-OpenHermes-2.5-v2-GGUF.jinja",
    "llama-cpp-rwkv-world.jinja",
    "openinstruct-assistant_message_only.jinja",
    "openinstruct-olmo_thinker_code_rlzero.jinja",
    "openinstruct-olmo_thinker_rlzero.jinja",
    "openinstruct-r1_simple_chat.jinja",
    "openinstruct-r1_simple_chat_postpend_think.jinja",
    "openinstruct-r1_simple_chat_postpend_think_orz_style.jinja",
    "openinstruct-r1_simple_chat_postpend_think_tool_vllm.jinja",
    "vllm-alpaca.jinja",
    "vllm-basic.jinja",
    "vllm-blip2.jinja",
    "vllm-chatglm.jinja",
    "vllm-chatglm2.jinja",
    "vllm-deepseek_ocr.jinja",
    "vllm-falcon.jinja",
    "vllm-falcon_180b.jinja",
    "vllm-inkbot.jinja",
    "vllm-tool_glm4.jinja",
}
#: Templates that end a part of a turn with the token that ends the turn: those targets are counted.
STOPS_EARLY = {
    "GigaChat3-10B-A1.8B.jinja": "words and their call are two messages",
    "NVIDIA-Nemotron-Nano-v2.jinja": "words and their call are two messages",
    "unsloth-gptoss.jinja": "reasoning and answer are two messages",
}
#: Its calls end with the token that its model declares as end, which a made-up model does not: distinguished from
#: the header after it only by that declaration.
NEEDS_DECLARED_END = {"tencent-Hy3.jinja"}
#: The stop of a call, where it is not that of an answer.
STOPS_OF_CALLS = {
    "GLM-4.6.jinja": "<|observation|>",
    "GLM-4.7-Flash.jinja": "<|observation|>",
    "hfjs-zai-org-GLM-5.1.jinja": "<|observation|>",
    "trl-glm4moe.jinja": "<|observation|>",
    "trl-glm4moe_training.jinja": "<|observation|>",
    "meetkai-functionary-medium-v3.1.jinja": "<|eom_id|>",
    "openai-gpt-oss-120b.jinja": "<|call|>",
    "trl-gptoss_training.jinja": "<|call|>",
    "unsloth-gptoss.jinja": "<|call|>",
    "upstage-Solar-Open-100B.jinja": "<|calls|>",
}
#: Templates that leave the header of an answer out of the prompt that the result of a tool ends. A person has looked.
LACK_HEADERS = {
    "axolotl-deepseek_v3.jinja": "a second call",
    "trl-diffusion_gemma.jinja": "a call or an answer",
    "trl-diffusion_gemma_training.jinja": "a call or an answer",
}
#: Templates that write a block of thinking of their own before that of a content.
THINK_TWICE = {
    "Kimi-K2-Thinking.jinja",
    "deepseek-ai-DeepSeek-V4-Flash-0731.jinja",
    "deepseek-ai-DeepSeek-V4.jinja",
    "hfjs-moonshotai-Kimi-K2-Thinking.jinja",
    "poolside-Laguna-S-2.1.jinja",
    "tencent-Hy3.jinja",
    "vllm-tool_gemma4.jinja",
}
#: Reasoning between tags in the content.
INLINE = [
    user("One?"),
    answer("<think>\nCount up.\n</think>\n\nIt is 1."),
    user("Two?"),
    answer("<think>\nCount on.\n</think>\n\nIt is 2."),
]
#: Gemma 4 hands over to the tool with the token that opens its response.
HANDS_OVER = "<|tool_response>"


def _templates() -> list[Path]:
    data = find_data()
    return sorted((data / "templates").glob("*.jinja")) if data else []


@pytest.mark.usefixtures("data")
def test_what_is_named_here_is_there() -> None:
    """A name that no template has is a rule that nothing is held to."""
    known = {path.name for path in _templates()}
    named = {*REFUSED, *WITHOUT_STOP, *STOPS_EARLY, *STOPS_OF_CALLS, *NEEDS_DECLARED_END}
    named |= {*LACK_HEADERS, *THINK_TWICE}
    assert named <= known


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("group", range(GROUPS))
def test_every_target_of_a_published_template_ends_with_one_stop_token(
    tmp_path: Path, group: int
) -> None:
    """A template without a stop token is refused and says so; with one, each target trains it once."""
    wrong: list[str] = []
    with stopped_clock():
        for path in _templates()[group::GROUPS]:
            if path.name in NEEDS_DECLARED_END:
                continue
            wrong += [f"{path.name}: {text}" for text in _wrong_with(path, tmp_path / path.name)]
    assert not wrong, "\n".join(wrong)


def _wrong_with(path: Path, folder: Path) -> list[str]:
    source = path.read_bytes().decode("utf-8")
    try:
        renderer = template_renderer(write_model(folder, source), now=NOW)
    except everyturn.ModelError as error:
        if path.name in WITHOUT_STOP and "would not learn to stop" in str(error):
            return _wrong_with_stop(folder)
        return [] if REFUSED.get(path.name, "none") in str(error) else [str(error)]
    if path.name in REFUSED or path.name in WITHOUT_STOP:
        return ["it loads"]
    stops = {renderer.decode([stop]) for stop in renderer.stop_token_ids}
    of_calls = stops & {STOPS_OF_CALLS.get(path.name), HANDS_OVER}
    wrong = [] if len(stops - of_calls) == 1 else [f"{stops} are too many stop tokens"]
    for policy in ("skip", "splice"):
        wrong += _wrong_targets(path.name, renderer, of_calls, policy)
    return wrong


def _wrong_targets(
    name: str, renderer: everyturn.Renderer, of_calls: set[str], policy: str
) -> list[str]:
    expander = everyturn.Expander(
        renderer,
        layout="per_turn",
        on_error="skip",
        prompt_mismatch="skip" if policy == "skip" else "splice",
        num_threads=1,
    )
    cases = list(CONVERSATIONS.values())
    records = [{"messages": case.messages, "tools": case.tools} for case in cases]
    samples = expander.expand(records)
    dropped = samples.report.targets_dropped
    wrong = [f"{policy}: {dropped}"] if dropped.keys() - {"template", "prompt_mismatch"} else []
    for sample in samples:
        message = cases[int(sample.line) - 1].messages[int(sample.targets[0])]
        ids = sample.trained_ids.tolist()
        ends = renderer.decode(ids[-1:])
        count = sum(ids.count(stop) for stop in renderer.stop_token_ids)
        if ids[-1] not in renderer.stop_token_ids:
            wrong.append(f"{policy}: it ends with {ends!r}")
        elif (ends in of_calls) != bool(message.get("tool_calls") and of_calls):
            wrong.append(f"{policy}: it ends with {ends!r}, calls: {'tool_calls' in message}")
        elif count != 1 and name not in STOPS_EARLY:
            wrong.append(f"{policy}: {count} stop tokens in {renderer.decode(ids)!r}")
    if name in STOPS_EARLY and not samples.report.warnings.get("stops_early"):
        wrong.append(f"{policy}: no early stop is counted")
    if policy == "skip":
        wrong += _wrong_warnings(name, expander, samples.report)
    return wrong


def _wrong_warnings(name: str, expander: everyturn.Expander, report: everyturn.Report) -> list[str]:
    """Say where a header or a second block of thinking is counted, and is none, or is one and is not counted."""
    inline = expander.expand([{"messages": INLINE}]).report
    found = {
        "header_trained": name in LACK_HEADERS,
        "two_thinking_blocks": name in THINK_TWICE,
        "white_space_swallowed": False,
    }
    counted = {
        warning: bool(report.warnings.get(warning) or inline.warnings.get(warning))
        for warning in found
    }
    return [] if counted == found else [f"{counted} is counted"]


def _wrong_with_stop(folder: Path) -> list[str]:
    """Say what is wrong with targets to which the model's own end is appended."""
    renderer = template_renderer(folder, now=NOW, stop_token="eos")
    expander = everyturn.Expander(
        renderer, layout="per_turn", on_error="skip", prompt_mismatch="skip", num_threads=1
    )
    cases = CONVERSATIONS.values()
    samples = expander.expand([{"messages": case.messages, "tools": case.tools} for case in cases])
    (stop,) = renderer.stop_token_ids
    dropped = samples.report.targets_dropped.keys() - {"template", "prompt_mismatch"}
    wrong = [f"{dropped} are dropped"] if dropped else []
    if samples.report.warnings.get("stop_appended", 0) != len(samples):
        wrong.append("not every appended stop is counted")
    for sample in samples:
        ids = sample.trained_ids.tolist()
        if ids.count(stop) != 1 or ids[-1] != stop or renderer.decode(ids[:-1]).endswith("\n"):
            wrong.append(f"{renderer.decode(ids)!r} is trained")
    return wrong
