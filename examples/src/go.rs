//! Programs in Go, which are built from their published modules.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::BoxError;

/// Builds the program in the folder `source`.
pub(crate) async fn build(source: &Path, program: &Path) -> Result<(), BoxError> {
    let built = Command::new("go")
        .args(["build", "-o"])
        .arg(program)
        .arg(".")
        .current_dir(source)
        .stdin(Stdio::null())
        .status();
    let built = built.await;
    let status = built.map_err(|error| {
        format!(
            "Go is needed, and cannot be started in {}: {error}",
            source.display()
        )
    })?;
    if !status.success() {
        return Err(format!("the Go program in {} does not build", source.display()).into());
    }
    Ok(())
}
