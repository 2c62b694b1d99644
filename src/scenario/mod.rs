//! Scenarios: from the text that a user writes to the plan of a run.
//!
//! `source` reads JSON or YAML into a tree that knows the place of every value, `overlay` lays what the command line sets
//! over it, `schema` and the modules of its parts (`cluster`, `image`, `compose`, `traffic`, `expect`, ...) decode the
//! tree, and `lower` puts dense ids in the place of names. Each of them reports what is wrong and goes on, so that all
//! problems of a scenario are told at once.

pub mod docker;
pub mod duration;
pub mod expect;
pub mod files;
pub mod import;
pub mod init;
pub mod overlay;
mod stack;
mod stacks;

mod assume;
mod canonical;
mod cluster;
mod compose;
mod date;
mod deploy;
mod engine;
mod entry;
mod fault;
mod health;
mod image;
mod json_schema;
mod lint;
mod lower;
mod mount;
mod ports;
mod rate;
mod read;
mod schema;
mod settings;
mod source;
mod timeline;
mod traffic;
mod units;
mod unsupported;

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use crate::diag::{Code, Diagnostic, Place, SourceFile};
use crate::model::ImageId;
use crate::sim::Plan;

pub use compose::NOT_KEPT;
pub use json_schema::json_schema;
pub use read::MOST_PROBLEMS;

use expect::Expectation;
use files::Outside;
use overlay::Overlay;
use read::{Problems, Read, nearest};
use schema::Scenario;
use source::{Node, Spanned, Value};
use stack::folder_of;
use stacks::Stacks;

/// A scenario that can be run.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// All that a run needs to know.
    pub plan: Plan,
    /// What must hold after it.
    pub expectations: Vec<Expectation>,
    /// Where each command of the plan stands; `None`: it creates one of the scenario's own services.
    pub places: Vec<Option<Place>>,
    /// What is worth knowing before it.
    pub warnings: Vec<Diagnostic>,
    /// What is likely to go wrong although it is right by the letter.
    pub lints: Vec<Diagnostic>,
    /// What to look for, in the words of the scenario.
    pub about: String,
    /// Hash of the scenario as it is understood: defaults filled, overlays applied; without name, seed and expectations.
    /// 32 hexadecimal digits.
    pub digest: String,
    /// Images that `"*"` describes, and all images if the scenario describes none: what their behaviour is was assumed. Those
    /// that are missing among others are told by warnings.
    pub assumed_images: Vec<ImageId>,
    /// What else was assumed, each in a few words.
    pub assumptions: Vec<String>,
}

/// Reads a scenario and lays the overlays over it, in their order.
///
/// # Errors
/// All problems, warnings among them, in the order of the text; those of stack files and overlays last.
pub fn load(source: &SourceFile, overlays: &[Overlay]) -> Result<Loaded, Vec<Diagnostic>> {
    load_with(source, overlays, &Outside::default())
}

/// As [`load`], with the files and variables that surround the scenario.
///
/// # Errors
/// As [`load`].
pub fn load_with(source: &SourceFile, overlays: &[Overlay], outside: &Outside<'_>) -> Result<Loaded, Vec<Diagnostic>> {
    let mut root = source::parse(&Arc::new(source.clone()))?;
    check_format(&root)?;
    let mut stacks = Stacks { folder: folder_of(&source.name), outside, failed: false };
    let mut problems = Problems::default();
    stacks.expand(&mut root, &mut problems);
    load_tree(root, source, overlays, &stacks, problems)
}

/// A run of stack files without a scenario.
#[derive(Clone, Debug)]
pub struct StackRun {
    /// Name of the stack.
    pub name: String,
    /// The files, later ones over earlier ones; at least one.
    pub files: Vec<SourceFile>,
    /// What is done then: `30s docker service update ...`.
    pub then: Vec<String>,
}

/// Reads stack files and lays the overlays over them, in their order.
///
/// # Errors
/// As [`load`].
pub fn load_stack(run: &StackRun, overlays: &[Overlay], outside: &Outside<'_>) -> Result<Loaded, Vec<Diagnostic>> {
    let mut problems = Problems::default();
    let file = &run.files[0];
    let place = Place::new(&Arc::new(file.clone()), 0..0);
    let services = assume::services(run, &place, outside, &mut problems);
    let stacks = Stacks { folder: folder_of(&file.name), outside, failed: services.is_none() };
    let (root, assumptions) = assume::scenario(run, &place, services.unwrap_or_default(), &mut problems);
    let loaded = load_tree(root, file, overlays, &stacks, problems)?;
    Ok(Loaded { assumptions, ..loaded })
}

