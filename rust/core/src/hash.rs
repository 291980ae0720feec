//! SHA-256 over several parts, as text.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// The hash, in hexadecimal digits. Each part counts with its length, so that no two lists of parts are one.
pub fn sha256<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
