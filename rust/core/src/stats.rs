//! What a data set is made of, and what each way to train it would cost.
//!
//! In: records, and an expander for each combination of layout and policy. Out: counts that add up, and how often each
//! length occurs. Samples are made and thrown away. Memory does not grow with the number of records, but for a hash of
//! each conversation, by which copies are told.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;
use unicode_script::{Script, UnicodeScript};
use xxhash_rust::xxh3::xxh3_128;

use crate::conversation::{Conversation, part_texts, unknown_format};
use crate::error::Result;
use crate::expand::{Expander, Outcome, Workspace};
use crate::json::{Parser, Value};
use crate::options::{Layout, TrainOn};
use crate::read::{Chunks, FileChunk, Interruption, MAX_LINE_BYTES, Record, Source, StreamOptions};
use crate::report::Report;
use crate::run::{Borrowed, Pool, on_pool};
use crate::target::{Target, targets};

/// How often each number occurs.
pub type Histogram = BTreeMap<u64, u64>;

/// Ways to train the same records: expanders of one model that differ in layout and policy alone.
pub struct Surveyor {
    expanders: Vec<Arc<Expander>>,
}

#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// Conversations that could be read, and how many of them have the bytes of an earlier one.
    pub conversations: u64,
    pub duplicates: u64,
    /// Messages a conversation, and assistant messages.
    pub messages: Histogram,
    pub turns: Histogram,
    pub messages_by_role: BTreeMap<&'static str, u64>,
    pub characters_by_role: BTreeMap<&'static str, u64>,
    /// Letters by their script.
    pub letters: BTreeMap<&'static str, u64>,
    /// In the order of the expanders.
    pub variants: Vec<Variant>,
}

/// What one way to train gives.
#[derive(Debug, Clone, Default)]
pub struct Variant {
    pub report: Report,
    /// Tokens a row.
    pub lengths: Histogram,
}

/// A record's part in a survey.
struct Surveyed {
    survey: Survey,
    conversation_id: Option<u128>,
}

impl Surveyor {
    /// All have the same renderer and read records in the same way.
    pub fn new(expanders: Vec<Arc<Expander>>) -> Self {
        Self { expanders }
    }

    fn look(&self, record: Record<'_>, workspace: &mut Workspace, cancelled: &AtomicBool) -> Surveyed {
        let conversation = record.bytes.and_then(|bytes| self.read(bytes, record).ok());
        let mut survey = conversation.as_ref().map_or_else(Survey::default, describe);
        // What is the same with another layout or policy is not made again.
        let mut made: Vec<(Layout, Option<Vec<Target>>, Variant)> = Vec::new();
        for expander in &self.expanders {
            let options = &expander.options;
            let wanted = (options.train_on != TrainOn::AllTokens)
                .then(|| conversation.as_ref().map(|conversation| targets(conversation, options.train_on)))
                .flatten();
            let known = made.iter().find(|(layout, known, _)| {
                wanted.is_some() && *known == wanted && same_rows(*layout, options.layout, wanted.as_deref())
            });
            let variant = match known {
                Some((_, _, variant)) => variant.clone(),
                None => Variant::of(expander.expand_record(record, workspace, cancelled)),
            };
            survey.variants.push(variant.clone());
            made.push((options.layout, wanted, variant));
        }
        let conversation_id = conversation.and(record.bytes).map(xxh3_128);
        Surveyed { survey, conversation_id }
    }

    fn look_at(&self, chunk: &FileChunk, cancelled: &AtomicBool) -> Vec<Surveyed> {
        let Some(first) = self.expanders.first() else {
            return Vec::new();
        };
        let lines = chunk.chunk.lines.par_iter().map_init(
            || Borrowed::of(first),
            |borrowed, line| self.look(chunk.record(line), &mut borrowed.workspace, cancelled),
        );
        lines.collect()
    }

    fn read(&self, bytes: &[u8], record: Record<'_>) -> Result<Conversation> {
        let value = Parser::default().parse(bytes)?;
        let format = match self.expanders.first() {
            Some(expander) => expander.format_of(&value, record.format)?,
            None => return Err(unknown_format(&value)),
        };
        Conversation::from_record(&value, format)
    }
}

/// Whether two layouts arrange these targets in the same rows.
fn same_rows(one: Layout, other: Layout, targets: Option<&[Target]>) -> bool {
    let apart = [one, other].iter().all(|layout| *layout != Layout::Conversation);
    one == other || apart && targets.is_some_and(|targets| targets.len() < 2)
}

impl Variant {
    fn of(outcome: Outcome) -> Self {
        let mut lengths = Histogram::new();
        for sample in &outcome.samples {
            *lengths.entry(sample.ids.len() as u64).or_default() += 1;
        }
        Self { report: outcome.report, lengths }
    }
}

