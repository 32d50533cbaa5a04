//! Coherence: how the nodes of a cluster agree on which cached values are out of date.
//!
//! A node that removes, sets or clears sends the change to its peers in two [phases](crate::Phase).
//! Two mechanisms repair what the phases miss. They are those of replicated stores (DeCandia et al.,
//! *Dynamo*, SOSP '07, sections 4.6 and 4.7), reduced to a cache, where forgetting a key is always
//! correct:
//!
//! - **Hints** (the paper's *hinted handoff*). The sender keeps the keys of a change as a hint for each
//!   peer that it could not reach, and [delivers](Delivery) the hint later.
//! - **Anti-entropy.** Every node logs the changes of the keys that it owns, and each of its replies
//!   carries the [position](crate::LogPosition) of that log. A peer whose cursor is behind pulls the
//!   rest of the log and forgets those keys.
//!
//! [`Coherence`] owns all of this state for one group. It has no socket, no clock and no task: its
//! caller reports what happened and when, and it answers what to do next.

mod change_log;
#[allow(
    clippy::module_inception,
    reason = "the room is named after its owner type"
)]
mod coherence;
mod cursors;
mod hints;
mod options;
mod recent_ids;
mod scope;

pub use coherence::Coherence;
pub use cursors::{Missed, Pull};
pub use hints::Delivery;
pub use options::CoherenceOptions;
pub use scope::Scope;
