use std::fs::{File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::time::UNIX_EPOCH;

use groupcache::{ByteView, GetterError, Key, NotFound, ObjectInfo, ObjectSource, ObjectVersion};
use tokio::task::spawn_blocking;

use crate::folder::Folder;

/// The files of a folder as objects, which are read off the async threads.
#[derive(Clone, Debug)]
pub(super) struct Directory(Folder);

impl Directory {
    pub(super) fn new(folder: Folder) -> Self {
        Self(folder)
    }

    async fn with_file<T: Send + 'static>(
        &self,
        name: &Key,
        work: impl FnOnce(&Path, File) -> Result<T, GetterError> + Send + 'static,
    ) -> Result<T, GetterError> {
        let (folder, name) = (self.0.clone(), plain_path(name)?.to_owned());
        let work = spawn_blocking(move || {
            let path = folder.find(&name)?.ok_or(NotFound)?;
            let file = File::open(&path)?;
            work(&path, file)
        });
        work.await?
    }
}

impl ObjectSource for Directory {
    async fn stat(&self, name: Key) -> Result<ObjectInfo, GetterError> {
        let work = |path: &Path, file: File| {
            let info = info_of(&file)?;
            let kind = mime_guess::from_path(path).first_raw();
            Ok(match kind {
                Some(kind) => info.with_content_type(kind),
                None => info,
            })
        };
        self.with_file(&name, work).await
    }

    async fn read(
        &self,
        name: Key,
        version: ObjectVersion,
        range: Range<u64>,
    ) -> Result<ByteView, GetterError> {
        let work = move |_: &Path, mut file: File| {
            check_version(&file, &version)?;
            let mut bytes = Vec::with_capacity(usize::try_from(range.end - range.start)?);
            file.seek(SeekFrom::Start(range.start))?;
            (&file)
                .take(range.end - range.start)
                .read_to_end(&mut bytes)?;
            // The file may have been written to while it was read.
            check_version(&file, &version)?;
            Ok(bytes.into())
        };
        self.with_file(&name, work).await
    }
}

/// "Not found", unless the file is that version still.
fn check_version(file: &File, version: &ObjectVersion) -> Result<(), GetterError> {
    if info_of(file)?.version() != version {
        return Err(NotFound.into());
    }
    Ok(())
}

/// A file that was written to has another time of change, and one that was replaced has another number too.
///
/// A file system tells two changes apart that are some milliseconds apart. Who changes files faster than that, or sets
/// their times back, removes them from the group.
fn info_of(file: &File) -> io::Result<ObjectInfo> {
    let metadata = file.metadata()?;
    let modified = metadata.modified()?;
    let since = modified
        .duration_since(UNIX_EPOCH)
        .map_err(io::Error::other)?;
    let validator = format!(
        "{:x}-{:x}-{:x}",
        metadata.len(),
        since.as_nanos(),
        number(&metadata)
    );
    Ok(ObjectInfo::new(metadata.len(), validator).with_modified(modified))
}

#[cfg(unix)]
fn number(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn number(_: &Metadata) -> u64 {
    0
}

/// A path without steps out of the folder and without hidden files. The key may come from a peer.
fn plain_path(name: &Key) -> Result<&str, GetterError> {
    let path = name.to_str().map_err(|_| NotFound)?;
    let is_plain = |part: &str| !part.is_empty() && !part.starts_with('.');
    if !path.split('/').all(is_plain) || path.contains(['\0', '\\', ':']) {
        return Err(NotFound.into());
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_in_the_folder_are_plain() {
        for path in ["a", "a/b.mp4", "größe 100%.txt", "a..b"] {
            assert!(plain_path(&Key::from(path)).is_ok(), "{path}");
        }
        for path in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "a/../b",
            ".git/config",
            "a\\b",
            "c:x",
            "a\0",
        ] {
            assert!(plain_path(&Key::from(path)).is_err(), "{path:?}");
        }
        assert!(plain_path(&Key::from(b"\xff")).is_err());
    }
}
