//! Who may talk: which requests need credentials, and whether a request has them.

#[expect(
    clippy::module_inception,
    reason = "the file is named after the one thing it holds"
)]
mod access;
mod changes;
mod guard;
mod pass;
#[cfg(feature = "tls")]
mod roster;
mod tokens;

pub use access::Access;
pub(crate) use access::Effect;
pub(crate) use guard::{Guard, Shown};
pub(crate) use pass::Pass;
#[cfg(feature = "tls")]
pub use roster::Roster;
pub use tokens::Tokens;
