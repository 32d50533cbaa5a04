//! Harm that comes to files.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::common::lonely_node;
use crate::kill::next;
use crate::support::{KEYS, Source, fill, group, key, value};

/// All files in a folder and below.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> = entries
        .flat_map(|entry| match entry.path() {
            path if path.is_dir() => self::files(&path),
            path => vec![path],
        })
        .collect();
    files.sort();
    files
}

/// Cuts files off and turns bits over, by chance: most where something is written.
pub(crate) fn harm(folder: &Path, state: &mut u64) {
    let files = files(folder);
    for _ in 0..1 + next(state) % 8 {
        let file = &files[(next(state) % files.len() as u64) as usize];
        let mut open = OpenOptions::new()
            .read(true)
            .write(true)
            .open(file)
            .unwrap();
        let len = open.metadata().unwrap().len();
        if len == 0 {
            continue;
        }
        let place = next(state) % len.min(1 << (4 + next(state) % 40).min(40));
        if next(state).is_multiple_of(3) {
            open.set_len(place).unwrap();
            continue;
        }
        let mut byte = [0];
        open.seek(SeekFrom::Start(place)).unwrap();
        open.read_exact(&mut byte).unwrap();
        byte[0] ^= 1 << (next(state) % 8);
        open.seek(SeekFrom::Start(place)).unwrap();
        open.write_all(&byte).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_record_is_a_miss_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (node, source) = (lonely_node().await, Source::default());
    let group = group(&node, folder.path(), &source).await;
    fill(&group, KEYS).await;
    source.set_version(1);
    // All that the engine has, while it runs.
    for file in files(folder.path()) {
        if file.to_str().unwrap().contains("data") {
            let bytes = fs::read(&file).unwrap();
            let harmed: Vec<u8> = bytes.iter().map(|byte| byte ^ 0x10).collect();
            let mut open = OpenOptions::new().write(true).open(&file).unwrap();
            open.write_all(&harmed).unwrap();
        }
    }
    let (before, calls) = (group.stats(), source.calls());
    for n in 0..KEYS {
        let found = group.get(key(n)).await.unwrap();
        assert!(found == value(&key(n), 0) || found == value(&key(n), 1));
    }
    let stats = group.stats();
    let loaded = source.calls() - calls;
    assert!(loaded > KEYS / 2, "{loaded}");
    let noticed = stats.disk_lost + stats.disk_errors - before.disk_lost - before.disk_errors;
    assert_eq!(noticed, loaded);
}
