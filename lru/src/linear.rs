//! The addresses of linear hashing (Litwin, VLDB '80), by which a table grows and shrinks one bucket at
//! a time: the last bucket is split off from its [`buddy`], and goes back to it.

/// The bucket of a hash when there are so many, at least one, and `mask` is theirs.
#[inline]
pub(crate) fn bucket(hash: u64, buckets: u32, mask: u32) -> u32 {
    let wide = hash as u32 & mask;
    let narrow = wide & (mask >> 1);
    if wide < buckets { wide } else { narrow }
}

/// The bits of a hash that matter when there are so many buckets: one less than the power of two that is
/// as large, or the next.
pub(crate) fn mask(buckets: u32) -> u32 {
    buckets.next_power_of_two().wrapping_sub(1)
}

/// The bucket that this one is split off from.
pub(crate) fn buddy(bucket: u32) -> u32 {
    bucket & !(1 << bucket.max(1).ilog2())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_bucket_takes_from_its_buddy_alone() {
        for buckets in 1..200 {
            for hash in 0..1000 {
                let bucket = |buckets| bucket(hash, buckets, mask(buckets));
                let (before, after) = (bucket(buckets), bucket(buckets + 1));
                assert!(before < buckets);
                assert!(after == before || (after == buckets && before == buddy(buckets)));
            }
        }
    }
}
