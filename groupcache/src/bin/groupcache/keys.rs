use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use groupcache::Key;
use serde_json::{Map, Value};

use super::failure::Failure;
use super::input::open;

/// One key.
#[derive(Debug, Args)]
pub(super) struct KeyOption {
    /// Key.
    #[arg(value_name = "KEY")]
    key: OsString,
    /// The key is in base64, so that it can be any bytes.
    #[arg(long)]
    key_base64: bool,
}

/// Any number of keys.
#[derive(Debug, Args)]
pub(super) struct KeysOptions {
    /// Keys.
    #[arg(value_name = "KEY", required_unless_present = "keys_from")]
    keys: Vec<OsString>,
    /// File with further keys, one a line; - is stdin.
    #[arg(long, value_name = "FILE")]
    keys_from: Option<PathBuf>,
    /// The keys are in base64, so that they can be any bytes.
    #[arg(long)]
    key_base64: bool,
}

/// The longest line of a file with keys; four times the longest key.
const LONGEST_LINE: u64 = 64 << 10;

impl KeyOption {
    pub(super) fn key(&self) -> Result<Key, Failure> {
        decoded(self.key.as_encoded_bytes(), self.key_base64)
    }
}

impl KeysOptions {
    /// The keys in batches of up to `size`.
    pub(super) fn batches(
        &self,
        size: usize,
    ) -> Result<impl Iterator<Item = Result<Vec<Key>, Failure>>, Failure> {
        let named = self
            .keys
            .iter()
            .map(|key| Ok(key.as_encoded_bytes().to_vec()));
        let lines = self.keys_from.as_deref().map(lines).transpose()?;
        let mut all = named.chain(lines.into_iter().flatten());
        Ok(std::iter::from_fn(move || {
            let batch = all.by_ref().take(size);
            let batch = batch.map(|key| decoded(&key?, self.key_base64));
            let batch: Result<Vec<Key>, Failure> = batch.collect();
            match batch {
                Ok(keys) if keys.is_empty() => None,
                batch => Some(batch),
            }
        }))
    }
}

fn decoded(key: &[u8], is_base64: bool) -> Result<Key, Failure> {
    if !is_base64 {
        return Ok(Key::from(key));
    }
    let decoded = STANDARD.decode(key.trim_ascii());
    let decoded = decoded.map_err(|error| {
        Failure::Start(format!(
            "the key {:?} is not base64: {error}",
            key.escape_ascii().to_string()
        ))
    })?;
    Ok(Key::from(decoded))
}

/// The lines of a file, without their ends.
fn lines(path: &Path) -> Result<impl Iterator<Item = Result<Vec<u8>, Failure>>, Failure> {
    let mut reader = BufReader::new(open(path)?);
    Ok(std::iter::from_fn(move || {
        let mut line = Vec::new();
        let read = reader
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line);
        match read {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => {
                return Some(Err(Failure::Start(format!(
                    "a key cannot be read: {error}"
                ))));
            }
        }
        if line.last() == Some(&b'\n') {
            line.pop();
            line.pop_if(|last| *last == b'\r');
        } else if line.len() as u64 == LONGEST_LINE {
            let text = format!("a line with a key is longer than {LONGEST_LINE} bytes");
            return Some(Err(Failure::Start(text)));
        }
        Some(Ok(line))
    }))
}

/// Bytes as fields of a JSON object: `name` if they are text, else `name_base64`.
pub(super) fn add_bytes(fields: &mut Map<String, Value>, name: &str, bytes: &[u8]) {
    match str::from_utf8(bytes) {
        Ok(text) => fields.insert(name.to_owned(), text.into()),
        Err(_) => fields.insert(format!("{name}_base64"), STANDARD.encode(bytes).into()),
    };
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn options(keys: &[&str], file: Option<&Path>, key_base64: bool) -> KeysOptions {
        KeysOptions {
            keys: keys.iter().map(OsString::from).collect(),
            keys_from: file.map(Path::to_owned),
            key_base64,
        }
    }

    fn all(options: &KeysOptions, size: usize) -> Result<Vec<Vec<Key>>, Failure> {
        options.batches(size)?.collect()
    }

    #[test]
    fn keys_come_in_batches_from_the_command_line_and_from_a_file() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"c\r\nd\xff\n\ne").unwrap();
        let batches = all(&options(&["a", "b"], Some(file.path()), false), 3).unwrap();
        let expected: [&[u8]; 6] = [b"a", b"b", b"c", b"d\xff", b"", b"e"];
        assert_eq!(batches.concat(), expected.map(Key::from));
        assert_eq!(batches.len(), 2);
    }

    #[test]
    fn keys_of_any_bytes_come_in_base64() {
        let batches = all(&options(&["/wA=", "YQ=="], None, true), 9).unwrap();
        assert_eq!(batches, [[Key::from(&b"\xff\0"[..]), Key::from("a")]]);
        let wrong = all(&options(&["?"], None, true), 9).unwrap_err();
        assert_eq!(wrong.exit_code(), 2);
    }

    #[test]
    fn a_line_without_an_end_is_refused() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&vec![b'x'; LONGEST_LINE as usize + 1])
            .unwrap();
        let wrong = all(&options(&[], Some(file.path()), false), 9).unwrap_err();
        assert!(wrong.to_string().contains("65536 bytes"), "{wrong}");
    }
}
