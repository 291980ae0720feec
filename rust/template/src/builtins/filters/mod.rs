//! The filters of Jinja2: `value | name(arguments)`.
//!
//! A name goes in, a function comes out. The functions are split by what they work on; what several of them need
//! (how a parameter is read, how an attribute is looked up, how a list is sorted) is here, in `getter` and in
//! `order`. Autoescaping is off, so no filter escapes on its own.

mod any;
mod getter;
mod indent;
mod lazy;
mod number;
pub(crate) mod order;
mod parse;
mod rare;
mod sequence;
mod text;

pub use lazy::Lazy;

use crate::builtins::arguments::Args;
use crate::error::{Error, ErrorKind, Result};
use crate::run::Machine;
use crate::value::Value;
use crate::value::operators::{truth, type_error, value_error};
use crate::value::text::Text;

pub type FilterFn = for<'a> fn(&mut Machine<'a>, Value<'a>, Args<'a>) -> Result<Value<'a>>;

#[derive(Debug, Clone, Copy)]
pub struct Filter {
    pub name: &'static str,
    pub apply: FilterFn,
}

/// The filter of this name.
pub fn find(name: &str) -> Option<Filter> {
    let at = FILTERS.binary_search_by_key(&name, |filter| filter.name).ok()?;
    FILTERS.get(at).copied()
}

/// In the order of their names.
static FILTERS: [Filter; 54] = [
    filter("abs", rare::number::abs),
    filter("attr", rare::any::attr),
    filter("batch", rare::chunks::batch),
    filter("capitalize", text::capitalize),
    filter("center", rare::text::center),
    filter("count", sequence::length),
    filter("d", any::default),
    filter("default", any::default),
    filter("dictsort", order::dictsort),
    filter("e", rare::html::escape),
    filter("escape", rare::html::escape),
    filter("filesizeformat", rare::number::filesizeformat),
    filter("first", sequence::first),
    filter("float", rare::number::float),
    filter("forceescape", rare::html::forceescape),
    filter("format", text::format),
    filter("groupby", rare::groupby::groupby),
    filter("indent", indent::indent),
    filter("int", number::int),
    filter("items", lazy::items),
    filter("join", sequence::join),
    filter("last", sequence::last),
    filter("length", sequence::length),
    filter("list", sequence::list),
    filter("lower", text::lower),
    filter("map", lazy::map),
    filter("max", order::max),
    filter("min", order::min),
    filter("pprint", rare::pretty::pprint),
    filter("random", rare::any::random),
    filter("reject", lazy::reject),
    filter("rejectattr", lazy::rejectattr),
    filter("replace", text::replace),
    filter("reverse", rare::sequence::reverse),
    filter("round", rare::number::round),
    filter("safe", text::safe),
    filter("select", lazy::select),
    filter("selectattr", lazy::selectattr),
    filter("slice", rare::chunks::slice),
    filter("sort", order::sort),
    filter("string", text::string),
    filter("striptags", rare::html::striptags),
    filter("sum", rare::sequence::sum),
    filter("title", text::title),
    filter("tojson", any::tojson),
    filter("trim", text::trim),
    filter("truncate", rare::text::truncate),
    filter("unique", lazy::unique),
    filter("upper", text::upper),
    filter("urlencode", rare::url::urlencode),
    filter("urlize", rare::url::urlize),
    filter("wordcount", rare::text::wordcount),
    filter("wordwrap", rare::wrap::wordwrap),
    filter("xmlattr", rare::html::xmlattr),
];

const fn filter(name: &'static str, apply: FilterFn) -> Filter {
    Filter { name, apply }
}

/// `soft_str(value)`: a str as it is, `str` of anything else.
fn soft_str<'a>(machine: &mut Machine<'a>, value: Value<'a>) -> Result<Text<'a>> {
    match value.as_text() {
        Some(text) => Ok(text),
        None => machine.str(value),
    }
}

/// `str(value)`, which is never markup.
fn plain_str<'a>(machine: &mut Machine<'a>, value: Value<'a>) -> Result<Text<'a>> {
    soft_str(machine, value).map(|text| text.with_markup(false))
}

/// `soft_str(value)` as a value.
fn soft_value<'a>(machine: &mut Machine<'a>, value: Value<'a>) -> Result<Value<'a>> {
    if value.as_str().is_some() {
        return Ok(value);
    }
    let text = machine.str(value)?;
    machine.memory.text(text)
}

/// `str(value)` as a value.
fn plain_value<'a>(machine: &mut Machine<'a>, value: Value<'a>) -> Result<Value<'a>> {
    match value {
        Value::Literal(_) => Ok(value),
        Value::Str(text) if !text.markup => Ok(value),
        value => {
            let text = plain_str(machine, value)?;
            machine.memory.text(text)
        }
    }
}

/// Text that a function made of another one: that one itself where nothing changed. Not markup.
fn remade<'a>(machine: &mut Machine<'a>, from: Text<'a>, made: &str) -> Result<Value<'a>> {
    let text = if from.str == made { from } else { from.rewritten(machine.memory.str(made)?) };
    machine.memory.text(text.with_markup(false))
}

/// A parameter that is used as a truth value, and false by default.
fn flag(parameter: Option<Value<'_>>) -> bool {
    parameter.is_some_and(truth)
}

/// A parameter for which `None` means that it is absent.
fn given(parameter: Option<Value<'_>>) -> Option<Value<'_>> {
    parameter.filter(|value| !matches!(value, Value::None))
}

/// The integer that Python takes for an index or a count.
fn index(value: Value<'_>) -> Result<i64> {
    match value {
        Value::BigInt(_) => Err(value_error("Python int too large to convert to C ssize_t")),
        value => value.as_index().ok_or_else(|| {
            type_error(format!("'{}' object cannot be interpreted as an integer", value.type_name()))
        }),
    }
}

/// The same where a negative number counts as zero, as repetitions do.
fn count(value: Value<'_>) -> Result<usize> {
    index(value).map(|index| usize::try_from(index).unwrap_or(0))
}

#[cold]
fn unsupported(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unsupported, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_finds_its_filter() {
        assert!(FILTERS.is_sorted_by(|a, b| a.name < b.name));
        for filter in &FILTERS {
            assert_eq!(find(filter.name).map(|found| found.name), Some(filter.name));
        }
        assert!(find("uper").is_none());
    }
}
