//! Objects that are read in pieces.
//!
//! An object is two kinds of values of one ordinary group: its *info*, which says what there is, and its *pieces*, whose
//! keys hold the version that the info names. What a group does for its values, it does for each of them by itself.
//!
//! | file | |
//! |---|---|
//! | `source` | the trait to implement: how long an object is, and a range of it |
//! | `version`, `info`, `info_codec` | what a source says of an object, and its bytes |
//! | `piece`, `whole` | a piece: its key, its range, and the check that it is whole |
//! | `loader` | the group's getter, which asks the source |
//! | `pieces` | the group, as readers need it |
//! | `builder`, `objects` | the settings, and the handle |
//! | `object`, `read_ahead`, `stream`, `reader` | one version, as somebody reads it |
//! | `http` | the same for HTTP (feature `objects-http`) |

mod builder;
#[cfg(feature = "objects-http")]
mod http;
mod info;
mod info_codec;
mod loader;
mod object;
#[allow(
    clippy::module_inception,
    reason = "the room is named after its main type"
)]
mod objects;
mod piece;
mod pieces;
mod read_ahead;
mod reader;
mod source;
mod stream;
mod version;
mod whole;

pub use builder::ObjectsBuilder;
#[cfg(feature = "objects-http")]
pub use http::{ObjectBody, ServeObjects};
pub use info::ObjectInfo;
pub use objects::Objects;
pub use reader::ObjectReader;
pub use source::ObjectSource;
pub use stream::ObjectStream;
pub use version::ObjectVersion;
