//! The progress display against recorded ones: fed with the same states it prints the same screens, byte for byte.

use std::fs;
use std::path::{Path, PathBuf};

use rollsim::kernel::{Span, Time};
use rollsim::model::NodeId;
use rollsim::model::engine::Engine;
use rollsim::model::task::{Slot, TaskState};
use rollsim::model::update::UpdateState;
use rollsim::report::docker::progress::{Ending, Message, Polled, PolledTask, Progress, Screen};
use rollsim::report::docker::release;

use crate::table::state;
use crate::{files, folders};

/// Columns of the terminal of all recordings.
const WIDTH: u16 = 120;

/// A recorded display.
struct Recording {
    name: String,
    engine: Engine,
    /// What the operator called the service, which is the last line before the display.
    reference: String,
    /// When each screen was shown, and its lines without what stood before the display.
    screens: Vec<(f64, Vec<String>)>,
    /// What came last is an error.
    fails: bool,
}

/// The recordings that show a display, without what follows the first dot of their names.
fn paths() -> Vec<PathBuf> {
    let files = folders().iter().flat_map(|folder| files(&folder.join("cli"))).collect::<Vec<PathBuf>>();
    let mut paths: Vec<PathBuf> =
        files.iter().filter_map(|path| Some(path.to_str()?.strip_suffix(".raw")?.into())).collect();
    paths.retain(|path: &PathBuf| screens(path).contains("overall progress: "));
    assert!(paths.len() >= 23, "{} recordings", paths.len());
    paths
}

fn screens(path: &Path) -> String {
    fs::read_to_string(path.with_extension("screens.txt")).expect("screens are text")
}

fn recording(path: &Path) -> Recording {
    let name = path.file_name().expect("a name").to_string_lossy().into_owned();
    let text = screens(path);
    let mut blocks: Vec<&str> = text.split("--- ").skip(1).collect();
    let last = blocks.pop().expect("an exit status");
    let mut reference = String::new();
    let screens = blocks.into_iter().map(|block| {
        let (first, lines) = block.split_once("s\n").expect("a time");
        let at = first.strip_prefix("t=").and_then(|at| at.parse().ok()).expect("a time");
        let lines: Vec<String> = lines.lines().map(str::to_owned).collect();
        let is_display = |line: &String| line.starts_with("overall progress: ") || line.starts_with("rollback: ");
        let begin = lines.iter().position(is_display).expect("a display");
        reference.clone_from(&lines[begin - 1]);
        (at, lines[begin..].to_vec())
    });
    let screens = screens.collect();
    let engine = if name.starts_with("28-") { Engine::Current } else { Engine::V20_10 };
    Recording { name, engine, reference, screens, fails: last.starts_with("exit status 1") }
}

/// What the client must have learnt when it showed these lines.
fn polled(lines: &[String], completes: bool, fails: bool) -> Polled {
    let of = |id: &str| lines.iter().find_map(|line| line.strip_prefix(id)?.strip_prefix(": "));
    let overall = of("overall progress").expect("the overall progress");
    let counts = overall.trim_start_matches("rolling back update: ").trim_end_matches(" tasks");
    let (running, wanted) = match counts.split_once(" out of ") {
        Some((running, wanted)) => (running.parse().expect("a number"), wanted.parse().expect("a number")),
        None => (0, 0),
    };
    let rows: Vec<(&str, &str)> = lines.iter().filter_map(|line| task_row(line)).collect();
    let is_global = rows.first().map_or(wanted == 0 && counts.contains("waiting"), |(id, _)| !id.contains('/'));
    let filled = rows.iter().rposition(|(_, row)| !row.is_empty()).map_or(0, |last| last + 1);
    let task = |(number, (id, row)): (u32, &(&str, &str))| {
        let slot = if is_global { Slot::Node(NodeId(number)) } else { Slot::Replica(number) };
        let (desired, state, error) = match row.split_once(" [") {
            Some((word, _)) => (TaskState::Running, state(word.trim_end()), ""),
            // A task that is over holds its place and shows nothing.
            None if row.is_empty() => (TaskState::Shutdown, TaskState::Shutdown, ""),
            None => (TaskState::Running, TaskState::Rejected, *row),
        };
        PolledTask { slot, node_id: (*id).to_owned(), node_is_down: false, desired, state, error: error.to_owned() }
    };
    let tasks: Vec<PolledTask> = (1..).zip(&rows[..filled]).map(task).collect();
    let said = |state, text: &str| Some((state, text.to_owned()));
    let status = match of("rollback") {
        _ if fails => match (of("service update paused"), of("service rollback paused")) {
            (Some(message), _) => said(UpdateState::Paused, message),
            (None, message) => said(UpdateState::RollbackPaused, message.expect("an error")),
        },
        Some(_) if completes && running == wanted => said(UpdateState::RollbackCompleted, "rollback completed"),
        Some(message) => said(UpdateState::RollbackStarted, message),
        None => None,
    };
    Polled { replicas: if is_global { None } else { Some(wanted) }, monitor: None, status, tasks }
}

