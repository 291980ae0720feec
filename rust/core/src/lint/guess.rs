//! What looks like a control token in rendered text, for a template without a tokenizer.

use std::collections::BTreeSet;
use std::sync::Arc;

/// How tokens open and close: `<|end|>`, `<｜end｜>`, `</think>`, `[/INST]`.
const SHAPES: [(&str, &str); 4] = [("<|", "|>"), ("<｜", "｜>"), ("<", ">"), ("[", "]")];
/// Longer than any name that a model gives a token.
const MAX_CHARS: usize = 48;

/// Each text that looks like a control token, once, in order.
pub(super) fn control_tokens<'t>(texts: impl IntoIterator<Item = &'t str>) -> Vec<Arc<str>> {
    let mut found: BTreeSet<&str> = BTreeSet::new();
    for text in texts {
        for (at, _) in text.match_indices(['<', '[', ']']) {
            found.extend(token_at(&text[at..]).or_else(|| bracketed(&text[at..])));
        }
    }
    found.into_iter().map(Into::into).collect()
}

/// The token that a text starts with.
fn token_at(text: &str) -> Option<&str> {
    SHAPES.into_iter().find_map(|(open, close)| {
        let inner = text.strip_prefix(open)?;
        let end = inner.find(close)?;
        let name = &inner[..end];
        let is_bare = open.len() == 1;
        let name = if is_bare { name.strip_prefix('/').unwrap_or(name) } else { name };
        let fits = |char: char| match char {
            '<' | '>' | '[' | ']' | '{' | '}' | '"' | '\'' => false,
            _ if is_bare => char.is_alphanumeric() || matches!(char, '_' | '-' | ':' | '|' | '▁'),
            _ => !char.is_whitespace(),
        };
        // `[1]` is an index and `<3` no tag.
        let is_named =
            !is_bare || name.starts_with(|char: char| char.is_alphabetic() || matches!(char, '_' | '|'));
        let is_token =
            !name.is_empty() && is_named && name.chars().count() <= MAX_CHARS && name.chars().all(fits);
        is_token.then(|| &text[..open.len() + end + close.len()])
    })
}

/// MiniMax's `]~b]`, `]~!b[`, `[e~[`.
fn bracketed(text: &str) -> Option<&str> {
    const MOST: usize = 4;
    let end = 1 + text.get(1..)?.find(['[', ']'])?;
    let inner = &text[1..end];
    let fits = |char: char| char.is_ascii_lowercase() || matches!(char, '~' | '!');
    (inner.len() <= MOST && inner.contains('~') && inner.chars().all(fits)).then(|| &text[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_models_name_so() {
        let text = "<|im_start|>a<|im_end|>\n<｜User｜>[INST] b [/INST]<think></think><start_of_turn></s>[|user|]<|a b|>]~b]c[e~[";
        let found: Vec<String> = control_tokens([text]).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "</s>",
                "</think>",
                "<start_of_turn>",
                "<think>",
                "<|im_end|>",
                "<|im_start|>",
                "<｜User｜>",
                "[/INST]",
                "[INST]",
                "[e~[",
                "[|user|]",
                "]~b]"
            ]
        );
    }

    #[test]
    fn leaves_text_alone() {
        assert!(
            control_tokens(["a < b > c, x[0], [1, 2], <https://a.b>, [\"a\"], {\"a\": [1]} <>"]).is_empty()
        );
    }
}
