//! Scenarios by their paths, with what the command line lays over them.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Failure, Terminal};
use crate::diag::{Diagnostic, Severity, SourceFile};
use crate::scenario::overlay::Overlay;
use crate::scenario::{self, Loaded};

/// What changes a scenario before it runs.
#[derive(Debug, Args)]
pub(super) struct Changes {
    /// Seed of all chance, instead of the scenario's.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Set a value of the scenario by its path, such as deploy.replicas=1 or update.delay=5s; may be repeated.
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
}

impl Changes {
    pub(super) fn overlays(&self) -> Vec<Overlay> {
        self.set.iter().map(|assignment| Overlay::set(assignment)).collect()
    }
}

/// Reads a text file, `-` being standard input.
pub(super) fn read(path: &str) -> Result<SourceFile, Failure> {
    let text = if path == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(path)
    };
    match text {
        Ok(text) => Ok(SourceFile { name: path.to_owned(), text }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Failure::Input(format!("error: there is no file `{path}`")))
        }
        Err(error) => Err(Failure::Io(format!("error: cannot read `{path}`: {error}"))),
    }
}

/// Makes a scenario of a text, with the seed that is asked for.
pub(super) fn load(
    source: &SourceFile,
    overlays: &[Overlay],
    changes: &Changes,
    terminal: &Terminal,
) -> Result<Loaded, Failure> {
    let mut loaded =
        scenario::load(source, overlays).map_err(|diagnostics| Failure::Input(render_all(&diagnostics, terminal)))?;
    loaded.plan.seed = changes.seed.unwrap_or(loaded.plan.seed);
    Ok(loaded)
}

/// All diagnostics and a line that counts them.
pub(super) fn render_all(diagnostics: &[Diagnostic], terminal: &Terminal) -> String {
    let mut text: String = diagnostics.iter().map(|diagnostic| terminal.render(diagnostic) + "\n\n").collect();
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity() == Severity::Error).count();
    text += &match errors {
        1 => "error: the scenario has 1 error".to_owned(),
        _ => format!("error: the scenario has {errors} errors"),
    };
    text
}

/// The files that paths stand for: a folder for the scenarios below it, in order of their names.
pub(super) fn scenario_files(paths: &[String]) -> Result<Vec<String>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if Path::new(path).is_dir() {
            let mut below = Vec::new();
            walk(Path::new(path), &mut below)?;
            below.sort();
            files.extend(below.into_iter().filter(|file| is_scenario(file)).map(|file| file.display().to_string()));
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |error| Failure::Io(format!("error: cannot list `{}`: {error}", folder.display()));
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            walk(&path, files)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json" || extension == "yaml" || extension == "yml")
        {
            files.push(path);
        }
    }
    Ok(())
}

/// Whether a file is meant as a scenario. One that cannot be read as text is, so that its errors are told.
fn is_scenario(path: &Path) -> bool {
    fs::read_to_string(path).map_or(true, |text| scenario::is_scenario(&text))
}
