//! Coherence: how the nodes of a cluster agree on which cached values are out of date.
//!
//! Values are read through, so the truth is behind the getters, and forgetting a key is always correct. It is enough that a
//! node which has heard of a change never gets an older value again. Three rules see to that:
//!
//! - **Names.** A change has a name, the nth of the node that began it. So a node makes it once, however often and by
//!   whatever way it comes, and a set that arrives late is known for what it is.
//! - **What a node knows goes along.** A request for a value has the names of the latest changes of its key that the
//!   asker has heard of. The node that answers makes them first. So a value that comes from another node is as new as the
//!   asker knows, whether or not the other one was told, and whoever owned the key when the change was made. A load that
//!   began before a change of its key is not stored.
//! - **Two nodes can tell each other what they lack.** Each keeps a version vector of all changes that it has
//!   made (D. S. Parker et al., *Detection of mutual inconsistency in distributed systems*, 1983; with the gaps of
//!   D. Malkhi and D. Terry, *Concise version vectors in WinFS*, 2005), and a log of the latest ones with their keys. An exchange of the
//!   vectors shows what is missing on either side, and the log has it, whoever began it. What the log has no more costs the
//!   other side its values of the group.
//!
//! A node cannot take along what its log has dropped. So it asks a peer only if an exchange has *confirmed* that the peer has
//! made all of that, and believes only this start of the peer. It has an exchange with each peer whenever its log has gone
//! about halfway round. By the same rule an owner keeps a value that another node sets: if the sender knew all of that when it
//! began the set.
//!
//! A node has an exchange with each peer now and then too, since nobody may know what a node that died has told to whom. It is
//! left out if the hash in a reply to a get has shown that the peer has made the same changes.
//!
//! A node that could not be told is *behind*. All others hear of that before the change returns, and the first who
//! reaches it brings it up to date.
//!
//! [`Coherence`] owns all of this for one node. It has no socket, no clock and no task: its caller reports what happened
//! and when, and it answers what to do next.

mod change_log;
#[allow(clippy::module_inception, reason = "its owner names the room")]
mod coherence;
#[cfg(test)]
mod nowhere;
mod options;
mod standings;
mod version_vector;

pub use coherence::{Coherence, SetVerdict, Trust};
pub use options::CoherenceOptions;
pub use standings::{Confirmed, DueExchange};
pub use version_vector::VersionVector;
