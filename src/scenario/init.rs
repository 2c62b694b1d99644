//! Drafts a scenario around stack files, with every assumption spelled out so that whoever knows better can correct it.

use std::fmt::Write;

use crate::kernel::Span;
use crate::model::ServiceId;
use crate::model::command::Command;
use crate::model::defaults;
use crate::model::image::ImageBehavior;
use crate::model::node::Role;
use crate::model::service::{Mode, ServiceSpec, UpdateConfig};
use crate::sim::Plan;

/// When the update comes, if no health check delays the start.
const UPDATE_AT: Span = Span::from_secs(60);
/// Assumed time that a slot takes besides the delay: the stop of the old task, the start of the new one.
const SLOT: Span = Span::from_secs(15);

/// A scenario in YAML for a stack of these files, of which this is the plan, named as the stack is. It updates one service to a
/// version that fails.
///
/// A plan without services has nothing to update: `None`.
pub fn draft(files: &[String], plan: &Plan) -> Option<String> {
    let stack = plan.name.as_str();
    let services = services(plan);
    let (id, spec) = services.iter().find(|(_, spec)| is_called(spec)).or(services.first())?;
    let subject = Subject { name: &plan.services[*id], image: &plan.images[spec.task.container.image].name, spec };
    let mut text = format!(
        "# A scenario around the stack {stack}, drafted by `rollsim init`. It runs as it is:\n\
         # what is marked `assumed` is a guess, so correct what you know better.\n\
         rollsim: 1\n\
         name: {}\n\
         about: {}\n\
         seed: 1\n\
         duration: {}  # assumed: long enough for the update, and for its rollback\n\
         \n\
         stack:\n  name: {}\n  files: {}\n\n",
        quoted(&format!("{stack}-update")),
        quoted(&format!("{} is updated to a version that fails", subject.name)),
        subject.duration(),
        quoted(stack),
        serde_json::to_string(files).expect("a list of texts can be written"),
    );
    write_cluster(plan, &mut text);
    write_images(&subject, &mut text);
    write_traffic(plan, &services, &subject, &mut text);
    write_timeline(plan, &services, &subject, &mut text);
    Some(text)
}

/// The service that is updated.
struct Subject<'a> {
    name: &'a str,
    image: &'a str,
    spec: &'a ServiceSpec,
}

impl Subject<'_> {
    /// The image that does not work: the same repository, another tag.
    fn bad_image(&self) -> String {
        let name = self.image.split_once('@').map_or(self.image, |(name, _)| name);
        let tag = name.rfind(':').filter(|colon| !name[*colon..].contains('/'));
        format!("{}:bad", &name[..tag.unwrap_or(name.len())])
    }

    /// When the update comes: after the first probes of its health check.
    fn updated_at(&self) -> Span {
        let check = self.spec.task.container.healthcheck.as_ref();
        let probe = check.map(|check| check.interval.unwrap_or(Span::from_secs(30)));
        UPDATE_AT + probe.unwrap_or(Span::ZERO)
    }

    /// Time for the update and a rollback of all slots, and a minute more; in whole minutes.
    fn duration(&self) -> Span {
        let UpdateConfig { parallelism, delay, monitor, .. } = self.spec.update.unwrap_or(defaults::UPDATE_CONFIG);
        let tasks = match self.spec.mode {
            Mode::Replicated { replicas } => replicas.max(1),
            Mode::Global => 3,
        };
        let steps = if parallelism == 0 { 1 } else { tasks.div_ceil(parallelism) };
        let update = (delay + SLOT) * u64::from(steps) + monitor.unwrap_or(defaults::MONITOR);
        let whole = self.updated_at() + update * 2 + Span::from_secs(60);
        Span::from_secs(whole.as_nanos().div_ceil(60_000_000_000) * 60)
    }
}

/// The services that exist at time 0 and their specifications.
fn services(plan: &Plan) -> Vec<(ServiceId, &ServiceSpec)> {
    let created = plan.commands.iter().filter_map(|timed| match &timed.command {
        Command::ServiceCreate { service, spec } => Some((*service, &**spec)),
        _ => None,
    });
    created.collect()
}

fn is_called(spec: &ServiceSpec) -> bool {
    !spec.endpoint.ports.is_empty()
}

/// A text as YAML and JSON write it.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text can be written")
}

