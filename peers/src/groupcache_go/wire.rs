//! The request to remove several keys: JSON, `{"group":"g","keys":["k",…]}`. Its keys are text; a
//! key that is not UTF-8 has to be removed by itself.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::Error;

/// A POST to this text in the place of a key removes the keys in its body.
pub(super) const REMOVE_KEYS: &str = "_remove-keys/";

#[derive(Debug, Serialize, Deserialize)]
struct RemoveKeys<'a> {
    /// The path names the group too, and prevails.
    #[serde(borrow, default)]
    group: Cow<'a, str>,
    #[serde(default)]
    keys: Vec<Cow<'a, str>>,
}

/// Writes the message.
pub(super) fn encode(group: &str, keys: &[&str]) -> Result<Vec<u8>, Error> {
    let message = RemoveKeys {
        group: group.into(),
        keys: keys.iter().map(|&key| key.into()).collect(),
    };
    serde_json::to_vec(&message).map_err(|error| Error::malformed(error.to_string()))
}

/// Reads the keys in a message.
pub(super) fn decode(message: &[u8]) -> Result<Vec<Cow<'_, str>>, Error> {
    let message: RemoveKeys<'_> = serde_json::from_slice(message)
        .map_err(|error| Error::status(400, format!("invalid request: {error}")))?;
    Ok(message.keys)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_message_is_gos() {
        let message = encode("g", &["a b/c"]).unwrap();
        assert_eq!(message, br#"{"group":"g","keys":["a b/c"]}"#);
        assert!(decode(b"").is_err() && decode(b"[1]").is_err());
        assert_eq!(decode(br#"{"group":"g"}"#).unwrap(), [""; 0]);
    }

    proptest! {
        #[test]
        fn keys_of_any_text_arrive(keys: Vec<String>) {
            let sent: Vec<&str> = keys.iter().map(String::as_str).collect();
            let message = encode("g", &sent).unwrap();
            prop_assert_eq!(decode(&message).unwrap(), keys);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            if let Ok(keys) = decode(&bytes) {
                prop_assert!(keys.len() <= bytes.len());
            }
        }
    }
}
