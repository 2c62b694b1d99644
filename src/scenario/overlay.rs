//! Overlays: what the command line sets over a scenario (`--set PATH=VALUE`, policy files).

use std::sync::Arc;

use crate::diag::{Code, Diagnostic, Place, SourceFile};

use super::docker::{self, DockerCommand};
use super::image;
use super::read::{Problems, nearest, one_of};
use super::source::{self, Entry, Node, Spanned, Value};
use super::stacks::has_short_name;

/// Something that is laid over a scenario before it is decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlay {
    file: Arc<SourceFile>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Set,
    Policy,
}

impl Overlay {
    /// `PATH=VALUE`: a single value by its path in the file, such as `services.web.deploy.replicas=3`.
    ///
    /// A path that begins with `deploy` or `healthcheck` belongs to the only service that the timeline names (or that
    /// there is, if it names none); `update.X` and `rollback.X` stand for `deploy.update_config.X` and
    /// `deploy.rollback_config.X`. Items of lists are named by their number, from 0, and a service of a stack by its short
    /// name too, where that means one only.
    pub fn set(assignment: &str) -> Overlay {
        let file = SourceFile { name: format!("--set {assignment}"), text: assignment.to_owned() };
        Overlay { file: Arc::new(file), kind: Kind::Set }
    }

    /// A policy: a part of a service, laid over the service that `deploy` would belong to, or `services` with parts of
    /// services by their names.
    pub fn policy(file: SourceFile) -> Overlay {
        Overlay { file: Arc::new(file), kind: Kind::Policy }
    }
}

/// What overlays have set in services.
#[derive(Debug, Default)]
pub(super) struct Overlaid {
    set: Vec<Setting>,
}

/// A field of a service and the overlay that set it.
#[derive(Debug)]
struct Setting {
    service: String,
    field: String,
    by: String,
}

impl Overlaid {
    /// Reports flags of a line that override what an overlay sets.
    pub(super) fn report_overridden(&self, line: &DockerCommand, place: &Place, problems: &mut Problems) {
        let services = line.services();
        let is_changed = |full: &str| services.iter().any(|service| *service == full || has_short_name(full, service));
        for setting in self.set.iter().filter(|setting| is_changed(&setting.service)) {
            if line.paths().contains(&setting.field) {
                let message = format!("this line overrides `{}`, which `{}` sets", setting.field, setting.by);
                let help = "an overlay counts from the start, and flags in the timeline still win".to_owned();
                problems.push(Diagnostic::new(Code::OverlayOverridden, place, message).help(help));
            }
        }
    }

    /// Notes the fields of a service that a value at this path sets.
    fn note(&mut self, path: &[String], value: &Node, by: &str) {
        if let Value::Map(entries) = &value.value {
            for Entry { key, value } in entries {
                self.note(&[path, std::slice::from_ref(&key.value)].concat(), value, by);
            }
        } else if let [services, service, field @ ..] = path
            && services == "services"
        {
            self.set.push(Setting { service: service.clone(), field: field.join("."), by: by.to_owned() });
        }
    }
}

/// Lays the overlays over the tree, in their order.
pub(super) fn apply(overlays: &[Overlay], root: &mut Node, problems: &mut Problems) -> Overlaid {
    let mut overlaid = Overlaid::default();
    for Overlay { file, kind } in overlays {
        let laid = match kind {
            Kind::Set => set(file, root),
            Kind::Policy => lay_policy(file, root),
        };
        match laid {
            Ok((path, value)) => overlaid.note(&path, &value, &file.name),
            Err(diagnostics) => diagnostics.into_iter().for_each(|diagnostic| problems.push(diagnostic)),
        }
    }
    overlaid
}

/// The path that was set, and the value.
type Laid = Result<(Vec<String>, Node), Vec<Diagnostic>>;

fn set(file: &Arc<SourceFile>, root: &mut Node) -> Laid {
    let refuse = |end, message: String| vec![Diagnostic::new(Code::OverlayPath, &Place::new(file, 0..end), message)];
    let Some((path, _)) = file.text.split_once('=') else {
        return Err(refuse(file.text.len(), "expected `PATH=VALUE`".to_owned()));
    };
    let value = source::parse_value(file, path.len() + 1)?;
    let full = full_path(path, root).map_err(|message| refuse(path.len(), message))?;
    let (segments, node) = walk(root, &full, &Place::new(file, 0..path.len()))?;
    *node = value.clone();
    Ok((segments, value))
}

