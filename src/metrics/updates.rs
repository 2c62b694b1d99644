//! Updates: how they went, and how fast a bad one was seen and repaired.
//!
//! - An entry is an update, or a rollback that the operator asked for. It begins when the operator writes a specification, if the
//!   update status then becomes `updating` or `rollback_started`. A specification that replaces no task makes no entry; one that
//!   resumes a paused update makes a new one.
//! - It ends with its first status that does not move on by itself: `completed`, `paused`, `rollback_completed` or
//!   `rollback_paused`. If the operator writes another specification first, whatever it changes, it is superseded at that moment,
//!   for then Swarm clears its status and starts anew. What Swarm does after the end (a follow-up run, control-plane U47) belongs
//!   to no entry.
//! - Its tasks are those that are created from its beginning to its end, replacements and an automatic rollback's included.
//! - *Detect*: from the creation of its first task that ended by itself (COMPLETE, FAILED or REJECTED though it was meant to run)
//!   to `paused` or to the automatic `rollback_started`. `None` if neither came, or it was not for such a task.
//! - *Restore*: from that status to the first instant at which all desired replicas are in rotation, all of one version and
//!   nothing of another with them, whoever brought that about.

use super::summary::{StatusChange, Update, UpdateKind, UpdateOutcome};
use crate::kernel::{Span, Time};
use crate::model::ImageId;
use crate::model::update::{UpdateMessage, UpdateState, UpdateStatus};
use crate::observe::SpecCause;
use crate::sim::Plan;

/// Follows the updates of one service.
#[derive(Clone, Debug)]
pub(super) struct UpdateMeter {
    /// Image of the specification.
    image: ImageId,
    /// What the operator wrote last, until a status follows.
    written: Option<Entry>,
    entries: Vec<Entry>,
    /// Whether an entry was detected and not restored yet.
    broken: bool,
    statuses: Vec<(Time, UpdateStatus)>,
    status: Option<UpdateState>,
}

/// Index of an entry.
pub(super) type EntryIndex = u32;

#[derive(Clone, Copy, Debug)]
struct Entry {
    kind: UpdateKind,
    from: ImageId,
    to: ImageId,
    start: Time,
    last_running: Option<Time>,
    /// Creation of the first task that ended by itself.
    first_bad: Option<Time>,
    detected: Option<Time>,
    restored: Option<Time>,
    end: Option<(Time, UpdateOutcome)>,
}

impl UpdateMeter {
    /// The meter of a service that is created with this image.
    pub(super) fn new(image: ImageId) -> UpdateMeter {
        UpdateMeter { image, written: None, entries: Vec::new(), broken: false, statuses: Vec::new(), status: None }
    }

    /// A specification is written.
    pub(super) fn write(&mut self, now: Time, image: ImageId, cause: SpecCause) {
        let from = std::mem::replace(&mut self.image, image);
        let kind = match cause {
            SpecCause::Update => UpdateKind::Update,
            SpecCause::ManualRollback => UpdateKind::Rollback,
            SpecCause::Create | SpecCause::AutomaticRollback => return,
        };
        self.end(now, UpdateOutcome::Superseded);
        self.written = Some(Entry {
            kind,
            from,
            to: image,
            start: now,
            last_running: None,
            first_bad: None,
            detected: None,
            restored: None,
            end: None,
        });
    }

    /// The update status is written or cleared.
    pub(super) fn set_status(&mut self, now: Time, status: Option<UpdateStatus>) {
        self.status = status.map(|status| status.state);
        let Some(status) = status else { return };
        self.statuses.push((now, status));
        match status.state {
            UpdateState::Updating => self.begin(),
            UpdateState::RollbackStarted if status.message == UpdateMessage::ManualRollback => self.begin(),
            UpdateState::RollbackStarted => self.detect(now),
            UpdateState::Paused => {
                self.detect(now);
                self.end(now, UpdateOutcome::Paused);
            }
            UpdateState::Completed => self.end(now, UpdateOutcome::Completed),
            UpdateState::RollbackPaused => self.end(now, UpdateOutcome::RollbackPaused),
            UpdateState::RollbackCompleted => self.end(now, UpdateOutcome::RollbackCompleted),
        }
    }

