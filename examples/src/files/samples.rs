//! Files for those who name no folder: a sound, which plays and seeks as a video does, and a long book.

use std::f64::consts::TAU;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};

use tempfile::TempDir;

/// Samples of a second.
const RATE: u32 = 22_050;
const SECONDS: u32 = 120;
const LINES: u32 = 200_000;

/// Makes the files in a folder that is removed when it is dropped.
pub(super) fn make() -> io::Result<TempDir> {
    let folder = tempfile::Builder::new()
        .prefix("groupcache-files")
        .tempdir()?;
    fs::write(folder.path().join("scale.wav"), wave())?;
    let mut book = BufWriter::new(File::create(folder.path().join("book.txt"))?);
    for line in 1..=LINES {
        writeln!(
            book,
            "{line:>8}  All work and no play makes a node a dull cache."
        )?;
    }
    book.flush()?;
    Ok(folder)
}

/// A scale, a tone for each second, as a WAV file of 16 bits and one channel.
fn wave() -> Vec<u8> {
    let data = 2 * RATE * SECONDS;
    let mut wave = Vec::new();
    wave.extend(b"RIFF");
    wave.extend((36 + data).to_le_bytes());
    wave.extend(b"WAVEfmt ");
    wave.extend(16_u32.to_le_bytes());
    wave.extend([1_u16, 1].iter().flat_map(|number| number.to_le_bytes()));
    wave.extend(
        [RATE, 2 * RATE]
            .iter()
            .flat_map(|number| number.to_le_bytes()),
    );
    wave.extend([2_u16, 16].iter().flat_map(|number| number.to_le_bytes()));
    wave.extend(b"data");
    wave.extend(data.to_le_bytes());
    for sample in 0..RATE * SECONDS {
        let (second, time) = (sample / RATE, f64::from(sample) / f64::from(RATE));
        let tone = 220.0 * 2_f64.powf(f64::from(second % 13) / 12.0);
        let level = (TAU * tone * time).sin() * 8000.0;
        wave.extend((level as i16).to_le_bytes());
    }
    wave
}
