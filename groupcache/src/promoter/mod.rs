//! Promotion: the decision whether a value that came from its owner is mirrored on this node.

mod always;
mod bar;
mod by_rate;
mod candidate;
mod never;
mod one_in_ten;
mod owner_measured;
#[allow(clippy::module_inception, reason = "the room is named after its trait")]
mod promoter;
mod promotion;
mod seen_before;

pub use always::Always;
pub use by_rate::ByRate;
pub use candidate::Candidate;
pub use never::Never;
pub use one_in_ten::OneInTen;
pub use owner_measured::OwnerMeasured;
pub use promoter::Promoter;
pub(crate) use promotion::Promotion;
pub use seen_before::SeenBefore;
