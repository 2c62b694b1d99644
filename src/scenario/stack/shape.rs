//! What may stand where in a stack file, version by version: docker's schemas 3.0 to 3.13 as one table.
//!
//! Source: cli: cli/compose/schema/data/config_schema_v3.*.json (cli-and-compose b.1).

/// The newest minor version of the format, which a file without `version` has.
pub(super) const NEWEST: u8 = 13;

/// What a value must be.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// Anything.
    Any,
    /// A value without parts, of one of these types.
    Scalar(&'static [Type]),
    /// A text of this format.
    Formatted(Format),
    /// A list of such values, perhaps each only once.
    List { of: &'static Shape, unique: bool },
    /// A mapping with known keys.
    Mapping(Mapping),
    /// A mapping from names.
    Named(Names, &'static Shape),
    /// The first of these shapes that has the type of the value.
    OneOf(&'static [Shape]),
}

/// A type of JSON, in the order and by the names of docker's messages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Boolean,
    Integer,
    Number,
    Text,
    Null,
    Mapping,
    List,
}

/// A form that a text must have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// A duration of Go.
    Duration,
    /// A published port or a range of them.
    Ports,
    /// `start-first` or `stop-first`.
    Order,
}

/// A mapping with known keys.
#[derive(Clone, Copy)]
pub(super) struct Mapping {
    pub(super) fields: &'static [Field],
    pub(super) required: &'static [&'static str],
    /// Minor version from which unknown keys are allowed.
    pub(super) open: Option<u8>,
    /// Minor version from which keys that begin with `x-` are allowed.
    pub(super) extensions: Option<u8>,
    /// Whether nothing may stand in the place of the mapping.
    pub(super) or_null: bool,
}

/// A key of a mapping.
pub(super) struct Field {
    pub(super) name: &'static str,
    /// Minor version from which it is known.
    pub(super) since: u8,
    pub(super) shape: Shape,
}

/// Which names a mapping may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// Any.
    Any,
    /// Letters, digits, `.`, `_` and `-`.
    Plain,
    /// Small letters; a value under another name is not looked at.
    Lower,
    /// As `Plain`; a value under another name is not looked at.
    PlainOrIgnored,
}

const fn since(since: u8, name: &'static str, shape: Shape) -> Field {
    Field { name, since, shape }
}

const fn field(name: &'static str, shape: Shape) -> Field {
    since(0, name, shape)
}

const fn mapping(fields: &'static [Field]) -> Mapping {
    Mapping { fields, required: &[], open: None, extensions: None, or_null: false }
}

const fn closed(fields: &'static [Field]) -> Shape {
    Shape::Mapping(mapping(fields))
}

const fn open(fields: &'static [Field]) -> Shape {
    Shape::Mapping(Mapping { open: Some(0), ..mapping(fields) })
}

const BOOLEAN: Shape = Shape::Scalar(&[Type::Boolean]);
const INTEGER: Shape = Shape::Scalar(&[Type::Integer]);
const NUMBER: Shape = Shape::Scalar(&[Type::Number]);
const TEXT: Shape = Shape::Scalar(&[Type::Text]);
const DURATION: Shape = Shape::Formatted(Format::Duration);
/// A list of texts.
const TEXTS: Shape = Shape::List { of: &TEXT, unique: false };
/// A list of different texts.
const SET: Shape = Shape::List { of: &TEXT, unique: true };
const TEXT_OR_SET: Shape = Shape::OneOf(&[TEXT, SET]);
const TEXT_OR_TEXTS: Shape = Shape::OneOf(&[TEXT, TEXTS]);
const PAIRS: Shape =
    Shape::OneOf(&[Shape::Named(Names::Any, &Shape::Scalar(&[Type::Text, Type::Number, Type::Null])), SET]);
const OPTIONS: Shape = Shape::Named(Names::Any, &Shape::Scalar(&[Type::Text, Type::Number]));
/// `true`, or a mapping with the older `name`.
const EXTERNAL: Shape = Shape::OneOf(&[BOOLEAN, closed(&[field("name", TEXT)])]);

/// A whole file.
pub(super) const FILE: Shape = Shape::Mapping(Mapping {
    extensions: Some(4),
    ..mapping(&[
        field("version", TEXT),
        field("services", Shape::Named(Names::Plain, &SERVICE)),
        field("networks", Shape::Named(Names::PlainOrIgnored, &NETWORK)),
        field("volumes", Shape::Named(Names::Plain, &VOLUME)),
        since(1, "secrets", Shape::Named(Names::Plain, &SECRET)),
        since(3, "configs", Shape::Named(Names::Plain, &CONFIG)),
    ])
});

