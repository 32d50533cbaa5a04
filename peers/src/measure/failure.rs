use std::sync::Arc;
use std::time::SystemTime;

/// Something that failed, such as an exchange with a peer that brought no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// When it failed, by this node's wall clock.
    pub at: SystemTime,
    /// The error's text, of up to 256 bytes.
    pub text: Arc<str>,
}

/// The most bytes of a text.
const MAX_TEXT_BYTES: usize = 256;

impl Failure {
    /// A failure at this moment. A longer text is cut short.
    pub fn now(text: &str) -> Self {
        let mut end = text.len().min(MAX_TEXT_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Self {
            at: SystemTime::now(),
            text: text[..end].into(),
        }
    }
}

/// A map of `at_ms`, the milliseconds since 1970, and `text`.
#[cfg(feature = "serde")]
impl serde::Serialize for Failure {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;

        let since = self.at.duration_since(SystemTime::UNIX_EPOCH);
        let mut map = serializer.serialize_struct("Failure", 2)?;
        map.serialize_field("at_ms", &(since.unwrap_or_default().as_millis() as u64))?;
        map.serialize_field("text", &*self.text)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_short_between_two_characters() {
        assert_eq!(&*Failure::now("no answer").text, "no answer");
        let text = Failure::now(&"€".repeat(100)).text;
        assert_eq!(*text, "€".repeat(85));
    }
}
