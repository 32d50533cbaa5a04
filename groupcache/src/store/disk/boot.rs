use std::fs;

/// Names the time since the machine was started: what was written to files since then has not been lost with its power. Zeros
/// if the system does not say; then nothing counts as written since.
pub(super) fn this() -> [u8; 16] {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let mut digits = id.bytes().filter_map(|byte| char::from(byte).to_digit(16));
    let mut bytes = [0; 16];
    for byte in &mut bytes {
        let (Some(high), Some(low)) = (digits.next(), digits.next()) else {
            return [0; 16];
        };
        *byte = (high << 4 | low) as u8;
    }
    bytes
}
