//! A trace, and the readers for the recorded ones.
//!
//! Sources: OLTP is from Megiddo and Modha, "ARC: A Self-Tuning, Low Overhead Replacement Cache", FAST '03; sprite,
//! multi2 and gli are from Jiang and Zhang, "LIRS", SIGMETRICS '02; request is from Berger, Sitaraman and
//! Harchol-Balter, "AdaptSize", NSDI '17; web07 and web12 are from the benchmark of cache2k.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

/// A sequence of accesses to objects, which are numbered `0..footprint` in the order of their first appearance.
pub(crate) struct Trace {
    pub(crate) name: String,
    pub(crate) accesses: Vec<u32>,
    /// Bytes (or units) of each object.
    pub(crate) weights: Vec<u32>,
}

impl Trace {
    /// A trace of objects that weigh one unit each.
    pub(crate) fn unit(name: &str, keys: impl IntoIterator<Item = u64>) -> Self {
        Self::weighted(name, keys.into_iter().map(|key| (key, 1)))
    }

    /// A trace of `(key, weight)`; the same key with another weight is another object.
    pub(crate) fn weighted(name: &str, keys: impl IntoIterator<Item = (u64, u32)>) -> Self {
        let mut ids: HashMap<(u64, u32), u32> = HashMap::new();
        let mut weights = Vec::new();
        let accesses = keys
            .into_iter()
            .map(|object| {
                *ids.entry(object).or_insert_with(|| {
                    weights.push(object.1);
                    weights.len() as u32 - 1
                })
            })
            .collect();
        Self {
            name: name.to_owned(),
            accesses,
            weights,
        }
    }

    /// The number of distinct objects.
    pub(crate) fn footprint(&self) -> usize {
        self.weights.len()
    }

    /// The bytes of all distinct objects.
    pub(crate) fn footprint_bytes(&self) -> u64 {
        self.weights.iter().map(|&weight| u64::from(weight)).sum()
    }

    pub(crate) fn weight(&self, id: u32) -> u64 {
        u64::from(self.weights[id as usize])
    }
}

/// The recorded traces of unit weight, and the files they are in.
pub(crate) const RECORDED: [(&str, &str); 6] = [
    ("OLTP", "OLTP.lis.zst"),
    ("web07", "web07.trace.xz"),
    ("web12", "web12.trace.xz"),
    ("sprite", "sprite.trace.gz"),
    ("multi2", "multi2.trace.gz"),
    ("gli", "gli.trace.gz"),
];

/// The recorded trace whose objects have sizes.
pub(crate) const SIZED: (&str, &str) = ("request", "request.trace.xz");

/// The recorded traces of a folder, those of unit weight and the one with sizes. Says which are missing.
pub(crate) fn read_all(dir: Option<&Path>) -> (Vec<Trace>, Option<Trace>) {
    let Some(dir) = dir else {
        println!("no folder of traces given (--traces DIR or TRACE_DIR): synthetic rows only");
        return (Vec::new(), None);
    };
    let read = |(name, file): (&str, &str)| match read(dir, name, file) {
        Ok(trace) => Some(trace),
        Err(error) => {
            println!("trace left out: {}: {error}", dir.join(file).display());
            None
        }
    };
    let unit = RECORDED.into_iter().filter_map(read).collect();
    (unit, read(SIZED))
}

/// Reads one recorded trace.
fn read(dir: &Path, name: &str, file: &str) -> io::Result<Trace> {
    let content = decompress(&dir.join(file))?;
    if name.starts_with("web") {
        let keys = content
            .chunks_exact(4)
            .map(|key| u64::from(u32::from_be_bytes([key[0], key[1], key[2], key[3]])));
        return Ok(Trace::unit(name, keys));
    }
    let lines = numbers(&content)?;
    Ok(match name {
        // `start count 0 0`: a read of `count` blocks.
        "OLTP" => Trace::unit(
            name,
            lines.iter().flat_map(|line| line[0]..line[0] + line[1]),
        ),
        // `time key bytes`
        "request" => Trace::weighted(name, lines.iter().map(|line| (line[1], line[2] as u32))),
        _ => Trace::unit(name, lines.iter().map(|line| line[0])),
    })
}

fn decompress(path: &Path) -> io::Result<Vec<u8>> {
    let packed = fs::read(path)?;
    let mut content = Vec::new();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => {
            flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut content)?;
        }
        Some("xz") => lzma_rs::xz_decompress(&mut packed.as_slice(), &mut content)
            .map_err(io::Error::other)?,
        Some("zst") => {
            let mut decoder = ruzstd::decoding::StreamingDecoder::new(packed.as_slice())
                .map_err(io::Error::other)?;
            decoder.read_to_end(&mut content)?;
        }
        _ => content = packed,
    }
    Ok(content)
}

/// The numbers of every line that is not empty.
fn numbers(content: &[u8]) -> io::Result<Vec<Vec<u64>>> {
    let text = std::str::from_utf8(content).map_err(io::Error::other)?;
    text.lines()
        .map(|line| {
            line.split_whitespace()
                .map(|word| word.parse().map_err(io::Error::other))
                .collect()
        })
        .filter(|line: &io::Result<Vec<u64>>| {
            line.as_ref().map_or(true, |numbers| !numbers.is_empty())
        })
        .collect()
}
