//! The arguments of a call, and how a built-in function takes them apart.

use crate::error::{Error, ErrorKind, Result};
use crate::value::Value;

#[derive(Debug, Clone, Copy, Default)]
pub struct Args<'a> {
    pub positional: &'a [Value<'a>],
    pub keywords: &'a [(&'a str, Value<'a>)],
}

impl<'a> Args<'a> {
    /// The arguments by parameter, as a Python function with these parameters binds them; the first `required` have
    /// no default. A parameter whose name starts with `/` takes no keyword (Python's positional-only).
    pub fn bind<const N: usize>(
        &self,
        function: &str,
        parameters: [&str; N],
        required: usize,
    ) -> Result<[Option<Value<'a>>; N]> {
        let mut bound = [None; N];
        if required == 0 && self.positional.is_empty() && self.keywords.is_empty() {
            return Ok(bound);
        }
        if self.positional.len() > N {
            return Err(wrong(format!(
                "{function}() takes at most {N} arguments ({} given)",
                self.positional.len()
            )));
        }
        for (slot, value) in bound.iter_mut().zip(self.positional) {
            *slot = Some(*value);
        }
        for (name, value) in self.keywords {
            match parameters.iter().position(|parameter| parameter == name) {
                Some(at) if bound[at].is_none() => bound[at] = Some(*value),
                Some(_) => {
                    return Err(wrong(format!("{function}() got several values for argument '{name}'")));
                }
                None => {
                    return Err(wrong(format!("{function}() got an unexpected keyword argument '{name}'")));
                }
            }
        }
        match parameters.iter().zip(bound).take(required).find(|(_, value)| value.is_none()) {
            Some((name, _)) => Err(wrong(format!("{function}() misses the argument '{name}'"))),
            None => Ok(bound),
        }
    }

    /// The same for a function that takes nothing.
    pub fn none(&self, function: &str) -> Result<()> {
        self.bind::<0>(function, [], 0).map(drop)
    }
}

#[cold]
fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Type, message)
}
