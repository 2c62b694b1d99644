//! Mounts: the short form of an item of `volumes`.
//!
//! Source: cli: internal/volumespec/volumespec.go.

use crate::diag::Place;

use super::source::{Entry, Node, Value};

/// Ways in which mounts below a bind mount are seen on the other side of it.
const PROPAGATIONS: [&str; 6] = ["rprivate", "private", "rshared", "shared", "rslave", "slave"];

/// `[SOURCE:]TARGET[:OPTION,...]` in its long form.
///
/// A drive of Windows is part of a path: `a:/x` is one target.
///
/// # Errors
/// What docker says against it.
pub(super) fn parse(spec: &str, place: &Place) -> Result<Node, String> {
    let text = |text: &str| Node::text(text, place);
    let map = |entries| Node { value: Value::Map(entries), place: place.clone() };
    let yes = || Node { value: Value::Bool(true), place: place.clone() };
    if spec.is_empty() {
        return Err("invalid empty volume spec".to_owned());
    }
    if spec.len() <= 2 {
        return Ok(map(vec![Entry::new("type", text("volume")), Entry::new("target", text(spec))]));
    }
    let sections = sections(spec);
    let invalid = |why: &str| Err(format!("invalid spec: {spec}: {why}"));
    if sections.iter().any(|section| section.is_empty()) {
        return invalid("empty section between colons");
    }
    let (source, target, options) = match sections.as_slice() {
        [target] => (None, *target, ""),
        [source, target] => (Some(*source), *target, ""),
        [source, target, options] => (Some(*source), *target, *options),
        _ => return invalid("too many colons"),
    };
    let kind = if source.is_some_and(is_path) { "bind" } else { "volume" };
    let mut entries = vec![Entry::new("type", text(kind))];
    entries.extend(source.map(|source| Entry::new("source", text(source))));
    entries.push(Entry::new("target", text(target)));
    let access = options.split(',').rfind(|option| matches!(*option, "ro" | "rw"));
    entries.extend((access == Some("ro")).then(|| Entry::new("read_only", yes())));
    for option in options.split(',') {
        entries.extend(match option {
            "nocopy" => Some(Entry::new("volume", map(vec![Entry::new("nocopy", yes())]))),
            _ if PROPAGATIONS.contains(&option) => {
                Some(Entry::new("bind", map(vec![Entry::new("propagation", text(option))])))
            }
            _ => None,
        });
    }
    Ok(map(entries))
}

/// What stands between the colons that do not follow the letter of a drive.
fn sections(spec: &str) -> Vec<&str> {
    let mut sections = Vec::new();
    let mut start = 0;
    for (at, _) in spec.match_indices(':') {
        if !is_drive(&spec[start..at]) {
            sections.push(&spec[start..at]);
            start = at + 1;
        }
    }
    sections.push(&spec[start..]);
    sections
}

/// Whether this is a single letter.
fn is_drive(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(char::is_alphabetic) && chars.next().is_none()
}

/// Whether a source is a path and not the name of a volume.
fn is_path(source: &str) -> bool {
    let mut chars = source.chars();
    let (first, second) = (chars.next(), chars.next());
    source.starts_with(['.', '/', '~'])
        || source.starts_with("\\\\")
        || first.is_some_and(char::is_alphabetic) && second == Some(':')
}
