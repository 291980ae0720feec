//! What the facts mean for training.
//!
//! In: everything that was found out about a template. Out: sentences, each with a kind and a severity: an error
//! makes training wrong or impossible unless an option is set, a warning loses or changes something, a note is worth
//! knowing.

use super::left_out::Omission;
use super::probes::{Probed, Rewriting, TARGETS};
use super::{Facts, Owner};
use crate::error::ErrorKind;
use crate::report::warning;

/// What only a template's report says; what it shares with expansion has the name of the error or the warning.
pub mod finding {
    crate::names::names! {
        /// Without a tokenizer, what looks like a control token is taken for one.
        CONTROL_TOKENS_GUESSED = "control_tokens_guessed",
        /// A turn does not end itself: the next header is its stop.
        NEXT_HEADER_STOP = "next_header_stop",
        /// A turn lacks the stop token that others have.
        UNCLOSED_TURN = "unclosed_turn",
        /// The begin token is written twice, or by the tokenizer as well.
        BEGIN_TOKEN = "begin_token",
        /// Servers encode, or may encode, the same text with other ids.
        TOKENIZER_CLASS = "tokenizer_class",
        /// A made-up conversation is refused.
        REFUSED = "refused",
        /// A system message is refused.
        SYSTEM_REFUSED = "system_refused",
        /// Earlier turns are rendered otherwise once more turns follow.
        HISTORY_REWRITTEN = "history_rewritten",
        /// Reasoning is never rendered.
        REASONING_IGNORED = "reasoning_ignored",
        /// Tool calls are never rendered.
        TOOLS_IGNORED = "tools_ignored",
        /// An argument that is given is not read.
        UNREAD_ARGUMENTS = "unread_arguments",
        /// The template writes today's date, or may.
        DATE = "date",
        /// A conversation without a system message gets one that nobody wrote.
        DEFAULT_SYSTEM = "default_system",
        /// The server hands contents over as lists that the template prints, or as texts that it leaves out.
        CONTENT_FORMAT = "content_format",
        /// The server does not render this model's chats by the template.
        OWN_ENCODER = "own_encoder",
        /// Generation blocks mark something other than what a model must write.
        GENERATION_BLOCKS = "generation_blocks",
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    Error,
    Warning,
    Note,
}

impl Severity {
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

pub(super) struct Finding {
    pub severity: Severity,
    pub kind: &'static str,
    pub text: String,
}

fn error(kind: &'static str, text: impl Into<String>) -> Finding {
    Finding { severity: Severity::Error, kind, text: text.into() }
}

fn warning(kind: &'static str, text: impl Into<String>) -> Finding {
    Finding { severity: Severity::Warning, kind, text: text.into() }
}

fn note(kind: &'static str, text: impl Into<String>) -> Finding {
    Finding { severity: Severity::Note, kind, text: text.into() }
}

/// Every finding, errors first.
pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    of_ends(facts, &mut found);
    of_prompts(facts, &mut found);
    of_history(facts, &mut found);
    of_header(facts, &mut found);
    of_thinking(facts, &mut found);
    of_server(facts, &mut found);
    of_keys(facts, &mut found);
    of_additions(facts, &mut found);
    of_generation(facts, &mut found);
    found.sort_by_key(|finding| finding.severity);
    found
}

fn of_ends(facts: &Facts, found: &mut Vec<Finding>) {
    if facts.is_bare {
        let text = "there is no tokenizer: what looks like a control token counts as one";
        found.push(note(finding::CONTROL_TOKENS_GUESSED, text));
    }
    if let Some(endless) = &facts.endless {
        let is_refused = endless.kind == ErrorKind::Template;
        let kind = if is_refused { ErrorKind::Template } else { ErrorKind::NoStopToken };
        found.push(error(kind.name(), endless.text.clone()));
    }
    if !facts.unserved.is_empty() {
        let tokens = facts.unserved.join(", ");
        let text =
            format!("turns end with {tokens}, at which generation_config.json does not let a server stop");
        found.push(warning(warning::STOP_NOT_IN_GENERATION_CONFIG, text));
    }
    if let Some(stop) = facts.stops.iter().find(|stop| stop.owner == Owner::NextHeader) {
        let text = format!(
            "a turn does not end itself: {}, the next header, is trained as its stop",
            stop.token.text
        );
        found.push(note(finding::NEXT_HEADER_STOP, text));
    }
    if let Some(stop) = facts.stops.iter().find(|stop| stop.owner == Owner::Caller) {
        let text = format!(
            "the template ends no turn: {}, which stop_token names, is appended to each target and is in no prompt",
            stop.token.text
        );
        found.push(note(warning::STOP_APPENDED, text));
    }
    for probed in &facts.probed {
        if let Some(unclosed) = &probed.unclosed {
            let text = format!("targets of {} are lost: {}", probed.name, unclosed.text);
            found.push(warning(finding::UNCLOSED_TURN, text));
        }
    }
    of_begin(facts, found);
    if let Some(note) = &facts.tokenizer_note {
        found.push(warning(finding::TOKENIZER_CLASS, note.clone()));
    }
}

fn of_begin(facts: &Facts, found: &mut Vec<Finding>) {
    let Some(begin) = &facts.begin else {
        return;
    };
    let token = &begin.token.text;
    if begin.written > 1 {
        let text = format!("the template writes the begin token {token} {} times", begin.written);
        found.push(error(finding::BEGIN_TOKEN, text));
    } else if begin.written == 1 && begin.is_added {
        let text = format!(
            "the template writes {token} and the tokenizer adds it again where it may: encode rendered text with \
             add_special_tokens=False, as everyturn does"
        );
        found.push(note(finding::BEGIN_TOKEN, text));
    } else if begin.is_added {
        let text = format!(
            "the tokenizer would add {token}, which the template does not write: rendered chats do not have it"
        );
        found.push(note(finding::BEGIN_TOKEN, text));
    }
}

fn of_prompts(facts: &Facts, found: &mut Vec<Finding>) {
    for probed in &facts.probed {
        let is_plain = probed.name == "plain";
        match &probed.is_prefix {
            Ok(true) => {}
            Ok(false) => {
                let text = format!(
                    "{}: what a server sends is not a prefix of the rendering with the answer",
                    probed.name
                );
                let finding = if is_plain { error } else { warning };
                found.push(finding(ErrorKind::PromptMismatch.name(), text));
            }
            Err(refusal) if is_plain => {
                found.push(error(
                    ErrorKind::Template.name(),
                    format!("a plain conversation is refused: {}", refusal.text),
                ));
            }
            Err(refusal) => found.push(note(finding::REFUSED, format!("{}: {}", probed.name, refusal.text))),
        }
    }
    if let Some(refusal) = &facts.system.refusal {
        found.push(note(finding::SYSTEM_REFUSED, format!("a system message is refused: {}", refusal.text)));
    }
}

fn of_history(facts: &Facts, found: &mut Vec<Finding>) {
    let rewritten = |why: Rewriting| {
        facts.probed.iter().filter(move |probed| probed.rewriting == Some(why)).collect::<Vec<_>>()
    };
    for (why, what) in [
        (Rewriting::ThinkingCut, "the reasoning of earlier turns is cut"),
        (Rewriting::EmptyThinkBlock, "only the last turn shows an empty thinking block"),
        (Rewriting::EndToken, "a turn ends differently once more turns follow"),
        (Rewriting::Other, "earlier turns are rewritten once more turns follow"),
    ] {
        let probed = rewritten(why);
        if probed.is_empty() {
            continue;
        }
        let names: Vec<&str> = probed.iter().map(|probed| probed.name).collect();
        let is_free = |probed: &&Probed| probed.rows == Some(1);
        let (finding, cost): (fn(&'static str, String) -> Finding, String) = if probed.iter().all(is_free) {
            (note, "merged needs no more samples for it".into())
        } else {
            let rows = probed.iter().filter_map(|probed| probed.rows).max();
            let rows = rows.map_or_else(|| "more".into(), |rows| rows.to_string());
            let text = format!(
                "merged makes {rows} samples of {TARGETS} targets; one rendering with a mask trains targets after a \
                 context that no server sends"
            );
            (warning, text)
        };
        found.push(finding(finding::HISTORY_REWRITTEN, format!("{what} ({}): {cost}", names.join(", "))));
    }
}

fn of_header(facts: &Facts, found: &mut Vec<Finding>) {
    let Some(header) = &facts.header else { return };
    let conversations = header.conversations.join(", ");
    let finding = if header.is_in_prompts {
        let text = format!(
            "{conversations}: some prompts lack the header {:?}, which is trained there: no server writes it",
            header.text
        );
        warning(warning::HEADER_TRAINED, text)
    } else {
        let text = format!(
            "there is no generation prompt: the header {:?} is trained with each answer, since no server writes it \
             ({conversations})",
            header.text
        );
        error(warning::HEADER_TRAINED, text)
    };
    found.push(finding);
}

fn of_thinking(facts: &Facts, found: &mut Vec<Finding>) {
    if !facts.two_thinking_blocks.is_empty() {
        let text = format!(
            "a block of thinking is trained after another one ({}): put reasoning into reasoning_content",
            facts.two_thinking_blocks.join(", ")
        );
        found.push(warning(warning::TWO_THINKING_BLOCKS, text));
    }
    let Some(empty) = &facts.empty_thinking else { return };
    let cure = if empty.is_cured_by_switch {
        "thinking=\"match\" gives such answers a prompt that asks for none"
    } else {
        "the template has no switch for a prompt that asks for none"
    };
    let text = format!(
        "an answer without reasoning is trained to write an empty block of thinking, after a prompt that asks for \
         thinking ({}): {cure}",
        empty.conversations.join(", ")
    );
    found.push(warning(warning::EMPTY_THINKING, text));
}

fn of_server(facts: &Facts, found: &mut Vec<Finding>) {
    if let Some(fault) = &facts.content_fault {
        found.push(error(finding::CONTENT_FORMAT, fault.text.clone()));
    }
    if let Some(text) = &facts.serving_note {
        found.push(warning(finding::OWN_ENCODER, text.clone()));
    }
}

fn of_keys(facts: &Facts, found: &mut Vec<Finding>) {
    let ignored = |name: &str| facts.keys.iter().any(|(key, is_read)| *key == name && !is_read);
    let refused =
        |name: &str| facts.probed.iter().any(|probed| probed.name == name && probed.is_prefix.is_err());
    if ignored("reasoning_content") && !refused("reasoning") {
        let text = match &facts.server {
            Some((server, _)) if facts.shows_reasoning_as_it_stands => format!(
                "reasoning as {server} sends it is never rendered: it is not trained; serve=\"template\" renders it"
            ),
            _ => "reasoning is never rendered: it is not trained".to_owned(),
        };
        found.push(warning(finding::REASONING_IGNORED, text));
    }
    if ignored("tool_calls") && !refused("tools") {
        found.push(warning(finding::TOOLS_IGNORED, "tool calls are never rendered: they are not trained"));
    }
    let of_calls = |omission: &&Omission| omission.kind == warning::TOOL_CALLS_DROPPED;
    for omission in facts.omissions.iter().filter(|omission| !(ignored("tool_calls") && of_calls(omission))) {
        found.push(warning(omission.kind, omission.text));
    }
    let reads = match facts.template_arguments.as_slice() {
        [] => "it reads no arguments".to_owned(),
        names => format!("it reads {}", names.join(", ")),
    };
    for name in &facts.unread_arguments {
        let text = format!("the template does not read the argument '{name}'; {reads}");
        found.push(warning(finding::UNREAD_ARGUMENTS, text));
    }
}

fn of_additions(facts: &Facts, found: &mut Vec<Finding>) {
    if facts.asks_for_the_date {
        let shown = facts.probed.iter().any(|probed| probed.rewriting == Some(Rewriting::Date));
        let text = if shown {
            "the template writes today's date, so texts differ from day to day"
        } else {
            "the template can ask for today's date"
        };
        let finding = if shown { warning } else { note };
        found.push(finding(finding::DATE, text.to_owned()));
    }
    if facts.system.default.is_some() {
        let text = "a conversation without a system message gets a default one: serve without one as well";
        found.push(warning(finding::DEFAULT_SYSTEM, text));
    }
}

fn of_generation(facts: &Facts, found: &mut Vec<Finding>) {
    let Some(differs) = facts.generation.differs.as_ref().filter(|differs| !differs.is_empty()) else {
        return;
    };
    let text = format!(
        "what the generation blocks mark is not what a model must write: {}; other trainers build their masks from them",
        differs.join(", ")
    );
    found.push(warning(finding::GENERATION_BLOCKS, text));
}

/// The one finding of a template that does not compile.
pub(super) fn broken(text: &str) -> Finding {
    error(ErrorKind::Template.name(), text)
}
