//! The syntax tree of a template: what the parser makes and `compile` and `analysis` read.
//!
//! It holds the language as written, names not yet resolved; line statements, inheritance and imports are not part
//! of it, because the parser refuses them.

/// Where something starts in the source, 1-based; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pos {
    pub line: u32,
    pub column: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Stmt {
    pub place: Pos,
    pub kind: StmtKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum StmtKind {
    /// Text outside of tags, white-space control applied.
    Text(String),
    /// `{{ expr }}`
    Output(Expr),
    If {
        /// `if` and every `elif`, in order.
        branches: Vec<(Expr, Vec<Stmt>)>,
        otherwise: Vec<Stmt>,
    },
    For(Box<For>),
    /// `{% set target = value %}`
    Set {
        target: Target,
        value: Expr,
    },
    /// `{% set target | filters %}body{% endset %}`
    SetBlock {
        target: Target,
        filters: Vec<FilterCall>,
        body: Vec<Stmt>,
    },
    With {
        assignments: Vec<(Target, Expr)>,
        body: Vec<Stmt>,
    },
    /// `{% filter upper | trim %}body{% endfilter %}`, filters in the order of application.
    FilterBlock {
        filters: Vec<FilterCall>,
        body: Vec<Stmt>,
    },
    Macro {
        name: String,
        function: MacroBody,
    },
    /// `{% call(params) macro(args) %}body{% endcall %}`
    CallBlock {
        call: Expr,
        caller: MacroBody,
    },
    /// `{% generation %}body{% endgeneration %}`, transformers' own tag: a scope that prints its body.
    Generation(Vec<Stmt>),
    Break,
    Continue,
}

#[derive(Debug, Clone, PartialEq)]
pub struct For {
    pub target: Target,
    pub iter: Expr,
    pub filter: Option<Expr>,
    pub body: Vec<Stmt>,
    pub otherwise: Vec<Stmt>,
    pub recursive: bool,
}

/// The parameters and body of a macro or of a call block.
#[derive(Debug, Clone, PartialEq)]
pub struct MacroBody {
    pub parameters: Vec<String>,
    /// The defaults of the last parameters.
    pub defaults: Vec<Expr>,
    pub body: Vec<Stmt>,
}

/// What an assignment writes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    Name(String),
    /// `namespace.attribute`
    Attribute {
        namespace: String,
        attribute: String,
        place: Pos,
    },
    Tuple(Vec<Target>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    pub place: Pos,
    pub kind: ExprKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    Const(Const),
    Name(String),
    Tuple(Vec<Expr>),
    List(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    /// `object.name`
    Attribute {
        object: Box<Expr>,
        name: String,
    },
    /// `object[index]`; `object.0` too
    Item {
        object: Box<Expr>,
        index: Box<Expr>,
    },
    /// Only as the index of an `Item`.
    Slice {
        start: Option<Box<Expr>>,
        stop: Option<Box<Expr>>,
        step: Option<Box<Expr>>,
    },
    Call {
        callee: Box<Expr>,
        arguments: Arguments,
    },
    Filter {
        object: Box<Expr>,
        filter: FilterCall,
    },
    Test {
        object: Box<Expr>,
        test: FilterCall,
    },
    /// `not x`
    Not(Box<Expr>),
    /// `-x`
    Negative(Box<Expr>),
    /// `+x`
    Positive(Box<Expr>),
    Binary {
        operator: BinaryOperator,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    /// `a < b <= c`
    Compare {
        first: Box<Expr>,
        rest: Vec<(Comparison, Expr)>,
    },
    /// `a ~ b ~ c`
    Concat(Vec<Expr>),
    /// `then if test else otherwise`
    Conditional {
        test: Box<Expr>,
        then: Box<Expr>,
        otherwise: Option<Box<Expr>>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum Const {
    None,
    Bool(bool),
    Int(i64),
    /// Decimal digits of an integer beyond 64 bits.
    BigInt(String),
    Float(f64),
    /// Adjacent literals are joined by the parser.
    Str(String),
}

/// A filter or a test with its arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct FilterCall {
    pub place: Pos,
    pub name: String,
    pub arguments: Arguments,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Arguments {
    pub positional: Vec<Expr>,
    pub keywords: Vec<(String, Expr)>,
    /// `*args`
    pub more_positional: Option<Box<Expr>>,
    /// `**kwargs`
    pub more_keywords: Option<Box<Expr>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOperator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
    Power,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}

impl Comparison {
    /// The same with its sides exchanged, of what is ordered.
    #[must_use]
    pub fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }
}

impl Expr {
    /// Calls `visit` with each expression directly inside of this one.
    pub fn children<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr)) {
        match &self.kind {
            ExprKind::Const(_) | ExprKind::Name(_) => {}
            ExprKind::Tuple(items) | ExprKind::List(items) | ExprKind::Concat(items) => {
                items.iter().for_each(visit);
            }
            ExprKind::Dict(pairs) => pairs.iter().for_each(|(key, value)| {
                visit(key);
                visit(value);
            }),
            ExprKind::Attribute { object, .. }
            | ExprKind::Not(object)
            | ExprKind::Negative(object)
            | ExprKind::Positive(object) => visit(object),
            ExprKind::Item { object: first, index: second }
            | ExprKind::Binary { left: first, right: second, .. }
            | ExprKind::And(first, second)
            | ExprKind::Or(first, second) => {
                visit(first);
                visit(second);
            }
            ExprKind::Slice { start, stop, step } => {
                [start, stop, step].into_iter().flatten().for_each(|part| visit(part));
            }
            ExprKind::Call { callee, arguments } => {
                visit(callee);
                arguments.walk(visit);
            }
            ExprKind::Filter { object, filter: call } | ExprKind::Test { object, test: call } => {
                visit(object);
                call.arguments.walk(visit);
            }
            ExprKind::Compare { first, rest } => {
                visit(first);
                for (_, operand) in rest {
                    visit(operand);
                }
            }
            ExprKind::Conditional { test, then, otherwise } => {
                visit(test);
                visit(then);
                if let Some(otherwise) = otherwise {
                    visit(otherwise);
                }
            }
        }
    }
}

impl Arguments {
    /// Calls `visit` with each argument.
    pub fn walk<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr)) {
        self.positional.iter().for_each(&mut *visit);
        self.keywords.iter().for_each(|(_, value)| visit(value));
        self.more_positional.iter().for_each(|more| visit(more));
        self.more_keywords.iter().for_each(|more| visit(more));
    }
}

