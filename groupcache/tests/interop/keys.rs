//! Keys that some program's escaping may get wrong.

use std::collections::BTreeSet;

/// Pieces that a URL, a query or a path cleaner may misread, and bytes that are not text.
const AWKWARD: &[&[u8]] = &[
    b" ",
    b"  ",
    b"+",
    b"++",
    b"%",
    b"%%",
    b"%20",
    b"%2B",
    b"%2f",
    b"%zz",
    b"%c3",
    b"+%20",
    b"/",
    b"//",
    b"/./",
    b"/../",
    b"../",
    b".",
    b"..",
    b"?",
    b"?a=b",
    b"#",
    b"&",
    b"=",
    b";",
    b":",
    b"://",
    b"@",
    b"!",
    b"$",
    b"'",
    b"\"",
    b"(",
    b")",
    b"*",
    b",",
    b"[",
    b"]",
    b"{",
    b"}",
    b"|",
    b"\\",
    b"^",
    b"`",
    b"<",
    b">",
    b"~",
    b"_",
    b"-",
    b"\t",
    b"\n",
    b"\r\n",
    b"\0",
    b"\x1b",
    b"\x7f",
    "ä".as_bytes(),
    "a\u{308}".as_bytes(),
    "ключ".as_bytes(),
    "鍵".as_bytes(),
    "مفتاح".as_bytes(),
    "🦀".as_bytes(),
    "\u{a0}".as_bytes(),
    "\u{202e}".as_bytes(),
    "\u{feff}".as_bytes(),
    b"\x80",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
];

/// Every awkward piece alone, at the beginning, in the middle and at the end of a key; plain keys,
/// the empty one, and long ones.
pub fn awkward() -> Vec<Vec<u8>> {
    let mut keys = BTreeSet::from([Vec::new(), vec![b'x'; 8 << 10], "ж".repeat(2 << 10).into()]);
    for piece in AWKWARD {
        keys.insert(piece.to_vec());
        for (before, after) in [("", "end"), ("a", "b"), ("start", ""), ("a/b ", "/c")] {
            keys.insert([before.as_bytes(), piece, after.as_bytes()].concat());
        }
    }
    keys.extend((0..50).map(|n| format!("user-{n}").into_bytes()));
    keys.into_iter().collect()
}
