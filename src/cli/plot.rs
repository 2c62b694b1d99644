//! `rollsim plot`: the charts of a report, drawn again from its files.

use std::path::PathBuf;

use clap::Args;

use super::{Failure, Outcome, Terminal};
use crate::report::plot::{self, ReadError};
use crate::report::{disk, files};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Folder of a report that `rollsim run` wrote.
    #[arg(value_name = "DIR")]
    report: PathBuf,
    /// Folder for the charts instead of the report's own.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn plot(options: &Options, terminal: &Terminal) -> Result<Outcome, Failure> {
    let charts = plot::redraw(&options.report).map_err(|error| match error {
        ReadError::Unreadable(..) => Failure::Io(format!("error: {error}")),
        ReadError::Missing(_) | ReadError::Damaged(..) => Failure::Input(format!("error: {error}")),
    })?;
    let folder = options.out.as_ref().unwrap_or(&options.report);
    disk::write_folder(folder, files::CHARTS_OF_RUN, &charts)
        .map_err(|error| Failure::Io(format!("error: {error}")))?;
    let names: Vec<&str> = charts.iter().map(|(name, _)| *name).collect();
    terminal.note(&format!("charts: {}: {}", folder.display(), names.join(", ")));
    Ok(Outcome::Done)
}
