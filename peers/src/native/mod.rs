//! The protocol between nodes of this implementation: golang's exchanges, and the ones that they lack.
//!
//! | request | body | |
//! |---|---|---|
//! | `GET <group>/<key>` | | header `x-groupcache-mode`: `peek` or `warm-up` |
//! | `POST <group>/_get-many/` | `GetManyRequest` | the answer is a `GetManyResponse` |
//! | `PUT <group>/<key>` | `SetRequest` | the body names the same group and key, or the answer is 400 |
//! | `DELETE <group>/<key>` | | |
//! | `POST <group>/_remove-keys/` | `RemoveKeysRequest` | |
//! | `POST <group>/_clear/` | | |
//! | `POST <group>/_changes/` | `ChangesRequest` | the answer is a `ChangesResponse` |
//!
//! A change carries its [`Phase`](crate::Phase) in the header `x-groupcache-phase`, and a value comes
//! with the owner's [`LogPosition`](crate::LogPosition). Each request says who is meant, in the headers
//! `x-groupcache-member` and `x-groupcache-cluster`, and 421 is the answer of everybody else. Statuses are golang's; the header
//! `x-groupcache-error` names the error.

mod client;
mod headers;
mod server;
pub(crate) mod stream;
mod wire;

pub(crate) use client::NativeClient;
pub(crate) use server::answer;