const SERVICE: Shape = Shape::Mapping(Mapping {
    extensions: Some(7),
    ..mapping(&[
        field("deploy", DEPLOY),
        field("build", BUILD),
        field("cap_add", SET),
        field("cap_drop", SET),
        since(9, "cgroupns_mode", TEXT),
        field("cgroup_parent", TEXT),
        field("command", TEXT_OR_TEXTS),
        since(3, "configs", REFERENCES),
        field("container_name", TEXT),
        since(3, "credential_spec", CREDENTIAL_SPEC),
        field("depends_on", SET),
        field("devices", SET),
        field("dns", TEXT_OR_SET),
        field("dns_search", TEXT_OR_SET),
        field("domainname", TEXT),
        field("entrypoint", TEXT_OR_TEXTS),
        field("env_file", TEXT_OR_SET),
        field("environment", PAIRS),
        field("expose", Shape::List { of: &Shape::Scalar(&[Type::Text, Type::Number]), unique: true }),
        field("external_links", SET),
        field("extra_hosts", PAIRS),
        field("healthcheck", HEALTHCHECK),
        field("hostname", TEXT),
        field("image", TEXT),
        since(7, "init", BOOLEAN),
        field("ipc", TEXT),
        since(5, "isolation", TEXT),
        field("labels", PAIRS),
        field("links", SET),
        field("logging", LOGGING),
        field("mac_address", TEXT),
        field("network_mode", TEXT),
        field("networks", Shape::OneOf(&[SET, Shape::Named(Names::Plain, &ATTACHMENT)])),
        field("pid", Shape::Scalar(&[Type::Text, Type::Null])),
        field("ports", Shape::List { of: &PORT, unique: true }),
        field("privileged", BOOLEAN),
        field("read_only", BOOLEAN),
        field("restart", TEXT),
        field("security_opt", SET),
        field("shm_size", Shape::Scalar(&[Type::Number, Type::Text])),
        since(1, "secrets", REFERENCES),
        field("sysctls", PAIRS),
        field("stdin_open", BOOLEAN),
        field("stop_grace_period", DURATION),
        field("stop_signal", TEXT),
        field("tmpfs", TEXT_OR_SET),
        field("tty", BOOLEAN),
        field("ulimits", Shape::Named(Names::Lower, &ULIMIT)),
        since(13, "oom_score_adj", INTEGER),
        field("user", TEXT),
        field("userns_mode", TEXT),
        field("volumes", Shape::List { of: &MOUNT, unique: false }),
        field("working_dir", TEXT),
    ])
});

const BUILD: Shape = Shape::OneOf(&[
    TEXT,
    Shape::Mapping(Mapping {
        open: Some(11),
        ..mapping(&[
            field("context", TEXT),
            field("dockerfile", TEXT),
            field("args", PAIRS),
            since(2, "cache_from", SET),
            since(3, "labels", PAIRS),
            since(4, "network", TEXT),
            since(4, "target", TEXT),
            since(5, "shm_size", Shape::Scalar(&[Type::Integer, Type::Text])),
            since(9, "extra_hosts", PAIRS),
        ])
    }),
]);

/// References to configs or secrets.
const REFERENCES: Shape = Shape::List {
    of: &Shape::OneOf(&[
        TEXT,
        open(&[
            field("source", TEXT),
            field("target", TEXT),
            field("uid", TEXT),
            field("gid", TEXT),
            field("mode", NUMBER),
        ]),
    ]),
    unique: false,
};

const CREDENTIAL_SPEC: Shape = closed(&[since(8, "config", TEXT), field("file", TEXT), field("registry", TEXT)]);

const LOGGING: Shape = closed(&[
    field("driver", TEXT),
    field("options", Shape::Named(Names::Any, &Shape::Scalar(&[Type::Text, Type::Number, Type::Null]))),
]);

const ATTACHMENT: Shape = Shape::OneOf(&[
    closed(&[
        field("aliases", SET),
        since(13, "driver_opts", OPTIONS),
        field("ipv4_address", TEXT),
        field("ipv6_address", TEXT),
    ]),
    Shape::Scalar(&[Type::Null]),
]);

const PORT: Shape = Shape::OneOf(&[
    Shape::Formatted(Format::Ports),
    closed(&[field("mode", TEXT), field("target", INTEGER), field("published", INTEGER), field("protocol", TEXT)]),
]);

