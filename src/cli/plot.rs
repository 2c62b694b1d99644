//! `rollsim plot`: the charts of reports, drawn again from their files.

use std::path::PathBuf;

use clap::Args;

use super::{Failure, Outcome, Terminal, sweep};
use crate::metrics::MetricPath;
use crate::report::disk;
use crate::report::plot::{self, ReadError};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Folder of reports that `rollsim run`, `sweep` or `compare` wrote.
    #[arg(value_name = "DIR")]
    report: PathBuf,
    /// Folder for the charts instead of the report's own.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What the chart of a sweep shows, instead of what it shows already.
    #[arg(long, value_name = "NAME", value_parser = sweep::metric)]
    metric: Option<MetricPath>,
}

pub(super) fn plot(options: &Options, terminal: &Terminal) -> Result<Outcome, Failure> {
    if let Some(metric) = options.metric.as_ref().filter(|metric| !metric.kind().is_numeric()) {
        return Err(Failure::Input(format!("error: `{metric}` is no number: it cannot be drawn")));
    }
    let redrawn = plot::redraw(&options.report, options.metric.as_ref()).map_err(|error| match error {
        ReadError::Unreadable(..) => Failure::Io(format!("error: {error}")),
        _ => Failure::Input(format!("error: {error}")),
    })?;
    let folder = options.out.as_ref().unwrap_or(&options.report);
    disk::write_folder(folder, &redrawn.names, &redrawn.charts)
        .map_err(|error| Failure::Io(format!("error: {error}")))?;
    let names = redrawn.charts.iter().map(|(name, _)| (*name).to_owned());
    let none = redrawn.undrawn.map(|why| format!("none of the sweep, for {why}"));
    let names = names.chain(none).collect::<Vec<String>>().join(", ");
    terminal.note(&format!("charts: {}: {names}", folder.display()));
    Ok(Outcome::Done)
}
