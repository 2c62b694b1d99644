//! `rollsim run --watch`: what docker's client shows, on a terminal in the pace of a clock.

use std::io::{self, IsTerminal};
use std::thread;
use std::time::{Duration, Instant};

use super::{Failure, Terminal};
use crate::kernel::Time;
use crate::report::docker::progress::{ASSUMED_WIDTH, Screen};
use crate::report::docker::watch::{Audience, Sight};

/// Prints what is seen.
#[derive(Debug)]
pub(super) struct Player<'t> {
    terminal: &'t Terminal,
    /// `None`: nobody looks on, so that lines follow one another at once.
    screen: Option<Screen>,
    /// Simulated seconds in a second.
    speed: f64,
    /// An instant of the run and when it was shown.
    since: Option<(Time, Instant)>,
    /// Whether anything was shown.
    has_begun: bool,
    /// What went wrong first.
    failure: Option<Failure>,
}

impl<'t> Player<'t> {
    pub(super) fn new(speed: f64, terminal: &'t Terminal) -> Player<'t> {
        let is_watched = io::stdout().is_terminal() && std::env::var_os("CI").is_none();
        let width = || terminal_size::terminal_size().map_or(ASSUMED_WIDTH, |(width, _)| width.0);
        let screen = is_watched.then(|| Screen::new(width()));
        Player { terminal, screen, speed, since: None, has_begun: false, failure: None }
    }

    /// What went wrong, if anything did.
    pub(super) fn finish(self) -> Result<(), Failure> {
        self.failure.map_or(Ok(()), Err)
    }

    /// Waits until it is time. Where no client waits, time flies: the clock begins with each command.
    fn wait(&mut self, at: Time, begins: bool) {
        let (start, shown) = *self.since.filter(|_| !begins).get_or_insert((at, Instant::now()));
        self.since = Some((start, shown));
        let due = Duration::from_secs_f64((at - start).as_secs_f64() / self.speed);
        thread::sleep(due.saturating_sub(shown.elapsed()));
    }
}

impl Audience for Player<'_> {
    fn show(&mut self, at: Time, sight: Sight) {
        if self.screen.is_some() {
            self.wait(at, matches!(sight, Sight::Prompt(_)));
        }
        let text = match (&sight, &mut self.screen) {
            (Sight::Prompt(line), _) if self.has_begun => format!("\n{line}\n"),
            (Sight::Prompt(line), _) => format!("{line}\n"),
            (Sight::Error(text), _) => format!("{text}\n"),
            (Sight::Message(message), Some(screen)) => screen.draw(message),
            (Sight::Message(message), None) => message.plain().unwrap_or_default(),
        };
        self.has_begun = true;
        if let Err(failure) = self.terminal.result(&text) {
            self.failure.get_or_insert(failure);
        }
    }
}

/// A factor that time can be multiplied by.
pub(super) fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed: &f64| speed.is_finite() && *speed > 0.0);
    speed.ok_or_else(|| "expected a number above 0".to_owned())
}
