//! The addresses of linear hashing (Litwin, VLDB '80). A table grows and shrinks by one bucket at a
//! time: growth splits the last bucket off from its [`buddy`], and shrinking merges the two again.

/// The bucket of a hash in a table of `buckets` buckets, at least one. `mask` is [`mask`] of `buckets`.
#[inline]
pub(crate) fn bucket(hash: u64, buckets: u32, mask: u32) -> u32 {
    let wide = hash as u32 & mask;
    let narrow = wide & (mask >> 1);
    if wide < buckets { wide } else { narrow }
}

/// The bits of a hash that pick one of so many buckets: the number of buckets, rounded up to a power of
/// two, minus one.
pub(crate) fn mask(buckets: u32) -> u32 {
    buckets.next_power_of_two().wrapping_sub(1)
}

/// The bucket that this bucket is split off from.
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
