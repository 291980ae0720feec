//! A character in, whether a Python identifier can start or continue with it out.

use unicode_general_category::{GeneralCategory, get_general_category};

/// What starts a name though it is not a letter: Unicode's Other_ID_Start.
const OTHER_STARTS: [char; 4] = ['\u{1885}', '\u{1886}', '\u{2118}', '\u{212E}'];
/// What continues a name though it is neither letter, digit nor mark: Unicode's Other_ID_Continue.
const OTHER_CONTINUES: [char; 12] = [
    '\u{B7}', '\u{387}', '\u{1369}', '\u{136A}', '\u{136B}', '\u{136C}', '\u{136D}', '\u{136E}', '\u{136F}',
    '\u{1370}', '\u{1371}', '\u{19DA}',
];
/// Letters that start no name, because their compatibility forms do not.
const LATER_LETTERS: [char; 4] = ['\u{E33}', '\u{EB3}', '\u{FF9E}', '\u{FF9F}'];
/// Letters in no name: punctuation by its other properties, and letters whose compatibility forms hold what names
/// cannot.
const UNNAMED_LETTERS: [char; 18] = [
    '\u{37A}', '\u{2E2F}', '\u{FC5E}', '\u{FC5F}', '\u{FC60}', '\u{FC61}', '\u{FC62}', '\u{FC63}',
    '\u{FDFA}', '\u{FDFB}', '\u{FE70}', '\u{FE72}', '\u{FE74}', '\u{FE76}', '\u{FE78}', '\u{FE7A}',
    '\u{FE7C}', '\u{FE7E}',
];

/// Whether a Python identifier can start with it: XID_Start and the underscore.
pub fn starts_name(char: char) -> bool {
    if char.is_ascii() {
        return char.is_ascii_alphabetic() || char == '_';
    }
    OTHER_STARTS.contains(&char) || (is_letter(char) && !LATER_LETTERS.contains(&char))
}

/// Whether a Python identifier can continue with it: XID_Continue.
pub fn continues_name(char: char) -> bool {
    use GeneralCategory::{ConnectorPunctuation, DecimalNumber, NonspacingMark, SpacingMark};
    if char.is_ascii() {
        return char.is_ascii_alphanumeric() || char == '_';
    }
    let category = get_general_category(char);
    matches!(category, ConnectorPunctuation | DecimalNumber | NonspacingMark | SpacingMark)
        || is_letter(char)
        || OTHER_STARTS.contains(&char)
        || OTHER_CONTINUES.contains(&char)
}

fn is_letter(char: char) -> bool {
    use GeneralCategory::{
        LetterNumber, LowercaseLetter, ModifierLetter, OtherLetter, TitlecaseLetter, UppercaseLetter,
    };
    let category = get_general_category(char);
    matches!(
        category,
        LetterNumber | LowercaseLetter | ModifierLetter | OtherLetter | TitlecaseLetter | UppercaseLetter
    ) && !UNNAMED_LETTERS.contains(&char)
}
