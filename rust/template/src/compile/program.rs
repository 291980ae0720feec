//! A compiled template: the syntax tree with every name resolved to a slot, constants folded and literals joined.
//!
//! Made by `compile`, walked by `run`. A function is the root, a macro, the body of a call block or of a recursive
//! loop; each call of one has its own slots. Scopes inside of a function (loops, `with`, ..) have slots of their own
//! in the same frame, set anew on entry.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::builtins::filters::Filter;
use crate::builtins::predicates::Test;
use crate::syntax::ast::{BinaryOperator, Comparison, Pos};
use crate::value::Literal;

#[derive(Debug)]
pub struct Program {
    /// The first one is the root.
    pub functions: Vec<FunctionCode>,
    /// Names that are looked up in the variables of the rendering.
    pub globals: Vec<Literal>,
    /// `{% generation %}` blocks in the source.
    pub generation_blocks: usize,
}

#[derive(Debug, Default)]
pub struct FunctionCode {
    pub name: String,
    pub parameters: Vec<Parameter>,
    pub defaults: Vec<ExprCode>,
    /// Where the body reads `caller` without declaring it, extra keywords, extra arguments.
    pub caller: Option<Slot>,
    pub more_keywords: Option<Slot>,
    pub more_positional: Option<Slot>,
    pub slots: usize,
    pub entry: Entry,
    pub body: Block,
    /// The function that this one is written in.
    pub parent: Option<usize>,
    /// The loop, if this is the body of a recursive one.
    pub recursive_loop: Option<Box<ForCode>>,
}

#[derive(Debug)]
pub struct Parameter {
    pub name: Literal,
    pub slot: Slot,
}

/// A slot of the running function's frame.
pub type Slot = u32;
pub type Block = Vec<StmtCode>;
/// What the slots of a scope are set to on entry.
pub type Entry = Vec<(Slot, Load)>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    Unset,
    Global(u32),
    Variable(Variable),
}

/// A slot of this function, or of an enclosing one, this many levels out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    pub out: u32,
    pub slot: Slot,
}

#[derive(Debug)]
pub struct StmtCode {
    pub place: Pos,
    pub kind: StmtCodeKind,
}

#[derive(Debug)]
pub enum StmtCodeKind {
    Text(Literal),
    Output(ExprCode),
    /// The same of what must be a string already: Jinja2 prints the result of a filter block as it is.
    OutputText(ExprCode),
    If {
        branches: Vec<(ExprCode, Block)>,
        otherwise: Block,
    },
    For(Box<ForCode>),
    /// The function is the loop's body.
    RecursiveFor {
        iter: ExprCode,
        function: usize,
    },
    Set {
        target: TargetCode,
        value: ExprCode,
    },
    /// Runs the body, keeps its text in `slot`, then runs `then`.
    Capture {
        entry: Entry,
        body: Block,
        slot: Slot,
        then: Box<StmtCode>,
    },
    /// The targets' values are computed before the scope is entered.
    Scope {
        entry: Entry,
        assignments: Vec<(TargetCode, ExprCode)>,
        body: Block,
    },
    /// A scope whose text is marked in the output.
    Generation {
        entry: Entry,
        body: Block,
    },
    Macro {
        slot: Variable,
        function: usize,
    },
    /// Calls with the function as `caller` and prints the result.
    CallBlock {
        call: ExprCode,
        function: usize,
    },
    Break,
    Continue,
}

#[derive(Debug)]
pub struct ForCode {
    pub target: TargetCode,
    pub iter: ExprCode,
    pub filter: Option<LoopFilter>,
    pub entry: Entry,
    pub body: Block,
    /// Where the body wants the variable `loop`.
    pub loop_slot: Option<Slot>,
    pub otherwise: Option<(Entry, Block)>,
    /// Its rounds may hand back what they printed before.
    pub rounds: Option<Rounds>,
}

/// What is known of the rounds of a loop.
#[derive(Debug)]
pub struct Rounds {
    /// Tells the loops of a template apart.
    pub number: u32,
    /// The expressions that read from outside of a round, as `Expr::Outside` numbers them.
    pub outside: Vec<Arc<ExprCode>>,
    /// The slots that a round sets.
    pub inside: BTreeSet<Slot>,
    /// Attributes of variables around the loop that a round may read or set.
    pub attributes: Vec<(Slot, Literal)>,
}

