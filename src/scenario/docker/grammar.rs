//! Docker's commands as clap knows them, and clap's complaints as docker words them.

use std::ops::Range;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::LineError;
use super::flags::{self, DETACH, Flag, On, QUIET};
use super::words::Word;

/// What rollsim understands, for those who wrote something else.
pub(super) const UNDERSTOOD: &str = "rollsim understands docker service create, update, scale, rollback and rm, docker node update, promote, demote and rm, docker stack deploy and rm, and docker swarm init --force-new-cluster";

/// Name of all positional arguments.
const ARGS: &str = "ARGS";

/// A command line of which clap has found out what is what.
pub(super) struct Parsed {
    /// Group and name of the command, such as `["service", "update"]`.
    pub(super) command: [&'static str; 2],
    flags: Vec<Flag>,
    matches: ArgMatches,
    words: Vec<Word>,
}

/// Reads the words of a line, `docker` left out.
pub(super) fn parse(words: Vec<Word>) -> Result<Parsed, LineError> {
    let texts = words.iter().map(|word| word.text.as_str());
    let matches = docker().try_get_matches_from(texts).map_err(|error| explain(&error, &words))?;
    for (group, commands) in COMMANDS {
        for command in *commands {
            let found = matches.subcommand_matches(group).and_then(|group| group.subcommand_matches(command.name));
            if let Some(matches) = found {
                let flags = command.flags.iter().collect();
                return Ok(Parsed { command: [*group, command.name], flags, matches: matches.clone(), words });
            }
        }
    }
    unreachable!("clap requires one of COMMANDS")
}

/// A command of docker.
struct Known {
    name: &'static str,
    aliases: &'static [&'static str],
    flags: Flags,
}