    /// The entry that a task created now belongs to.
    pub(super) fn open_entry(&self) -> Option<EntryIndex> {
        let last = self.entries.len().checked_sub(1)?;
        self.entries[last].end.is_none().then_some(last as EntryIndex)
    }

    /// A task of this entry reached RUNNING.
    pub(super) fn task_runs(&mut self, entry: EntryIndex, now: Time) {
        self.entries[entry as usize].last_running = Some(now);
    }

    /// A task of this entry, created then, ended by itself.
    pub(super) fn task_ended_by_itself(&mut self, entry: EntryIndex, created: Time) {
        self.entries[entry as usize].first_bad.get_or_insert(created);
    }

    /// The instant `now` has ended; `is_whole` says whether all desired replicas of one version are in rotation.
    pub(super) fn settle(&mut self, now: Time, is_whole: impl FnOnce() -> bool) {
        if self.broken && is_whole() {
            self.broken = false;
            for entry in self.entries.iter_mut().filter(|entry| entry.detected.is_some()) {
                entry.restored.get_or_insert(now);
            }
        }
    }

    /// The update status, if there is one.
    pub(super) fn status(&self) -> Option<UpdateState> {
        self.status
    }

    /// Every status that was written.
    pub(super) fn statuses(&self) -> Vec<StatusChange> {
        let change = |&(at, status): &(Time, UpdateStatus)| StatusChange {
            at,
            state: status.state,
            message: status.message.to_string(),
        };
        self.statuses.iter().map(change).collect()
    }

    /// The entries.
    pub(super) fn updates(&self, plan: &Plan) -> Vec<Update> {
        self.entries.iter().map(|entry| entry.summary(plan)).collect()
    }

    fn begin(&mut self) {
        self.entries.extend(self.written.take());
    }

    fn detect(&mut self, now: Time) {
        if let Some(entry) = self.open() {
            entry.detected = Some(now);
            self.broken = true;
        }
    }

    fn end(&mut self, now: Time, outcome: UpdateOutcome) {
        if let Some(entry) = self.open() {
            entry.end = Some((now, outcome));
        }
    }

    fn open(&mut self) -> Option<&mut Entry> {
        self.entries.last_mut().filter(|entry| entry.end.is_none())
    }
}

