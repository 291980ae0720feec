//! Filters that change or count texts.

use crate::builtins::arguments::Args;
use crate::builtins::filters::text::method;
use crate::builtins::filters::{flag, given, soft_str, unsupported};
use crate::error::Result;
use crate::run::Machine;
use crate::value::Value;
use crate::value::operators::{self, length, order, type_error, value_error};
use crate::value::slices;
use crate::value::text::Text;
use crate::value::unicode;

/// `center(width=80)`
pub fn center<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let [width] = args.bind("center", ["width"], 0)?;
    method(machine, value, "center", &[width.unwrap_or(Value::Int(80))])
}

/// `truncate(length=255, killwords=False, end='...', leeway=5)`
pub fn truncate<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let [limit, killwords, end, leeway] =
        args.bind("truncate", ["length", "killwords", "end", "leeway"], 0)?;
    let limit = limit.unwrap_or(Value::Int(255));
    let leeway = given(leeway).unwrap_or(Value::Int(5));
    let end = match end {
        Some(end) => end,
        None => machine.memory.text(Text::template("..."))?,
    };
    for text in [value.as_str(), end.as_str()].into_iter().flatten() {
        machine.memory.work(text.len())?;
    }
    let end_length = length_of(end)?;
    if order(&mut machine.memory, limit, end_length, ">=")?.is_none_or(std::cmp::Ordering::is_lt) {
        return Err(value_error("a length below that of what is put at the end"));
    }
    if order(&mut machine.memory, leeway, Value::Int(0), ">=")?.is_none_or(std::cmp::Ordering::is_lt) {
        return Err(value_error("a leeway below zero"));
    }
    let most = operators::add(&mut machine.memory, limit, leeway)?;
    if order(&mut machine.memory, length_of(value)?, most, "<=")?.is_some_and(std::cmp::Ordering::is_le) {
        return Ok(value);
    }
    let kept = operators::subtract(&mut machine.memory, limit, end_length)?;
    let kept = slices::slice(&mut machine.memory, value, [Value::None, kept, Value::None])?;
    let kept = if flag(killwords) { kept } else { whole_words(machine, kept)? };
    operators::add(&mut machine.memory, kept, end)
}

fn length_of(value: Value<'_>) -> Result<Value<'_>> {
    length(value).map(|length| Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

/// `text.rsplit(' ', 1)[0]`
fn whole_words<'a>(machine: &mut Machine<'a>, value: Value<'a>) -> Result<Value<'a>> {
    let Some(text) = value.as_text() else {
        return Err(type_error(format!("'{}' object has no attribute 'rsplit'", value.type_name())));
    };
    match text.str.rfind(' ') {
        Some(space) => {
            let words = text.cut(&mut machine.memory, 0, space)?;
            machine.memory.text(words)
        }
        None => Ok(value),
    }
}

/// How many runs of letters, digits and underscores.
pub fn wordcount<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    args.none("wordcount")?;
    let text = soft_str(machine, value)?;
    machine.memory.look_at_each(text.str.len())?;
    let words = text.str.split(|c| !is_word(c)).filter(|word| !word.is_empty()).count();
    i64::try_from(words).map(Value::Int).map_err(|_| unsupported("more words than can be counted"))
}

/// `\w` of Python's regular expressions.
pub fn is_word(c: char) -> bool {
    c == '_' || unicode::is_alnum(c)
}