/// `for target in .. if test`, with its own scope.
#[derive(Debug)]
pub struct LoopFilter {
    pub target: TargetCode,
    pub entry: Entry,
    pub test: ExprCode,
}

#[derive(Debug)]
pub enum TargetCode {
    Slot(Slot),
    Attribute { namespace: ExprCode, attribute: Literal },
    Tuple(Vec<TargetCode>),
}

#[derive(Debug)]
pub enum ExprCode {
    None,
    Bool(bool),
    Int(i64),
    BigInt(Box<str>),
    Float(f64),
    Str(Literal),
    Global(u32),
    Variable {
        variable: Variable,
        name: Literal,
    },
    Tuple(Vec<ExprCode>),
    List(Vec<ExprCode>),
    Dict(Vec<(ExprCode, ExprCode)>),
    Attribute(Box<Attribute>),
    Item(Box<Item>),
    Slice(Box<Slice>),
    Call(Box<Call>),
    /// `object.name(arguments)`
    MethodCall(Box<MethodCall>),
    Filter(Box<FilterCallCode>),
    Test(Box<TestCall>),
    Not(Box<ExprCode>),
    Negative(Box<ExprCode>),
    Positive(Box<ExprCode>),
    /// `a + b + c`, from the left.
    Sum(Vec<ExprCode>),
    Binary(Box<(BinaryOperator, ExprCode, ExprCode)>),
    And(Box<(ExprCode, ExprCode)>),
    Or(Box<(ExprCode, ExprCode)>),
    Compare(Box<(ExprCode, Vec<(Comparison, ExprCode)>)>),
    Concat(Vec<ExprCode>),
    Conditional(Box<Conditional>),
    /// An expression of a loop's body that reads from outside of its rounds, and its number there.
    Outside(Arc<ExprCode>, u32),
    /// A filter or test that does not exist, in a place that may never be reached.
    Unknown(String),
}

#[derive(Debug)]
pub struct Attribute {
    pub object: ExprCode,
    pub name: Name,
    pub place: Pos,
}

/// The name of an attribute, with what is known of it beforehand.
#[derive(Debug)]
pub struct Name {
    pub text: Literal,
    /// Of a dict it is an item, not a method or a hidden attribute.
    pub is_item_of_dict: bool,
    /// What it is of a variable `loop`.
    pub of_loop: Option<LoopAttribute>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoopAttribute {
    Index0,
    Index,
    First,
    Last,
    Length,
    Revindex0,
    Revindex,
    Depth0,
    Depth,
    Previtem,
    Nextitem,
}

impl LoopAttribute {
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "index0" => Self::Index0,
            "index" => Self::Index,
            "first" => Self::First,
            "last" => Self::Last,
            "length" => Self::Length,
            "revindex0" => Self::Revindex0,
            "revindex" => Self::Revindex,
            "depth0" => Self::Depth0,
            "depth" => Self::Depth,
            "previtem" => Self::Previtem,
            "nextitem" => Self::Nextitem,
            _ => return None,
        })
    }
}

#[derive(Debug)]
pub struct Item {
    pub object: ExprCode,
    pub index: ExprCode,
    pub place: Pos,
}

#[derive(Debug)]
pub struct Slice {
    pub object: ExprCode,
    pub parts: [Option<ExprCode>; 3],
    pub place: Pos,
}

#[derive(Debug)]
pub struct Call {
    pub callee: ExprCode,
    pub arguments: ArgumentsCode,
    pub place: Pos,
}

#[derive(Debug)]
pub struct MethodCall {
    pub object: ExprCode,
    pub name: Name,
    pub arguments: ArgumentsCode,
    pub place: Pos,
}

#[derive(Debug)]
pub struct FilterCallCode {
    pub filter: Filter,
    pub object: ExprCode,
    pub arguments: ArgumentsCode,
    pub place: Pos,
}

#[derive(Debug)]
pub struct TestCall {
    pub test: Test,
    pub object: ExprCode,
    pub arguments: ArgumentsCode,
    pub place: Pos,
}

#[derive(Debug)]
pub struct Conditional {
    pub test: ExprCode,
    pub then: ExprCode,
    pub otherwise: Option<ExprCode>,
}

#[derive(Debug, Default)]
pub struct ArgumentsCode {
    pub positional: Vec<ExprCode>,
    pub keywords: Vec<(Literal, ExprCode)>,
    pub more_positional: Option<ExprCode>,
    pub more_keywords: Option<ExprCode>,
}
