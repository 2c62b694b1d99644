//! Scenarios by their paths, with what the command line lays over them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Failure, Terminal};
use crate::diag::{Diagnostic, Severity, SourceFile};
use crate::scenario::files::{self, Disk, FileError, Files, Outside};
use crate::scenario::overlay::Overlay;
use crate::scenario::{self, Loaded, MOST_PROBLEMS, StackRun};

/// What changes a scenario before it runs.
#[derive(Debug, Default, Args)]
pub(super) struct Changes {
    /// Seed of all chance, instead of the scenario's.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Set a value of the scenario by its path, such as deploy.replicas=1 or update.delay=5s; may be repeated.
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// Set a variable of stack files; may be repeated. Nothing is taken from this machine's environment.
    #[arg(long, value_name = "V=X")]
    pub env: Vec<String>,
    /// Take variables of stack files from a file with a line V=X for each.
    #[arg(long, value_name = "FILE")]
    pub env_file: Vec<String>,
    /// Name of the stack that a stack file becomes, instead of the file's.
    #[arg(long, value_name = "NAME")]
    pub stack_name: Option<String>,
    /// What happens to a stack file's services and when, such as '30s docker service update --image api:2 api'; may be
    /// repeated.
    #[arg(long, value_name = "WHEN COMMAND")]
    pub then: Vec<String>,
    /// Refuse what docker would refuse for what is not on this machine, instead of assuming it.
    #[arg(long)]
    pub strict: bool,
}

impl Changes {
    pub(super) fn overlays(&self) -> Vec<Overlay> {
        self.set.iter().map(|assignment| Overlay::set(assignment)).collect()
    }
}

/// What can be said instead of a name that is not known.
pub(super) fn there_is<'a>(names: impl Iterator<Item = &'a str>) -> String {
    match &names.collect::<Vec<&str>>()[..] {
        [] => "there is none".to_owned(),
        [name] => format!("there is {name}"),
        names => format!("there are {}", names.join(", ")),
    }
}

/// Fails if anything is wrong with a question, with all of it.
pub(super) fn all_at_once(wrong: &[String]) -> Result<(), Failure> {
    if wrong.is_empty() { Ok(()) } else { Err(Failure::Input(wrong.join("\n"))) }
}

/// The inputs of a command, and all that is wrong with them: it is told at once, when everything has been looked at.
pub(super) struct Inputs<'a> {
    changes: &'a Changes,
    terminal: &'a Terminal,
    /// Every file that was asked for.
    files: Vec<String>,
    /// Those of them that have errors.
    invalid: Vec<String>,
    /// What is wrong, each once although a file may be loaded many times.
    wrong: Vec<Wrong>,
    /// Variables of stack files, once they have been read.
    variables: Option<BTreeMap<String, String>>,
}

/// Something that is wrong with an input.
#[derive(PartialEq)]
enum Wrong {
    /// It cannot be read at all.
    Unreadable(String),
    /// Something at a place of it.
    At(Diagnostic),
}

