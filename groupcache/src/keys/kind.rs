use std::fmt;

/// The kind of a segment, whose mark stands before its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Text = b'/',
    Integer = b'#',
    Bytes = b'$',
    Epoch = b'~',
}

impl Kind {
    /// The kind whose mark this byte is.
    pub(super) const fn of_mark(byte: u8) -> Option<Self> {
        match byte {
            b'/' => Some(Self::Text),
            b'#' => Some(Self::Integer),
            b'$' => Some(Self::Bytes),
            b'~' => Some(Self::Epoch),
            _ => None,
        }
    }

    pub(super) const fn mark(self) -> char {
        self as u8 as char
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Integer => "an integer",
            Self::Bytes => "bytes",
            Self::Epoch => "an epoch",
        })
    }
}
