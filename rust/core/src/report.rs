//! What became of every line and every target.
//!
//! In: the outcome of each record. Out: counts that add up (read = kept + dropped by cause, found = trained + dropped
//! by cause) and the faults by name, the first [`MAX_NAMED_FAULTS`] of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{Error, Location};
use crate::name_counts::NameCounts;

/// Faults beyond this number are counted but not listed, so that a report stays small.
pub const MAX_NAMED_FAULTS: usize = 10_000;

/// Causes of a dropped record that are not errors of the record.
pub mod cause {
    crate::names::names! {
        /// No message is a target: nothing to train.
        NO_TARGET = "no_target",
        /// Every target was dropped, each for its own reason.
        ALL_TARGETS_DROPPED = "all_targets_dropped",
        /// An earlier record is the same conversation.
        DUPLICATE = "duplicate",
    }
}

/// Things to know that cost no sample.
pub mod warning {
    crate::names::names! {
        /// Targets whose reasoning the template omits: it is not learned.
        REASONING_DROPPED = "reasoning_dropped",
        /// Targets of whose tool calls the template omits one, or its arguments: they are not learned.
        TOOL_CALLS_DROPPED = "tool_calls_dropped",
        /// Targets whose own text the template omits, or a part of it: it is not learned.
        OWN_TEXT_DROPPED = "own_text_dropped",
        /// Messages before a target of which nothing is in its prompt.
        MESSAGE_DROPPED = "message_dropped",
        /// Messages before a target of whose text or tool calls something is not in its prompt.
        MESSAGE_PART_DROPPED = "message_part_dropped",
        /// Conversations of whose tools one or more are not in a prompt.
        TOOLS_DROPPED = "tools_dropped",
        /// Targets whose text holds the stop token before its end: a server would have stopped there.
        STOPS_EARLY = "stops_early",
        /// Targets that the template does not end: the stop token that the caller names was appended.
        STOP_APPENDED = "stop_appended",
        /// Targets that are trained to write a header, because the template does not write it into their prompt.
        HEADER_TRAINED = "header_trained",
        /// Targets whose prompt got the header that the template does not write into it.
        HEADER_IN_PROMPT = "header_in_prompt",
        /// Targets whose completion starts within a token of the whole: encoded as a continuation.
        BORDER_MERGES = "border_merges",
        /// Targets of the layout `conversation` that inference would show otherwise.
        INEXACT_TARGETS = "inexact_targets",
        /// Positions of the layout `tree` that are in it twice, because each predicts one token.
        POSITIONS_REPEATED = "positions_repeated",
        /// Targets of which nothing is rendered but the stop token.
        EMPTY_TARGETS = "empty_targets",
        /// Assistant messages directly after another one: the model has to write them with nothing new to answer.
        CONSECUTIVE_ASSISTANTS = "consecutive_assistants",
        /// Messages whose parts are not in the order of templates: text after a call, reasoning after text.
        PARTS_REORDERED = "parts_reordered",
        /// Keys that an object of a record has twice.
        REPEATED_KEYS = "repeated_keys",
        /// Tool calls whose arguments are not a JSON object.
        ARGUMENTS_NOT_JSON = "arguments_not_json",
        /// Tool calls with null under a key of their arguments, and tools with one in their parameters.
        NULL_ARGUMENTS = "null_arguments",
        /// Records whose answers are labelled as undesired, and are not trained.
        UNDESIRED_SKIPPED = "undesired_skipped",
        /// Records whose images, sounds or videos are left out, or whose placeholders are taken for text.
        MEDIA_LEFT_OUT = "media_left_out",
        /// Messages of other roles that ask to be trained: only assistants are.
        WEIGHT_IGNORED = "weight_ignored",
        /// Contents that were lists of parts and were joined to text for the template.
        PARTS_JOINED = "parts_joined",
        /// Tool arguments that were text and became objects, or the reverse, as the template takes them.
        ARGUMENTS_CONVERTED = "arguments_converted",
        /// Arguments of tool calls that are not a JSON object, for which the server shows an empty one.
        ARGUMENTS_EMPTIED = "arguments_emptied",
        /// Messages that call tools and were given an empty content, because the template fails without one.
        CONTENT_FILLED = "content_filled",
        /// Empty lists of tool calls, tools or parts of a content, which a server does not show the template.
        EMPTY_LISTS_REMOVED = "empty_lists_removed",
        /// Targets that are trained to write an id of a call that the record does not have.
        CALL_IDS_MADE_UP = "call_ids_made_up",
        /// Targets without reasoning that are trained to write an empty block of thinking.
        EMPTY_THINKING = "empty_thinking",
        /// Targets that are trained to write one block of thinking after another.
        TWO_THINKING_BLOCKS = "two_thinking_blocks",
        /// Targets of which a control token takes white space with it: no id has it.
        WHITE_SPACE_SWALLOWED = "white_space_swallowed",
        /// Targets without reasoning after a prompt that asks for none, as `thinking="match"` says.
        ASKED_NOT_TO_THINK = "asked_not_to_think",
        /// Targets rendered with the thinking flag that fits them, because their prompt was not a prefix otherwise.
        MATCHED_THINKING = "matched_thinking",
        /// Targets whose own text was put after a prompt that is not a prefix of their rendering.
        SPLICED = "spliced",
        /// Targets trained from where prompt and rendering part: not what inference shows.
        COMMON_PREFIX = "common_prefix",
        /// Targets whose prompt was too long and lost exchanges beyond those that `history_turns` drops.
        HISTORY_SHRUNK = "history_shrunk",
        /// Targets whose prompt lost its first tokens.
        PROMPT_TRUNCATED = "prompt_truncated",
        /// Conversations with control tokens in the text of messages.
        CONTROL_TOKENS = "control_tokens",
        /// Stop tokens that are trained but not listed in `generation_config.json`.
        STOP_NOT_IN_GENERATION_CONFIG = "stop_not_in_generation_config",
    }
}