impl<'a> Inputs<'a> {
    /// None yet.
    pub(super) fn new(changes: &'a Changes, terminal: &'a Terminal) -> Inputs<'a> {
        Inputs { changes, terminal, files: Vec::new(), invalid: Vec::new(), wrong: Vec::new(), variables: None }
    }

    /// Reads a text file, `-` being standard input; `None` if it is none.
    pub(super) fn read(&mut self, path: &str) -> Result<Option<SourceFile>, Failure> {
        add(&mut self.files, path);
        let text = if path == "-" {
            let mut bytes = Vec::new();
            let read = io::stdin().take(files::MOST_BYTES + 1).read_to_end(&mut bytes);
            read.map_err(|error| Failure::Io(format!("error: cannot read `{path}`: {error}")))?;
            files::text(path, bytes)
        } else {
            Disk.read(path)
        };
        let wrong = match text {
            Ok(text) => return Ok(Some(SourceFile { name: path.to_owned(), text })),
            Err(_) if Path::new(path).is_dir() => {
                format!("`{path}` is a folder; the scenarios below it are run by: rollsim test {path}")
            }
            Err(FileError::Missing(_)) => format!("there is no file `{path}`"),
            Err(FileError::Unreadable(why)) => why,
            Err(FileError::Failed(why)) => return Err(Failure::Io(format!("error: {why}"))),
        };
        self.wrong.push(Wrong::Unreadable(format!("error: {wrong}")));
        add(&mut self.invalid, path);
        Ok(None)
    }

    /// Makes a scenario of a text, with what changes it and then `overlays` laid over it; `None` if it has errors.
    pub(super) fn load(&mut self, source: &SourceFile, overlays: impl IntoIterator<Item = Overlay>) -> Option<Loaded> {
        let overlays: Vec<Overlay> = self.changes.overlays().into_iter().chain(overlays).collect();
        let variables = self.variables();
        let outside = Outside { files: &Disk, variables: &variables, strict: self.changes.strict };
        let loaded = match scenario::is_stack(&source.text) {
            true => scenario::load_stack(&self.stack_run(vec![source.clone()]), &overlays, &outside),
            false => scenario::load_with(source, &overlays, &outside),
        };
        self.loaded(source, loaded)
    }

    /// Reads stack files that are laid over each other.
    pub(super) fn stack(&mut self, paths: &[String]) -> Result<Option<Loaded>, Failure> {
        let mut files = Vec::new();
        for path in paths {
            files.extend(self.read(path)?);
        }
        if files.len() < paths.len() {
            return Ok(None);
        }
        let overlays = self.changes.overlays();
        let variables = self.variables();
        let outside = Outside { files: &Disk, variables: &variables, strict: self.changes.strict };
        let first = files[0].clone();
        let loaded = scenario::load_stack(&self.stack_run(files), &overlays, &outside);
        Ok(self.loaded(&first, loaded))
    }

    fn stack_run(&self, files: Vec<SourceFile>) -> StackRun {
        let name = self.changes.stack_name.clone().unwrap_or_else(|| stack_name(&files[0].name));
        StackRun { name, files, then: self.changes.then.clone() }
    }

    /// The variables that the command line sets, those of `--env` over those of files.
    fn variables(&mut self) -> BTreeMap<String, String> {
        if let Some(variables) = &self.variables {
            return variables.clone();
        }
        let mut variables = BTreeMap::new();
        for path in &self.changes.env_file {
            let read = Disk.read(path).map_err(|error| error.to_string());
            match read.and_then(|text| scenario::parse_env_file(&text).map_err(|why| format!("{path}: {why}"))) {
                Ok(read) => variables.extend(read),
                Err(why) => self.fault(path, &why),
            }
        }
        for assignment in &self.changes.env {
            match assignment.split_once('=').filter(|(name, _)| !name.is_empty()) {
                Some((name, value)) => _ = variables.insert(name.to_owned(), value.to_owned()),
                None => self.fault(assignment, &format!("`--env {assignment}`: expected V=X")),
            }
        }
        self.variables = Some(variables.clone());
        variables
    }

    fn fault(&mut self, what: &str, why: &str) {
        self.wrong.push(Wrong::Unreadable(format!("error: {why}")));
        add(&mut self.invalid, what);
    }

    fn loaded(&mut self, source: &SourceFile, loaded: Result<Loaded, Vec<Diagnostic>>) -> Option<Loaded> {
        match loaded {
            Ok(mut loaded) => {
                loaded.plan.seed = self.changes.seed.unwrap_or(loaded.plan.seed);
                Some(loaded)
            }
            Err(diagnostics) => {
                self.refuse(&source.name, diagnostics);
                None
            }
        }
    }

    /// Reads a scenario.
    pub(super) fn scenario(&mut self, path: &str) -> Result<Option<Loaded>, Failure> {
        Ok(self.read(path)?.and_then(|source| self.load(&source, [])))
    }

    /// Takes notice of what is wrong with a file.
    pub(super) fn refuse(&mut self, path: &str, diagnostics: Vec<Diagnostic>) {
        for diagnostic in diagnostics {
            if diagnostic.severity == Severity::Error {
                // What an argument sets is wrong in the scenario that it is set in.
                let file = &diagnostic.place.file.name;
                add(&mut self.invalid, if self.files.contains(file) { file } else { path });
            }
            let wrong = Wrong::At(diagnostic);
            if !self.wrong.contains(&wrong) {
                self.wrong.push(wrong);
            }
        }
    }

    /// What is wrong at places.
    pub(super) fn diagnostics(&self) -> impl Iterator<Item = &Diagnostic> {
        self.wrong.iter().filter_map(|wrong| match wrong {
            Wrong::At(diagnostic) => Some(diagnostic),
            Wrong::Unreadable(_) => None,
        })
    }

    /// Fails if anything was wrong, with all of it and a line that counts.
    pub(super) fn finish(self) -> Result<(), Failure> {
        self.fail(true)
    }

    /// As [`Inputs::finish`], when the diagnostics have been printed already.
    pub(super) fn finish_printed(self) -> Result<(), Failure> {
        self.fail(false)
    }

    fn fail(self, with_diagnostics: bool) -> Result<(), Failure> {
        let errors = self.diagnostics().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
        let count = match (&*self.invalid, self.files.len()) {
            ([], _) => return Ok(()),
            (_, 1) if errors == 0 => String::new(),
            (_, 1) if errors == 1 => "error: the scenario has 1 error".to_owned(),
            // Nobody looked for more.
            (_, 1) if errors >= MOST_PROBLEMS => format!("error: the scenario has at least {errors} errors"),
            (_, 1) => format!("error: the scenario has {errors} errors"),
            ([file], files) => format!("error: 1 of {files} files is invalid: {file}"),
            (invalid, files) => {
                format!("error: {} of {files} files are invalid: {}", invalid.len(), invalid.join(", "))
            }
        };
        let mut text = String::new();
        for wrong in &self.wrong {
            match wrong {
                Wrong::Unreadable(wrong) => text += &format!("{wrong}\n\n"),
                Wrong::At(diagnostic) if with_diagnostics => text += &(self.terminal.render(diagnostic) + "\n\n"),
                Wrong::At(_) => {}
            }
        }
        Err(Failure::Input((text + &count).trim_end().to_owned()))
    }
}

