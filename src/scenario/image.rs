//! `images`: how containers behave.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diag::{Code, Diagnostic};
use crate::kernel::{Dist, Span};
use crate::model::image::{Application, ImageBehavior, Outcome, Stop, TaskOverride};
use crate::model::service::HealthCheck;

use super::health::read_health;
use super::read::{Fields, Named, Problems, Read, entries_like, instead_of, nearest, refuse, word, wrong_type};
use super::source::{Entry, Node, Spanned, Value};
use super::units::Share;

/// The name of the image whose behaviour is that of all images without an entry.
pub(super) const DEFAULT: &str = "*";

/// What a scenario says of an image. What it does not say comes from the image that it is `like`, or else from `"*"`.
#[derive(Clone, Debug, Default)]
pub(super) struct Image {
    like: Option<Spanned<String>>,
    pull: Option<Dist>,
    prepare: Option<Dist>,
    start: Option<Dist>,
    boot: Option<Dist>,
    stop: Option<Stop>,
    stop_code: Option<u8>,
    healthcheck: Option<HealthCheck>,
    probe: Option<Span>,
    service_time: Option<Dist>,
    concurrency: Option<u32>,
    backlog: Option<u32>,
    error_share: Option<f64>,
    breaks_after_requests: Option<u64>,
    leak: Option<Span>,
    crashes_above: Option<u32>,
    outcome: Option<Outcome>,
    fail_share: Option<f64>,
    tasks: Option<Arc<BTreeMap<u32, TaskOverride>>>,
}

impl Read for Image {
    fn read(node: &Node, problems: &mut Problems) -> Option<Image> {
        let mut fields = Fields::of(node, problems)?;
        let image = Image {
            like: fields.read("like"),
            pull: fields.read("pull"),
            prepare: fields.read("prepare"),
            start: fields.read("start"),
            boot: fields.read("boot"),
            stop: fields.read("stop"),
            stop_code: fields.read("stop_code"),
            healthcheck: fields.read_with("healthcheck", read_health),
            probe: fields.read("probe"),
            service_time: fields.read("service_time"),
            concurrency: fields.read_with("concurrency", read_concurrency),
            backlog: fields.read("backlog"),
            error_share: fields.read("error_share").map(|Share(share)| share),
            breaks_after_requests: fields.read("breaks_after_requests"),
            leak: fields.read("leak"),
            crashes_above: fields.read("crashes_above"),
            outcome: fields.read("outcome"),
            fail_share: fields.read("fail_share").map(|Share(share)| share),
            tasks: fields.read_with("tasks", read_tasks).map(Arc::new),
        };
        fields.finish();
        Some(image)
    }
}

/// `run`, `fail-pull`, `fail-prepare`, `fail-start`, or `{"exit": {"after": ..., "code": ...}}`; the code is 1 if it is not said.
impl Read for Outcome {
    fn read(node: &Node, problems: &mut Problems) -> Option<Outcome> {
        match &node.value {
            Value::String(_) => {
                let words = [
                    ("run", Outcome::Run),
                    ("fail-pull", Outcome::FailPull),
                    ("fail-prepare", Outcome::FailPrepare),
                    ("fail-start", Outcome::FailStart),
                ];
                word(node, "outcome", &words, problems)
            }
            Value::Map(_) => {
                let mut fields = Fields::of(node, problems)?;
                let exit = match fields.node("exit") {
                    Some(exit) => read_exit(exit, fields.problems),
                    None => refuse(Code::MissingKey, &node.place, "missing field `exit`", fields.problems),
                };
                fields.finish();
                exit
            }
            _ => {
                wrong_type(node, "an outcome such as `run` or `{\"exit\": {\"after\": \"4s\", \"code\": 1}}`", problems)
            }
        }
    }
}

/// `ignore`, or how long the process goes on.
impl Read for Stop {
    fn read(node: &Node, problems: &mut Problems) -> Option<Stop> {
        match &node.value {
            Value::String(text) if text == "ignore" => Some(Stop::Ignore),
            _ => Dist::read(node, problems).map(Stop::After),
        }
    }
}

fn read_concurrency(node: &Node, problems: &mut Problems) -> Option<u32> {
    match u32::read(node, problems)? {
        0 => refuse(Code::OutOfRange, &node.place, "a container works on one request at a time at least", problems),
        concurrency => Some(concurrency),
    }
}

fn read_exit(node: &Node, problems: &mut Problems) -> Option<Outcome> {
    let mut fields = Fields::of(node, problems)?;
    let after = fields.require("after");
    let code = fields.read("code").unwrap_or(1);
    fields.finish();
    Some(Outcome::Exit { after: after?, code })
}

fn read_tasks(node: &Node, problems: &mut Problems) -> Option<BTreeMap<u32, TaskOverride>> {
    let mut tasks = BTreeMap::new();
    for Entry { key, value } in entries_like(node, &["0"], problems)? {
        match key.value.parse() {
            Ok(ordinal) => tasks.extend(TaskOverride::read(value, problems).map(|task| (ordinal, task))),
            Err(_) => {
                let message = format!("`{}` is no ordinal of a task", key.value);
                let label = "tasks are counted from 0";
                problems.push(Diagnostic::new(Code::Malformed, &key.place, message).label(label));
            }
        }
    }
    Some(tasks)
}

impl Read for TaskOverride {
    fn read(node: &Node, problems: &mut Problems) -> Option<TaskOverride> {
        let mut fields = Fields::of(node, problems)?;
        let task = TaskOverride {
            outcome: fields.read("outcome"),
            prepare: fields.read::<Span>("prepare"),
            start: fields.read::<Span>("start"),
            boot: fields.read::<Span>("boot"),
            stop: fields.read::<Span>("stop"),
        };
        fields.finish();
        Some(task)
    }
}

