//! Methods of `str` and `Markup`.
//!
//! What a method cuts out keeps its origin, what it rewrites is derived, and what it leaves alone is the object
//! itself. `Markup` follows markupsafe: it escapes what is added to it, and its methods return markup.

mod join;
mod pad;
mod search;
mod split;

use super::{integer, no_such, unsupported};
use crate::builtins::arguments::Args;
use crate::error::Result;
use crate::run::Machine;
use crate::value::Value;
use crate::value::format;
use crate::value::memory::Memory;
use crate::value::operators::type_error;
use crate::value::text::Text;
use crate::value::unicode;

/// Whether `str` has a public method of this name.
pub fn has(name: &str) -> bool {
    matches!(
        name,
        "capitalize"
            | "casefold"
            | "center"
            | "count"
            | "encode"
            | "endswith"
            | "expandtabs"
            | "find"
            | "format"
            | "format_map"
            | "index"
            | "isalnum"
            | "isalpha"
            | "isascii"
            | "isdecimal"
            | "isdigit"
            | "isidentifier"
            | "islower"
            | "isnumeric"
            | "isprintable"
            | "isspace"
            | "istitle"
            | "isupper"
            | "join"
            | "ljust"
            | "lower"
            | "lstrip"
            | "maketrans"
            | "partition"
            | "removeprefix"
            | "removesuffix"
            | "replace"
            | "rfind"
            | "rindex"
            | "rjust"
            | "rpartition"
            | "rsplit"
            | "rstrip"
            | "split"
            | "splitlines"
            | "startswith"
            | "strip"
            | "swapcase"
            | "title"
            | "translate"
            | "upper"
            | "zfill"
    )
}

/// The same for what `Markup` has besides.
pub fn markup_has(name: &str) -> bool {
    matches!(name, "escape" | "striptags" | "unescape")
}

/// `object.name(*args)` where the object is this text.
pub fn call<'a>(
    machine: &mut Machine<'a>,
    object: Value<'a>,
    text: Text<'a>,
    name: &str,
    args: Args<'a>,
) -> Result<Value<'a>> {
    let memory = &mut machine.memory;
    let result = match name {
        "strip" => split::strip(memory, text, args, name, split::Side::Both)?,
        "lstrip" => split::strip(memory, text, args, name, split::Side::Left)?,
        "rstrip" => split::strip(memory, text, args, name, split::Side::Right)?,
        "removeprefix" | "removesuffix" => split::remove(memory, text, args, name)?,
        "lower" => rewrite(memory, text, args, name, unicode::lower)?,
        "upper" => rewrite(memory, text, args, name, unicode::upper)?,
        "title" => rewrite(memory, text, args, name, unicode::title)?,
        "capitalize" => rewrite(memory, text, args, name, unicode::capitalize)?,
        "swapcase" => rewrite(memory, text, args, name, unicode::swapcase)?,
        "casefold" => rewrite(memory, text, args, name, unicode::casefold)?,
        "center" | "ljust" | "rjust" => pad::justify(machine, text, args, name)?,
        "zfill" => pad::zfill(memory, text, args)?,
        "expandtabs" => pad::expandtabs(memory, text, args)?,
        "replace" => join::replace(machine, text, args)?,
        "join" => join::join(machine, text, args)?,
        "translate" => join::translate(memory, text, args)?,
        "format" => format::braces(machine, text, args)?,
        "format_map" => {
            let [mapping] = args.bind(name, ["/mapping"], 1)?;
            format::braces_of(machine, text, mapping.unwrap_or(Value::None))?
        }
        "split" | "rsplit" => return split::split(memory, text, args, name == "rsplit"),
        "splitlines" => return split::splitlines(memory, text, args),
        "partition" | "rpartition" => return split::partition(memory, text, args, name == "rpartition"),
        "startswith" | "endswith" => return search::starts_or_ends(memory, text, args, name),
        "find" | "rfind" | "index" | "rindex" => return search::find(memory, text, args, name),
        "count" => return search::count(memory, text, args),
        "encode" | "maketrans" => return Err(unsupported("str", name)),
        "escape" if text.markup => join::escape(machine, args)?,
        "striptags" | "unescape" if text.markup => return Err(unsupported("Markup", name)),
        name => return is(memory, object, text, args, name),
    };
    let unchanged = std::ptr::eq(result.str, text.str) && result.markup == text.markup;
    if unchanged { Ok(object) } else { machine.memory.text(result) }
}

/// The text that a function of its characters makes of it.
fn rewrite<'a>(
    memory: &mut Memory<'a>,
    text: Text<'a>,
    args: Args<'a>,
    name: &str,
    function: fn(&str) -> String,
) -> Result<Text<'a>> {
    args.none(name)?;
    // Finding the other case of a character takes two searches.
    memory.look_at_each(2 * text.str.len())?;
    memory.reserve(text.str.len())?;
    let new = function(text.str);
    if new == text.str {
        return Ok(text);
    }
    Ok(text.rewritten(memory.str(&new)?).with_markup(text.markup))
}

/// `isalpha` and its kin.
fn is<'a>(
    memory: &mut Memory<'a>,
    object: Value<'a>,
    text: Text<'a>,
    args: Args<'a>,
    name: &str,
) -> Result<Value<'a>> {
    let all = |predicate: fn(char) -> bool| !text.str.is_empty() && text.str.chars().all(predicate);
    memory.look_at_each(text.str.len())?;
    let is = match name {
        "isalnum" => all(unicode::is_alnum),
        "isalpha" => all(unicode::is_alpha),
        "isascii" => text.str.is_ascii(),
        "isdecimal" => all(unicode::is_decimal),
        "isdigit" => all(unicode::is_digit),
        "isidentifier" => unicode::is_identifier(text.str),
        "islower" => unicode::is_lower(text.str),
        "isnumeric" => all(unicode::is_numeric),
        "isprintable" => text.str.is_empty() || all(unicode::is_printable),
        "isspace" => all(unicode::is_space),
        "istitle" => unicode::is_title(text.str),
        "isupper" => unicode::is_upper(text.str),
        name => return Err(no_such(object, name)),
    };
    args.none(name)?;
    Ok(Value::Bool(is))
}

/// An argument that must be a text.
fn string(value: Option<Value<'_>>) -> Result<Text<'_>> {
    let value = value.unwrap_or(Value::None);
    value.as_text().ok_or_else(|| type_error(format!("must be str, not {}", value.type_name())))
}

/// A number of characters as an argument: `None` for a negative one.
fn count(value: Option<Value<'_>>, default: i64) -> Result<Option<usize>> {
    Ok(usize::try_from(value.map_or(Ok(default), integer)?).ok())
}

/// An argument that C takes as an `int`.
fn small_integer(value: Option<Value<'_>>, default: i32) -> Result<i32> {
    match value {
        None => Ok(default),
        Some(value) => {
            i32::try_from(integer(value)?).map_err(|_| super::value_error("the integer is too large"))
        }
    }
}
