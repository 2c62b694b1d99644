//! How files come to the disk: whole or not at all.
//!
//! Everything is first written into a scratch folder on the same file system, and takes its place by being renamed when all of it
//! is there. A disk that is full, or a run that is interrupted, leaves what was there before. The scratch folder of a run that was
//! interrupted is removed by the next one that writes to the same place.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct WriteError {
    /// The file or folder.
    pub path: PathBuf,
    /// Why not.
    pub source: io::Error,
}

impl WriteError {
    fn of(path: &Path) -> impl FnOnce(io::Error) -> WriteError {
        let path = path.to_owned();
        move |source| WriteError { path, source }
    }
}

/// Writes files into a folder. If there is no such folder, it appears with all of them at once. In one that is there they take
/// their places one after another, when all are written: whoever is killed in these milliseconds leaves some old and some new, each
/// whole. (To swap the folders would take the old one away from shells and mounts that are in it.) Of `names`, those that a report
/// of this kind may have, those not among the files are then removed: they tell of an older run.
///
/// # Errors
/// If the folder or a file cannot be written; then nothing has changed of what was there. Or if an older file cannot be removed.
pub fn write_folder(folder: &Path, names: &[&str], files: &[(&str, Vec<u8>)]) -> Result<(), WriteError> {
    if !folder.exists()
        && let Some(name) = folder.file_name()
    {
        let parent = parent(folder);
        fs::create_dir_all(parent).map_err(not_a_directory).map_err(WriteError::of(folder))?;
        let scratch = Scratch::new(parent, &name.to_string_lossy()).map_err(WriteError::of(folder))?;
        scratch.fill(folder, files)?;
        return fs::rename(&scratch.path, folder).map_err(WriteError::of(folder));
    }
    let scratch = Scratch::new(folder, "report").map_err(WriteError::of(folder))?;
    scratch.fill(folder, files)?;
    if let Some(path) = files.iter().map(|(name, _)| folder.join(name)).find(|path| path.is_dir()) {
        return Err(WriteError { path, source: io::ErrorKind::IsADirectory.into() });
    }
    for (name, _) in files {
        let path = folder.join(name);
        fs::rename(scratch.path.join(name), &path).map_err(WriteError::of(&path))?;
    }
    for name in names.iter().filter(|name| files.iter().all(|(written, _)| written != *name)) {
        let path = folder.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(WriteError::of(&path)(error)),
            _ => {}
        }
    }
    Ok(())
}

/// Writes a file, in place of one that may be there.
///
/// # Errors
/// If it cannot be written; then nothing has changed of what was there.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let write = || {
        let scratch = Scratch::new(parent(path), &name)?;
        let written = scratch.path.join(&*name);
        fs::write(&written, bytes)?;
        fs::rename(written, path)
    };
    write().map_err(WriteError::of(path))
}

/// Why a folder cannot be made where there is a file.
fn not_a_directory(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::AlreadyExists { io::ErrorKind::NotADirectory.into() } else { error }
}

/// The folder that a path is in.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A folder for what is not whole yet; it is gone when this is dropped.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// A scratch folder for `name` in `parent`, where those that were left behind are removed. Two processes that write to the same
    /// place have one each: either its files come to their places, or it fails.
    fn new(parent: &Path, name: &str) -> io::Result<Scratch> {
        let prefix = format!(".{name}.partial-");
        for entry in fs::read_dir(parent)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        let path = parent.join(format!("{prefix}{}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Scratch { path })
    }

    /// Writes files that are to come into `folder`.
    fn fill(&self, folder: &Path, files: &[(&str, Vec<u8>)]) -> Result<(), WriteError> {
        for (name, bytes) in files {
            fs::write(self.path.join(name), bytes).map_err(WriteError::of(&folder.join(name)))?;
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left behind has no effect, and is removed next time.
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of all that is in a folder, sorted.
    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("it can be listed");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("it can be listed").file_name().display().to_string();
        let mut names: Vec<String> = entries.map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn a_write_that_fails_leaves_the_older_report_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name, text: &str| (name, text.as_bytes().to_vec());
        write_folder(folder.path(), &["old"], &[file("a", "old"), file("old", "old")]).expect("written");
        // What stands in the way is met before, and in the place of, the second file.
        fs::create_dir(folder.path().join("b")).expect("a folder");
        for second in ["no such folder/b", "b"] {
            let error = write_folder(folder.path(), &["old"], &[file("a", "new"), file(second, "new")]).unwrap_err();
            assert_eq!(error.path, folder.path().join(second));
            assert_eq!(fs::read(folder.path().join("a")).expect("still there"), b"old");
            assert_eq!(names(folder.path()), ["a", "b", "old"]);
        }
    }

    #[test]
    fn a_new_folder_appears_whole_or_not_at_all() {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = parent.path().join("deep/report");
        let error = write_folder(&folder, &[], &[("a", Vec::new()), ("no such folder/b", Vec::new())]).unwrap_err();
        assert_eq!(error.path, folder.join("no such folder/b"));
        assert!(names(&parent.path().join("deep")).is_empty());
        write_folder(&folder, &[], &[("a", b"new".to_vec())]).expect("written");
        assert_eq!((names(&parent.path().join("deep")), names(&folder)), (vec!["report".into()], vec!["a".into()]));
    }

    #[test]
    fn what_an_older_report_had_more_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name| (name, b"old".to_vec());
        write_folder(folder.path(), &[], &[file("seeds.csv"), file("sweep.csv"), file("notes.txt")]).expect("written");
        let new = ("tasks.csv", b"new".to_vec());
        write_folder(folder.path(), &["tasks.csv", "seeds.csv"], &[new]).expect("written");
        assert_eq!(names(folder.path()), ["notes.txt", "sweep.csv", "tasks.csv"]);
    }

    #[test]
    fn what_an_interrupted_run_left_is_cleaned_up() {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = parent.path().join("web");
        for left in [parent.path().join(".web.partial-1"), folder.join(".report.partial-1")] {
            fs::create_dir_all(&left).expect("a folder");
            fs::write(left.join("a"), "half").expect("written");
            write_folder(&folder, &[], &[("a", b"whole".to_vec())]).expect("written");
            assert_eq!(names(&folder), ["a"]);
            fs::remove_dir_all(&folder).expect("removed");
        }
        assert!(names(parent.path()).is_empty());
    }

    #[test]
    fn a_file_takes_the_place_of_an_older_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        for text in ["old", "new"] {
            write_file(&path, text.as_bytes()).expect("written");
            assert_eq!(fs::read_to_string(&path).expect("it is there"), text);
        }
        assert_eq!(names(folder.path()), ["a"]);
        assert!(write_file(folder.path(), b"").is_err());
    }
}
