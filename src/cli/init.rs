//! `rollsim init`: a scenario around a stack file, to be corrected by who knows better.

use std::path::{Path, PathBuf};

use clap::Args;

use super::input::{Changes, Inputs};
use super::{Failure, Outcome, Terminal};
use crate::report::disk;
use crate::scenario::init::draft;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Stack file.
    #[arg(value_name = "STACK")]
    stack: PathBuf,
    /// Overwrite the scenario if it is there.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    changes: Changes,
}

pub(super) fn init(options: &Options, terminal: &Terminal) -> Result<Outcome, Failure> {
    let mut inputs = Inputs::new(&options.changes, terminal);
    let loaded = inputs.stack(&[options.stack.display().to_string()])?;
    inputs.finish()?;
    let name = options.stack.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let Some(text) = loaded.and_then(|loaded| draft(&[name], &loaded.plan)) else {
        return Err(Failure::Input(format!("error: `{}` has no services", options.stack.display())));
    };
    let path = options.stack.with_extension("scenario.yaml");
    write(&path, &text, options.force)?;
    let Changes { env, env_file, .. } = &options.changes;
    let env = env.iter().map(|variable| format!(" --env '{variable}'"));
    let again: String = env.chain(env_file.iter().map(|file| format!(" --env-file {file}"))).collect();
    terminal.note(&format!("wrote {0}; run it with: rollsim run {0}{again}", path.display()));
    Ok(Outcome::Done)
}

/// Writes a file that was not there, or over one that was.
fn write(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    if !force && path.exists() {
        let path = path.display();
        return Err(Failure::Input(format!("error: `{path}` is there already; --force writes over it")));
    }
    disk::write_file(path, text.as_bytes()).map_err(|error| Failure::Io(format!("error: {error}")))
}