impl Entry {
    fn summary(&self, plan: &Plan) -> Update {
        let between = |from: Option<Time>, to: Option<Time>| -> Option<Span> { Some(to? - from?) };
        Update {
            kind: self.kind,
            from: plan.images[self.from].name.clone(),
            to: plan.images[self.to].name.clone(),
            start: self.start,
            last_running: self.last_running,
            end: self.end.map(|(at, _)| at),
            outcome: self.end.map_or(UpdateOutcome::Unfinished, |(_, outcome)| outcome),
            detect: between(self.first_bad, self.detected),
            restore: between(self.detected, self.restored),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Feed, NEW, OLD, plan};
    use super::super::{Metrics, RunFacts, ServiceSummary};
    use super::*;
    use crate::model::TaskId;
    use crate::model::task::TaskState;

    const BAD: TaskId = TaskId(2);

    /// Two replicas of `app:1` from 0 on, then the story, until 100 s.
    fn web(story: impl FnOnce(&mut Feed<Metrics<'_>>)) -> ServiceSummary {
        let plan = plan();
        let mut feed = Feed::new(Metrics::new(&plan));
        feed.spec(SpecCause::Create, 2, OLD).start(OLD).start(OLD);
        story(&mut feed);
        let end = Time::from_millis(100_000);
        let facts = RunFacts { digest: String::new(), fingerprint: String::new(), end, warnings: Vec::new() };
        feed.end(100_000).finish(facts).service("web").expect("web is created").clone()
    }

    /// An update to `app:2` at 10 s, whose first task is task 2 and stands in for task 0.
    fn update(feed: &mut Feed<Metrics<'_>>) {
        feed.at(10_000).clear_status().spec(SpecCause::Update, 2, NEW);
        feed.status(UpdateState::Updating, UpdateMessage::InProgress).at(11_000).create(NEW).stop(0);
    }

    fn seconds(update: &Update) -> [Option<u64>; 4] {
        let at = |time: Option<Time>| time.map(|time| time.as_millis() / 1_000);
        let long = |span: Option<Span>| span.map(|span| span.as_millis() / 1_000);
        [at(update.last_running), at(update.end), long(update.detect), long(update.restore)]
    }

    #[test]
    fn an_update_ends_when_it_is_completed() {
        let service = web(|feed| {
            update(feed);
            feed.at(12_000).state(2, TaskState::Running).rotate(2, true);
            feed.at(13_000).stop(1).start(NEW).at(18_000).status(UpdateState::Completed, UpdateMessage::Completed);
            // A replacement after the end is not the update's.
            feed.at(30_000).state(3, TaskState::Failed).rotate(3, false).at(35_000).start(NEW);
        });
        let [update] = &service.updates[..] else { panic!("one update") };
        assert_eq!((update.kind, update.outcome), (UpdateKind::Update, UpdateOutcome::Completed));
        assert_eq!(
            (update.from.as_str(), update.to.as_str(), update.start),
            ("app:1", "app:2", Time::from_millis(10_000))
        );
        assert_eq!(seconds(update), [Some(13), Some(18), None, None]);
        assert_eq!(service.final_update_status, Some(UpdateState::Completed));
    }

    #[test]
    fn an_automatic_rollback_belongs_to_the_update_it_undoes() {
        let service = web(|feed| {
            update(feed);
            feed.at(14_000).state(2, TaskState::Failed).at(14_500).spec(SpecCause::AutomaticRollback, 2, OLD);
            feed.status(UpdateState::RollbackStarted, UpdateMessage::RolledBack(BAD));
            feed.at(17_500).start(OLD);
            feed.at(22_000).status(UpdateState::RollbackCompleted, UpdateMessage::RollbackCompleted);
        });
        let [update] = &service.updates[..] else { panic!("one update") };
        assert_eq!(update.outcome, UpdateOutcome::RollbackCompleted);
        assert_eq!((update.detect, update.restore), (Some(Span::from_millis(3_500)), Some(Span::from_secs(3))));
        assert_eq!(seconds(update)[..2], [Some(17), Some(22)]);
        let messages: Vec<&str> = service.update_status.iter().map(|status| status.message.as_str()).collect();
        let rolled_back = "update rolled back due to failure or early termination of task 2";
        assert_eq!(messages, ["update in progress", rolled_back, "rollback completed"]);
    }

    #[test]
    fn a_follow_up_run_is_no_entry_and_changes_none() {
        let service = web(|feed| {
            update(feed);
            feed.at(14_000).state(2, TaskState::Failed).spec(SpecCause::AutomaticRollback, 2, OLD);
            feed.status(UpdateState::RollbackStarted, UpdateMessage::RolledBack(BAD)).at(15_000).start(OLD);
            feed.at(20_000).status(UpdateState::RollbackCompleted, UpdateMessage::RollbackCompleted);
            feed.at(21_000).start(OLD).at(80_000).status(UpdateState::Completed, UpdateMessage::Completed);
        });
        let [update] = &service.updates[..] else { panic!("one update") };
        assert_eq!((update.outcome, seconds(update)[1]), (UpdateOutcome::RollbackCompleted, Some(20)));
        assert_eq!(seconds(update)[0], Some(15));
        assert_eq!(service.final_update_status, Some(UpdateState::Completed));
    }

    #[test]
    fn a_rollback_that_pauses_is_paused_though_a_later_status_says_completed() {
        let service = web(|feed| {
            update(feed);
            feed.at(14_000).state(2, TaskState::Failed).spec(SpecCause::AutomaticRollback, 2, OLD);
            feed.status(UpdateState::RollbackStarted, UpdateMessage::RolledBack(BAD));
            feed.at(16_000).create(OLD).at(17_000).state(3, TaskState::Failed);
            feed.status(UpdateState::RollbackPaused, UpdateMessage::RollbackPaused(TaskId(3)));
            feed.at(22_000).status(UpdateState::Completed, UpdateMessage::Completed);
        });
        assert_eq!(service.updates[0].outcome, UpdateOutcome::RollbackPaused);
        assert_eq!(seconds(&service.updates[0]), [None, Some(17), Some(3), None]);
    }

    #[test]
    fn resuming_a_paused_update_is_an_entry_of_its_own_and_restores_the_first() {
        let service = web(|feed| {
            update(feed);
            feed.at(15_000).state(2, TaskState::Failed).status(UpdateState::Paused, UpdateMessage::Paused(BAD));
            feed.at(40_000).clear_status().spec(SpecCause::Update, 2, NEW);
            feed.status(UpdateState::Updating, UpdateMessage::InProgress).at(41_000).start(NEW);
            feed.at(43_000).stop(1).start(NEW).at(48_000).status(UpdateState::Completed, UpdateMessage::Completed);
        });
        let [paused, resumed] = &service.updates[..] else { panic!("two updates") };
        assert_eq!((paused.outcome, seconds(paused)), (UpdateOutcome::Paused, [None, Some(15), Some(4), Some(28)]));
        assert_eq!((resumed.outcome, seconds(resumed)), (UpdateOutcome::Completed, [Some(43), Some(48), None, None]));
        assert_eq!((resumed.from.as_str(), resumed.to.as_str()), ("app:2", "app:2"));
    }

    #[test]
    fn mixed_versions_in_rotation_are_not_restored() {
        let service = web(|feed| {
            update(feed);
            feed.at(12_000).state(2, TaskState::Running).rotate(2, true);
            feed.at(15_000).state(2, TaskState::Complete).status(UpdateState::Paused, UpdateMessage::Paused(BAD));
        });
        assert_eq!(seconds(&service.updates[0]), [Some(12), Some(15), Some(4), None]);
    }

    #[test]
    fn any_later_specification_of_the_operator_supersedes() {
        let service = web(|feed| {
            update(feed);
            // Scaling, which is an update of its own as long as slots are dirty.
            feed.at(20_000).clear_status().spec(SpecCause::Update, 3, NEW);
            feed.status(UpdateState::Updating, UpdateMessage::InProgress);
            feed.at(25_000).spec(SpecCause::ManualRollback, 2, OLD);
            feed.status(UpdateState::RollbackStarted, UpdateMessage::ManualRollback);
            feed.at(30_000).start(OLD);
            feed.at(35_000).status(UpdateState::RollbackCompleted, UpdateMessage::RollbackCompleted);
        });
        let [first, second, third] = &service.updates[..] else { panic!("three updates") };
        assert_eq!((first.outcome, seconds(first)[1]), (UpdateOutcome::Superseded, Some(20)));
        assert_eq!((second.outcome, seconds(second)[1]), (UpdateOutcome::Superseded, Some(25)));
        assert_eq!((third.kind, third.outcome), (UpdateKind::Rollback, UpdateOutcome::RollbackCompleted));
        assert_eq!((third.from.as_str(), third.to.as_str()), ("app:2", "app:1"));
        assert_eq!(seconds(third), [Some(30), Some(35), None, None]);
    }

    #[test]
    fn a_specification_that_leads_to_no_status_is_no_update() {
        let service = web(|feed| {
            feed.at(10_000).spec(SpecCause::Update, 3, OLD).start(OLD);
            feed.at(20_000).clear_status().spec(SpecCause::Update, 3, OLD);
        });
        assert_eq!((service.updates, service.update_status, service.final_update_status), (vec![], vec![], None));
    }

    #[test]
    fn an_update_cleared_by_the_next_command_leaves_its_history_but_no_final_status() {
        let service = web(|feed| {
            update(feed);
            feed.at(20_000).status(UpdateState::Completed, UpdateMessage::Completed);
            feed.at(30_000).clear_status().spec(SpecCause::Update, 3, NEW);
        });
        assert_eq!(service.updates[0].outcome, UpdateOutcome::Completed);
        assert_eq!((service.update_status.len(), service.final_update_status), (2, None));
    }

    #[test]
    fn a_task_that_was_told_to_stop_did_not_end_by_itself() {
        let service = web(|feed| {
            update(feed);
            feed.at(13_000).desire(2, TaskState::Shutdown).state(2, TaskState::Failed);
            feed.at(14_000).create(NEW).at(16_000).state(3, TaskState::Rejected);
            feed.status(UpdateState::Paused, UpdateMessage::Paused(TaskId(3)));
        });
        assert_eq!(service.updates[0].detect, Some(Span::from_secs(2)));
    }

    #[test]
    fn an_update_that_the_run_cuts_off_is_unfinished() {
        let service = web(update);
        assert_eq!((service.updates[0].outcome, service.updates[0].end), (UpdateOutcome::Unfinished, None));
    }
}
