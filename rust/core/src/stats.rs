//! What a data set is made of, and what each way to train it would cost.
//!
//! In: records, and an expander for each combination of layout, train_on and max_length. Out: counts that add up, and how
//! often each length occurs. Samples are made and thrown away. Memory does not grow with the number of records, except for a hash
//! of each conversation, by which duplicates are recognized.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use unicode_script::{Script, UnicodeScript};

use crate::conversation::{Conversation, part_texts};
use crate::error::{Error, ErrorKind, Result};
use crate::expand::{Expander, Outcome, Workspace, Workspaces};
use crate::json::Value;
use crate::layout::{Arrangement, Branches, Sample};
use crate::panics::catch_panics;
use crate::read::{Chunks, FileChunk, Record, Source, Step, StreamOptions};
use crate::report::Report;
use crate::run::{Ordered, Pool, Work};
use crate::target::{Target, targets};

/// How often each number occurs.
pub type Histogram = BTreeMap<u64, u64>;

/// The variants of training the same records: expanders of one model that differ in layout, train_on and max_length alone.
pub struct Variants {
    /// The one that reads the records.
    first: Arc<Expander>,
    expanders: Vec<Arc<Expander>>,
}

#[derive(Debug, Clone, Default)]
pub struct Stats {
    /// Conversations that could be read, and how many of them are duplicates of an earlier one.
    pub conversations: u64,
    pub duplicates: u64,
    /// Messages a conversation, and assistant messages.
    pub messages: Histogram,
    pub assistant_messages: Histogram,
    pub messages_by_role: BTreeMap<&'static str, u64>,
    pub characters_by_role: BTreeMap<&'static str, u64>,
    /// Letters by their script.
    pub letters: BTreeMap<&'static str, u64>,
    /// In the order of the expanders.
    pub variants: Vec<VariantStats>,
}

/// The counts of one variant.
#[derive(Debug, Clone, Default)]
pub struct VariantStats {
    pub report: Report,
    /// Tokens a row.
    pub lengths: Histogram,
    /// Paths a row: one, but for trees.
    pub branches: Histogram,
    /// Tokens of the longest path of a row.
    pub depths: Histogram,
    /// How many tokens come before each on its path, in sum.
    pub tokens_before: u64,
}

/// A variant of a record, and what decides whether another one equals it.
struct Made {
    arrangement: Arrangement,
    targets: Option<Vec<Target>>,
    max_length: Option<usize>,
    variant: VariantStats,
}

/// A record's part in the stats.
pub(crate) struct RecordStats {
    stats: Stats,
    conversation_id: Option<u128>,
}

/// A chunk's part in the stats, but for its duplicates.
pub(crate) struct ChunkStats {
    stats: Stats,
    /// Of its records that could be read, in order.
    conversations: Vec<u128>,
}

impl Variants {
    /// All have the same renderer and read records in the same way; there is at least one.
    pub fn new(expanders: Vec<Arc<Expander>>) -> Result<Self> {
        match expanders.first() {
            Some(first) => Ok(Self { first: first.clone(), expanders }),
            None => Err(Error::new(ErrorKind::Options, "there is no combination of options to count")),
        }
    }

    /// The stats of no records.
    fn nothing(&self) -> Stats {
        Stats { variants: vec![VariantStats::default(); self.expanders.len()], ..Stats::default() }
    }
}

impl Work for Variants {
    type Output = RecordStats;
    type Made = ChunkStats;

    fn workspaces(&self) -> &Workspaces {
        self.first.workspaces()
    }

    fn on_record(
        &self,
        record: Record<'_>,
        workspace: &mut Workspace,
        cancelled: &AtomicBool,
    ) -> RecordStats {
        let read = self.first.read(record, workspace);
        let described = read.and_then(|read| catch_panics(|| Ok((describe(&read.conversation), read))));
        let (mut stats, read) = match described {
            Ok((stats, read)) => (stats, Ok(read)),
            Err(fault) => (Stats::default(), Err(fault)),
        };
        let conversation = read.as_ref().ok().map(|read| &read.conversation);
        // What is the same with another layout, train_on or max_length is not made again.
        let mut made: Vec<Made> = Vec::new();
        for expander in &self.expanders {
            let options = &expander.options;
            let arrangement = Arrangement::of(options);
            let targets = conversation
                .filter(|_| arrangement.has_targets())
                .map(|conversation| targets(conversation, options.train_on));
            let known = made.iter().find(|known| {
                conversation.is_some() && known.equals(arrangement, targets.as_deref(), options.max_length)
            });
            let variant = match known {
                Some(known) => known.variant.clone(),
                // Prepared anew each time: what a template has not read is counted for each separately.
                None => VariantStats::of(expander.expand_read(record, read.as_ref(), workspace, cancelled)),
            };
            stats.variants.push(variant.clone());
            made.push(Made { arrangement, targets, max_length: options.max_length, variant });
        }
        RecordStats { stats, conversation_id: read.ok().map(|read| read.conversation_id) }
    }

