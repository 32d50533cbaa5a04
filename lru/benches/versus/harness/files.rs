//! The files that a bench leaves behind.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use super::plot::Plot;
use super::report::Report;

/// Writes `target/versus/<crate>.json` and the plots beside it. Copies the plots to the crate's
/// `plots/` if they are to be saved. Leaves out plots without figures.
pub(crate) fn write(report: &Report, plots: &[Plot], keep: bool) -> io::Result<()> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| package.join("../target"), PathBuf::from);
    let dir = target.join("versus");
    fs::create_dir_all(&dir)?;
    let name = report.name();
    let json = serde_json::to_vec_pretty(&report.json())?;
    fs::write(dir.join(format!("{name}.json")), json)?;
    for plot in plots.iter().filter(|plot| !plot.is_empty()) {
        fs::write(dir.join(format!("{name}-{}.svg", plot.name())), plot.svg())?;
        if keep {
            let kept = package.join("plots");
            fs::create_dir_all(&kept)?;
            fs::write(kept.join(format!("{}.svg", plot.name())), plot.svg())?;
        }
    }
    println!("\nwritten to {}", dir.display());
    Ok(())
}