/// Id and text of a line that is about one task: `1/3: running   [==...`.
fn task_row(line: &str) -> Option<(&str, &str)> {
    let (id, text) = line.split_once(':')?;
    let is_place = id.split_once('/').is_some_and(|(place, _)| place.parse::<u32>().is_ok());
    let is_node = id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase());
    (is_place || is_node).then_some((id, text.trim()))
}

/// As much of a terminal as a display needs.
#[derive(Default)]
struct Emulator {
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

impl Emulator {
    fn feed(&mut self, text: &str) {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            match c {
                '\n' => (self.row, self.column) = (self.row + 1, 0),
                '\r' => self.column = 0,
                '\x1b' => rest = self.control(rest),
                c => self.put(c),
            }
        }
    }

    fn row(&mut self, row: usize) -> &mut Vec<char> {
        if self.rows.len() <= row {
            self.rows.resize(row + 1, Vec::new());
        }
        &mut self.rows[row]
    }

    fn put(&mut self, c: char) {
        let column = self.column;
        let row = self.row(self.row);
        if row.len() <= column {
            row.resize(column + 1, ' ');
        }
        row[column] = c;
        self.column += 1;
    }

    fn control<'a>(&mut self, sequence: &'a str) -> &'a str {
        let end = sequence.find(|c: char| c.is_ascii_alphabetic()).expect("a sequence ends with a letter");
        let number: usize = sequence[1..end].parse().expect("a number");
        match &sequence[end..=end] {
            "A" => self.row -= number,
            "B" => self.row += number,
            "K" => self.row(self.row).clear(),
            other => panic!("control sequence {other}"),
        }
        &sequence[end + 1..]
    }

    fn lines(&self) -> Vec<String> {
        self.rows.iter().map(|row| row.iter().collect::<String>().trim_end().to_owned()).collect()
    }
}

#[test]
fn fed_with_the_same_states_the_display_shows_the_same_screens() {
    for path in paths() {
        let recording = recording(&path);
        let last = recording.screens.len() - 1;
        let completes = recording.screens[last].1.iter().any(|line| line == "rollback: rollback completed");
        let mut progress = Progress::new(recording.reference.clone(), release::of(recording.engine));
        let (mut screen, mut terminal) = (Screen::new(WIDTH), Emulator::default());
        let mut ended = None;
        for (number, (at, lines)) in recording.screens.iter().enumerate() {
            let now = Time::ZERO + Span::from_millis((at * 1000.0).round() as u64);
            let (messages, ending) = progress.poll(now, &polled(lines, completes, recording.fails && number == last));
            messages.iter().for_each(|message| terminal.feed(&screen.draw(message)));
            if let Some(Ending::Failed(why)) = &ending {
                terminal.feed(why);
            }
            assert_eq!(terminal.lines(), *lines, "{}: {at} s", recording.name);
            ended = ending.map(|_| number);
        }
        assert_eq!(ended, Some(last), "{}: the display ends with the last screen", recording.name);
    }
}

/// The messages that were drawn, and what came after them.
fn messages(drawn: &str) -> (Vec<Message>, &str) {
    let mut messages = Vec::new();
    let mut rest = drawn;
    while let Some((head, after)) = rest.split_once("\x1b[2K\r").filter(|(head, _)| head.len() < 8) {
        let up = head.trim_start_matches('\n').trim_start_matches("\x1b[").trim_end_matches('A');
        let (line, after) = after.split_once(&format!("\r\x1b[{up}B")).expect("the cursor goes back");
        let (id, text) = line.split_once(": ").expect("an id");
        let (text, bar) = match text.rsplit_once(" [") {
            Some((text, bar)) => (text, Some(bar.matches('=').count())),
            None => (text.strip_suffix(' ').expect("a blank"), None),
        };
        // A bar of n ninths is as long as 50 n / 9, cut.
        let bar = bar.map(|length| (0..=9).find(|ninths| ninths * 100 / 9 / 2 == length).expect("a bar") as u32);
        messages.push(Message::Line { id: id.to_owned(), text: text.to_owned(), bar });
        rest = after;
    }
    (messages, rest)
}

#[test]
fn messages_are_drawn_with_the_same_control_sequences() {
    for path in paths() {
        let name = path.display();
        let bytes = fs::read(path.with_extension("raw")).expect("a recording");
        // A terminal makes two characters of a newline.
        let text = String::from_utf8(bytes).expect("text").replace("\r\n", "\n");
        let begin = text.find("\n\x1b[1A").expect("a display");
        let (messages, rest) = messages(&text[begin..]);
        assert!(messages.len() > 20, "{name}: {} messages", messages.len());
        let mut screen = Screen::new(WIDTH);
        let drawn: String = messages.iter().map(|message| screen.draw(message)).collect();
        assert_eq!(drawn + rest, text[begin..], "{name}");
        assert!(!rest.contains('\x1b'), "{name}: {rest:?}");
    }
}