    fn on_chunk(&self, chunk: FileChunk, records: Vec<RecordStats>) -> ChunkStats {
        let mut stats = self.nothing();
        let conversations = records.iter().filter_map(|record| record.conversation_id).collect();
        for record in records {
            stats.add(record.stats);
        }
        for variant in &mut stats.variants {
            variant.report.blank_lines += chunk.blank_lines();
        }
        ChunkStats { stats, conversations }
    }
}

impl Made {
    /// Whether a variant with these targets has the same rows: what fits anyhow is as if there were no limit.
    fn equals(
        &self,
        arrangement: Arrangement,
        targets: Option<&[Target]>,
        max_length: Option<usize>,
    ) -> bool {
        let longest = self.variant.lengths.last_key_value().map_or(0, |(length, _)| *length);
        let fits = max_length.is_none_or(|most| longest <= most as u64);
        self.targets.as_deref() == targets
            && arrangement.has_rows_of(self.arrangement, targets.map_or(0, <[Target]>::len))
            && (self.max_length == max_length || self.max_length.is_none() && fits)
    }
}

impl VariantStats {
    fn of(outcome: Outcome) -> Self {
        let mut found = Self { report: outcome.report, ..Self::default() };
        for sample in &outcome.samples {
            found.add_row(sample);
        }
        found
    }

    fn add_row(&mut self, sample: &Sample) {
        let length = sample.ids.len() as u64;
        let (mut paths, mut longest, mut before) = (1, length, length * length.saturating_sub(1) / 2);
        if let Some(Branches { depths, ends }) = &sample.branches {
            let depths = depths.iter().map(|depth| u64::try_from(*depth).unwrap_or_default());
            // Nothing follows the last token of a path.
            paths = ends.iter().zip(1..).filter(|(end, next)| **end == *next).count() as u64;
            longest = depths.clone().max().map_or(0, |deepest| deepest + 1);
            before = depths.sum();
        }
        *self.lengths.entry(length).or_default() += 1;
        *self.branches.entry(paths).or_default() += 1;
        *self.depths.entry(longest).or_default() += 1;
        self.tokens_before += before;
    }

    fn add(&mut self, other: Self) {
        self.report.add(other.report);
        add_counts(&mut self.lengths, other.lengths);
        add_counts(&mut self.branches, other.branches);
        add_counts(&mut self.depths, other.depths);
        self.tokens_before += other.tokens_before;
    }
}

fn describe(conversation: &Conversation) -> Stats {
    let mut stats = Stats { conversations: 1, ..Stats::default() };
    let messages = &conversation.messages;
    for message in messages {
        let role = message.role.name();
        *stats.messages_by_role.entry(role).or_default() += 1;
        let content = message.fields.get("content");
        let texts: Vec<&str> = match content {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(parts)) => part_texts(parts),
            _ => Vec::new(),
        };
        for text in texts {
            *stats.characters_by_role.entry(role).or_default() += text.chars().count() as u64;
            count_letters(text, &mut stats.letters);
        }
    }
    stats.messages.insert(messages.len() as u64, 1);
    stats.assistant_messages.insert(stats.messages_by_role.get("assistant").copied().unwrap_or_default(), 1);
    stats
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

impl Stats {
    /// Adds what was found of later records.
    fn add(&mut self, stats: Self) {
        self.conversations += stats.conversations;
        add_counts(&mut self.messages, stats.messages);
        add_counts(&mut self.assistant_messages, stats.assistant_messages);
        add_counts(&mut self.messages_by_role, stats.messages_by_role);
        add_counts(&mut self.characters_by_role, stats.characters_by_role);
        add_counts(&mut self.letters, stats.letters);
        for (mine, theirs) in self.variants.iter_mut().zip(stats.variants) {
            mine.add(theirs);
        }
    }
}

fn add_counts<K: Ord>(mine: &mut BTreeMap<K, u64>, theirs: BTreeMap<K, u64>) {
    for (key, count) in theirs {
        *mine.entry(key).or_default() += count;
    }
}

/// The stats of sources, chunk by chunk.
pub struct StatsStream {
    records: Ordered<Variants>,
    stats: Stats,
    /// The conversations so far.
    seen: HashSet<u128>,
}

impl StatsStream {
    pub fn open(
        variants: Arc<Variants>,
        pool: Arc<Pool>,
        sources: Vec<Source>,
        options: StreamOptions,
    ) -> Self {
        let chunks = Chunks::open(sources, options, variants.first.options.read.clone());
        let stats = variants.nothing();
        Self { records: Ordered::new(variants, pool, chunks), stats, seen: HashSet::new() }
    }

    /// Takes in the next chunk; false at the end. `go_on` is asked every 100 ms.
    pub fn advance(&mut self, go_on: &mut dyn FnMut() -> bool) -> Step<bool> {
        let Some(ChunkStats { stats, conversations }) = self.records.next_chunk(go_on)? else {
            return Ok(false);
        };
        self.stats.add(stats);
        let duplicates = conversations.into_iter().filter(|conversation| !self.seen.insert(*conversation));
        self.stats.duplicates += duplicates.count() as u64;
        Ok(true)
    }

    /// What was counted so far.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Bytes taken from the sources so far, before decompression.
    pub fn bytes_taken(&self) -> u64 {
        self.records.bytes_taken()
    }
}
