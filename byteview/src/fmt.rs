use std::fmt::{self, Debug, Formatter, Write};

use crate::ByteView;

/// How many bytes `Debug` shows. A value may have megabytes, which no log line should.
const SHOWN: usize = 64;

/// Shows a byte string with readable text: `b"caf\u{e9} \x00\xff"` shows as `b"café \0\xff"`.
///
/// A view longer than 64 bytes shows its first bytes, at most 64, and then its length:
/// `b"<!doctype html>"... (51200 bytes)`. There is no `Display`, which would have to hide bytes or
/// to guess an encoding. The caller chooses [`to_str`](ByteView::to_str) or
/// [`to_str_lossy`](ByteView::to_str_lossy) instead.
impl Debug for ByteView {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let shown = if self.len() <= SHOWN {
            self
        } else {
            &self[..char_boundary(self, SHOWN)]
        };

        f.write_str("b\"")?;
        for chunk in shown.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    // `escape_debug` escapes both kinds of quotes; within double quotes a single
                    // quote needs no escape.
                    '\'' => f.write_char(c)?,
                    _ => write!(f, "{}", c.escape_debug())?,
                }
            }
            write!(f, "{}", chunk.invalid().escape_ascii())?;
        }
        f.write_char('"')?;

        if shown.len() < self.len() {
            write!(f, "... ({} bytes)", self.len())?;
        }
        Ok(())
    }
}

/// The last position up to `at` that does not cut a UTF-8 character in two. The position is at most
/// three bytes before `at`. It is `at` if all bytes there continue a character, as no UTF-8 does.
fn char_boundary(bytes: &[u8], at: usize) -> usize {
    let continues = |i: &usize| bytes[*i] & 0b1100_0000 == 0b1000_0000;
    (at - 3..=at).rev().find(|i| !continues(i)).unwrap_or(at)
}