/// The node at a path, made as far as it is not there, and the segments of the path.
fn walk<'a>(mut node: &'a mut Node, path: &str, place: &Place) -> Result<(Vec<String>, &'a mut Node), Vec<Diagnostic>> {
    let mut segments: Vec<String> = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let (segment, after) = split_path(node, rest);
        if let Some((list, index)) = indexed(segment).filter(|_| node.get(segment).is_none()) {
            let parts = segments.iter().map(String::as_str).chain([list, index, after]);
            let meant: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
            let message = format!("`{segment}`: an item of a list is named by its number, as a part of the path");
            let diagnostic = Diagnostic::new(Code::OverlayPath, place, message);
            return Err(vec![diagnostic.label(format!("did you mean `{}`?", meant.join(".")))]);
        }
        let parent = segments.join(".");
        let full = if parent == "services" { full_name(node, segment) } else { None };
        segments.push(full.unwrap_or(segment).to_owned());
        node = step(node, &parent, &segments[segments.len() - 1], place).map_err(|diagnostic| vec![*diagnostic])?;
        rest = after;
    }
    Ok((segments, node))
}

/// The full name of the service that is meant by a name: this one, or the only one that it is short for.
fn full_name<'a>(services: &'a Node, name: &str) -> Option<&'a str> {
    let names = || services.entries().iter().map(|entry| entry.key.value.as_str());
    let mut meant = names().filter(|full| has_short_name(full, name));
    names().find(|full| *full == name).or_else(|| meant.next().filter(|_| meant.next().is_none()))
}

/// The node of a segment below the path `parent`, made if it is not there. Names that the user chose (of services, images,
/// ...) are not made: one that is not there is misspelt.
fn step<'a>(node: &'a mut Node, parent: &str, segment: &str, place: &Place) -> Result<&'a mut Node, Box<Diagnostic>> {
    const CHOSEN: [&str; 4] = ["services", "images", "cluster.nodes", "traffic.clients"];
    if CHOSEN.contains(&parent) && node.get(segment).is_none() && segment != image::DEFAULT {
        let meant = keys(node).into_iter().filter(|full| parent == "services" && has_short_name(full, segment));
        let meant: Vec<String> = meant.collect();
        let message = match meant[..] {
            [] => format!("there is no `{segment}` in `{parent}`"),
            _ => format!("`{segment}` could be {}", one_of(meant.iter().map(String::as_str))),
        };
        let diagnostic = Diagnostic::new(Code::OverlayPath, place, message);
        return Err(Box::new(match nearest(segment, keys(node).iter().map(String::as_str)) {
            Some(known) => diagnostic.label(format!("did you mean `{known}`?")),
            None => diagnostic,
        }));
    }
    child(node, segment, place).map_err(|message| Box::new(Diagnostic::new(Code::OverlayPath, place, message)))
}

/// The list and the index of `list[index]`.
fn indexed(segment: &str) -> Option<(&str, &str)> {
    let (list, index) = segment.strip_suffix(']')?.split_once('[')?;
    index.parse::<usize>().is_ok().then_some((list, index))
}

/// The keys of a mapping.
fn keys(node: &Node) -> Vec<String> {
    match &node.value {
        Value::Map(entries) => entries.iter().map(|entry| entry.key.value.clone()).collect(),
        _ => Vec::new(),
    }
}

/// The path in the file that a path may be short for.
fn full_path(path: &str, root: &Node) -> Result<String, String> {
    if path.split('.').any(str::is_empty) {
        return Err(format!("the path `{path}` has an empty part"));
    }
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let in_service = match first {
        "rollsim" => return Err("`rollsim` is the version of the format, which stays that of the file".to_owned()),
        "update" => format!("deploy.update_config.{rest}"),
        "rollback" => format!("deploy.rollback_config.{rest}"),
        "deploy" | "healthcheck" => path.to_owned(),
        _ => return Ok(path.to_owned()),
    };
    let in_service = in_service.trim_end_matches('.');
    Ok(format!("services.{}.{in_service}", only_service(root, "begin the path with `services.NAME`")?))
}

/// The first segment of a path and the rest. Of the keys that are there the longest that fits is taken, because names of
/// images have dots too.
fn split_path<'a>(node: &Node, path: &'a str) -> (&'a str, &'a str) {
    let fits = |key: &str| path.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let length = match &node.value {
        Value::Map(entries) => {
            entries.iter().map(|entry| &entry.key.value).filter(|key| fits(key)).map(String::len).max()
        }
        _ => None,
    };
    let length = length.filter(|length| *length > 0).unwrap_or_else(|| path.find('.').unwrap_or(path.len()));
    (&path[..length], path[length..].trim_start_matches('.'))
}

