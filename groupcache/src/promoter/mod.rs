//! What becomes hot: the decision whether a value that came from its owner is mirrored here.

mod always;
mod bar;
mod by_rate;
mod candidate;
mod never;
mod one_in_ten;
mod owner_measured;
mod seen_before;

pub use always::Always;
pub use by_rate::ByRate;
pub use candidate::Candidate;
pub use never::Never;
pub use one_in_ten::OneInTen;
pub use owner_measured::OwnerMeasured;
pub use seen_before::SeenBefore;

/// Decides whether a value that came from its owner is kept in this node's hot cache.
///
/// A mirrored value saves the network on the next get, at the price of memory and of being as
/// stale as the group allows. Called once per fetch, on the task that fetched; it should be quick.
///
/// Every `Fn(&Candidate<'_>) -> bool` is a promoter:
///
/// ```
/// use groupcache::{Candidate, Promoter};
///
/// fn takes_a_promoter(_: impl Promoter) {}
/// takes_a_promoter(|candidate: &Candidate<'_>| candidate.value().len() < 4096);
/// ```
///
/// # Which one
///
/// Gets out of a thousand that went over the network, on four nodes that are each asked for 100,000
/// keys (Zipf 0.99) a thousand times a second, with room for 2, 5 and 10 % of them on each node,
/// starting cold. *Steady*: the popularity stays as it is; *shifting*: every half minute the 311
/// hottest keys become the coldest. The number of loads hardly depends on the promoter, as long as
/// there is one.
///
/// | promoter | steady: 2 % | 5 % | 10 % | shifting: 2 % | 5 % | 10 % |
/// |---|--:|--:|--:|--:|--:|--:|
/// | [`Never`] | 750.4 | 750.4 | 750.4 | 749.7 | 749.7 | 749.7 |
/// | [`Always`] | 382.3 | 325.3 | 279.9 | 412.0 | 359.1 | 310.3 |
/// | [`OneInTen`], golang's | 391.8 | 348.4 | 317.4 | 451.9 | 420.7 | 392.8 |
/// | [`SeenBefore`] | 386.6 | 327.6 | 285.3 | 401.8 | 347.9 | 307.4 |
/// | [`ByRate`], 10 a minute | 387.1 | 349.4 | 349.4 | 413.5 | 411.8 | 411.4 |
/// | [`ByRate`], 30 a minute | 423.8 | 423.8 | 423.8 | 506.4 | 506.1 | 506.2 |
/// | [`OwnerMeasured`], the default | **378.7** | **323.0** | **279.2** | **394.6** | **340.7** | **303.2** |
///
/// `cargo bench -p groupcache-rs --bench promoters` makes this table. The store's own policy keeps
/// what is asked for again, so that [`Always`] does well while the popularity stays. [`OneInTen`]
/// and [`ByRate`] wait for the tenth fetch or so, and pay for it whenever something else becomes
/// popular. The lead of the default is small over whichever of the others happens to fit the load,
/// but that is another one for each load.
pub trait Promoter: Send + Sync + 'static {
    /// Whether to mirror the candidate.
    fn promote(&self, candidate: &Candidate<'_>) -> bool;
}

impl<F> Promoter for F
where
    F: Fn(&Candidate<'_>) -> bool + Send + Sync + 'static,
{
    fn promote(&self, candidate: &Candidate<'_>) -> bool {
        self(candidate)
    }
}
