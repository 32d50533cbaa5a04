use std::path::Path;

use tempfile::TempDir;

use super::database::Database;
use super::executable::Executable;
use crate::{BoxError, go};

/// The program that is a node of a real golang/groupcache cluster.
#[derive(Debug)]
pub(super) struct Golang {
    executable: Executable,
    _folder: TempDir,
}

impl Golang {
    /// Builds it, which needs Go.
    pub(super) async fn build() -> Result<Self, BoxError> {
        let folder = tempfile::tempdir()?;
        let program = folder.path().join("golang");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/golang");
        go::build(Path::new(source), &program).await?;
        Ok(Self {
            executable: Executable::at(&program),
            _folder: folder,
        })
    }

    pub(super) fn executable(&self) -> Executable {
        self.executable.clone()
    }

    /// The flags of its nodes.
    pub(super) fn node_flags(database: &Database, cache_bytes: usize) -> Vec<String> {
        vec![
            format!("--db={}", database.url()),
            format!("--cache-bytes={cache_bytes}"),
        ]
    }
}
