use crate::splitmix64::SplitMix64;
use crate::{Candidate, Promoter};

/// Mirrors one fetched value in ten, at random, so that a popular key is mirrored soon. This is
/// golang/groupcache's rule.
#[derive(Debug, Default)]
pub struct OneInTen {
    /// So that a loop over ten keys does not mirror the same one for ever.
    random: SplitMix64,
}

impl Promoter for OneInTen {
    fn promote(&self, _: &Candidate<'_>) -> bool {
        self.random.next().is_multiple_of(10)
    }

    fn name(&self) -> Option<&'static str> {
        Some("one-in-ten")
    }
}

#[cfg(test)]
mod tests {

    use byteview::ByteView;

    use super::*;
    use crate::Key;
    use crate::rates::Rate;
    use crate::store::Storage;

    #[test]
    fn about_one_fetch_in_ten_is_mirrored_and_not_in_step() {
        let promoter = OneInTen::default();
        let candidate = Candidate {
            key: &Key::from("k"),
            value: &ByteView::default(),
            owner_minute_qps: None,
            local: Rate::FIRST,
            members: 1,
            store: &Storage::empty(),
        };
        let verdicts: Vec<bool> = (0..10_000).map(|_| promoter.promote(&candidate)).collect();
        let promoted = verdicts.iter().filter(|verdict| **verdict).count();
        assert!((900..1100).contains(&promoted), "{promoted}");
        for phase in 0..10 {
            let in_step = verdicts
                .iter()
                .skip(phase)
                .step_by(10)
                .filter(|v| **v)
                .count();
            assert!(in_step < 200, "{in_step} of 1000 at phase {phase}");
        }
    }
}