fn describe(conversation: &Conversation) -> Survey {
    let mut survey = Survey { conversations: 1, ..Survey::default() };
    let messages = &conversation.messages;
    for message in messages {
        let role = message.role.name();
        *survey.messages_by_role.entry(role).or_default() += 1;
        let content = message.fields.get("content");
        let texts: Vec<&str> = match content {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(parts)) => part_texts(parts),
            _ => Vec::new(),
        };
        for text in texts {
            *survey.characters_by_role.entry(role).or_default() += text.chars().count() as u64;
            count_letters(text, &mut survey.letters);
        }
    }
    survey.messages.insert(messages.len() as u64, 1);
    survey.turns.insert(survey.messages_by_role.get("assistant").copied().unwrap_or_default(), 1);
    survey
}

fn count_letters(text: &str, letters: &mut BTreeMap<&'static str, u64>) {
    let (mut latin, mut last, mut run) = (0, Script::Common, 0);
    for letter in text.chars() {
        if letter.is_ascii() {
            latin += u64::from(letter.is_ascii_alphabetic());
            continue;
        }
        if !letter.is_alphabetic() {
            continue;
        }
        let script = letter.script();
        if script == last {
            run += 1;
            continue;
        }
        add_letters(letters, last, run);
        (last, run) = (script, 1);
    }
    add_letters(letters, last, run);
    add_letters(letters, Script::Latin, latin);
}

fn add_letters(letters: &mut BTreeMap<&'static str, u64>, script: Script, count: u64) {
    if count > 0 {
        *letters.entry(script.full_name()).or_default() += count;
    }
}

impl Survey {
    /// Adds what was found of a later record.
    fn add(&mut self, record: Surveyed, seen: &mut HashSet<u128>) {
        let Surveyed { survey, conversation_id } = record;
        self.conversations += survey.conversations;
        self.duplicates += u64::from(conversation_id.is_some_and(|id| !seen.insert(id)));
        add_counts(&mut self.messages, survey.messages);
        add_counts(&mut self.turns, survey.turns);
        add_counts(&mut self.messages_by_role, survey.messages_by_role);
        add_counts(&mut self.characters_by_role, survey.characters_by_role);
        add_counts(&mut self.letters, survey.letters);
        self.variants.resize_with(survey.variants.len().max(self.variants.len()), Variant::default);
        for (mine, theirs) in self.variants.iter_mut().zip(survey.variants) {
            mine.report.add(theirs.report);
            add_counts(&mut mine.lengths, theirs.lengths);
        }
    }
}

fn add_counts<K: Ord>(mine: &mut BTreeMap<K, u64>, theirs: BTreeMap<K, u64>) {
    for (key, count) in theirs {
        *mine.entry(key).or_default() += count;
    }
}

/// A survey of sources on its way.
pub struct SurveyStream {
    surveyor: Arc<Surveyor>,
    pool: Arc<Pool>,
    chunks: Chunks,
    cancelled: Arc<AtomicBool>,
    bytes_taken: Arc<AtomicU64>,
    survey: Survey,
    seen: HashSet<u128>,
}

impl SurveyStream {
    pub fn open(
        surveyor: Arc<Surveyor>,
        pool: Arc<Pool>,
        sources: Vec<Source>,
        options: StreamOptions,
    ) -> Self {
        let bytes_taken = Arc::default();
        let (longest, format) = surveyor
            .expanders
            .first()
            .map_or((MAX_LINE_BYTES, None), |one| (one.options.max_line_bytes, one.options.input_format));
        let chunks = Chunks::open(sources, options, longest, format, &bytes_taken);
        let survey =
            Survey { variants: vec![Variant::default(); surveyor.expanders.len()], ..Survey::default() };
        let (cancelled, seen) = (Arc::default(), HashSet::new());
        Self { surveyor, pool, chunks, cancelled, bytes_taken, survey, seen }
    }

    /// Takes in the next chunk; false at the end. `go_on` is asked every 100 ms.
    pub fn advance(&mut self, go_on: &mut dyn FnMut() -> bool) -> std::result::Result<bool, Interruption> {
        let Some(chunk) = self.chunks.next(go_on)? else {
            return Ok(false);
        };
        let blank =
            chunk.chunk.blank_at_end + chunk.chunk.lines.iter().map(|line| line.blank_before).sum::<u64>();
        let (surveyor, cancelled) = (self.surveyor.clone(), self.cancelled.clone());
        let work = move || Ok(surveyor.look_at(&chunk, &cancelled));
        let records = on_pool(&self.pool, &self.cancelled, go_on, work)?.map_err(Interruption::Failed)?;
        for record in records {
            self.survey.add(record, &mut self.seen);
        }
        for variant in &mut self.survey.variants {
            variant.report.blank_lines += blank;
        }
        Ok(true)
    }

    pub fn survey(&self) -> &Survey {
        &self.survey
    }

    /// Bytes taken from the sources so far, before decompression.
    pub fn bytes_taken(&self) -> u64 {
        self.bytes_taken.load(Ordering::Relaxed)
    }
}
