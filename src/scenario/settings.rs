//! Keys of a Compose service that are not simulated but make tasks dirty when they change.
//!
//! They become settings of the container under the names that the flags of `docker service update` use for the same
//! thing, so that a flag that repeats what the file says changes nothing.

use std::collections::BTreeMap;

use crate::diag::Code;

use super::docker::flags::capability;
use super::docker::values::shell_words;
use super::read::{Fields, Problems, Read, checked, list, pairs, refuse, text_of, wrong_type};
use super::source::{Node, Value};

/// How the value of a key becomes settings.
#[derive(Clone, Copy)]
enum Kind {
    /// One setting, the text of the value whatever it is.
    Any,
    /// One setting if true.
    Switch,
    /// One setting: a list of words, or a text that is split as a shell does.
    Words,
    /// A setting for each item of a list, or for a single text, or of a mapping if there is a separator; what stands before the separator, if
    /// there is one, is the item's name.
    Items(Option<char>),
    /// A setting for each item of a mapping or a list of `NAME=VALUE`.
    Pairs,
    /// A setting for each item, named by the last part of a short form or by this field of a long one.
    Objects(&'static str),
    /// A capability that is added or dropped.
    Capability(&'static str),
}

/// The keys, the names of their settings, and how they are read.
const KEYS: [(&str, &str, Kind); 27] = [
    ("cap_add", "cap", Kind::Capability("add")),
    ("cap_drop", "cap", Kind::Capability("drop")),
    ("command", "args", Kind::Words),
    ("configs", "config", Kind::Objects("source")),
    ("credential_spec", "credential_spec", Kind::Any),
    ("dns", "dns", Kind::Items(None)),
    ("dns_search", "dns_search", Kind::Items(None)),
    ("entrypoint", "entrypoint", Kind::Words),
    ("env_file", "env_file", Kind::Items(None)),
    ("environment", "env", Kind::Pairs),
    ("extra_hosts", "host", Kind::Items(Some(':'))),
    ("hostname", "hostname", Kind::Any),
    ("init", "init", Kind::Any),
    ("isolation", "isolation", Kind::Any),
    ("labels", "container_label", Kind::Pairs),
    ("logging", "log_driver", Kind::Any),
    ("read_only", "read_only", Kind::Switch),
    ("secrets", "secret", Kind::Objects("source")),
    ("stdin_open", "stdin_open", Kind::Switch),
    ("stop_signal", "stop_signal", Kind::Any),
    ("sysctls", "sysctl", Kind::Pairs),
    ("tmpfs", "mount", Kind::Items(None)),
    ("tty", "tty", Kind::Switch),
    ("ulimits", "ulimit", Kind::Any),
    ("user", "user", Kind::Any),
    ("volumes", "mount", Kind::Objects("target")),
    ("working_dir", "working_dir", Kind::Any),
];

/// Reads all such keys of a service.
pub(super) fn read_settings(fields: &mut Fields<'_, '_>) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    for (key, setting, kind) in KEYS {
        let read = fields.read_with(key, |node, problems| kind.read(setting, node, problems));
        settings.extend(read.unwrap_or_default());
    }
    settings
}

/// Settings and their values.
type Settings = Vec<(String, String)>;

impl Kind {
    fn read(self, setting: &str, node: &Node, problems: &mut Problems) -> Option<Settings> {
        let item = |name: &str| format!("{setting}.{name}");
        let one = |value: String| vec![(setting.to_owned(), value)];
        match self {
            Kind::Any => Some(one(node.to_string())),
            Kind::Switch => Some(if bool::read(node, problems)? { one("true".to_owned()) } else { Vec::new() }),
            Kind::Words => read_words(node, problems).map(|words| one(format!("{words:?}"))),
            Kind::Items(Some(_)) if matches!(node.value, Value::Map(_)) => Kind::Pairs.read(setting, node, problems),
            Kind::Items(separator) => {
                let texts = read_texts(node, problems)?;
                let split = |text: &String| {
                    let parts = separator.and_then(|separator| text.split_once(separator));
                    let (name, value) = parts.unwrap_or((text, ""));
                    (item(name), value.to_owned())
                };
                Some(texts.iter().map(split).collect())
            }
            Kind::Pairs => Some(pairs(node, problems)?.into_iter().map(|(name, value)| (item(&name), value)).collect()),
            Kind::Objects(name) => {
                let read = |object: &Node, problems: &mut Problems| {
                    Some((item(&name_of(object, name, problems)?), object.to_string()))
                };
                list(node, problems, read)
            }
            Kind::Capability(what) => {
                let texts = read_texts(node, problems)?;
                Some(texts.iter().map(|text| (item(&capability(text)), what.to_owned())).collect())
            }
        }
    }
}

fn read_words(node: &Node, problems: &mut Problems) -> Option<Vec<String>> {
    match &node.value {
        Value::Seq(_) => read_texts(node, problems),
        _ => {
            let text = text_of(node, problems)?;
            checked(shell_words(text), &node.place, problems)
        }
    }
}

/// A list of texts; a single text is a list too.
fn read_texts(node: &Node, problems: &mut Problems) -> Option<Vec<String>> {
    match &node.value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Seq(_) => Vec::read(node, problems),
        _ => wrong_type(node, "a string or a list of strings", problems),
    }
}

/// The name of a mount, secret or config: the target of `SOURCE:TARGET:MODE`, or the text itself.
fn name_of(node: &Node, field: &'static str, problems: &mut Problems) -> Option<String> {
    match &node.value {
        Value::String(text) => Some(text.split(':').nth(1).unwrap_or(text).to_owned()),
        Value::Map(_) => match node.get(field) {
            Some(name) => String::read(name, problems),
            None => refuse(Code::MissingKey, &node.place, format!("missing field `{field}`"), problems),
        },
        _ => wrong_type(node, "a string or a mapping", problems),
    }
}
