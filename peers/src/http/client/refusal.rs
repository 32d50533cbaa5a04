use std::error::Error as StdError;
use std::io;

/// Why the other end has refused this node, if that is what ended a connection: a connector, or a read from one of
/// its connections, says so by `PermissionDenied` with a message. The operating system's error has none.
pub(crate) fn refusal(error: &(dyn StdError + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        let io = error.downcast_ref::<io::Error>();
        #[cfg(feature = "grpc")]
        let io = io.or_else(|| error.downcast_ref().and_then(h2::Error::get_io));
        if let Some(io) = io
            && io.kind() == io::ErrorKind::PermissionDenied
            && let Some(why) = io.get_ref()
        {
            return Some(why.to_string());
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn only_a_refusal_with_words_is_one() {
        let denied = || io::Error::new(io::ErrorKind::PermissionDenied, "no");
        assert_eq!(refusal(&denied()).as_deref(), Some("no"));
        let wrapped = Error::unreachable("http://a", denied());
        assert_eq!(refusal(&wrapped).as_deref(), Some("no"));
        let of_system = io::Error::from_raw_os_error(13);
        assert_eq!(of_system.kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(refusal(&of_system), None);
        assert_eq!(refusal(&io::Error::other("no")), None);
    }
}
