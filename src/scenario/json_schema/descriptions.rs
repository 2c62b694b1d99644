//! What the keys of a scenario mean, for editors to show.

/// Paths, `*` for a name that the user chooses and `[]` for an item of a list, and their texts.
const TEXTS: [(&str, &str); 66] = [
    ("name", "Name of the report; the file's name by default."),
    ("about", "What to look at."),
    ("seed", "Seed of all chance, 1 by default."),
    ("duration", "End of the run; by default when nothing is pending for 30 s, at most 1 h."),
    ("measure_from", "Start of the measured windows; by default when all replicas are in rotation."),
    ("cluster", "Nodes by name, or numbers of managers and workers; one manager by default."),
    ("cluster.managers", "Number of managers, called manager1, manager2, ..."),
    ("cluster.workers", "Number of workers, called worker1, worker2, ..."),
    ("cluster.nodes", "Nodes by name. Managers run tasks unless drained."),
    ("cluster.nodes.*.resources", "CPUs and memory; more than anybody asks for by default."),
    ("images", "How containers behave, by reference; \"*\" is for all images without an entry."),
    ("images.*.like", "Another image whose values count where this one says nothing."),
    ("images.*.prepare", "From PREPARING to READY: creation of the container."),
    ("images.*.start", "From STARTING to the process being up."),
    ("images.*.stop", "From the stop signal to the exit of the process."),
    ("images.*.service_time", "Work of one request."),
    ("images.*.outcome", "What becomes of tasks that fail_share strikes."),
    ("images.*.outcome.exit.after", "From the process being up to its exit."),
    ("images.*.outcome.exit.code", "Exit code; 0 is COMPLETE, anything else FAILED."),
    ("images.*.fail_share", "Share of the tasks that the outcome befalls; all by default."),
    ("images.*.tasks", "What single tasks do instead, by ordinal of the image's tasks, from 0."),
    ("services", "Services that exist at time 0, as Compose writes them."),
    ("services.*.image", "Reference of the image."),
    ("services.*.ports", "Published ports, in Compose's short or long form."),
    ("services.*.deploy.replicas", "Number of tasks, 1 by default."),
    ("services.*.deploy.update_config", "How an update proceeds."),
    ("services.*.deploy.rollback_config", "How a rollback proceeds."),
    ("services.*.deploy.update_config.parallelism", "Tasks updated at a time, 1 by default; 0: all."),
    ("services.*.deploy.update_config.delay", "Rest after each task, also the last; 0 by default."),
    ("services.*.deploy.update_config.monitor", "How long a new task is watched after it runs; 5 s by default."),
    ("services.*.deploy.update_config.order", "Which of the old and the new task goes first; stop-first by default."),
    ("services.*.deploy.update_config.failure_action", "What to do when too many tasks fail; pause by default."),
    ("services.*.deploy.update_config.max_failure_ratio", "Share of failed tasks that is tolerated; 0 by default."),
    ("services.*.deploy.restart_policy", "What happens when a task ends."),
    ("services.*.deploy.placement.constraints", "Expressions such as node.labels.zone==a, all of which must hold."),
    ("services.*.healthcheck", "When a container is healthy; over the image's own check, field by field."),
    ("services.*.stop_grace_period", "Time between stop signal and SIGKILL; 10 s by default."),
    ("traffic", "Who sends requests."),
    ("traffic.mode", "How exactly requests are advanced: each, counted, or only their mean; exact by default."),
    ("traffic.clients.*.service", "Whom it calls."),
    ("traffic.clients.*.rate", "Open loop: requests a second (50/s), a minute or an hour; or steps, or a day."),
    ("traffic.clients.*.rate.steps", "One after the other, from the client's first instant on."),
    ("traffic.clients.*.rate.repeat", "Whether the steps begin again; else the last rate goes on."),
    ("traffic.clients.*.rate.steps[].for", "How long the step is; the last may go on for ever."),
    ("traffic.clients.*.rate.steps[].rate", "The rate of the step."),
    ("traffic.clients.*.rate.steps[].to", "The rate at its end, to which it rises or falls evenly."),
    ("traffic.clients.*.rate.day", "A rate that swings between two values like a cosine."),
    (
        "traffic.clients.*.rate.day.peak",
        "When it is highest; half a period after the client's first instant by default.",
    ),
    ("traffic.clients.*.rate.day.period", "From one peak to the next; 24h by default."),
    ("traffic.clients.*.arrivals", "Whether requests come at random or evenly; poisson by default."),
    ("traffic.clients.*.entry", "Nodes where its connections enter, or an external load balancer."),
    ("traffic.clients.*.entry.backends", "Nodes, all or tasks."),
    ("traffic.clients.*.entry.refresh", "How often it asks which tasks there are; 15s by default."),
    ("traffic.clients.*.entry.check", "How it checks its backends; not at all by default."),
    ("traffic.clients.*.concurrency", "Closed loop: number of users who wait for each answer."),
    ("traffic.clients.*.think", "Pause of a user between an answer and the next request."),
    ("traffic.clients.*.client_time", "What the client's single thread spends on each request."),
    ("latencies", "How long Swarm's own machinery takes; swarm by default."),
    ("engine", "Version of the engine."),
    ("stack", "A stack that exists at time 0: its name and its files, relative to the scenario."),
    ("timeline", "What operators do, and what befalls machines."),
    ("timeline[].at", "When."),
    ("timeline[].run", "A docker command line as you would paste it."),
    ("timeline[].fault", "Such as: node crash node2; link down node1 node2."),
    ("slo", "What services promise."),
    ("expect", "What must hold after the run: metrics by their paths, and what they compare with."),
];

/// The text of a path, if there is one.
pub(super) fn of(path: &str) -> Option<&'static str> {
    TEXTS.iter().find(|(known, _)| *known == path).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::super::json_schema;
    use super::*;

    #[test]
    fn every_text_is_shown() {
        let schema = json_schema();
        let lost: Vec<&str> =
            TEXTS.iter().filter(|(_, text)| !schema.contains(&format!("{text:?}"))).map(|(path, _)| *path).collect();
        assert!(lost.is_empty(), "{lost:?}");
    }
}
