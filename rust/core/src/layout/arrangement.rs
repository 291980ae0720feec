//! Which layout the options ask for: `train_on="all_tokens"` is one, too, whatever `layout` says.

use super::{AllTokens, Merged, PerTurn, Rows, SingleRender, Tree};
use crate::options::{Layout, Options, TrainOn};

/// How the targets of a conversation are arranged in rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrangement {
    PerTurn,
    Merged,
    Tree,
    SingleRender,
    AllTokens,
}

impl Arrangement {
    pub fn of(options: &Options) -> Self {
        match (options.train_on, options.layout) {
            (TrainOn::AllTokens, _) => Self::AllTokens,
            (_, Layout::PerTurn) => Self::PerTurn,
            (_, Layout::Merged) => Self::Merged,
            (_, Layout::Tree) => Self::Tree,
            (_, Layout::Conversation) => Self::SingleRender,
        }
    }

    /// Rows come from one rendering of the whole conversation: what inference shows for a target is not what decides.
    pub fn is_rendered_once(self) -> bool {
        matches!(self, Self::SingleRender | Self::AllTokens)
    }

    /// Each trained stretch is a target; else every token is trained, whoever wrote it.
    pub fn has_targets(self) -> bool {
        self != Self::AllTokens
    }

    /// Whether another arrangement makes the same rows of this many targets.
    pub fn has_rows_of(self, other: Self, targets: usize) -> bool {
        let apart = !self.is_rendered_once() && !other.is_rendered_once();
        self == other || apart && targets < 2
    }

    pub fn rows(self) -> Box<dyn Rows> {
        match self {
            Self::PerTurn => Box::<PerTurn>::default(),
            Self::Merged => Box::<Merged>::default(),
            Self::Tree => Box::<Tree>::default(),
            Self::SingleRender => Box::<SingleRender>::default(),
            Self::AllTokens => Box::<AllTokens>::default(),
        }
    }
}
