use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

use bytes::Bytes;
use http::HeaderValue;

/// The frame around the parts of a `multipart/byteranges`.
pub(super) struct Multipart {
    boundary: String,
    /// As a header of each part.
    content_type: HeaderValue,
    /// Of the object.
    len: u64,
    is_begun: bool,
}

impl Multipart {
    pub(super) fn new(content_type: HeaderValue, len: u64) -> Self {
        // The keys of a hasher are random, so that nobody can have put the boundary into an object.
        let random = |number: u8| RandomState::new().hash_one(number);
        Self {
            boundary: format!("{:016x}{:016x}", random(0), random(1)),
            content_type,
            len,
            is_begun: false,
        }
    }

    /// The content type of the whole.
    pub(super) fn content_type(&self) -> Option<HeaderValue> {
        let text = format!("multipart/byteranges; boundary={}", self.boundary);
        HeaderValue::try_from(text).ok()
    }

    /// What stands before the bytes of a range.
    pub(super) fn head(&mut self, range: &Range<u64>) -> Bytes {
        let mut head = Vec::new();
        if self.is_begun {
            head.extend(b"\r\n");
        }
        self.is_begun = true;
        head.extend(format!("--{}\r\ncontent-type: ", self.boundary).bytes());
        head.extend(self.content_type.as_bytes());
        let range = content_range(range, self.len);
        head.extend(format!("\r\ncontent-range: {range}\r\n\r\n").bytes());
        head.into()
    }

    /// What stands behind the last range.
    pub(super) fn tail(&self) -> Bytes {
        format!("\r\n--{}--\r\n", self.boundary).into()
    }
}

/// The `Content-Range` of a range that is not empty.
pub(super) fn content_range(range: &Range<u64>, len: u64) -> String {
    format!(
        "bytes {}-{}/{len}",
        range.start,
        range.end.saturating_sub(1)
    )
}
