use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::{Error, Member, PeerClient};

/// Turns members into clients. One transport speaks one wire format.
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// A client for `member`. Returns at once; connections are made when they are first needed.
    ///
    /// # Errors
    ///
    /// When the member's URL cannot be dialled by this transport.
    fn dial(&self, member: &Member) -> Result<Arc<dyn PeerClient>, Error>;

    /// The longest time that an exchange takes before this transport gives it up; `None` if it has no
    /// such limit, which is the default.
    fn request_timeout(&self) -> Option<Duration> {
        None
    }

    /// The largest value that it takes from a peer and sends to one, in bytes; `None` if it has no such limit, which is the
    /// default.
    fn max_value_bytes(&self) -> Option<usize> {
        None
    }

    /// Whether its wire format carries the names of changes, and what nodes know of them. Default: yes.
    fn names_changes(&self) -> bool {
        true
    }

    /// The bytes of answers that are being received at the moment, for reports; `None` if it does not know, which is the
    /// default.
    fn body_bytes_in_flight(&self) -> Option<usize> {
        None
    }
}
