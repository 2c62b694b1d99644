//! Every scenario below scenarios/ loads, comes out as it expects, and leaves the fingerprint that it left before.

use std::fs;
use std::path::{Path, PathBuf};

use rollsim::diag::SourceFile;
use rollsim::experiment;
use rollsim::scenario::files::{Disk, FileError, Files, Outside};
use rollsim::scenario::{self, Loaded};

/// All files below the folder that are meant as scenarios, by their path from there, in order.
fn scenarios() -> Vec<SourceFile> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut paths = Vec::new();
    walk(&folder, &mut paths);
    paths.sort();
    let file = |path: PathBuf| {
        let names = path.strip_prefix(&folder).expect("below the folder").components();
        let names: Vec<_> = names.map(|name| name.as_os_str().to_string_lossy().into_owned()).collect();
        SourceFile { name: names.join("/"), text: fs::read_to_string(&path).expect("scenarios are text") }
    };
    let files: Vec<SourceFile> = paths.into_iter().map(file).filter(|file| scenario::is_scenario(&file.text)).collect();
    assert!(!files.is_empty(), "there are no scenarios");
    files
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() {
            walk(&path, files);
        } else if path
            .extension()
            .is_some_and(|extension| ["json", "yaml", "yml"].iter().any(|known| extension == *known))
        {
            files.push(path);
        }
    }
}

/// The files below scenarios/.
struct Below;

impl Below {
    fn path(path: &str) -> String {
        format!("{}/scenarios/{path}", env!("CARGO_MANIFEST_DIR"))
    }
}

impl Files for Below {
    fn read(&self, path: &str) -> Result<String, FileError> {
        Disk.read(&Below::path(path))
    }

    fn exists(&self, path: &str) -> bool {
        Disk.exists(&Below::path(path))
    }
}

/// The scenario, or everything that is wrong with it.
fn load(file: &SourceFile) -> Result<Loaded, String> {
    scenario::load_with(file, &[], &Outside { files: &Below, ..Outside::default() })
        .map_err(|problems| problems.iter().map(|problem| problem.render(false)).collect::<Vec<_>>().join("\n"))
}

#[test]
fn all_scenarios_come_out_as_they_expect() {
    let mut findings = Vec::new();
    for file in scenarios() {
        match load(&file) {
            Err(problems) => findings.push(problems),
            Ok(scenario) => {
                let run = experiment::measure(&scenario, scenario.plan.seed);
                let failures = experiment::failures(&scenario, &run);
                findings.extend(failures.iter().map(|failure| format!("{}: {failure}", file.name)));
            }
        }
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[test]
fn all_scenarios_leave_the_same_fingerprints_on_every_machine() {
    let line = |file: &SourceFile| {
        let scenario = load(file).unwrap_or_else(|problems| panic!("{problems}"));
        let run = experiment::measure(&scenario, scenario.plan.seed);
        format!("{} {} seed {}\n", run.fingerprint, file.name, run.seed)
    };
    let lines: String = scenarios().iter().map(line).collect();
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("fingerprints", lines));
}
