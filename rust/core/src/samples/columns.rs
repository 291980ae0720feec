//! The columns of a table of samples, each declared once.
//!
//! In: the declaration below. Out: the struct of flat arrays, what puts one table after another, and a walk over the
//! arrays with their names and types, which the binding and Python's side follow. How rows become columns is said in
//! `table`.

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
trait Element: Copy {
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
trait Array {
    type Element: Element;
    const IS_OPTIONAL: bool;

    fn append(&mut self, later: Self);
    fn into_data(self) -> Option<Data>;
}

impl<T: Element> Array for Vec<T> {
    type Element = T;
    const IS_OPTIONAL: bool = false;

    fn append(&mut self, later: Self) {
        self.extend_from_slice(&later);
    }

    fn into_data(self) -> Option<Data> {
        Some(T::DATA(self))
    }
}

impl<T: Element> Array for Option<Vec<T>> {
    type Element = T;
    const IS_OPTIONAL: bool = true;

    /// Both are there, or neither.
    fn append(&mut self, later: Self) {
        if let (Some(mine), Some(later)) = (self, later) {
            mine.extend_from_slice(&later);
        }
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

            /// Adds the rows of a later part.
            pub fn append(&mut self, mut later: Self) {
                self.add_columns_of(&later);
                later.add_columns_of(self);
                join_offsets(&mut self.offsets, &later.offsets);
                join_offsets(&mut self.target_offsets, &later.target_offsets);
                join_offsets(&mut self.run_offsets, &later.run_offsets);
                $(Array::append(&mut self.$name, later.$name);)+
                self.kept.append(later.kept);
            }

            /// Has each optional column that the other table has.
            fn add_columns_of(&mut self, other: &Self) {
                $($(if other.$name.is_some() && self.$name.is_none() {
                    self.$name = Some($default(self));
                })?)+
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
    loss_weights: Option<Vec<f32>>, per Token, default super::table::unit_weights;
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

/// Bounds of the rows of one part, and then of a later one.
fn join_offsets(offsets: &mut Vec<i64>, later: &[i64]) {
    let end = offsets.last().copied().unwrap_or_default();
    offsets.extend(later.iter().skip(1).map(|offset| end + offset));
}
