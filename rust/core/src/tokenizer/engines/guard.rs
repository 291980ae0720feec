//! The characters that the fast engine is not trusted with.
//!
//! In: characters. Out: whether one of them, or one that was not asked about, is in a text.

/// Characters from here on are not asked about: there are next to none.
pub const SWEPT: u32 = 0x3_2400;
/// Characters whose case the engines fold each in its own way.
const FOLDED: [char; 2] = ['\u{17f}', '\u{212a}'];

/// Characters that go to the reference: a bit for each.
#[derive(Default)]
pub struct Guard {
    bits: Vec<u64>,
}

impl Guard {
    pub fn of(characters: impl IntoIterator<Item = u32>) -> Self {
        let mut bits = vec![0; SWEPT as usize / 64];
        for c in characters.into_iter().chain(FOLDED.map(u32::from)) {
            if let Some(word) = bits.get_mut(c as usize / 64) {
                *word |= 1 << (c % 64);
            }
        }
        Self { bits }
    }

    /// Whether one of them is in the text.
    pub fn is_in(&self, text: &str) -> bool {
        !text.is_ascii()
            && text.chars().filter(|c| !c.is_ascii()).any(|c| {
                let c = u32::from(c);
                // What was not asked about is guarded.
                self.bits.get(c as usize / 64).is_none_or(|word| word >> (c % 64) & 1 == 1)
            })
    }
}