/// Which flags a command has.
enum Flags {
    /// Those of [`flags`].
    Table(On),
    /// These.
    Own(&'static [Flag]),
}

impl Flags {
    fn iter(&self) -> impl Iterator<Item = Flag> {
        let (table, own): (_, &[Flag]) = match self {
            Flags::Table(on) => (Some(table(*on)), &[]),
            Flags::Own(flags) => (None, flags),
        };
        table.into_iter().flatten().chain(own.iter().copied())
    }
}

const fn known(name: &'static str, aliases: &'static [&'static str], flags: Flags) -> Known {
    Known { name, aliases, flags }
}

static COMMANDS: &[(&str, &[Known])] = &[
    (
        "service",
        &[
            known("create", &[], Flags::Table(On::Create)),
            known("update", &[], Flags::Table(On::Update)),
            known("scale", &[], Flags::Own(&[DETACH])),
            known("rollback", &[], Flags::Own(&[DETACH, QUIET])),
            known("rm", &["remove"], Flags::Own(&[])),
        ],
    ),
    (
        "stack",
        &[
            known("rm", &["remove", "down"], Flags::Own(&[DETACH])),
            known("deploy", &["up"], Flags::Own(&flags::STACK_DEPLOY)),
        ],
    ),
    (
        "node",
        &[
            known("update", &[], Flags::Own(&flags::NODE_UPDATE)),
            known("promote", &[], Flags::Own(&[])),
            known("demote", &[], Flags::Own(&[])),
            known("rm", &["remove"], Flags::Own(&[flags::NODE_FORCE])),
        ],
    ),
    ("swarm", &[known("init", &[], Flags::Own(&flags::SWARM_INIT))]),
];

fn docker() -> Command {
    let groups = COMMANDS
        .iter()
        .map(|(group, commands)| bare(group).subcommand_required(true).subcommands(commands.iter().map(subcommand)));
    bare("docker").no_binary_name(true).subcommand_required(true).subcommands(groups)
}

fn bare(name: &'static str) -> Command {
    Command::new(name).disable_help_flag(true).disable_help_subcommand(true)
}

fn subcommand(known: &Known) -> Command {
    let command = bare(known.name).aliases(known.aliases);
    let args = Arg::new(ARGS).num_args(0..);
    let command = command.args(known.flags.iter().map(argument));
    match known.flags {
        // What follows the image belongs to the container, whatever it looks like.
        Flags::Table(On::Create) => command.arg(args.num_args(1..).trailing_var_arg(true)),
        Flags::Table(_) | Flags::Own(_) => command.arg(args),
    }
}

/// The flags that `command` has.
fn table(command: On) -> impl Iterator<Item = Flag> {
    flags::all().filter(move |flag| flag.on.includes(command))
}

fn argument(flag: Flag) -> Arg {
    let arg = Arg::new(flag.name).long(flag.name).action(ArgAction::Append);
    let arg = if let Some(short) = flag.short { arg.short(short) } else { arg };
    if flag.switch {
        arg.num_args(0..=1).require_equals(true).default_missing_value("true")
    } else {
        arg.num_args(1).allow_hyphen_values(true)
    }
}

impl Parsed {
    /// Name of the command as docker says it.
    pub(super) fn name(&self) -> String {
        format!("docker {} {}", self.command[0], self.command[1])
    }

    /// All of the line.
    pub(super) fn columns(&self) -> Range<usize> {
        all_columns(&self.words)
    }

    /// Arguments that are not flags, in order.
    pub(super) fn arguments(&self) -> Vec<Word> {
        self.texts(ARGS).map(|text| self.argument(text)).collect()
    }

    /// Whether the line has the flag.
    pub(super) fn has(&self, flag: &str) -> bool {
        self.texts(flag).next().is_some()
    }

    /// All values of a flag, in order.
    ///
    /// # Errors
    /// What `read` says, as docker reports a value that a flag does not take.
    pub(super) fn values<T>(&self, flag: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, LineError> {
        let read = |word: Word| {
            read(&word.text).map_err(|why| {
                let name = match self.short(flag) {
                    Some(short) => format!("-{short}, --{flag}"),
                    None => format!("--{flag}"),
                };
                LineError::at(word.columns, format!("invalid argument {:?} for {name:?} flag: {why}", word.text))
            })
        };
        self.words(flag).into_iter().map(read).collect()
    }

    /// The value of a flag, of which the last counts.
    ///
    /// # Errors
    /// As [`Parsed::values`].
    pub(super) fn value<T>(
        &self,
        flag: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, LineError> {
        Ok(self.values(flag, read)?.pop())
    }

    /// All values of a flag as they are written, and where they stand.
    pub(super) fn words(&self, flag: &str) -> Vec<Word> {
        let word =
            |(nth, text): (usize, &str)| Word { text: text.to_owned(), columns: self.place(flag, nth), shell: None };
        self.texts(flag).enumerate().map(word).collect()
    }

    /// The value of a flag as it is written, of which the last counts, and where it stands.
    pub(super) fn word(&self, flag: &str) -> Option<Word> {
        self.words(flag).pop()
    }

    /// The error that the value of a flag is refused with this message.
    pub(super) fn refuse(&self, flag: &str, message: impl Into<String>) -> LineError {
        LineError::at(self.word(flag).map_or_else(|| self.columns(), |word| word.columns), message)
    }

    fn texts(&self, id: &str) -> impl Iterator<Item = &str> {
        let values = self.matches.try_get_many::<String>(id).ok().flatten();
        values.into_iter().flatten().map(String::as_str)
    }

    fn short(&self, flag: &str) -> Option<char> {
        self.flags.iter().find(|known| known.name == flag).and_then(|known| known.short)
    }

    /// Where the `nth` value of a flag stands.
    fn place(&self, flag: &str, nth: usize) -> Range<usize> {
        let is_flag = |word: &Word| names_flag(&word.text, flag, self.short(flag));
        let Some(at) = self.words.iter().enumerate().filter(|(_, word)| is_flag(word)).map(|(at, _)| at).nth(nth)
        else {
            return self.columns();
        };
        let value = self.words.get(at + 1).filter(|_| self.takes_next(&self.words[at].text));
        value.unwrap_or(&self.words[at]).columns.clone()
    }

    /// The word of a positional argument: the first of this text that is not the value of a flag.
    fn argument(&self, text: &str) -> Word {
        let is_value = |at: usize| self.takes_next(&self.words[at - 1].text);
        let found = (self.command.len()..self.words.len()).find(|at| self.words[*at].text == text && !is_value(*at));
        found.map_or_else(
            || Word { text: text.to_owned(), columns: self.columns(), shell: None },
            |at| self.words[at].clone(),
        )
    }

    /// Whether a word is a flag whose value is the next word.
    fn takes_next(&self, word: &str) -> bool {
        self.flags.iter().any(|flag| {
            let short =
                flag.short.is_some_and(|short| word.strip_prefix('-').is_some_and(|rest| rest.chars().eq([short])));
            !flag.switch && (short || word.strip_prefix("--") == Some(flag.name))
        })
    }
}

/// Whether a word is `--flag`, `--flag=...`, `-f` or `-f...`.
fn names_flag(word: &str, flag: &str, short: Option<char>) -> bool {
    match word.strip_prefix("--") {
        Some(long) => long.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('=')),
        None => short.is_some_and(|short| word.strip_prefix('-').is_some_and(|rest| rest.starts_with(short))),
    }
}

fn all_columns(words: &[Word]) -> Range<usize> {
    words.first().map_or(0, |word| word.columns.start)..words.last().map_or(0, |word| word.columns.end)
}

/// Says in docker's words what clap found.
fn explain(error: &clap::Error, words: &[Word]) -> LineError {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        // Clap lists the likeliest last.
        Some(ContextValue::Strings(texts)) => texts.last().cloned(),
        _ => None,
    };
    let named =
        context(ContextKind::InvalidArg).or_else(|| context(ContextKind::InvalidSubcommand)).unwrap_or_default();
    let name = named.split([' ', '=']).next().unwrap_or_default();
    let letter = name.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
    let is_named = |word: &Word| match letter {
        Some(letter) => word.text.starts_with('-') && !word.text.starts_with("--") && word.text.contains(letter),
        None => word.text.split('=').next() == Some(name),
    };
    let culprit = match error.kind() {
        ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand => words.iter().position(is_named),
        // Only the last flag can lack its value.
        ErrorKind::InvalidValue => words.len().checked_sub(1),
        _ => None,
    };
    let columns = culprit.map_or_else(|| all_columns(words), |at| words[at].columns.clone());
    let before = words[..culprit.unwrap_or(words.len())].iter();
    let before = before.fold("docker".to_owned(), |line, word| line + " " + &word.text);
    let message = match (error.kind(), letter) {
        (ErrorKind::UnknownArgument, None) => format!("unknown flag: {name}"),
        (ErrorKind::UnknownArgument, Some(letter)) => format!("unknown shorthand flag: '{letter}'"),
        (ErrorKind::InvalidValue, _) => format!("flag needs an argument: {name}"),
        (ErrorKind::InvalidSubcommand, _) => format!("unknown command: {before} {name}"),
        _ => format!("the command is not complete: {before}"),
    };
    // `--env` of `create` is `--env-add` of `update`.
    let added = words.get(1).filter(|command| command.text == "update").map(|_| format!("{name}-add"));
    let added = added.filter(|added| table(On::Update).any(|flag| added.strip_prefix("--") == Some(flag.name)));
    let similar = || context(ContextKind::SuggestedArg).or_else(|| context(ContextKind::SuggestedSubcommand));
    let suggestion = added.or_else(similar);
    let of_command = !matches!(error.kind(), ErrorKind::UnknownArgument | ErrorKind::InvalidValue);
    let help = match suggestion {
        Some(suggestion) => Some(format!("did you mean `{suggestion}`?")),
        None => of_command.then(|| UNDERSTOOD.to_owned()),
    };
    LineError { help, ..LineError::at(columns, message) }
}
