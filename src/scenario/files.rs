//! What lies outside a scenario: other files that it names, and variables.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

/// Most bytes of a file that is read; beyond that it is nobody's scenario or stack file.
pub const MOST_BYTES: u64 = 1 << 20;

/// The files that a scenario can name.
pub trait Files {
    /// The text of a file.
    ///
    /// # Errors
    /// Why there is none, as docker says it if the file is not there.
    fn read(&self, path: &str) -> Result<String, FileError>;

    /// Whether there is a file of this path.
    fn exists(&self, path: &str) -> bool;
}

/// Why there is no text of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// There is no such file.
    #[error("open {0}: no such file or directory")]
    Missing(String),
    /// There is one, and it is no text.
    #[error("{0}")]
    Unreadable(String),
    /// There is one, and it cannot be read.
    #[error("{0}")]
    Failed(String),
}

/// The files of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &str) -> Result<String, FileError> {
        let failed = |error: io::Error| FileError::Failed(format!("cannot read `{path}`: {error}"));
        let file = fs::File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => FileError::Missing(path.to_owned()),
            _ => failed(error),
        })?;
        let mut bytes = Vec::new();
        file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        text(path, bytes)
    }

    fn exists(&self, path: &str) -> bool {
        Path::new(path).exists()
    }
}

/// Makes a text of what was read of a file, which is one byte more than [`MOST_BYTES`] if the file is too long.
///
/// # Errors
/// If it is too long, or no UTF-8.
pub fn text(path: &str, bytes: Vec<u8>) -> Result<String, FileError> {
    if bytes.len() as u64 > MOST_BYTES {
        let most = MOST_BYTES >> 20;
        return Err(FileError::Unreadable(format!(
            "`{path}` is longer than {most} MiB, which no scenario or stack file is"
        )));
    }
    String::from_utf8(bytes).map_err(|error| {
        let byte = error.utf8_error().valid_up_to() + 1;
        FileError::Unreadable(format!("`{path}` is no text: byte {byte} is not UTF-8"))
    })
}

/// What surrounds a scenario.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    /// The files that it can name.
    pub files: &'a dyn Files,
    /// Variables for stack files (`--env`, `--env-file`).
    pub variables: &'a BTreeMap<String, String>,
    /// Whether what is absent on this machine is refused, as docker does.
    pub strict: bool,
}

/// No variables.
static NO_VARIABLES: BTreeMap<String, String> = BTreeMap::new();

impl Default for Outside<'_> {
    /// The files of this machine, no variables, stand-ins for what is absent.
    fn default() -> Self {
        Outside { files: &Disk, variables: &NO_VARIABLES, strict: false }
    }
}
