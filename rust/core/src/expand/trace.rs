//! What expansion knows of a conversation beside its samples and its report.
//!
//! In: what each stage decides, while a conversation is expanded. Out: for each message whether it is a target, and for
//! each sample what it was encoded from. Nothing is kept where nobody asks; nothing is decided, rendered or encoded here.

use std::collections::BTreeSet;
use std::ops::Range;

use super::view::View;
use crate::chat_template::{Author, Authors, Prepared, Rendering};
use crate::conversation::Conversation;
use crate::options::TrainOn;
use crate::target::{Encoded, Rendered, Selection, select};

#[derive(Debug, Default)]
pub struct Trace {
    /// Of each message.
    pub selections: Vec<Selection>,
    /// Messages before targets of which nothing is in a prompt.
    pub dropped: BTreeSet<usize>,
    /// The ids that end a target.
    pub stop_ids: Vec<i32>,
    /// What the samples were encoded from, in their order.
    pub texts: Vec<EncodedText>,
}

/// The text of a sample as it was encoded.
#[derive(Debug, PartialEq, Eq)]
pub struct EncodedText {
    /// The prompt and the completion of the sample's last target, or the one rendering of the conversation: it may begin
    /// before the sample, and end after it.
    pub text: String,
    pub authors: Authors,
    /// The control tokens in it that are plain text.
    pub plain: Vec<Range<usize>>,
    /// The byte at which a completion starts that was encoded by itself, as a continuation.
    pub continuation: Option<usize>,
    /// How many of the first ids the sample lacks.
    pub cut: usize,
    /// What the prompt of the sample's last target was made of; `None`: the conversation was rendered once.
    pub prompt: Option<PromptSource>,
}

/// What a client would ask with, for a prompt.
#[derive(Debug, PartialEq, Eq)]
pub struct PromptSource {
    /// The messages of the conversation that it shows.
    pub messages: Vec<usize>,
    /// Template arguments besides those of the model and of the record.
    pub arguments: Vec<(String, bool)>,
}

impl Trace {
    pub(super) fn start(&mut self, conversation: &Conversation, train_on: TrainOn) {
        self.selections = select(conversation, train_on).collect();
    }

    pub(super) fn add_prepared(&mut self, prepared: &Prepared<'_>) {
        self.stop_ids = prepared.turn_end().possible_stops().map(|stop| stop.id.cast_signed()).collect();
    }

    /// A target, a message, that was added to a row, without the first `cut` ids of its prompt.
    pub(super) fn add_target(
        &mut self,
        (row, message): (usize, usize),
        view: &View<'_, '_>,
        rendered: Rendered<'_>,
        encoded: &Encoded<'_>,
        cut: usize,
    ) {
        let text = rendered.whole_text();
        let author_of = |source| match view.prepared.author_of(source) {
            Author::Message(place) => Author::Message(view.message_at(place)),
            author => author,
        };
        let authors = Authors::of(rendered.spans(), author_of);
        let continuation = encoded.border_merged.then_some(rendered.prompt.text().len());
        let Rendered { plain, arguments, .. } = rendered;
        let messages = (0..view.index_of(message)).map(|index| view.message_at(index)).collect();
        let source = PromptSource { messages, arguments };
        let added = EncodedText { text, authors, plain, continuation, cut, prompt: Some(source) };
        match self.texts.get_mut(row) {
            Some(before) => *before = added,
            None => self.texts.push(added),
        }
    }

    /// The one rendering that every sample is of.
    pub(super) fn add_rendering(&mut self, rendering: Rendering, prepared: &Prepared<'_>) {
        let Rendering { text, spans, .. } = rendering;
        let authors = Authors::of(spans, |source| prepared.author_of(source));
        let (plain, continuation) = (Vec::new(), None);
        self.texts.push(EncodedText { text, authors, plain, continuation, cut: 0, prompt: None });
    }
}
