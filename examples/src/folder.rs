//! The files of a folder, and nothing outside of it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use walkdir::WalkDir;

/// How many files are listed, and how deep in the folder.
const MOST: usize = 200;
const DEEPEST: usize = 4;

/// A folder. Clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Folder(Arc<PathBuf>);

impl Folder {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let path = path.canonicalize()?;
        std::fs::read_dir(&path)?;
        Ok(Self(Arc::new(path)))
    }

    /// The file at a path in the folder; none if there is no file, or if a link leads out of the folder.
    pub(crate) fn find(&self, path: &str) -> io::Result<Option<PathBuf>> {
        match self.0.join(path).canonicalize() {
            Ok(file) if file.starts_with(&*self.0) && file.is_file() => Ok(Some(file)),
            Ok(_) => Ok(None),
            Err(error) if is_absence(error.kind()) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The paths of the first files that are wanted, by their names. Blocks.
    pub(crate) fn files(&self, is_wanted: fn(&Path) -> bool) -> Vec<String> {
        let hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b".");
        let files = WalkDir::new(&*self.0)
            .min_depth(1)
            .max_depth(DEEPEST)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(|entry| !hidden(entry.file_name()))
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_file() && is_wanted(entry.path()));
        files
            .filter_map(|file| self.path_of(file.path()))
            .take(MOST)
            .collect()
    }

    /// The path in the folder, with `/` between its parts.
    fn path_of(&self, file: &Path) -> Option<String> {
        let path = file.strip_prefix(&*self.0).ok()?;
        let parts: Option<Vec<&str>> = path.iter().map(|part| part.to_str()).collect();
        Some(parts?.join("/"))
    }
}

fn is_absence(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{InvalidFilename, InvalidInput, NotADirectory, NotFound};
    matches!(
        kind,
        NotFound | NotADirectory | InvalidFilename | InvalidInput
    )
}
