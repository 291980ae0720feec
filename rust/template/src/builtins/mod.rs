//! What templates are given by name: filters, predicates (`value is name`), global functions, methods of Python's types.
//!
//! In: values and arguments. Out: values, or the error that Python or Jinja2 would raise. Operators and printing are
//! not here but with `value`.

pub mod arguments;
pub mod filters;
pub mod functions;
pub mod methods;
pub mod predicates;
