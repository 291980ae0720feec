//! The columns of a table of samples, each declared once.
//!
//! In: the declaration below. Out: the struct of flat arrays, what puts one table after another, and a walk over the
//! arrays with their names and types, which the binding and Python's side follow. How rows become columns is said in
//! `table`.

use std::mem;

use rayon::prelude::*;

use super::kept::Kept;

/// What a column has an element for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    Token,
    Row,
    /// A message that is trained in a row.
    Target,
    /// Neighbouring tokens of a row that the same wrote.
    Run,
}

impl Per {
    pub fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Row => "row",
            Self::Target => "target",
            Self::Run => "run",
        }
    }
}

/// A column's declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    /// As numpy spells it.
    pub dtype: &'static str,
    pub per: Per,
    /// It may be absent; then its elements are those of its default, or it is of another layout.
    pub is_optional: bool,
}

/// The elements of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    I32(Vec<i32>),
    I64(Vec<i64>),
    F32(Vec<f32>),
    U8(Vec<u8>),
    Bool(Vec<bool>),
    /// 16 bytes an element.
    Hashes(Vec<[u8; 16]>),
}

/// A type that columns hold.
trait Element: Copy + Default + Send + Sync {
    const DTYPE: &str;
    const DATA: fn(Vec<Self>) -> Data;
}

impl Element for i32 {
    const DTYPE: &str = "int32";
    const DATA: fn(Vec<Self>) -> Data = Data::I32;
}

impl Element for i64 {
    const DTYPE: &str = "int64";
    const DATA: fn(Vec<Self>) -> Data = Data::I64;
}

impl Element for f32 {
    const DTYPE: &str = "float32";
    const DATA: fn(Vec<Self>) -> Data = Data::F32;
}

impl Element for u8 {
    const DTYPE: &str = "uint8";
    const DATA: fn(Vec<Self>) -> Data = Data::U8;
}

impl Element for bool {
    const DTYPE: &str = "bool";
    const DATA: fn(Vec<Self>) -> Data = Data::Bool;
}

impl Element for [u8; 16] {
    const DTYPE: &str = "(16,)uint8";
    const DATA: fn(Vec<Self>) -> Data = Data::Hashes;
}

/// An array that is always there, or an optional one.
trait Array: Sized {
    type Element: Element;
    const IS_OPTIONAL: bool;

    /// The elements of all parts, one after the other.
    fn joined(parts: Vec<Self>) -> Self;
    fn into_data(self) -> Option<Data>;
}

impl<T: Element> Array for Vec<T> {
    type Element = T;
    const IS_OPTIONAL: bool = false;

    fn joined(mut parts: Vec<Self>) -> Self {
        parts.retain(|part| !part.is_empty());
        if parts.len() <= 1 {
            return parts.pop().unwrap_or_default();
        }
        let mut all = vec![T::default(); parts.iter().map(Vec::len).sum()];
        let mut rest = all.as_mut_slice();
        let mut places = Vec::with_capacity(parts.len());
        for part in &parts {
            let (place, later) = rest.split_at_mut(part.len());
            places.push(place);
            rest = later;
        }
        places.into_par_iter().zip(parts).for_each(|(place, part)| place.copy_from_slice(&part));
        all
    }

    fn into_data(self) -> Option<Data> {
        Some(T::DATA(self))
    }
}

impl<T: Element> Array for Option<Vec<T>> {
    type Element = T;
    const IS_OPTIONAL: bool = true;

    /// All are there, or none.
    fn joined(parts: Vec<Self>) -> Self {
        parts.into_iter().collect::<Option<Vec<_>>>().map(Array::joined)
    }

    fn into_data(self) -> Option<Data> {
        self.map(T::DATA)
    }
}

