//! Stable names of what is counted or found, each declared once.

/// Constants with their texts, and `ALL` of these.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        $($(#[$doc])* pub const $name: &str = $text;)+
        /// Every name, in this order.
        pub const ALL: &[&str] = &[$($text),+];
    };
}

pub(crate) use names;
