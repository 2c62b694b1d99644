//! A report read back from its files, as far as its charts show it.

mod lines;
mod run;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::files::File;

/// Why a report cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file is not there.
    #[error("{} is not there: is this the folder of a report of `rollsim run`, of this version?", .0.display())]
    Missing(PathBuf),
    /// A file cannot be read.
    #[error("cannot read {}: {}", .0.display(), .1)]
    Unreadable(PathBuf, io::Error),
    /// A file does not say what it should: where, and what is wrong.
    #[error("{}:{}: {}", .0.display(), .1, .2)]
    Damaged(PathBuf, u64, String),
}

/// The charts of the report in this folder, as files: the same bytes as the run wrote.
///
/// # Errors
/// If a file of the report is missing, cannot be read, or is damaged.
pub fn redraw(folder: &Path) -> Result<Vec<File>, ReadError> {
    run::charts(folder)
}

fn text(path: &Path) -> Result<String, ReadError> {
    fs::read_to_string(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ReadError::Missing(path.to_owned()),
        io::ErrorKind::InvalidData => ReadError::Damaged(path.to_owned(), 1, "this is no text".to_owned()),
        _ => ReadError::Unreadable(path.to_owned(), error),
    })
}

/// A JSON file.
struct Json {
    path: PathBuf,
    value: Value,
}

impl Json {
    fn read(folder: &Path, name: &str) -> Result<Json, ReadError> {
        let path = folder.join(name);
        let value = serde_json::from_str(&text(&path)?);
        let damaged =
            |error: serde_json::Error| ReadError::Damaged(path.clone(), error.line() as u64, error.to_string());
        Ok(Json { value: value.map_err(damaged)?, path })
    }

    /// The value at a JSON pointer, as far as it is what it should be.
    fn get<T>(&self, pointer: &str, read: impl FnOnce(&Value) -> Option<T>) -> Result<T, ReadError> {
        let damaged = || {
            let what = format!("there is no {}", pointer[1..].replace('/', "."));
            ReadError::Damaged(self.path.clone(), 1, what)
        };
        self.value.pointer(pointer).and_then(read).ok_or_else(damaged)
    }
}
