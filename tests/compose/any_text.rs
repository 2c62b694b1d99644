//! Reads whatever a text is. What the tests here and the fuzz target share.

use std::collections::BTreeMap;

use rollsim::diag::{Diagnostic, SourceFile};
use rollsim::scenario::files::{FileError, Files, Outside};
use rollsim::scenario::{self, Loaded, StackRun};

/// A machine on which every file that is named lies, and is empty.
struct AllThere;

impl Files for AllThere {
    fn read(&self, _: &str) -> Result<String, FileError> {
        Ok(String::new())
    }

    fn exists(&self, _: &str) -> bool {
        true
    }
}

/// Loads files as `docker stack deploy` would on a machine that has all that they name.
pub fn load(
    files: Vec<SourceFile>,
    variables: &BTreeMap<String, String>,
    then: &[String],
) -> Result<Loaded, Vec<Diagnostic>> {
    let run = StackRun { name: "corpus".to_owned(), files, then: then.to_vec() };
    scenario::load_stack(&run, &[], &Outside { files: &AllThere, variables, strict: false })
}

/// Reads a text as a scenario.
pub fn read_as_scenario(text: String) {
    is_told(&scenario::load(&SourceFile { name: "scenario.yml".to_owned(), text }, &[]));
}

/// Reads texts as the files of a stack.
pub fn read_as_stack(texts: Vec<String>, variables: &BTreeMap<String, String>) {
    let file = |(number, text)| SourceFile { name: format!("stack{number}.yml"), text };
    is_told(&load(texts.into_iter().enumerate().map(file).collect(), variables, &[]));
}

/// What cannot be loaded has errors, and each of them can be shown at its place.
fn is_told(loaded: &Result<Loaded, Vec<Diagnostic>>) {
    if let Err(problems) = loaded {
        assert!(!problems.is_empty(), "an error is told");
        problems.iter().take(1).for_each(|problem| assert!(!problem.render(false).is_empty()));
    }
}