fn write_cluster(plan: &Plan, text: &mut String) {
    *text += "# Assumed: these nodes. They may say `resources: {cpus: \"4\", memory: 8g}` and `availability: drain`.\n\
              cluster:\n  nodes:\n";
    for node in plan.nodes.values() {
        let role = if node.spec.role == Role::Manager { "manager" } else { "worker" };
        let labels: Vec<String> =
            node.spec.labels.iter().map(|(name, value)| format!("{}: {}", quoted(name), quoted(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!(", labels: {{{}}}", labels.join(", ")) };
        let _ = writeln!(text, "    {}: {{role: {role}{labels}}}", quoted(&node.name));
    }
}

fn write_images(subject: &Subject<'_>, text: &mut String) {
    let ImageBehavior { pull, prepare, start, boot, stop, application, .. } = ImageBehavior::default();
    let service_time = &application.service_time;
    let _ = write!(
        text,
        "\n\
         # How containers behave. An entry under the name of an image goes before the one for all:\n\
         #   {image}: {{boot: 20s}}\n\
         images:\n  \
         \"*\":\n    \
         pull: {pull}  # assumed: the image is on every node already\n    \
         prepare: {prepare}  # assumed: creation of the container\n    \
         start: {start}  # assumed: until the process is up\n    \
         boot: {boot}  # assumed: from then until it listens\n    \
         stop: {stop}  # assumed: from the stop signal to its exit\n    \
         service_time: {service_time}  # assumed: work of one request; may be {{exponential: {service_time}}}\n  \
         # Assumed: how the new version fails. Other ways: `outcome: fail-start`, `outcome: fail-prepare`\n  \
         # (no such image), `outcome: run` (it does not fail), `fail_share: 0.3` (3 of 10 tasks do).\n  \
         {bad}:\n    \
         outcome: {{exit: {{after: 10s, code: 1}}}}\n",
        image = quoted(subject.image),
        bad = quoted(&subject.bad_image()),
    );
}

fn write_traffic(plan: &Plan, services: &[(ServiceId, &ServiceSpec)], subject: &Subject<'_>, text: &mut String) {
    *text += "\n# Assumed: who sends requests, and how many.\ntraffic:\n  clients:\n";
    let called = services.iter().filter(|(_, spec)| is_called(spec)).map(|(id, _)| plan.services[*id].as_str());
    let mut called: Vec<&str> = called.collect();
    if called.is_empty() {
        called.push(subject.name);
    }
    for name in called {
        let client = quoted(&format!("users-of-{name}"));
        let _ = writeln!(text, "    {client}: {{service: {}, rate: 20/s}}", quoted(name));
    }
}

fn write_timeline(plan: &Plan, services: &[(ServiceId, &ServiceSpec)], subject: &Subject<'_>, text: &mut String) {
    let at = subject.updated_at();
    let line = |name: &str, image: &str| quoted(&format!("docker service update --image {image} {name}"));
    let _ = write!(
        text,
        "\n\
         # What you do. Other lines: `docker service scale`, `docker node update --availability drain worker1`,\n\
         # or in the place of `run` a `fault: node crash worker1`.\n\
         timeline:\n  \
         - {{at: {at}, run: {}}}\n",
        line(subject.name, &subject.bad_image())
    );
    for (id, spec) in services.iter().filter(|(id, _)| plan.services[*id] != subject.name) {
        let image = &plan.images[spec.task.container.image].name;
        let _ = writeln!(text, "  # - {{at: {at}, run: {}}}", line(&plan.services[*id], image));
    }
    let _ = write!(
        text,
        "\n\
         # What must come out, for `rollsim test`. For example:\n\
         # expect:\n\
         #   - {{service: {}, update_status: rollback_completed, downtime.total: == 0s}}\n",
        quoted(subject.name)
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ImageId;

    fn subject<'a>(image: &'a str, spec: &'a ServiceSpec) -> Subject<'a> {
        Subject { name: "web", image, spec }
    }

    #[test]
    fn the_bad_image_is_another_tag_of_the_same_repository() {
        let spec = ServiceSpec::replicated(ImageId(0), 1);
        for (image, bad) in [
            ("web", "web:bad"),
            ("web:1", "web:bad"),
            ("localhost:5000/web", "localhost:5000/web:bad"),
            ("localhost:5000/a/web:1", "localhost:5000/a/web:bad"),
            ("web:1@sha256:00", "web:bad"),
        ] {
            assert_eq!(subject(image, &spec).bad_image(), bad);
        }
    }

    /// Of 6 replicas in pairs: 3 x (10 s + 15 s) + 5 s, there and back, after 60 s and with 60 s more.
    #[test]
    fn the_run_is_long_enough_for_an_update_and_its_rollback() {
        let mut spec = ServiceSpec::replicated(ImageId(0), 6);
        let delay = Span::from_secs(10);
        spec.update = Some(UpdateConfig { parallelism: 2, delay, ..defaults::UPDATE_CONFIG });
        assert_eq!(subject("web:1", &spec).duration(), Span::from_secs(300));
        spec.update = Some(UpdateConfig { parallelism: 0, delay, ..defaults::UPDATE_CONFIG });
        assert_eq!(subject("web:1", &spec).duration(), Span::from_secs(180));
    }
}
