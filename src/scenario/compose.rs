//! `services`: a service as Compose writes it, in a scenario as in a stack file.

use std::sync::Arc;

use crate::diag::{Code, Diagnostic};
use crate::kernel::Span;
use crate::model::ImageId;
use crate::model::service::{
    ContainerSpec, EndpointMode, EndpointSpec, HealthCheck, PortConfig, PublishMode, RestartCondition, RestartPolicy,
    ServiceSpec, TaskSpec,
};

use super::canonical::canonical;
use super::deploy::Deploy;
use super::docker::values::check_image;
use super::engine;
use super::health::read_health;
use super::ports::read_ports;
use super::read::{Fields, Problems, Read, checked, entries, text_of};
use super::settings::{Settings, read_settings};
use super::source::{Node, Spanned};
use super::unsupported;

/// Fields of docker's service specifications that rollsim does not keep, by their paths in the API: the name, which the plan
/// knows, and what no stack file can change.
pub const NOT_KEPT: [&str; 4] = [
    "Name",
    "TaskTemplate.ContainerSpec.Privileges.NoNewPrivileges",
    "TaskTemplate.ContainerSpec.Privileges.SELinuxContext",
    "TaskTemplate.Runtime",
];

/// A service as Compose writes it.
#[derive(Clone, Debug)]
pub(super) struct Service {
    /// Reference of its image.
    pub(super) image: Spanned<String>,
    /// Its published ports.
    pub(super) ports: Vec<PortConfig>,
    deploy: Deploy,
    healthcheck: Option<HealthCheck>,
    stop_grace_period: Option<Span>,
    networks: Vec<String>,
    settings: Arc<Settings>,
}

impl Read for Service {
    fn read(node: &Node, problems: &mut Problems) -> Option<Service> {
        let node = &canonical(node, problems);
        let mut fields = Fields::of(node, problems)?;
        fields.allow_extensions();
        let image: Option<Spanned<String>> = fields.require("image");
        if let Some(image) = &image {
            checked(check_image(&image.value), &image.place, fields.problems);
        }
        let mut deploy = fields.read::<Deploy>("deploy").unwrap_or_default();
        if let Some(restart) = fields.node("restart") {
            lay_restart(restart, &mut deploy, fields.problems);
        }
        let healthcheck = fields.read_with("healthcheck", read_health);
        let stop_grace_period = fields.read("stop_grace_period");
        let ports = fields.read_with("ports", read_ports).unwrap_or_default();
        let networks = fields.read_with("networks", entries).unwrap_or_default();
        let networks = networks.iter().map(|entry| entry.key.value.clone()).collect();
        let settings = Arc::new(read_settings(node, &mut fields));
        unsupported::report(node, &mut fields);
        engine::check(node, fields.problems);
        if deploy.endpoint_mode == EndpointMode::DnsRoundRobin
            && ports.iter().any(|port| port.mode == PublishMode::Ingress)
            && let Some(ports) = fields.entry("ports")
        {
            let message =
                engine::invalid("EndpointSpec: port published with ingress mode can't be used with dnsrr mode");
            fields.problems.push(Diagnostic::new(Code::Conflict, &ports.key.place, message));
        }
        fields.finish();
        Some(Service { image: image?, ports, deploy, healthcheck, stop_grace_period, networks, settings })
    }
}

/// The older `restart`, which counts where `deploy.restart_policy` is absent; `no` is no policy, and so Swarm's default.
///
/// Source: cli: cli/compose/convert/service.go `convertRestartPolicy` (cli-and-compose rule 20).
fn lay_restart(node: &Node, deploy: &mut Deploy, problems: &mut Problems) {
    let Some(restart) = read_restart(node, problems) else { return };
    let without_effect = |message: &str| Diagnostic::new(Code::IgnoredBySwarm, &node.place, message);
    if deploy.restart.is_some() {
        problems.push(without_effect("Swarm ignores `restart` beside `deploy.restart_policy`"));
    } else if restart.is_none() {
        let message = "this does not prevent restarts: it leaves Swarm's default, to restart on any condition";
        let help = "`deploy.restart_policy` with `condition: none` prevents them".to_owned();
        problems.push(without_effect(message).help(help));
    } else {
        deploy.restart = restart;
    }
}

fn read_restart(node: &Node, problems: &mut Problems) -> Option<Option<RestartPolicy>> {
    let text = text_of(node, problems)?;
    let policy = |condition, max_attempts| RestartPolicy { condition, max_attempts, ..RestartPolicy::default() };
    let (name, attempts) = text.split_once(':').filter(|(_, attempts)| !attempts.is_empty()).unwrap_or((text, "0"));
    match (name, attempts.parse()) {
        ("" | "no", _) => Some(None),
        ("always" | "unless-stopped", Ok(attempts)) => Some(Some(policy(RestartCondition::Any, attempts))),
        ("on-failure", Ok(attempts)) => Some(Some(policy(RestartCondition::OnFailure, attempts))),
        _ => {
            let label = "expected `no`, `always`, `on-failure`, `on-failure:N` or `unless-stopped`";
            let message = format!("unknown restart policy `{text}`");
            problems.push(Diagnostic::new(Code::UnknownWord, &node.place, message).label(label));
            None
        }
    }
}

impl Service {
    /// The specification that Docker's front end makes of it.
    ///
    /// A service without `networks` has none, as `docker service create` makes it; the default network is a stack's.
    ///
    /// Source: cli: cli/compose/convert/service.go `Service`.
    pub(super) fn to_spec(&self, image: ImageId) -> ServiceSpec {
        ServiceSpec {
            task: TaskSpec {
                container: ContainerSpec {
                    image,
                    stop_grace_period: self.stop_grace_period,
                    healthcheck: self.healthcheck.clone(),
                    settings: self.settings.clone(),
                },
                restart: self.deploy.restart,
                placement: self.deploy.placement.clone(),
                resources: self.deploy.resources,
                networks: self.networks.clone(),
                force_update: 0,
            },
            mode: self.deploy.mode,
            update: self.deploy.update,
            rollback: self.deploy.rollback,
            endpoint: EndpointSpec { ports: self.ports.clone(), mode: self.deploy.endpoint_mode },
            labels: self.deploy.labels.clone(),
        }
    }
}
