use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::version::ObjectVersion;
use crate::Key;

/// What a source says of an object: its length, its validator, and what else is known.
///
/// ```
/// use groupcache::ObjectInfo;
///
/// let info = ObjectInfo::new(3 << 30, "v17").with_content_type("video/mp4");
/// assert_eq!((info.len(), info.validator()), (3 << 30, &b"v17"[..]));
/// assert_eq!(info.content_type(), Some("video/mp4"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    version: ObjectVersion,
    content_type: Option<String>,
    /// In seconds after 1970, before [`END_OF_DATES`].
    modified: Option<u64>,
}

/// The year 10000, which HTTP has no date for, in seconds after 1970.
const END_OF_DATES: u64 = 253_402_300_800;

impl ObjectInfo {
    /// An object of this many bytes, in the state that the validator names: any 1 to 256 bytes that are others whenever the
    /// object's bytes are others, such as a version number, a hash, or an etag without its quotes.
    pub fn new(len: u64, validator: impl AsRef<[u8]>) -> Self {
        Self {
            version: ObjectVersion::new(len, Key::from(validator.as_ref())),
            content_type: None,
            modified: None,
        }
    }

    /// The media type of the object, of up to 256 bytes, for HTTP. Default: `application/octet-stream`.
    pub fn with_content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// When the object was changed last, in whole seconds as HTTP tells it. A moment before 1970 or after the year 9999
    /// is not kept. Default: not known.
    pub fn with_modified(self, moment: SystemTime) -> Self {
        let seconds = moment.duration_since(UNIX_EPOCH).ok();
        self.modified_at(seconds.map(|since| since.as_secs()))
    }

    pub(super) fn modified_at(mut self, seconds: Option<u64>) -> Self {
        self.modified = seconds.filter(|seconds| *seconds < END_OF_DATES);
        self
    }

    pub(super) fn modified_seconds(&self) -> Option<u64> {
        self.modified
    }

    /// Which state of the object this is about.
    pub fn version(&self) -> &ObjectVersion {
        &self.version
    }

    /// How many bytes the object has.
    pub fn len(&self) -> u64 {
        self.version.len()
    }

    /// Whether the object has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// As [`ObjectVersion::validator`].
    pub fn validator(&self) -> &[u8] {
        self.version.validator()
    }

    /// The media type, if it is known.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// When the object was changed last, if that is known.
    pub fn modified(&self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::from_secs(self.modified?))
    }
}