pub type Counts = BTreeMap<&'static str, u64>;

/// The first places of a warning; those after them are counted only.
pub const MAX_WARNING_PLACES: usize = 5;

/// Where something to know is, and what it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarningPlace {
    pub location: Location,
    pub text: String,
}

#[derive(Debug, Clone, Default)]
pub struct Report {
    pub records_read: u64,
    pub blank_lines: u64,
    pub records_kept: u64,
    pub records_dropped: Counts,
    pub targets_found: u64,
    pub targets_trained: u64,
    pub targets_dropped: Counts,
    pub rows: u64,
    pub tokens: u64,
    pub trained_tokens: u64,
    pub warnings: Counts,
    /// The first places of those warnings that have places.
    pub warning_places: BTreeMap<&'static str, Vec<WarningPlace>>,
    /// Control tokens in the text of messages, each with how often it occurs.
    pub control_tokens: NameCounts,
    /// Keys of rendered messages that the template never looked at, each with the number of messages.
    pub unread_keys: NameCounts,
    /// Keys of records that nothing reads, each with the number of records.
    pub unread_record_keys: NameCounts,
    /// Template arguments of records that the template does not read, each with the number of records.
    pub unread_arguments: NameCounts,
    pub faults: Vec<Error>,
    pub faults_omitted: u64,
}

impl Report {
    pub fn warn(&mut self, warning: &'static str, count: u64) {
        if count > 0 {
            *self.warnings.entry(warning).or_default() += count;
        }
    }

    /// Counts something to know of a message, or of the record, and says what it is there.
    pub fn warn_at(
        &mut self,
        warning: &'static str,
        message: impl Into<Option<usize>>,
        text: impl FnOnce() -> String,
    ) {
        self.warn(warning, 1);
        let places = self.warning_places.entry(warning).or_default();
        if places.len() < MAX_WARNING_PLACES {
            let location = Location { message: message.into(), ..Location::default() };
            places.push(WarningPlace { location, text: text() });
        }
    }

    /// Says in which line everything was found.
    pub fn locate(&mut self, file: &Arc<str>, line: u64) {
        let faults = self.faults.iter_mut().map(|fault| &mut fault.location);
        let places = self.warning_places.values_mut().flatten().map(|place| &mut place.location);
        for location in faults.chain(places) {
            location.file = Some(file.clone());
            location.line = Some(line);
        }
    }

    pub fn fault(&mut self, fault: Error) {
        if self.faults.len() < MAX_NAMED_FAULTS {
            self.faults.push(fault);
        } else {
            self.faults_omitted += 1;
        }
    }

    /// Turns the report of a record that was kept into that of a duplicate which is dropped.
    pub fn drop_duplicate(&mut self) {
        self.records_kept = 0;
        self.records_dropped.insert(cause::DUPLICATE, 1);
        let targets = std::mem::take(&mut self.targets_trained);
        *self.targets_dropped.entry(cause::DUPLICATE).or_default() += targets;
        (self.rows, self.tokens, self.trained_tokens) = (0, 0, 0);
    }

    /// Adds what a later record or chunk reports.
    pub fn add(&mut self, other: Self) {
        self.records_read += other.records_read;
        self.blank_lines += other.blank_lines;
        self.records_kept += other.records_kept;
        self.targets_found += other.targets_found;
        self.targets_trained += other.targets_trained;
        self.rows += other.rows;
        self.tokens += other.tokens;
        self.trained_tokens += other.trained_tokens;
        self.faults_omitted += other.faults_omitted;
        for (mine, theirs) in [
            (&mut self.records_dropped, other.records_dropped),
            (&mut self.targets_dropped, other.targets_dropped),
            (&mut self.warnings, other.warnings),
        ] {
            for (name, count) in theirs {
                *mine.entry(name).or_default() += count;
            }
        }
        for (name, places) in other.warning_places {
            let known = self.warning_places.entry(name).or_default();
            let left = MAX_WARNING_PLACES.saturating_sub(known.len());
            known.extend(places.into_iter().take(left));
        }
        self.control_tokens.append(other.control_tokens);
        self.unread_keys.append(other.unread_keys);
        self.unread_record_keys.append(other.unread_record_keys);
        self.unread_arguments.append(other.unread_arguments);
        for fault in other.faults {
            self.fault(fault);
        }
    }
}
