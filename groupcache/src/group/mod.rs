//! A group: its handle, the get path, and the changes of its values.
//!
//! | room | |
//! |---|---|
//! | `handle` | the public type |
//! | `get` | the get path of a local caller, a step a file |
//! | `serve` | the same for a peer |
//! | `many` | the same for several keys together |
//! | `change` | remove, set and clear, here and on all nodes |
//! | `hand_over` | what other nodes should have of what this node has |
//! | `standby`, `stand_ins` | copies of this node's values on those that stand in for it |
//! | `on_disk` | a disk below memory, from its start to its end |
//! | `introspect` | looks at what is in memory, and removals by such looks |
//! | `report` | what the group tells of itself |
//! | `undecodable` | loads in place of bytes that a typed group cannot decode |
//! | `moments`, `clocks` | values that stop being fresh at a moment of the wall clock |
//! | `flights`, `failures`, `absences` | shared by the above: one load per key, pauses, keys without values |
//! | `turns`, `places`, `hedges` | how many loads, flights and second questions |
//! | `node_runtime`, `entered`, `task_pool` | the runtime and the tasks of their work |

mod absences;
mod builder;
mod change;
mod clocks;
mod entered;
mod failures;
mod flights;
mod get;
mod hand_over;
mod handle;
mod hedges;
mod inner;
mod introspect;
mod limits;
mod many;
mod moments;
mod node_runtime;
#[cfg(feature = "disk")]
mod on_disk;
mod places;
mod report;
mod serve;
mod stand_ins;
mod standby;
mod task_pool;
mod turns;
mod undecodable;

pub use builder::GroupBuilder;
pub(crate) use hand_over::Copies;
pub use handle::Group;
#[cfg(feature = "disk")]
pub(crate) use inner::Inner;
pub use many::GetMany;
pub(crate) use many::in_order;
pub(crate) use turns::LoadBound;
