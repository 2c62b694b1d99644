//! Keys of a Compose service that docker refuses or ignores, whatever they say.
//!
//! Source: cli: cli/compose/types/types.go.

use crate::diag::{Code, Diagnostic};

use super::read::{Fields, Problems};
use super::source::Node;

/// Keys that `docker stack deploy` ignores: `UnsupportedProperties` (but `restart`, which it uses), `DeprecatedProperties`,
/// and what is not converted. The order of `depends_on` means nothing to Swarm, and the loader looks for `oom_score_adj` under
/// another name.
const IGNORED: [&str; 20] = [
    "build",
    "cgroup_parent",
    "cgroupns_mode",
    "container_name",
    "depends_on",
    "devices",
    "domainname",
    "expose",
    "external_links",
    "ipc",
    "links",
    "mac_address",
    "network_mode",
    "oom_score_adj",
    "pid",
    "privileged",
    "security_opt",
    "shm_size",
    "tmpfs",
    "userns_mode",
];

/// Keys that `docker stack deploy` refuses, and what it says: `ForbiddenProperties`.
const REFUSED: [(&str, &str); 8] = [
    ("cpu_quota", RESOURCES),
    ("cpu_shares", RESOURCES),
    ("cpuset", RESOURCES),
    ("extends", "Support for `extends` is not implemented yet."),
    ("mem_limit", RESOURCES),
    ("memswap_limit", RESOURCES),
    (
        "volume_driver",
        "Instead of setting the volume driver on the service, define a volume using the top-level `volumes` option and \
         specify the driver there.",
    ),
    (
        "volumes_from",
        "To share a volume between services, define it using the top-level `volumes` option and reference it from each \
         service that shares it using the service-level `volumes` option.",
    ),
];

const RESOURCES: &str = "Set resource limits using deploy.resources";

/// Reports the keys of a service that docker refuses.
pub(super) fn report_refused(service: &Node, problems: &mut Problems) {
    for entry in service.entries() {
        if let Some((key, why)) = REFUSED.iter().find(|(key, _)| *key == entry.key.value) {
            let message = format!("compose file contains unsupported options: {key}: {why}");
            problems.push(Diagnostic::new(Code::RefusedBySwarm, &entry.key.place, message));
        }
    }
}

/// Reports the keys of a service that docker refuses or ignores.
pub(super) fn report(service: &Node, fields: &mut Fields<'_, '_>) {
    report_refused(service, fields.problems);
    for key in IGNORED {
        if let Some(entry) = fields.entry(key) {
            let message = format!("Swarm ignores `{key}`");
            fields.problems.push(Diagnostic::new(Code::IgnoredBySwarm, &entry.key.place, message));
        }
    }
    for (key, _) in REFUSED {
        fields.node(key);
    }
}
