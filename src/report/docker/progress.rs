//! What docker's client shows while it waits for a service: how many tasks run, a bar for each, and whether they stay.
//!
//! [`Progress`] turns what the client polls into [`Message`]s; [`Screen`] draws them on a terminal, and [`Message::plain`] is what
//! is printed elsewhere.
//!
//! Source: cli: cli/command/service/progress/progress.go; moby: client/pkg/jsonmessage/jsonmessage.go (cli-and-compose c.1).

use std::collections::BTreeMap;

use super::id::short;
use super::release::Release;
use crate::kernel::{Span, Time};
use crate::model::defaults;
use crate::model::task::{Slot, TaskState};
use crate::model::update::UpdateState;

/// How often the client asks.
pub const POLL: Span = Span::from_millis(200);

/// With more tasks than this none has a bar.
const MAX_BARS: usize = 20;

/// Longest error of a task, in bytes.
const MAX_ERROR: usize = 75;

/// Length of the longest name of a state that has a bar, `preparing` or `allocated`.
const LONGEST_STATE: usize = 9;

/// Number of the state that ends a bar.
const MAX_PROGRESS: u32 = 9;

/// A terminal has bars if it has more columns than this.
const NARROW: u16 = 110;

/// Characters of a bar.
const BAR: usize = 50;

/// Columns of a terminal that does not say how many it has.
pub const ASSUMED_WIDTH: u16 = 200;

/// What the client learns of a service when it asks.
#[derive(Clone, Debug, PartialEq)]
pub struct Polled {
    /// Tasks that are wanted; `None`: one on every node.
    pub replicas: Option<u32>,
    /// The update configuration's monitor, if it has one that is not zero.
    pub monitor: Option<Span>,
    /// State and message of the update.
    pub status: Option<(UpdateState, String)>,
    /// The tasks that are what the service wants.
    pub tasks: Vec<PolledTask>,
}

/// A task that is what the service wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolledTask {
    /// Its slot.
    pub slot: Slot,
    /// Id of its node; empty without one.
    pub node_id: String,
    /// Whether its node is down.
    pub node_is_down: bool,
    /// Desired state.
    pub desired: TaskState,
    /// Observed state.
    pub state: TaskState,
    /// What went wrong, or nothing.
    pub error: String,
}

/// Something that the client says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// What stands in the line of this id now.
    Line {
        /// The id.
        id: String,
        /// The text.
        text: String,
        /// How far the bar beside it goes, in ninths.
        bar: Option<u32>,
    },
    /// A line of its own below all others.
    Text(String),
}

/// How the waiting ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All is well, as far as the client looks: also after an update that was rolled back.
    Done,
    /// The update or the rollback is paused: the client prints this and fails.
    Failed(String),
}

/// Follows one service from poll to poll.
#[derive(Clone, Debug)]
pub struct Progress {
    /// What the service is called in the last line.
    reference: String,
    release: &'static Release,
    monitor: Span,
    /// Places of the display, in the order in which they were taken.
    places: Vec<Slot>,
    has_begun: bool,
    is_rollback: bool,
    /// All tasks ran when it was last looked: nothing more is said of them.
    all_run: bool,
    is_converged: bool,
    converged_at: Option<Time>,
    last_word: Option<String>,
}

impl Progress {
    /// Begins to wait for a service; `reference` is what the operator called it.
    pub fn new(reference: String, release: &'static Release) -> Progress {
        Progress {
            reference,
            release,
            monitor: defaults::MONITOR,
            places: Vec::new(),
            has_begun: false,
            is_rollback: false,
            all_run: false,
            is_converged: false,
            converged_at: None,
            last_word: None,
        }
    }

