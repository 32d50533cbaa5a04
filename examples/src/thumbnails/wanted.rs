use std::path::{Component, Path};

use groupcache::Key;
use groupcache::keys::KeyError;
use serde::Deserialize;

/// The widths that a thumbnail can have, in pixels.
const WIDTHS: std::ops::RangeInclusive<u32> = 16..=1024;

/// The longest path of a picture, in bytes.
const MAX_PATH: usize = 1024;

/// The thumbnail that somebody wants: the query of a request, and the key of the group.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Wanted {
    /// The path of the picture in the folder, with `/` between its parts.
    pub(super) path: String,
    /// Pixels.
    #[serde(rename = "w")]
    pub(super) width: u32,
}

impl Wanted {
    /// Says what makes no sense. A path that passes stays in the folder, as far as its text can tell, and is the only
    /// one of its picture, so that nobody fills the cache with `a.png`, `./a.png` and `b/../a.png`.
    pub(super) fn check(&self) -> Result<(), String> {
        if !WIDTHS.contains(&self.width) {
            let (least, most) = WIDTHS.into_inner();
            return Err(format!("w is not from {least} to {most}"));
        }
        if self.path.len() > MAX_PATH {
            return Err(format!("path has more than {MAX_PATH} bytes"));
        }
        let part = |component| match component {
            Component::Normal(name) => name.to_str().filter(|name| !name.starts_with('.')),
            _ => None,
        };
        let parts: Option<Vec<&str>> = Path::new(&self.path).components().map(part).collect();
        match parts {
            Some(parts) if !parts.is_empty() && parts.join("/") == self.path => {}
            _ => return Err("path is not of the form folder/picture.jpg".to_owned()),
        }
        if self.path.contains(['\0', '\\']) {
            return Err("path has a character that no picture's path has".to_owned());
        }
        Ok(())
    }
}

impl From<&Wanted> for Key {
    fn from(wanted: &Wanted) -> Self {
        Key::builder()
            .text(&wanted.path)
            .integer(wanted.width)
            .build()
    }
}

/// The key may come from a peer, so that it has to be [checked](Wanted::check) again.
impl TryFrom<&Key> for Wanted {
    type Error = KeyError;

    fn try_from(key: &Key) -> Result<Self, KeyError> {
        let mut segments = key.segments();
        let (path, width) = (segments.text()?.into_owned(), segments.integer()?);
        segments.end()?;
        Ok(Self { path, width })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(path: &str, width: u32) -> Wanted {
        let path = path.to_owned();
        Wanted { path, width }
    }

    #[test]
    fn a_path_in_the_folder_passes_and_comes_back_from_the_key() {
        for path in ["a.png", "holidays/sea.jpg", "größe 100%.png", "a..b"] {
            let wanted = wanted(path, 320);
            assert_eq!(wanted.check(), Ok(()), "{path}");
            assert_eq!(Wanted::try_from(&Key::from(&wanted)).unwrap(), wanted);
        }
        assert_eq!(wanted("a.png", 16).check(), Ok(()));
        assert_eq!(wanted("a.png", 1024).check(), Ok(()));
    }

    #[test]
    fn a_path_out_of_the_folder_or_of_another_form_is_refused() {
        let long = "x".repeat(MAX_PATH + 1);
        for path in [
            "",
            ".",
            "..",
            "../a.png",
            "a/../../b",
            "a/../b.png",
            "/etc/passwd",
            "./a.png",
            "a//b.png",
            "a.png/",
            ".hidden",
            "a/.git/config",
            "a\\b.png",
            "..\\a.png",
            "a\0.png",
            &long,
        ] {
            assert!(wanted(path, 320).check().is_err(), "{path:?}");
        }
    }

    #[test]
    fn a_width_beyond_the_limits_is_refused() {
        for width in [0, 15, 1025, u32::MAX] {
            let refusal = wanted("a.png", width).check().unwrap_err();
            assert_eq!(refusal, "w is not from 16 to 1024");
        }
    }
}
