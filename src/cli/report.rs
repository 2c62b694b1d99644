//! Where reports go.

use std::path::Path;

use super::{Failure, Terminal};
use crate::report::disk;
use crate::report::files::File;

/// Writes the report of this name into the folder that was asked for, or into reports/NAME, and tells where it is. `kind` names all
/// files that such a report may have.
pub(super) fn write(
    out: Option<&Path>,
    name: &str,
    kind: &[&str],
    contents: &[File],
    terminal: &Terminal,
) -> Result<(), Failure> {
    let folder = out.map_or_else(|| Path::new("reports").join(name), Path::to_owned);
    disk::write_folder(&folder, kind, contents).map_err(|error| Failure::Io(format!("error: {error}")))?;
    let names: Vec<&str> = contents.iter().map(|(name, _)| *name).collect();
    terminal.note(&format!("report: {}: {}", folder.display(), names.join(", ")));
    Ok(())
}
