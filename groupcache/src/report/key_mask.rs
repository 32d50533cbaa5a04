use std::hash::{BuildHasher, RandomState};

use crate::Key;

/// Shows keys in reports and logs as they are, or hashes in their place.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyMask {
    /// With a seed of its own, so that nobody can find a key by hashing guesses.
    hasher: Option<RandomState>,
}

impl KeyMask {
    /// Hides all keys.
    pub(crate) fn hiding() -> Self {
        Self {
            hasher: Some(RandomState::new()),
        }
    }

    pub(crate) fn hides(&self) -> bool {
        self.hasher.is_some()
    }

    /// The key, or what stands in its place.
    pub(crate) fn show(&self, key: &Key) -> Key {
        match &self.hasher {
            None => key.clone(),
            Some(hasher) => format!("#{:016x}", hasher.hash_one(key)).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_key_is_a_hash_that_stays() {
        let mask = KeyMask::hiding();
        let (one, other) = (mask.show(&"ada".into()), mask.show(&"eve".into()));
        assert_eq!(one, mask.show(&"ada".into()));
        assert!(one != other && one.starts_with(b"#") && one.len() == 17);
        assert_ne!(one, KeyMask::hiding().show(&"ada".into()));
        assert_eq!(KeyMask::default().show(&"ada".into()), Key::from("ada"));
    }
}
