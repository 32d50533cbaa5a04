//! Protobuf over HTTP: the messages and exchanges of golang's groupcache, which mailgun's and
//! groupcache-go extend.
//!
//! | shared by | |
//! |---|---|
//! | golang, mailgun, groupcache-go | [`get_response`], the message that carries a value |
//! | mailgun, groupcache-go, native | [`set_request`], the message that sets one |
//! | mailgun, groupcache-go | [`ProtobufClient`] and [`server`]: GET, PUT and DELETE |
//! | all of them | [`time`], and how a value is [framed](value_message) |

#[cfg(any(feature = "groupcache-go", feature = "mailgun"))]
mod client;
pub(crate) mod get_response;
#[cfg(any(feature = "groupcache-go", feature = "mailgun"))]
pub(crate) mod server;
pub(crate) mod set_request;
pub(crate) mod time;
mod value_message;

/// The content type of a message.
pub(crate) const CONTENT_TYPE: &str = "application/x-protobuf";

#[cfg(any(feature = "groupcache-go", feature = "mailgun"))]
pub(crate) use client::ProtobufClient;
pub(crate) use value_message::{response, value_message};
