//! The container's settings that are kept as text, taken apart again into what docker shows.

use crate::model::service::ServiceSpec;

/// Settings of a specification.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings<'a> {
    spec: &'a ServiceSpec,
}

/// `name=value` pairs of one setting, such as those of a mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    fn read(text: &str) -> Fields {
        let field = |field: &str| {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            (name.to_owned(), value.to_owned())
        };
        let reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let record = reader.into_records().next().and_then(Result::ok).unwrap_or_default();
        Fields(record.iter().map(field).collect())
    }

    /// The value of a name; empty if there is none.
    pub(super) fn first(&self, name: &'static str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// The values of a name.
    pub(super) fn all(&self, name: &'static str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Type of a mount.
    pub(super) fn kind(&self) -> &str {
        Some(self.first("type")).filter(|kind| !kind.is_empty()).unwrap_or("volume")
    }
}

impl<'a> Settings<'a> {
    /// Those of this specification.
    pub(super) fn of(spec: &'a ServiceSpec) -> Settings<'a> {
        Settings { spec }
    }

    /// A setting as it is; empty if there is none.
    pub(super) fn text(self, name: &str) -> &'a str {
        self.spec.task.container.settings.get(name).map_or("", String::as_str)
    }

    /// A setting that is a list of words.
    pub(super) fn words(self, name: &str) -> Vec<String> {
        let text = self.text(name);
        match serde_json::from_str(text) {
            Ok(words) => words,
            Err(_) if text.is_empty() => Vec::new(),
            Err(_) => vec![text.to_owned()],
        }
    }

    /// Settings of one kind: `env.A` is A of `env`.
    pub(super) fn named(self, kind: &'static str) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let settings = self.spec.task.container.settings.iter();
        settings.filter_map(move |(name, value)| {
            let name = name.strip_prefix(kind)?.strip_prefix('.')?;
            Some((name, value.as_str()))
        })
    }

    /// As [`Settings::named`], for what may stand several times under one name.
    pub(super) fn repeated(self, kind: &'static str) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.named(kind).flat_map(|(name, values)| values.split("; ").map(move |value| (name, value)))
    }

    /// Variables as `A=1`; one that takes a variable of the image away is its name alone.
    pub(super) fn environment(self) -> Vec<String> {
        let set = self.named("env").map(|(name, value)| format!("{name}={value}"));
        set.chain(self.named("env_unset").map(|(name, _)| name.to_owned())).collect()
    }

    /// Capabilities that are added or dropped.
    pub(super) fn capabilities(self, what: &str) -> Vec<&'a str> {
        self.named("cap").filter(|(_, how)| *how == what).map(|(name, _)| name).collect()
    }

    /// Mounts by their targets.
    pub(super) fn mounts(self) -> Vec<Fields> {
        self.named("mount").map(|(_, mount)| Fields::read(mount)).collect()
    }

    /// Configs or secrets by their names, each as often as it appears in the container.
    pub(super) fn files(self, kind: &'static str) -> Vec<(String, Fields)> {
        self.repeated(kind).map(|(name, file)| (name.to_owned(), Fields::read(file))).collect()
    }

    /// Names of a service on a network besides its own, and options of the network's driver.
    pub(super) fn attachment(self, network: &str) -> (Vec<&'a str>, Vec<(&'a str, &'a str)>) {
        let text = self.text(&format!("network_alias.{network}"));
        let (aliases, options) = text.split_at(text.find('{').unwrap_or(text.len()));
        let aliases = aliases.trim_matches(['[', ']', ' ']).split(", ").filter(|alias| !alias.is_empty());
        let options = options.trim_matches(['{', '}']).split(", ").filter_map(|option| option.split_once(": "));
        (aliases.collect(), options.collect())
    }

    /// Where a credential spec is taken from (`file`, `registry` or `config`), and its name there.
    pub(super) fn credential_spec(self) -> Option<(&'a str, &'a str)> {
        let text = self.text("credential_spec").trim_matches(['{', '}']);
        text.split_once(": ").or_else(|| text.split_once("://"))
    }

    /// The driver of logs and its options.
    pub(super) fn log_driver(self) -> Option<(String, Vec<(String, String)>)> {
        let mut words = self.words("log_driver").into_iter();
        let driver = words.next()?;
        let option = |word: String| {
            word.split_once('=')
                .map_or((word.clone(), String::new()), |(name, value)| (name.to_owned(), value.to_owned()))
        };
        Some((driver, words.map(option).collect()))
    }
}
