//! Whether what `{% generation %}` blocks mark is what is trained.
//!
//! In: a template with such blocks. Out: where the marked ranges of the plain conversation differ from the rule, in
//! words: everything after the prompt, through the stop token.

use std::ops::Range;

use everyturn_template::Arena;

use super::probes::{Reasoning, conversation, targets};
use crate::chat_template::{ChatTemplate, ProbedTemplate};
use crate::options::{PromptMismatch, ThinkingPolicy};
use crate::target::render_alone;

pub(super) struct Generation {
    /// How many the template has.
    pub blocks: usize,
    /// What differs; `None` where there is nothing to compare.
    pub differs: Option<Vec<&'static str>>,
}

/// What is trained of one turn.
struct Trained {
    start: usize,
    stop_at: usize,
    end: usize,
}

pub(super) fn generation(template: &ChatTemplate) -> Generation {
    let blocks = template.variants().map(ProbedTemplate::generation_blocks).sum();
    let differs = if blocks == 0 { None } else { compare(template) };
    Generation { blocks, differs }
}

fn compare(template: &ChatTemplate) -> Option<Vec<&'static str>> {
    let arena = Arena::new();
    let plain = conversation(false, Reasoning::None);
    let prepared = template.prepare(&arena, &plain).ok()?;
    let whole = prepared.render(plain.messages.len(), false).ok()?;
    let marked = joined(&whole.generations);
    let trained: Vec<Trained> = targets(&plain)
        .filter_map(|(target, message)| {
            let (prompt, completion) =
                render_alone(&prepared, message, target, PromptMismatch::Error, ThinkingPolicy::AsRendered)
                    .ok()?;
            let start = prompt.len();
            let after = whole.text.strip_prefix(&prompt)?;
            after.starts_with(&completion.text).then(|| Trained {
                start,
                stop_at: start + completion.stop_at,
                end: start + completion.text.len(),
            })
        })
        .collect();
    if trained.is_empty() {
        return None;
    }
    let mut differs: Vec<&'static str> =
        trained.iter().flat_map(|trained| trained.compared(&marked)).collect();
    let is_of_turn = |range: &&Range<usize>| trained.iter().any(|turn| turn.overlaps(range));
    if trained.len() == super::probes::TARGETS && !marked.iter().all(|range| is_of_turn(&range)) {
        differs.push("other text marked");
    }
    differs.sort_unstable();
    differs.dedup();
    Some(differs)
}

impl Trained {
    fn overlaps(&self, range: &Range<usize>) -> bool {
        range.start < self.end && self.start < range.end
    }

    fn compared(&self, marked: &[Range<usize>]) -> Vec<&'static str> {
        let own: Vec<&Range<usize>> = marked.iter().filter(|range| self.overlaps(range)).collect();
        let (Some(first), Some(last)) = (own.first(), own.last()) else {
            return vec!["turns left out"];
        };
        let start = match first.start {
            start if start < self.start => Some("header included"),
            start if start > self.start => Some("start left out"),
            _ => None,
        };
        let end = match last.end {
            end if end > self.end => Some("text after the stop included"),
            end if end <= self.stop_at => Some("stop left out"),
            end if end < self.end => Some("stop cut"),
            _ => None,
        };
        let gaps = (own.len() > 1).then_some("parts left out");
        [start, gaps, end].into_iter().flatten().collect()
    }
}

/// Ranges that touch or overlap become one.
fn joined(ranges: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut sorted: Vec<_> = ranges.iter().filter(|range| !range.is_empty()).cloned().collect();
    sorted.sort_by_key(|range| range.start);
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in sorted {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}
