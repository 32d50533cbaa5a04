use std::future::poll_fn;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::Error;
use crate::http::BodyBudget;
use crate::stream::Hello;
use crate::stream::frame;
use crate::stream::inbox::{Event, Inbox};

/// Reads the server's greeting on a fresh connection, of which some bytes may have been read. `None` if the
/// connection ends before: a server agrees to an upgrade that the one in which it is mounted cannot make.
pub(super) async fn greeted<T: AsyncRead + AsyncWrite + Unpin>(
    mut io: T,
    first: &[u8],
    max_message: u64,
    bodies: Arc<BodyBudget>,
) -> Result<Option<(T, Inbox, Hello)>, Error> {
    let mut inbox = Inbox::new(max_message, bodies);
    inbox.put(first);
    loop {
        if let Some(event) = inbox.next()? {
            let hello = hello(&event)?;
            return Ok(Some((io, inbox, hello)));
        }
        match poll_fn(|cx| inbox.poll_read(cx, &mut io)).await {
            Ok(0) | Err(_) => return Ok(None),
            Ok(_) => {}
        }
    }
}

fn hello(event: &Event<'_>) -> Result<Hello, Error> {
    let Event::Control(header, payload) = event else {
        return Err(Error::malformed("a stream that begins with a message"));
    };
    if header.kind != frame::HELLO {
        return Err(Error::malformed("a stream that does not begin with HELLO"));
    }
    Hello::from_bytes(payload)
}
