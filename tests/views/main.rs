//! Docker's views against what docker's own client printed of a real cluster (tests/recorded/cli, and the folder that
//! RECORDED_CASES names), and of simulated ones.

mod progress;
mod read;
mod run;
mod scenes;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

/// The folders of recordings: ours, and the one that RECORDED_CASES names.
fn folders() -> Vec<PathBuf> {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
    [ours].into_iter().chain(std::env::var_os("RECORDED_CASES").map(PathBuf::from)).collect()
}

/// The files of a folder by name; none if it is not there.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be listed").path()).collect();
    files.sort();
    files
}