/// The node of a segment, made if a mapping lacks it.
fn child<'a>(node: &'a mut Node, segment: &str, place: &Place) -> Result<&'a mut Node, String> {
    let kind = node.kind();
    match &mut node.value {
        Value::Map(entries) => {
            let index = entries.iter().position(|entry| entry.key.value == segment).unwrap_or_else(|| {
                let key = Spanned { value: segment.to_owned(), place: place.clone() };
                entries.push(Entry { key, value: Node { value: Value::Map(Vec::new()), place: place.clone() } });
                entries.len() - 1
            });
            Ok(&mut entries[index].value)
        }
        Value::Seq(items) => {
            let count = items.len();
            let index = segment.parse().ok().filter(|index: &usize| *index < count);
            index.map(|index| &mut items[index]).ok_or(format!("`{segment}` is none of the {count} items of this list"))
        }
        _ => Err(format!("`{segment}` leads into {kind}")),
    }
}

fn lay_policy(file: &Arc<SourceFile>, root: &mut Node) -> Laid {
    let policy = source::parse(file)?;
    let refuse = |message: String| vec![Diagnostic::new(Code::OverlayPath, &policy.place, message)];
    let Value::Map(entries) = &policy.value else {
        return Err(refuse(format!("a policy is a part of a service, found {}", policy.kind())));
    };
    if let Some(services) = policy.get("services") {
        if let Some(Entry { key, .. }) = entries.iter().find(|entry| entry.key.value != "services") {
            let message = format!("`{}` belongs into one of the policy's `services`", key.value);
            return Err(vec![Diagnostic::new(Code::OverlayPath, &key.place, message)]);
        }
        return lay_services(services, root);
    }
    let service = only_service(root, "put it into `{\"services\": {\"NAME\": ...}}`").map_err(refuse)?;
    let (path, node) = walk(root, &format!("services.{service}"), &policy.place)?;
    merge(node, policy.clone());
    Ok((path, policy))
}

/// Lays parts of services over those of the same names.
fn lay_services(parts: &Node, root: &mut Node) -> Laid {
    let mut parts = parts.clone();
    let Value::Map(entries) = &mut parts.value else {
        let message = format!("`services` of a policy are parts of services by their names, found {}", parts.kind());
        return Err(vec![Diagnostic::new(Code::OverlayPath, &parts.place, message)]);
    };
    let (path, services) = walk(root, "services", &parts.place)?;
    let mut unknown = Vec::new();
    for Entry { key, value } in entries {
        key.value = full_name(services, &key.value).unwrap_or(&key.value).to_owned();
        match step(services, "services", &key.value, &key.place) {
            Ok(service) => merge(service, value.clone()),
            Err(diagnostic) => unknown.push(*diagnostic),
        }
    }
    if unknown.is_empty() { Ok((path, parts)) } else { Err(unknown) }
}

/// Lays `over` over `node`: mappings are merged key by key, anything else is replaced.
fn merge(node: &mut Node, over: Node) {
    match (&mut node.value, over.value) {
        (Value::Map(entries), Value::Map(over)) => {
            for entry in over {
                match entries.iter_mut().find(|known| known.key.value == entry.key.value) {
                    Some(known) => merge(&mut known.value, entry.value),
                    None => entries.push(entry),
                }
            }
        }
        (_, value) => *node = Node { value, place: over.place },
    }
}

/// The only service that the timeline names, or that there is if it names none. `hint`: how to say which of several is meant.
fn only_service(root: &Node, hint: &str) -> Result<String, String> {
    let none = Node::text("", &root.place);
    let services = root.get("services").unwrap_or(&none);
    let mut named: Vec<&str> = Vec::new();
    if let Some(Node { value: Value::Seq(events), .. }) = root.get("timeline") {
        for event in events {
            let Some(Node { value: Value::String(run), .. }) = event.get("run") else { continue };
            let Ok(line) = docker::parse(run) else { continue };
            for service in line.services() {
                named.extend(full_name(services, service).filter(|full| !named.contains(full)));
            }
        }
    }
    if named.is_empty() {
        named = services.entries().iter().map(|entry| entry.key.value.as_str()).collect();
    }
    match named[..] {
        [only] => Ok(only.to_owned()),
        [] => Err("there is no service that this could belong to".to_owned()),
        _ => Err(format!("this could belong to {}: {hint}", one_of(named.into_iter()))),
    }
}
