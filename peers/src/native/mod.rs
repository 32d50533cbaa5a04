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
//! | `POST _sync` | `knowledge` | the answer is another `knowledge` |
//! | `POST _behind` | `member_ids` | |
//!
//! The last two are about a node and not about a group. No slash is in their targets, and there is one behind every group's
//! name, and so no group is meant whatever its name is. Their messages are bytes of our own, of the type
//! `application/octet-stream`; the others are protobuf. The files of `wire` describe both.
//!
//! A change carries its [`Stamp`](crate::Stamp) in the header `x-groupcache-change`, as `ORIGIN-NUMBER-MEMBERS` of
//! hexadecimal digits. The header `x-groupcache-known` of a GET or a PUT has the changes of the key that the sender knows, as
//! `ORIGIN-NUMBER` or `ORIGIN-NUMBER-all`, at most 128 with commas between them. 400 is the answer to what cannot be read of
//! these two: nobody else would hear of the change, or the value could be older than what the sender knows. A value comes with
//! the origin of its owner, which names the start of that node, and a hash of the changes that the owner has made.
//!
//! Each request says who is meant, in the headers `x-groupcache-member` and `x-groupcache-cluster`, and 421 is the answer of
//! everybody else. Statuses are golang's; the header `x-groupcache-error` names the error.

mod client;
mod headers;
mod node_operation;
mod server;
pub(crate) mod stream;
mod wire;

pub(crate) use client::NativeClient;
pub(crate) use node_operation::NodeOperation;
pub(crate) use server::{answer, is_get_many};