    /// What the client says when it has learnt this, and whether that was the last.
    pub fn poll(&mut self, now: Time, polled: &Polled) -> (Vec<Message>, Option<Ending>) {
        let mut said = Vec::new();
        self.monitor = polled.monitor.unwrap_or(self.monitor);
        if let Some(ending) = self.look_at_status(polled, &mut said) {
            return (said, Some(ending));
        }
        if self.is_converged && self.converged_at.is_some_and(|at| now - at >= self.monitor) {
            let name = if self.release.converged_is_named { format!(" {}", self.reference) } else { String::new() };
            said.push(line("verify", format!("Service{name} converged")));
            said.extend(self.last_word.take().map(|word| Message::Text(format!("rollback: {word}"))));
            return (said, Some(Ending::Done));
        }
        self.is_converged = self.look_at_tasks(polled, &mut said);
        if !self.is_converged {
            if self.converged_at.take().is_some() {
                said.push(line("verify", "Detected task failure".to_owned()));
            }
            return (said, None);
        }
        let waited = now - *self.converged_at.get_or_insert(now);
        if waited < self.monitor {
            // The client counts from a moment later, so that it begins with 5 where 5 s are left.
            let seconds = (self.monitor - waited).as_nanos().div_ceil(1_000_000_000);
            said.push(line("verify", format!("Waiting {seconds} seconds to verify that tasks are stable...")));
        }
        (said, None)
    }

    /// What the client says when the operator does not wait any longer.
    pub fn interrupt(&self) -> Vec<Message> {
        if self.is_converged {
            return Vec::new();
        }
        let hint = format!("Use `docker service ps {}` to check progress.", self.reference);
        vec![Message::Text("Operation continuing in background.".to_owned()), Message::Text(hint)]
    }

    fn look_at_status(&mut self, polled: &Polled, said: &mut Vec<Message>) -> Option<Ending> {
        let (state, message) = polled.status.as_ref()?;
        match state {
            UpdateState::Updating => self.is_rollback = false,
            UpdateState::Completed if !self.is_converged => return Some(Ending::Done),
            UpdateState::Completed => {}
            UpdateState::Paused => return Some(Ending::Failed(format!("service update paused: {message}"))),
            UpdateState::RollbackStarted => {
                if !self.is_rollback {
                    said.push(line("rollback", message.clone()));
                }
                self.is_rollback = true;
            }
            UpdateState::RollbackPaused => return Some(Ending::Failed(format!("service rollback paused: {message}"))),
            UpdateState::RollbackCompleted => {
                if !self.is_converged {
                    self.last_word = Some(message.clone());
                }
                self.is_rollback = true;
            }
        }
        None
    }

    /// Whether as many tasks run as are wanted.
    fn look_at_tasks(&mut self, polled: &Polled, said: &mut Vec<Message>) -> bool {
        let shown = shown(polled);
        let wanted = polled.replicas.map_or(shown.len(), |replicas| replicas as usize);
        if !self.has_begun {
            if polled.replicas.is_none() && wanted == 0 {
                said.push(line("overall progress", "waiting for new tasks".to_owned()));
                return false;
            }
            self.has_begun = true;
            said.push(self.overall(0, wanted));
            if polled.replicas.is_some() && wanted <= MAX_BARS {
                said.extend((1..=wanted).map(|place| line(&format!("{place}/{wanted}"), " ".to_owned())));
            }
        }
        self.all_run &= shown.values().all(|task| task.state == TaskState::Running);
        let mut running = 0;
        for (slot, task) in &shown {
            // A global service counts the nodes that are down among those wanted, and nothing that is on them.
            if polled.replicas.is_none() && task.node_is_down {
                continue;
            }
            let place = self.place(*slot);
            running += usize::from(!task.desired.is_terminal() && task.state == TaskState::Running);
            if !self.all_run && wanted <= MAX_BARS && (polled.replicas.is_none() || place <= wanted) {
                let id = if polled.replicas.is_some() { format!("{place}/{wanted}") } else { short(&task.node_id) };
                said.extend(self.task(id, task));
            }
        }
        if !self.all_run {
            said.push(self.overall(running, wanted));
            self.all_run = running == wanted;
        }
        running == wanted
    }

