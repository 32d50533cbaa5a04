/// The numbers in some bytes, each as eight little-endian ones. Zeros stand for what is missing.
pub(super) fn words<const N: usize>(bytes: &[u8]) -> [u64; N] {
    let mut words = bytes.chunks_exact(8).map(|word| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(word);
        u64::from_le_bytes(bytes)
    });
    std::array::from_fn(|_| words.next().unwrap_or_default())
}
