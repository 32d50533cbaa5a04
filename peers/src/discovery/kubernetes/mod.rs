//! Members from the endpoints of a Kubernetes service, by kube.

mod endpoints;
#[allow(clippy::module_inception, reason = "the room is named after its type")]
mod kubernetes;
mod options;
mod paced;

pub use kubernetes::Kubernetes;
pub use options::{KubernetesOptions, KubernetesPort};