    /// The place of a slot, from 1.
    fn place(&mut self, slot: Slot) -> usize {
        let place = self.places.iter().position(|known| *known == slot).unwrap_or_else(|| {
            self.places.push(slot);
            self.places.len() - 1
        });
        place + 1
    }

    fn overall(&self, running: usize, wanted: usize) -> Message {
        let rollback = if self.is_rollback { "rolling back update: " } else { "" };
        line("overall progress", format!("{rollback}{running} out of {wanted} tasks"))
    }

    fn task(&self, id: String, task: &PolledTask) -> Option<Message> {
        if !task.error.is_empty() {
            return Some(line(&id, cut(&task.error)));
        }
        if task.desired.is_terminal() || task.state.is_terminal() {
            return None;
        }
        let number = number(task.state)?;
        let is_backwards = self.is_rollback && self.release.bars_run_backwards;
        let bar = Some(if is_backwards { MAX_PROGRESS - number } else { number });
        Some(Message::Line { id, text: format!("{:LONGEST_STATE$}", task.state), bar })
    }
}

fn line(id: &str, text: String) -> Message {
    Message::Line { id: id.to_owned(), text, bar: None }
}

/// Number of a state; those without a number are not shown.
fn number(state: TaskState) -> Option<u32> {
    match state {
        TaskState::New => Some(1),
        TaskState::Remove | TaskState::Orphaned => None,
        // There is no ALLOCATED, number 2, any more.
        later => Some(later as u32 + 2),
    }
}

/// The task of each slot that is shown: that of the lowest desired state, then of the lowest observed state. A task of a replicated
/// service is passed over while its node is down.
fn shown(polled: &Polled) -> BTreeMap<Slot, &PolledTask> {
    let mut shown: BTreeMap<Slot, &PolledTask> = BTreeMap::new();
    for task in &polled.tasks {
        if number(task.desired).is_none() || number(task.state).is_none() {
            continue;
        }
        if shown.get(&task.slot).is_some_and(|other| (other.desired, other.state) <= (task.desired, task.state)) {
            continue;
        }
        if polled.replicas.is_none() || !task.node_is_down {
            shown.insert(task.slot, task);
        }
    }
    shown
}

