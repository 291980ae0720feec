//! Things that records have under one of several names.
//!
//! In: an object and the names. Out: what stands under them, or an error where two say different things: it is not
//! known which is meant.

use super::formats::is_nothing;
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Object, Value};

/// What stands under the first of these names that says something; else under the first that is not null.
pub(super) fn under_one_of<'o>(object: &'o Object, names: &[&str]) -> Result<Option<&'o Value>> {
    let mut found: Option<(&str, &Value)> = None;
    for name in names {
        let Some(value) = object.get(name).filter(|value| !value.is_null()) else { continue };
        match found {
            Some((_, before)) if is_nothing(value) || before == value => {}
            Some((other, before)) if !is_nothing(before) => {
                let text = format!("{other:?} and {name:?} are different; keep one");
                return Err(Error::new(ErrorKind::Shape, text));
            }
            _ => found = Some((name, value)),
        }
    }
    Ok(found.map(|(_, value)| value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::object;

    #[test]
    fn what_says_something_is_taken_and_two_different_are_refused() {
        let text = |text: &str| Value::from(text);
        let of = |a: Value, b: Value| {
            let both = object(&[("a", a), ("b", b)]);
            let both = both.as_object().cloned().unwrap_or_default();
            under_one_of(&both, &["a", "b"]).map(Option::<&Value>::cloned).map_err(|error| error.text)
        };
        assert_eq!(of(text("1"), text("1")), Ok(Some(text("1"))));
        assert_eq!(of(text(""), text("1")), Ok(Some(text("1"))));
        assert_eq!(of(text("1"), Value::Null), Ok(Some(text("1"))));
        assert_eq!(of(Value::Null, text("")), Ok(Some(text(""))));
        assert_eq!(of(Value::Null, Value::Null), Ok(None));
        assert_eq!(of(text("1"), text("2")).unwrap_err(), "\"a\" and \"b\" are different; keep one");
    }
}
