//! How a formatted number is laid out: sign, prefix, groups of digits, padding.

use num_bigint::BigInt;

use crate::error::Result;
use crate::limits::MAX_INT_DIGITS;
use crate::value::memory::Memory;
use crate::value::operators::value_error;

/// A number before it is laid out.
#[derive(Debug, Default)]
pub struct Number {
    pub negative: bool,
    /// `0x` and the like.
    pub prefix: &'static str,
    /// Digits that may be grouped and that zeros go before.
    pub digits: String,
    /// What follows them: point, decimals, exponent, percent sign; or a word such as `inf`.
    pub rest: String,
}

impl Number {
    /// From the text of a float.
    pub fn of_float(text: &str) -> Self {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
        let (digits, rest) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        Self { negative, prefix: "", digits: digits.into(), rest: rest.into() }
    }

    /// An integer in the base of a format code; `alternate` adds the prefix.
    pub fn of_int(memory: &mut Memory<'_>, int: &BigInt, code: char, alternate: bool) -> Result<Self> {
        let (base, prefix) = match code {
            'b' => (2, "0b"),
            'o' => (8, "0o"),
            'x' => (16, "0x"),
            'X' => (16, "0X"),
            _ => (10, ""),
        };
        let bits = usize::try_from(int.bits()).unwrap_or(usize::MAX);
        memory.decimal(if base == 10 { bits / 3 } else { 0 })?;
        memory.look_at_each(bits / 4)?;
        memory.reserve(bits)?;
        let mut digits = int.magnitude().to_str_radix(base);
        if base == 10 && digits.len() > MAX_INT_DIGITS {
            return Err(value_error("the integer has too many digits to be written"));
        }
        if code == 'X' {
            digits.make_ascii_uppercase();
        }
        let negative = int.sign() == num_bigint::Sign::Minus;
        Ok(Self { negative, prefix: if alternate { prefix } else { "" }, digits, rest: String::new() })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
    Center,
    /// Padding goes between the sign and the digits.
    Inside,
}

/// How to lay it out.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    pub fill: char,
    pub align: Align,
    /// `+` or a space: the sign of what is not negative.
    pub sign: Option<char>,
    pub width: usize,
    /// The separator, and how many digits a group has.
    pub grouping: Option<(char, usize)>,
}

impl Layout {
    pub fn text(&self, memory: &mut Memory<'_>, number: &Number) -> Result<String> {
        let Number { negative, prefix, digits, rest } = number;
        let size = prefix.len().saturating_add(2 * digits.len()).saturating_add(rest.len());
        memory.reserve(self.width.saturating_mul(self.fill.len_utf8()).saturating_add(size))?;
        let sign = if *negative { Some('-') } else { self.sign };
        let other = usize::from(sign.is_some()) + prefix.len() + rest.chars().count();
        let zeros_grouped = self.fill == '0' && self.align == Align::Inside;
        let least = if zeros_grouped { self.width.saturating_sub(other) } else { 0 };
        let digits = if digits.is_empty() { String::new() } else { self.grouped(digits, least) };
        let missing = self.width.saturating_sub(other + digits.len());
        let (before, inside, after) = match self.align {
            Align::Left => (0, 0, missing),
            Align::Right => (missing, 0, 0),
            Align::Center => (missing / 2, 0, missing - missing / 2),
            Align::Inside => (0, missing, 0),
        };
        let fill = |count: usize| std::iter::repeat_n(self.fill, count);
        let mut out = String::new();
        out.extend(fill(before));
        out.extend(sign);
        out.push_str(prefix);
        out.extend(fill(inside));
        out.push_str(&digits);
        out.push_str(rest);
        out.extend(fill(after));
        Ok(out)
    }

    /// The digits with separators, and with zeros in front up to a width.
    fn grouped(&self, digits: &str, least: usize) -> String {
        let Some((separator, size)) = self.grouping else {
            let zeros = least.saturating_sub(digits.len());
            return std::iter::repeat_n('0', zeros).chain(digits.chars()).collect();
        };
        let mut reversed = String::new();
        let mut left = digits.chars().rev();
        loop {
            let next = left.next();
            let done = next.is_none() && reversed.len() >= least;
            if done {
                break;
            }
            // A separator is followed by a digit, even if that makes the text one longer than asked for.
            if !reversed.is_empty() && (reversed.len() + 1).is_multiple_of(size + 1) {
                reversed.push(separator);
            }
            reversed.push(next.unwrap_or('0'));
        }
        reversed.chars().rev().collect()
    }
}