/// An error on one line that is not too long.
fn cut(error: &str) -> String {
    let error = error.replace('\n', " ");
    if error.len() <= MAX_ERROR {
        return error;
    }
    let end = (0..MAX_ERROR).rev().find(|end| error.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", &error[..end])
}

impl Message {
    /// What is printed where there is no terminal: no bars. Nothing, if it is no more than one.
    pub fn plain(&self) -> Option<String> {
        match self {
            Message::Line { bar: Some(_), .. } => None,
            Message::Line { id, text, bar: None } => Some(format!("{id}: {text}\n")),
            Message::Text(text) => Some(format!("{text}\n")),
        }
    }
}

/// Lines on a terminal, each of which is drawn anew in its place.
#[derive(Clone, Debug)]
pub struct Screen {
    width: u16,
    /// Ids of the lines, from above.
    lines: Vec<String>,
}

impl Screen {
    /// A display on a terminal of so many columns. The cursor stands at the beginning of a line.
    pub fn new(width: u16) -> Screen {
        Screen { width, lines: Vec::new() }
    }

    /// What to send to the terminal to show a message.
    pub fn draw(&mut self, message: &Message) -> String {
        let Message::Line { id, text, bar } = message else {
            self.lines.clear();
            return message.plain().unwrap_or_default();
        };
        let mut drawn = String::new();
        let place = self.lines.iter().position(|known| known == id).unwrap_or_else(|| {
            self.lines.push(id.clone());
            drawn.push('\n');
            self.lines.len() - 1
        });
        let up = self.lines.len() - place;
        let bar = bar.filter(|_| self.width > NARROW).map_or_else(String::new, self::bar);
        drawn + &format!("\x1b[{up}A\x1b[2K\r{id}: {text} {bar}\r\x1b[{up}B")
    }
}

/// `[===>   ] `
fn bar(progress: u32) -> String {
    let done = (progress * 100 / MAX_PROGRESS / 2) as usize;
    format!("[{}>{}] ", "=".repeat(done), " ".repeat(BAR - done))
}

#[cfg(test)]
mod tests {
    use super::super::release;
    use super::*;
    use crate::model::NodeId;
    use crate::model::engine::Engine;

    fn task(slot: Slot, desired: TaskState, state: TaskState) -> PolledTask {
        let (node_id, error) = ("0123456789abcdefghijklmno".to_owned(), String::new());
        PolledTask { slot, node_id, node_is_down: false, desired, state, error }
    }

    fn polled(replicas: Option<u32>, tasks: Vec<PolledTask>) -> Polled {
        Polled { replicas, monitor: None, status: None, tasks }
    }

    /// The texts of a display that is fed with this, a poll after the other.
    fn texts(polls: &[Polled]) -> Vec<String> {
        let mut progress = Progress::new("web".to_owned(), release::of(Engine::Current));
        let mut now = Time::ZERO;
        let mut said = Vec::new();
        for polled in polls {
            let (messages, ending) = progress.poll(now, polled);
            said.extend(messages.iter().map(|message| match message {
                Message::Line { id, text, bar } => format!("{id}: {text}{}", bar.map_or_else(String::new, bar_text)),
                Message::Text(text) => text.clone(),
            }));
            now += POLL;
            if let Some(ending) = ending {
                said.push(format!("{ending:?}"));
                break;
            }
        }
        said
    }

    fn bar_text(bar: u32) -> String {
        format!("|{bar}")
    }

    use TaskState::{Failed, New, Ready, Running, Shutdown};

    const ONE: Slot = Slot::Replica(1);
    const TWO: Slot = Slot::Replica(2);

    /// Cli-and-compose c.1: bars.
    #[test]
    fn a_bar_goes_as_far_as_its_state() {
        let lengths = TaskState::ALL[..8].iter().map(|state| bar(number(*state).unwrap()).matches('=').count());
        assert_eq!(lengths.collect::<Vec<_>>(), [5, 16, 22, 27, 33, 38, 44, 50]);
        assert!(bar(1).len() == 54 && bar(9).len() == 54);
    }

    /// Cli-and-compose c.1: which tasks count.
    #[test]
    fn of_one_slot_the_task_that_is_least_far_is_shown() {
        let old = task(ONE, Shutdown, Failed);
        let new = task(ONE, Ready, New);
        assert_eq!(
            texts(&[polled(Some(1), vec![old, new])]),
            ["overall progress: 0 out of 1 tasks", "1/1:  ", "1/1: new      |1", "overall progress: 0 out of 1 tasks"]
        );
    }

    #[test]
    fn a_task_whose_node_is_down_is_passed_over() {
        let lost = PolledTask { node_is_down: true, ..task(ONE, Running, Running) };
        let said = texts(&[polled(Some(1), vec![lost.clone()])]);
        assert_eq!(said.last().unwrap(), "overall progress: 0 out of 1 tasks");
        let on = |node, task: PolledTask| PolledTask { slot: Slot::Node(NodeId(node)), ..task };
        let said = texts(&[polled(None, vec![on(0, lost), on(1, task(ONE, Running, Running))])]);
        assert_eq!(
            said,
            ["overall progress: 0 out of 2 tasks", "0123456789ab: running  |9", "overall progress: 1 out of 2 tasks"]
        );
    }

    #[test]
    fn an_error_stands_in_the_place_of_the_bar_and_is_cut() {
        let failed = PolledTask { error: format!("a\n{}", "b".repeat(80)), ..task(ONE, Running, Failed) };
        let said = texts(&[polled(Some(1), vec![failed])]);
        assert_eq!(said[2], format!("1/1: a {}…", "b".repeat(72)));
    }

    #[test]
    fn more_than_twenty_tasks_have_no_bars_and_without_tasks_a_global_service_waits() {
        let tasks = (1..=21).map(|slot| task(Slot::Replica(slot), Running, Running)).collect();
        assert_eq!(
            texts(&[polled(Some(21), tasks)])[..2],
            ["overall progress: 0 out of 21 tasks", "overall progress: 21 out of 21 tasks"]
        );
        assert_eq!(texts(&[polled(None, Vec::new())]), ["overall progress: waiting for new tasks"]);
    }

    #[test]
    fn a_failure_while_it_waits_starts_the_clock_again() {
        let run = polled(Some(1), vec![task(ONE, Running, Running)]);
        let fail = polled(Some(1), vec![task(ONE, Running, Failed)]);
        let said = texts(&[run.clone(), fail, run]);
        let of_verify: Vec<&String> = said.iter().filter(|text| text.starts_with("verify")).collect();
        let waiting = "verify: Waiting 5 seconds to verify that tasks are stable...";
        assert_eq!(of_verify, [waiting, "verify: Detected task failure", waiting]);
    }

    #[test]
    fn a_status_ends_the_waiting_or_turns_it_round() {
        let with = |state, message: &str, tasks| Polled {
            status: Some((state, message.to_owned())),
            ..polled(Some(2), tasks)
        };
        assert_eq!(
            texts(&[with(UpdateState::Paused, "because", vec![])]),
            ["Failed(\"service update paused: because\")"]
        );
        assert_eq!(
            texts(&[with(UpdateState::RollbackPaused, "because", vec![])]),
            ["Failed(\"service rollback paused: because\")"]
        );
        assert_eq!(texts(&[with(UpdateState::Completed, "", vec![])]), ["Done"]);
        let said = texts(&[
            with(UpdateState::RollbackStarted, "because", vec![]),
            with(UpdateState::RollbackStarted, "because", vec![]),
        ]);
        assert_eq!(said[..2], ["rollback: because", "overall progress: rolling back update: 0 out of 2 tasks"]);
        assert_eq!(said.iter().filter(|text| text.starts_with("rollback")).count(), 1);
        let tasks = vec![task(ONE, Running, Running), task(TWO, Running, Running)];
        let said = texts(&vec![with(UpdateState::RollbackCompleted, "rollback completed", tasks); 30]);
        assert_eq!(said[said.len() - 3..], ["verify: Service web converged", "rollback: rollback completed", "Done"]);
    }

    #[test]
    fn bars_of_older_clients_run_backwards_in_a_rollback() {
        let mut progress = Progress::new("web".to_owned(), release::of(Engine::V20_10));
        let status = Some((UpdateState::RollbackStarted, "because".to_owned()));
        let (said, _) = progress.poll(Time::ZERO, &Polled { status, ..polled(Some(1), vec![task(ONE, Running, New)]) });
        assert!(said.iter().any(|message| matches!(message, Message::Line { bar: Some(8), .. })), "{said:?}");
    }

    #[test]
    fn elsewhere_than_on_a_terminal_there_are_no_bars() {
        let said =
            [line("1/2", " ".to_owned()), Message::Line { id: "1/2".to_owned(), text: "new".to_owned(), bar: Some(1) }];
        assert_eq!(said.map(|message| message.plain()), [Some("1/2:  \n".to_owned()), None]);
    }

    #[test]
    fn a_narrow_terminal_has_no_bars() {
        let message = Message::Line { id: "1/2".to_owned(), text: "new      ".to_owned(), bar: Some(1) };
        assert_eq!(Screen::new(110).draw(&message), "\n\x1b[1A\x1b[2K\r1/2: new       \r\x1b[1B");
        assert!(Screen::new(111).draw(&message).contains("[=====>"));
    }
}
