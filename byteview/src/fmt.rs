use std::fmt::{self, Debug, Formatter, Write};

use crate::ByteView;

/// A value may be megabytes; a log line may not.
const SHOWN: usize = 64;

/// A byte string with text left readable: `b"caf\u{e9} \x00\xff"` shows as `b"café \0\xff"`.
///
/// Of a view longer than 64 bytes, the first ones are shown and then the length:
/// `b"<!doctype html>"... (51200 bytes)`. There is no `Display`: it would have to hide bytes or to
/// guess an encoding, which [`to_str`](ByteView::to_str) and
/// [`to_str_lossy`](ByteView::to_str_lossy) let the caller decide.
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
                    // `escape_debug` is made for either kind of quotes; within double ones this
                    // needs no escape.
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

/// The last position up to `at` that does not cut a UTF-8 character in two. Bytes that are no text
/// cost at most three.
fn char_boundary(bytes: &[u8], at: usize) -> usize {
    let continues = |i: &usize| bytes[*i] & 0b1100_0000 == 0b1000_0000;
    (at - 3..=at).rev().find(|i| !continues(i)).unwrap_or(at)
}
