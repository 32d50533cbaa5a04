//! Between nodes of this implementation: mailgun's exchanges, and what they lack.
//!
//! | request | body | |
//! |---|---|---|
//! | `GET <group>/<key>` | | header `x-groupcache-mode`: `peek` or `warm-up` |
//! | `PUT <group>/<key>` | `SetRequest` | about the same group and key, or it is a 400 |
//! | `DELETE <group>/<key>` | | |
//! | `POST <group>/_remove-keys/` | `RemoveKeysRequest` | as in groupcache-go, but keys are bytes |
//! | `POST <group>/_clear/` | | |
//! | `POST <group>/_changes/` | `ChangesRequest` | answered with a `ChangesResponse` |
//!
//! What changes something has the header `x-groupcache-phase`, see [`Phase`](crate::Phase).
//! A value comes with the owner's [`LogPosition`](crate::LogPosition). Statuses are golang's; what counts is the header `x-groupcache-error`.

mod client;
mod server;
mod wire;

pub(crate) use client::NativeClient;
pub(crate) use server::answer;
