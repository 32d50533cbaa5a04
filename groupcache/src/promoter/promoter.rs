use super::candidate::Candidate;

/// Decides whether a value that came from its owner is kept in this node's hot cache.
///
/// A mirror saves the next get the way over the network. It costs memory, and may be as stale as the
/// group allows. The promoter is called once per fetch, on the task that fetched, and should be quick.
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
/// | [`Never`](crate::Never) | 750.4 | 750.4 | 750.4 | 749.7 | 749.7 | 749.7 |
/// | [`Always`](crate::Always) | 382.4 | 325.1 | 279.5 | 412.2 | 359.2 | 310.3 |
/// | [`OneInTen`](crate::OneInTen), golang's | 391.4 | 348.2 | 317.7 | 450.9 | 420.6 | 393.7 |
/// | [`SeenBefore`](crate::SeenBefore) | 386.1 | 327.3 | 285.1 | 401.9 | 347.9 | 307.6 |
/// | [`ByRate`](crate::ByRate), 10 a minute | 387.2 | 349.4 | 349.4 | 413.5 | 411.7 | 411.4 |
/// | [`ByRate`](crate::ByRate), 30 a minute | 423.8 | 423.8 | 423.8 | 506.3 | 506.3 | 506.1 |
/// | [`OwnerMeasured`](crate::OwnerMeasured), the default | **378.7** | **323.1** | **279.1** | **394.6** | **340.9** | **303.4** |
///
/// `cargo bench -p groupcache-rs --bench promoters` makes this table. Hashes are seeded anew in each
/// run, so that its figures vary by up to half a fetch, and those of [`OneInTen`](crate::OneInTen) by a few. The
/// store's own policy keeps the keys that are asked for again, so that [`Always`](crate::Always) does well while the popularity
/// stays. [`OneInTen`](crate::OneInTen) and [`ByRate`](crate::ByRate) wait for the tenth fetch or so, and pay for it whenever
/// other keys become popular. The default leads by little over the promoter that fits a load best, but
/// for each load that is another one.
pub trait Promoter: Send + Sync + 'static {
    /// Whether to mirror the candidate.
    fn promote(&self, candidate: &Candidate<'_>) -> bool;

    /// The promoter's name in reports. Default: none.
    fn name(&self) -> Option<&'static str> {
        None
    }
}

impl<F> Promoter for F
where
    F: Fn(&Candidate<'_>) -> bool + Send + Sync + 'static,
{
    fn promote(&self, candidate: &Candidate<'_>) -> bool {
        self(candidate)
    }
}
