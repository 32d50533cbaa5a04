/// The connections that others have made to a node's own server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct InboundReport {
    /// The connections that are open.
    pub open: usize,
    /// The most connections that may be open: [`max_connections`](crate::HttpOptions::max_connections).
    pub limit: usize,
    /// The connections that were accepted since the server started, also those that have ended.
    pub accepted: u64,
}