/// Declares the columns: `name: type, per Token | Row | Target | Run`, and for an optional one `default` with the function
/// that makes it of a table without it; one that has none is in all tables of a layout or in none.
macro_rules! columns {
    ($($(#[$doc:meta])* $name:ident: $array:ty, per $per:ident $(, default $default:path)?;)+) => {
        /// Rows in flat arrays: the tokens of row i are `[offsets[i]..offsets[i + 1]]`, its targets and runs likewise.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Samples {
            $($(#[$doc])* pub $name: $array,)+
            pub offsets: Vec<i64>,
            pub target_offsets: Vec<i64>,
            pub run_offsets: Vec<i64>,
            /// What the rows carry along of their records.
            pub kept: Kept,
        }

        impl Default for Samples {
            fn default() -> Self {
                Self {
                    $($name: Default::default(),)+
                    offsets: vec![0],
                    target_offsets: vec![0],
                    run_offsets: vec![0],
                    kept: Kept::default(),
                }
            }
        }

        impl Samples {
            pub const COLUMNS: &[Column] = &[$(Column {
                name: stringify!($name),
                dtype: <<$array as Array>::Element as Element>::DTYPE,
                per: Per::$per,
                is_optional: <$array as Array>::IS_OPTIONAL,
            }),+];

            /// The rows of all parts, one after the other. There is at least one part; each column of theirs is let go
            /// once it is copied, which the threads of the pool that this is called on do together.
            pub fn joined(mut parts: Vec<Self>) -> Self {
                $($(if parts.iter().any(|part| part.$name.is_some()) {
                    for part in parts.iter_mut().filter(|part| part.$name.is_none()) {
                        part.$name = Some($default(part));
                    }
                })?)+
                let mut kept = Kept::default();
                for part in &mut parts {
                    kept.append(mem::take(&mut part.kept));
                }
                Self {
                    $($name: Array::joined(parts.iter_mut().map(|part| mem::take(&mut part.$name)).collect()),)+
                    offsets: joined_offsets(parts.iter().map(|part| &part.offsets)),
                    target_offsets: joined_offsets(parts.iter().map(|part| &part.target_offsets)),
                    run_offsets: joined_offsets(parts.iter().map(|part| &part.run_offsets)),
                    kept,
                }
            }

            /// All arrays by name, without what is kept of records; an optional column that is absent has none.
            pub fn into_arrays(self) -> impl Iterator<Item = (&'static str, Option<Data>)> {
                [
                    $((stringify!($name), self.$name.into_data()),)+
                    ("offsets", self.offsets.into_data()),
                    ("target_offsets", self.target_offsets.into_data()),
                    ("run_offsets", self.run_offsets.into_data()),
                ]
                .into_iter()
            }
        }
    };
}

columns! {
    input_ids: Vec<i32>, per Token;
    /// The id where the token is trained, else [`super::IGNORE_INDEX`]; unshifted.
    labels: Vec<i32>, per Token;
    /// Kept only once a weight other than 0 and 1 has occurred.
    /// In trees at the position that predicts the token.
    loss_weights: Option<Vec<f32>>, per Token, default super::table::default_weights;
    /// In trees: how many tokens come before each on its path.
    position_ids: Option<Vec<i32>>, per Token;
    /// In trees: token `j` of a row sees token `i` of it if `i <= j < subtree_end[i]`.
    subtree_end: Option<Vec<i32>>, per Token;
    /// In trees: the id that the position predicts where that is trained, else [`super::IGNORE_INDEX`].
    shift_labels: Option<Vec<i32>>, per Token;
    /// The conversation's id, big-endian: its opening's hash, then that of the whole.
    conversation_hashes: Vec<[u8; 16]>, per Row;
    /// Index into the list of inputs.
    file: Vec<i32>, per Row;
    /// 1-based.
    line: Vec<i64>, per Row;
    /// Message indices.
    targets: Vec<i32>, per Target;
    /// How many targets of the conversation, in all of its samples, come later.
    depth_from_end: Vec<i32>, per Target;
    /// How many tokens the run has. Rows have no runs where nobody asks what wrote their tokens.
    run_lengths: Vec<i32>, per Run;
    /// What they are, by the numbers of [`crate::target::TextKind`].
    run_kinds: Vec<u8>, per Run;
    /// The message that wrote them, -1 for none.
    run_messages: Vec<i32>, per Run;
    /// They are of an answer that the row trains.
    run_answers: Vec<bool>, per Run;
}

/// The bounds of the rows of all parts, one after the other.
fn joined_offsets<'p>(parts: impl Iterator<Item = &'p Vec<i64>>) -> Vec<i64> {
    let mut joined = vec![0];
    for part in parts {
        let end = joined.last().copied().unwrap_or_default();
        joined.extend(part.iter().skip(1).map(|offset| end + offset));
    }
    joined
}
