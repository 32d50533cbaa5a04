use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use super::boot;
use super::ledger::{Ledger, Opened};

/// A file that says that somebody went on without the folder: what that one has forgotten, the ledger does not know.
const VOID: &str = "void";

/// What the folder of a group is called. Letters and digits are as they are, so that a person finds the group; the hash tells apart
/// what is left out.
pub(super) fn name(group: &str) -> String {
    let plain = group.chars().filter(char::is_ascii_alphanumeric);
    let plain: String = plain.take(40).collect();
    format!("{plain}-{:016x}", xxh3_64(group.as_bytes()))
}

/// Takes a folder, as long as the file lives that this returns, and opens the ledger there.
pub(super) fn open(folder: &Path, definition: u64) -> io::Result<(File, Opened)> {
    create_private(folder)?;
    let lock = File::create(folder.join("lock"))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(io::Error::other(
                "the folder is in use, by another process or by a group of this one that has not ended",
            ));
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let void = folder.join(VOID);
    if fs::exists(&void)? {
        Ledger::discard(folder)?;
        fs::remove_file(void)?;
    }
    let opened = Ledger::open(folder, definition, boot::this())?;
    Ok((lock, opened))
}

/// Says in a folder that somebody goes on without it. The next one who opens it finds nothing there.
pub(super) fn void(folder: &Path) -> io::Result<()> {
    File::create(folder.join(VOID)).map(drop)
}

/// Makes a folder that nobody else may look into, where the system knows of that.
fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}
