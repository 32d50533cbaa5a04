//! Objects over HTTP, by the rules of RFC 9110.
//!
//! | file | |
//! |---|---|
//! | `service` | the tower service |
//! | `conditions`, `ranges` | whether the client gets the object, and which parts of it |
//! | `answer`, `multipart` | the head of the answer, and the parts of its body |
//! | `entity_tag` | a validator as an `ETag` |
//! | `body` | a body that reads as it is polled |

mod answer;
mod body;
mod conditions;
mod entity_tag;
mod multipart;
mod ranges;
mod service;

pub use body::ObjectBody;
pub use service::ServeObjects;
