//! Why each message is trained or not.
//!
//! In: which messages are targets, the samples, the faults. Out: for each message one reason.

use std::collections::{BTreeSet, HashMap};

use super::sample::InspectedSample;
use crate::conversation::{Message, Weight};
use crate::error::{Error, ErrorKind};
use crate::target::Selection;

/// Why a message is trained or not.
pub enum Fate {
    /// In these samples.
    Trained(Vec<usize>),
    /// Only assistants are trained.
    Context,
    /// It belongs to the prompt of a pair.
    Prompt,
    /// Its own weight is 0.
    Weight,
    /// `train_on` leaves it out.
    TrainOn,
    /// It would be context, and nothing of it is in the prompt.
    LeftOut,
    Fault(Error),
}

/// What the fates of messages depend on.
pub struct Fates<'a> {
    /// Samples are made target by target; else every message is trained.
    has_targets: bool,
    samples: usize,
    /// The samples that train each message.
    samples_of: HashMap<usize, Vec<usize>>,
    left_out: &'a BTreeSet<usize>,
    faults: &'a [Error],
    /// The first fault of each message, and of the record.
    first_faults: HashMap<Option<usize>, usize>,
}

impl<'a> Fates<'a> {
    pub fn new(
        has_targets: bool,
        samples: &[InspectedSample],
        left_out: &'a BTreeSet<usize>,
        faults: &'a [Error],
    ) -> Self {
        let mut samples_of: HashMap<usize, Vec<usize>> = HashMap::new();
        for (at, inspected) in samples.iter().enumerate() {
            for message in &inspected.sample.targets {
                samples_of.entry(*message).or_default().push(at);
            }
        }
        let mut first_faults = HashMap::new();
        for (at, fault) in faults.iter().enumerate() {
            first_faults.entry(fault.location.message).or_insert(at);
        }
        Self { has_targets, samples: samples.len(), samples_of, left_out, faults, first_faults }
    }

    pub fn of(&self, at: usize, message: &Message, selection: Selection) -> Fate {
        if !self.has_targets {
            return match message.weight {
                Some(weight) if weight <= Weight::ZERO => Fate::Weight,
                _ if self.samples > 0 => Fate::Trained((0..self.samples).collect()),
                _ => Fate::Fault(self.fault(at)),
            };
        }
        let is_target = matches!(selection, Selection::Target(_));
        if !is_target && self.left_out.contains(&at) {
            return Fate::LeftOut;
        }
        match (selection, self.samples_of.get(&at)) {
            (Selection::OtherRole, _) => Fate::Context,
            (Selection::Prompt, _) => Fate::Prompt,
            (Selection::Weight, _) => Fate::Weight,
            (Selection::TrainOn, _) => Fate::TrainOn,
            (Selection::Target(_), Some(samples)) => Fate::Trained(samples.clone()),
            (Selection::Target(_), None) => Fate::Fault(self.fault(at)),
        }
    }

    /// The first fault that is this message's or the record's; else the first of all.
    fn fault(&self, message: usize) -> Error {
        let first = |of: Option<usize>| self.first_faults.get(&of).copied();
        let at = first(Some(message)).into_iter().chain(first(None)).min().unwrap_or(0);
        self.faults.get(at).cloned().unwrap_or_else(|| {
            Error::new(ErrorKind::Internal, "no sample holds this target; please report it")
        })
    }
}
