use std::fs;
use std::path::Path;

use crate::BoxError;

/// What a process holds of the system.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sample {
    /// Bytes of memory that are in use.
    pub(super) resident: u64,
    /// Open descriptors.
    pub(super) descriptors: u64,
    pub(super) threads: u64,
}

impl Sample {
    /// Of the process with this number. Only Linux tells.
    pub(super) fn of(process: u32) -> Result<Self, BoxError> {
        let folder = Path::new("/proc").join(process.to_string());
        let read = || {
            let status = fs::read_to_string(folder.join("status"))?;
            let descriptors = fs::read_dir(folder.join("fd"))?.count();
            Ok::<_, std::io::Error>((status, descriptors))
        };
        let (status, descriptors) =
            read().map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
            number.ok_or_else(|| format!("no {name} in {}/status", folder.display()))
        };
        Ok(Self {
            resident: number("VmRSS:")? * 1024,
            descriptors: descriptors as u64,
            threads: number("Threads:")?,
        })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_descriptors_and_threads() {
        let sample = Sample::of(std::process::id()).unwrap();
        assert!(sample.resident > 100_000, "{sample:?}");
        assert!(sample.descriptors >= 3 && sample.threads >= 1, "{sample:?}");
    }
}
