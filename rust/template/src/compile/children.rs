//! The expressions directly inside of another one.

use crate::compile::program::{ArgumentsCode, ExprCode};

/// Makes the same two functions of references and of mutable ones.
macro_rules! children {
    ($children:ident, $arguments:ident, $iter:ident $(, $mut:tt)?) => {
        pub fn $children<'e>(expr: &'e $($mut)? ExprCode, visit: &mut dyn FnMut(&'e $($mut)? ExprCode)) {
            match expr {
                ExprCode::None
                | ExprCode::Bool(_)
                | ExprCode::Int(_)
                | ExprCode::BigInt(_)
                | ExprCode::Float(_)
                | ExprCode::Str(_)
                | ExprCode::Global(_)
                | ExprCode::Variable { .. }
                | ExprCode::Outside(..)
                | ExprCode::Unknown(_) => {}
                ExprCode::Tuple(items) | ExprCode::List(items) | ExprCode::Sum(items) | ExprCode::Concat(items) => {
                    items.$iter().for_each(visit);
                }
                ExprCode::Dict(pairs) => pairs.$iter().for_each(|(key, value)| {
                    visit(key);
                    visit(value);
                }),
                ExprCode::Attribute(attribute) => visit(& $($mut)? attribute.object),
                ExprCode::Item(item) => {
                    let item = & $($mut)? **item;
                    visit(& $($mut)? item.object);
                    visit(& $($mut)? item.index);
                }
                ExprCode::Slice(slice) => {
                    let slice = & $($mut)? **slice;
                    visit(& $($mut)? slice.object);
                    slice.parts.$iter().flatten().for_each(visit);
                }
                ExprCode::Call(call) => {
                    let call = & $($mut)? **call;
                    visit(& $($mut)? call.callee);
                    $arguments(& $($mut)? call.arguments, visit);
                }
                ExprCode::MethodCall(call) => {
                    let call = & $($mut)? **call;
                    visit(& $($mut)? call.object);
                    $arguments(& $($mut)? call.arguments, visit);
                }
                ExprCode::Filter(call) => {
                    let call = & $($mut)? **call;
                    visit(& $($mut)? call.object);
                    $arguments(& $($mut)? call.arguments, visit);
                }
                ExprCode::Test(call) => {
                    let call = & $($mut)? **call;
                    visit(& $($mut)? call.object);
                    $arguments(& $($mut)? call.arguments, visit);
                }
                ExprCode::Not(operand) | ExprCode::Negative(operand) | ExprCode::Positive(operand) => visit(operand),
                ExprCode::Binary(binary) => {
                    let (_, left, right) = & $($mut)? **binary;
                    visit(left);
                    visit(right);
                }
                ExprCode::And(operands) | ExprCode::Or(operands) => {
                    let (left, right) = & $($mut)? **operands;
                    visit(left);
                    visit(right);
                }
                ExprCode::Compare(compare) => {
                    let (first, rest) = & $($mut)? **compare;
                    visit(first);
                    for (_, operand) in rest.$iter() {
                        visit(operand);
                    }
                }
                ExprCode::Conditional(conditional) => {
                    let conditional = & $($mut)? **conditional;
                    visit(& $($mut)? conditional.test);
                    visit(& $($mut)? conditional.then);
                    conditional.otherwise.$iter().for_each(visit);
                }
            }
        }

        fn $arguments<'e>(
            arguments: &'e $($mut)? ArgumentsCode,
            visit: &mut dyn FnMut(&'e $($mut)? ExprCode),
        ) {
            arguments.positional.$iter().for_each(&mut *visit);
            arguments.keywords.$iter().for_each(|(_, value)| visit(value));
            arguments.more_positional.$iter().chain(arguments.more_keywords.$iter()).for_each(|more| visit(more));
        }
    };
}

children!(children, arguments, iter);
children!(children_mut, arguments_mut, iter_mut, mut);