/// The behaviour of every image that a scenario describes.
#[derive(Debug, Default)]
pub(super) struct Behaviors {
    by_name: BTreeMap<String, ImageBehavior>,
    default: ImageBehavior,
    has_default: bool,
}

impl Behaviors {
    /// Follows every `like`.
    pub(super) fn resolve(images: &Named<Image>, problems: &mut Problems) -> Behaviors {
        let mut behaviors = Behaviors::default();
        let mut entries: BTreeMap<&str, &Image> =
            images.iter().filter_map(|(name, image)| Some((name.value.as_str(), image.as_ref()?))).collect();
        if let Some(image) = entries.remove(DEFAULT) {
            if let Some(like) = &image.like {
                let message = "`*` is what other images are like; it is like none itself";
                problems.push(Diagnostic::new(Code::LikeCycle, &like.place, message));
            }
            behaviors.default = image.over(ImageBehavior::default());
            behaviors.has_default = true;
        }
        for name in entries.keys() {
            behaviors.follow(name, &entries, problems);
        }
        behaviors
    }

    /// The behaviour of an image, and whether the scenario describes it by its own name.
    pub(super) fn of(&self, name: &str) -> (ImageBehavior, bool) {
        match self.by_name.get(name) {
            Some(behavior) => (behavior.clone(), true),
            None => (self.default.clone(), false),
        }
    }

    /// Whether an image without an entry is one that was left out: there are entries, but none for all others.
    pub(super) fn are_meant_complete(&self) -> bool {
        !self.has_default && !self.by_name.is_empty()
    }

    /// The described image that a name without an entry was most likely meant to be: first of all another tag.
    pub(super) fn similar(&self, name: &str) -> Option<&str> {
        let known = || self.by_name.keys().map(String::as_str);
        let tags = || known().filter(|known| repository(known) == repository(name));
        nearest(name, tags()).or_else(|| tags().next()).or_else(|| nearest(name, known()))
    }

    /// Finds out the behaviour of an image and of those that it is like.
    fn follow(&mut self, name: &str, entries: &BTreeMap<&str, &Image>, problems: &mut Problems) {
        let mut chain: Vec<(&str, &Image)> = Vec::new();
        let mut indices: BTreeMap<&str, usize> = BTreeMap::new();
        let mut next = entries.get_key_value(name);
        while let Some((&name, &image)) = next.filter(|(name, _)| !self.by_name.contains_key(**name)) {
            if let Some(first) = indices.insert(name, chain.len()) {
                for like in chain[first..].iter().filter_map(|(_, image)| image.like.as_ref()) {
                    let message = format!("`{}` is like itself in the end", like.value);
                    problems.push(Diagnostic::new(Code::LikeCycle, &like.place, message));
                }
                break;
            }
            chain.push((name, image));
            next = image.like.as_ref().filter(|like| like.value != DEFAULT).and_then(|like| {
                let entry = entries.get_key_value(like.value.as_str());
                if entry.is_none() && !problems.is_full() {
                    unknown(like, entries, problems);
                }
                entry
            });
        }
        let mut behavior = next.and_then(|(name, _)| self.by_name.get(*name)).unwrap_or(&self.default).clone();
        for (name, image) in chain.into_iter().rev() {
            behavior = image.over(behavior);
            self.by_name.insert(name.to_owned(), behavior.clone());
        }
    }
}

/// A reference without tag and digest.
fn repository(reference: &str) -> &str {
    let name = reference.split_once('@').map_or(reference, |(name, _)| name);
    name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(name, |(name, _)| name)
}

fn unknown(like: &Spanned<String>, entries: &BTreeMap<&str, &Image>, problems: &mut Problems) {
    let label = instead_of(&like.value, entries.keys().copied());
    let message = format!("there is no image `{}` to be like", like.value);
    problems.push(Diagnostic::new(Code::UnknownImage, &like.place, message).label(label));
}

impl Image {
    /// What this image says, over `base` where it says nothing.
    fn over(&self, base: ImageBehavior) -> ImageBehavior {
        let application = base.application;
        ImageBehavior {
            pull: self.pull.clone().unwrap_or(base.pull),
            prepare: self.prepare.clone().unwrap_or(base.prepare),
            start: self.start.clone().unwrap_or(base.start),
            boot: self.boot.clone().unwrap_or(base.boot),
            stop: self.stop.clone().unwrap_or(base.stop),
            stop_code: self.stop_code.unwrap_or(base.stop_code),
            healthcheck: self.healthcheck.clone().or(base.healthcheck),
            probe: self.probe.unwrap_or(base.probe),
            application: Application {
                service_time: self.service_time.clone().unwrap_or(application.service_time),
                concurrency: self.concurrency.unwrap_or(application.concurrency),
                backlog: self.backlog.or(application.backlog),
                error_share: self.error_share.unwrap_or(application.error_share),
                breaks_after_requests: self.breaks_after_requests.or(application.breaks_after_requests),
                leak: self.leak.unwrap_or(application.leak),
                crashes_above: self.crashes_above.or(application.crashes_above),
            },
            outcome: self.outcome.clone().unwrap_or(base.outcome),
            fail_share: self.fail_share.unwrap_or(base.fail_share),
            fails_on: base.fails_on,
            tasks: self.tasks.clone().unwrap_or(base.tasks),
        }
    }
}