/// Name of the stack that a file becomes: the file's own up to its first dot, as far as it can be part of a service's name.
fn stack_name(path: &str) -> String {
    let file = Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = file.split('.').next().unwrap_or_default();
    let name: String = stem.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
    let name = name.trim_matches(['-', '_']);
    if name.is_empty() { "stack".to_owned() } else { name.to_owned() }
}

/// Adds a name to those that are known, each once.
fn add(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
}

/// The files that paths stand for, at least one: a folder for the scenarios below it, in order of their names.
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
    if files.is_empty() {
        return Err(Failure::Input("error: there is no scenario below these paths".to_owned()));
    }
    Ok(files)
}

/// Collects the JSON and YAML files below a folder. Links to folders are not followed, as they may lead in a circle, and
/// hidden folders hold nobody's scenarios.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |error| Failure::Io(format!("error: cannot list `{}`: {error}", folder.display()));
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (path, name) = (entry.path(), entry.file_name());
        if entry.file_type().map_err(failed)?.is_dir() {
            if !name.to_string_lossy().starts_with('.') {
                walk(&path, files)?;
            }
        } else if !path.is_dir() && has_extension(&path) {
            files.push(path);
        }
    }
    Ok(())
}

/// Whether a file is JSON or YAML by its name, in letters of any case.
fn has_extension(path: &Path) -> bool {
    let is = |extension: &OsStr| ["json", "yaml", "yml"].iter().any(|known| extension.eq_ignore_ascii_case(known));
    path.extension().is_some_and(is)
}

/// Whether a file is meant as a scenario. One that cannot be read as text is, so that its errors are told.
fn is_scenario(path: &Path) -> bool {
    fs::read_to_string(path).map_or(true, |text| scenario::is_scenario(&text))
}
