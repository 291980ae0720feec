//! Stub.
use crate::ast::Stmt;
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagKind {
    Switch,
    KeepsHistory,
    DropsHistory,
    Effort,
}
#[derive(Debug, Clone)]
pub struct ThinkingFlag {
    pub name: String,
    pub kind: FlagKind,
}
pub fn thinking_flags(_body: &[Stmt]) -> Vec<ThinkingFlag> {
    Vec::new()
}