/// Calls `visit` with each expression of these statements and of those inside of them.
pub fn exprs<'s>(body: &'s [Stmt], visit: &mut dyn FnMut(&'s Expr)) {
    for stmt in body {
        stmt.exprs(visit);
    }
}

impl Stmt {
    /// Calls `visit` with each list of statements directly inside of this one.
    pub fn bodies<'s>(&'s self, visit: &mut dyn FnMut(&'s [Stmt])) {
        match &self.kind {
            StmtKind::If { branches, otherwise } => {
                for (_, body) in branches {
                    visit(body);
                }
                visit(otherwise);
            }
            StmtKind::For(for_stmt) => {
                visit(&for_stmt.body);
                visit(&for_stmt.otherwise);
            }
            StmtKind::SetBlock { body, .. }
            | StmtKind::With { body, .. }
            | StmtKind::FilterBlock { body, .. }
            | StmtKind::Generation(body) => visit(body),
            StmtKind::Macro { function, .. } | StmtKind::CallBlock { caller: function, .. } => {
                visit(&function.body);
            }
            StmtKind::Text(_)
            | StmtKind::Output(_)
            | StmtKind::Set { .. }
            | StmtKind::Break
            | StmtKind::Continue => {}
        }
    }

    fn exprs<'s>(&'s self, visit: &mut dyn FnMut(&'s Expr)) {
        match &self.kind {
            StmtKind::Text(_) | StmtKind::Break | StmtKind::Continue => {}
            StmtKind::Output(expr) => visit(expr),
            StmtKind::If { branches, otherwise } => {
                for (test, body) in branches {
                    visit(test);
                    exprs(body, visit);
                }
                exprs(otherwise, visit);
            }
            StmtKind::For(for_stmt) => {
                visit(&for_stmt.iter);
                for_stmt.filter.iter().for_each(&mut *visit);
                exprs(&for_stmt.body, visit);
                exprs(&for_stmt.otherwise, visit);
            }
            StmtKind::Set { value, .. } => visit(value),
            StmtKind::SetBlock { filters, body, .. } | StmtKind::FilterBlock { filters, body } => {
                for filter in filters {
                    filter.arguments.walk(visit);
                }
                exprs(body, visit);
            }
            StmtKind::With { assignments, body } => {
                for (_, value) in assignments {
                    visit(value);
                }
                exprs(body, visit);
            }
            StmtKind::Generation(body) => exprs(body, visit),
            StmtKind::Macro { function, .. } => function.exprs(visit),
            StmtKind::CallBlock { call, caller } => {
                visit(call);
                caller.exprs(visit);
            }
        }
    }
}

impl MacroBody {
    fn exprs<'s>(&'s self, visit: &mut dyn FnMut(&'s Expr)) {
        self.defaults.iter().for_each(&mut *visit);
        exprs(&self.body, visit);
    }
}