fn load_tree(
    mut root: Node,
    source: &SourceFile,
    overlays: &[Overlay],
    stacks: &Stacks<'_>,
    mut problems: Problems,
) -> Result<Loaded, Vec<Diagnostic>> {
    // What they set may be in a stack that could not be read.
    let overlays = if stacks.failed { &[] } else { overlays };
    let overlaid = overlay::apply(overlays, &mut root, &mut problems);
    let lowered = Scenario::read(&root, &mut problems).map(|scenario| {
        let about = scenario.about.clone();
        (about, lower::lower(scenario, &stem(&source.name), &overlaid, stacks, &mut problems))
    });
    let failed = problems.has_errors();
    let diagnostics = problems.into_sorted(&source.name);
    match lowered {
        Some((about, lowered)) if !failed => Ok(Loaded {
            digest: digest(&lowered.plan),
            lints: lint::lint(&root, &lowered.plan),
            plan: lowered.plan,
            expectations: lowered.expectations,
            places: lowered.places,
            warnings: diagnostics,
            about,
            assumed_images: lowered.assumed_images,
            assumptions: Vec::new(),
        }),
        _ => Err(diagnostics),
    }
}

/// Whether a text is meant as a scenario: it has the key `rollsim`. A text that cannot be read is, if it speaks of rollsim.
pub fn is_scenario(text: &str) -> bool {
    let file = Arc::new(SourceFile { name: String::new(), text: text.to_owned() });
    source::parse(&file).map_or_else(|_| text.contains("rollsim"), |root| root.get("rollsim").is_some())
}

/// Whether a text is meant as a stack file: it has services and is no scenario.
pub fn is_stack(text: &str) -> bool {
    let file = Arc::new(SourceFile { name: String::new(), text: text.to_owned() });
    source::parse_first(&file).is_ok_and(|root| root.get("rollsim").is_none() && root.get("services").is_some())
}

/// The variables of a file with a line `V=X` for each.
///
/// # Errors
/// What docker says of a line that names no variable.
pub fn parse_env_file(text: &str) -> Result<Vec<(String, String)>, String> {
    stack::environ::parse(text, &BTreeMap::new())
}

/// Name of a scenario that has none: its file's name without folder and extension.
fn stem(name: &str) -> String {
    let stem = Path::new(name).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    stem.filter(|stem| stem != "-").unwrap_or_else(|| "scenario".to_owned())
}

/// Whether the text is a scenario of the version that we know.
fn check_format(root: &Node) -> Result<(), Vec<Diagnostic>> {
    let refuse = |code, place, message: &str, help: &str| {
        Err(vec![Diagnostic::new(code, place, message).help(Some(help.to_owned()))])
    };
    if let Some(key) = misspelt_version(root) {
        let message = format!("unknown field `{}`", key.value);
        return Err(vec![Diagnostic::new(Code::UnknownKey, &key.place, message).label("did you mean `rollsim`?")]);
    }
    match root.get("rollsim") {
        Some(Node { value: Value::Integer(version), .. }) if *version == i128::from(schema::FORMAT) => Ok(()),
        Some(version) => {
            let message = format!("unknown version `{version}` of the scenario format");
            refuse(Code::FormatVersion, &version.place, &message, "this program knows `rollsim: 1`")
        }
        None if root.get("services").is_some() => refuse(
            Code::StackFile,
            &root.place,
            "this is a stack file and no scenario",
            "a scenario begins with `rollsim: 1` and names stack files: `\"stack\": {\"name\": ..., \"files\": [...]}`",
        ),
        None => refuse(Code::NotAScenario, &root.place, "this is no scenario", "a scenario has the key `rollsim: 1`"),
    }
}

/// The key that was most likely meant to be `rollsim`, if there is none.
fn misspelt_version(root: &Node) -> Option<&Spanned<String>> {
    let Value::Map(entries) = &root.value else { return None };
    let mut keys = entries.iter().map(|entry| &entry.key);
    if root.get("rollsim").is_some() {
        return None;
    }
    keys.find(|key| nearest(&key.value, ["rollsim"].into_iter()).is_some())
}

/// Takes in a text piece by piece: it may be long.
struct Hash(Xxh3);

impl fmt::Write for Hash {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

/// Hash of a value by its debug text.
fn hash_of(value: &impl fmt::Debug) -> u128 {
    let mut hash = Hash(Xxh3::new());
    write!(hash, "{value:?}").expect("a hash takes any text");
    hash.0.digest128()
}

/// Hash of a plan by its debug text, which says everything that a run depends on.
///
/// What single tasks do instead is read apart, and once for all images that have it from one another by `like`: thousands of images
/// may share thousands of tasks.
fn digest(plan: &Plan) -> String {
    let mut anonymous = Plan { name: String::new(), seed: 0, ..plan.clone() };
    let mut known = BTreeMap::new();
    let tasks: Vec<u128> = (anonymous.images.values_mut())
        .map(|image| {
            let tasks = std::mem::take(&mut image.behavior.tasks);
            *known.entry(Arc::as_ptr(&tasks)).or_insert_with(|| hash_of(&tasks))
        })
        .collect();
    format!("{:032x}", hash_of(&(anonymous, tasks)))
}

#[cfg(test)]
mod tests;