const ULIMIT: Shape = Shape::OneOf(&[
    INTEGER,
    Shape::Mapping(Mapping {
        required: &["soft", "hard"],
        ..mapping(&[field("soft", INTEGER), field("hard", INTEGER)])
    }),
]);

const MOUNT: Shape = Shape::OneOf(&[
    TEXT,
    Shape::Mapping(Mapping {
        required: &["type"],
        ..mapping(&[
            field("type", TEXT),
            field("source", TEXT),
            field("target", TEXT),
            field("read_only", BOOLEAN),
            field("consistency", TEXT),
            field("bind", open(&[field("propagation", TEXT)])),
            field("volume", open(&[field("nocopy", BOOLEAN)])),
            since(6, "tmpfs", open(&[field("size", INTEGER)])),
        ])
    }),
]);

const HEALTHCHECK: Shape = closed(&[
    field("disable", BOOLEAN),
    field("interval", DURATION),
    field("retries", NUMBER),
    field("test", TEXT_OR_TEXTS),
    field("timeout", DURATION),
    since(4, "start_period", DURATION),
    since(12, "start_interval", DURATION),
]);

const DEPLOY: Shape = Shape::Mapping(Mapping {
    or_null: true,
    ..mapping(&[
        field("mode", TEXT),
        since(2, "endpoint_mode", TEXT),
        field("replicas", INTEGER),
        field("labels", PAIRS),
        since(7, "rollback_config", UPDATE_CONFIG),
        field("update_config", UPDATE_CONFIG),
        field(
            "resources",
            closed(&[
                field("limits", closed(&[field("cpus", TEXT), field("memory", TEXT), since(9, "pids", INTEGER)])),
                field(
                    "reservations",
                    closed(&[
                        field("cpus", TEXT),
                        field("memory", TEXT),
                        since(5, "generic_resources", GENERIC_RESOURCES),
                    ]),
                ),
            ]),
        ),
        field(
            "restart_policy",
            closed(&[
                field("condition", TEXT),
                field("delay", DURATION),
                field("max_attempts", INTEGER),
                field("window", DURATION),
            ]),
        ),
        field(
            "placement",
            closed(&[
                field("constraints", TEXTS),
                since(3, "preferences", Shape::List { of: &closed(&[field("spread", TEXT)]), unique: false }),
                since(8, "max_replicas_per_node", INTEGER),
            ]),
        ),
    ])
});

const UPDATE_CONFIG: Shape = closed(&[
    field("parallelism", INTEGER),
    field("delay", DURATION),
    field("failure_action", TEXT),
    field("monitor", DURATION),
    field("max_failure_ratio", NUMBER),
    since(4, "order", Shape::Formatted(Format::Order)),
]);

const GENERIC_RESOURCES: Shape = Shape::List {
    of: &closed(&[field("discrete_resource_spec", closed(&[field("kind", TEXT), field("value", NUMBER)]))]),
    unique: false,
};

const NETWORK: Shape = Shape::Mapping(Mapping {
    or_null: true,
    extensions: Some(7),
    ..mapping(&[
        since(5, "name", TEXT),
        field("driver", TEXT),
        field("driver_opts", OPTIONS),
        field(
            "ipam",
            closed(&[
                field("driver", TEXT),
                field("config", Shape::List { of: &closed(&[field("subnet", TEXT)]), unique: false }),
            ]),
        ),
        field("external", EXTERNAL),
        field("internal", BOOLEAN),
        since(2, "attachable", BOOLEAN),
        field("labels", PAIRS),
    ])
});

const VOLUME: Shape = Shape::Mapping(Mapping {
    or_null: true,
    extensions: Some(7),
    ..mapping(&[
        since(4, "name", TEXT),
        field("driver", TEXT),
        field("driver_opts", OPTIONS),
        field("external", EXTERNAL),
        field("labels", PAIRS),
        since(10, "x-cluster-spec", Shape::Any),
    ])
});

const SECRET: Shape = Shape::Mapping(Mapping {
    extensions: Some(7),
    ..mapping(&[
        since(5, "name", TEXT),
        field("file", TEXT),
        field("external", EXTERNAL),
        field("labels", PAIRS),
        since(8, "driver", TEXT),
        since(8, "driver_opts", OPTIONS),
        since(8, "template_driver", TEXT),
    ])
});

const CONFIG: Shape = Shape::Mapping(Mapping {
    extensions: Some(7),
    ..mapping(&[
        since(5, "name", TEXT),
        field("file", TEXT),
        field("external", EXTERNAL),
        field("labels", PAIRS),
        since(8, "template_driver", TEXT),
    ])
});
