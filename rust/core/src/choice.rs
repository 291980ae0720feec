//! Options that take one of a fixed set of names.
//!
//! In: the declaration of such options. Out: their types, and their names as Python has them. What an option does is not
//! known here.

use crate::error::{Error, ErrorKind, Result};

/// A value with a name in Python.
pub trait Choice: Sized + Default + 'static {
    /// The option that takes it.
    const OPTION: &'static str;
    /// What it takes.
    const NAMES: &'static [&'static str];

    fn named(name: &str) -> Option<Self>;

    fn name(&self) -> &'static str;

    /// The choice of this name, or an error that says which there are.
    fn from_name(name: &str) -> Result<Self> {
        Self::named(name).ok_or_else(|| {
            let text =
                format!("{}: {name:?} is unknown; expected one of {}", Self::OPTION, Self::NAMES.join(", "));
            Error::new(ErrorKind::Options, text)
        })
    }
}

/// What an option takes: its name, the names of its values, and that of its default.
pub struct ChoiceNames {
    pub option: &'static str,
    pub names: &'static [&'static str],
    pub default: &'static str,
}

impl ChoiceNames {
    pub fn of<C: Choice>() -> Self {
        Self { option: C::OPTION, names: C::NAMES, default: C::default().name() }
    }
}

/// Options with a fixed set of names, each declared once, and a function that lists them.
macro_rules! choices {
    ($(#[$list_doc:meta])* fn $list:ident; $(
        $(#[$doc:meta])*
        $name:ident of $option:literal { $($(#[$attribute:meta])* $variant:ident = $text:literal),+ $(,)? }
    )+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
            pub enum $name { $($(#[$attribute])* $variant),+ }

            impl $crate::choice::Choice for $name {
                const OPTION: &'static str = $option;
                const NAMES: &'static [&'static str] = &[$($text),+];

                fn named(name: &str) -> Option<Self> {
                    match name {
                        $($text => Some(Self::$variant),)+
                        _ => None,
                    }
                }

                fn name(&self) -> &'static str {
                    match self { $(Self::$variant => $text),+ }
                }
            }
        )+

        $(#[$list_doc])*
        pub fn $list() -> Vec<$crate::choice::ChoiceNames> {
            vec![$($crate::choice::ChoiceNames::of::<$name>()),+]
        }
    };
}

pub(crate) use choices;
