//! Updaters and their workers as goroutines that race.

use super::{Supervisor, note_end};
use crate::manager::Cx;
use crate::manager::orchestrator::restart::Restarts;
use crate::model::decision::Decision;

/// What somebody in an updater may do next. Numbers are places in the lists of the supervisor.
#[derive(Clone, Copy)]
enum Step {
    /// The worker goes on whose task may start.
    Started(usize),
    /// The worker goes on whose task runs or has ended.
    CameUp(usize),
    /// The updater looks at a failure.
    Failed(usize),
    /// The updater hands out a slot, or begins its last watch.
    GoOn(usize),
}

impl Supervisor {
    /// Whether any updater or worker has something to do.
    pub fn is_racing(&mut self, restarts: &mut Restarts) -> bool {
        !self.steps(None, restarts).is_empty()
    }

    /// Any one of the updaters and their workers does its next thing.
    ///
    /// Tie (control-plane X2, X3): which one. An updater sees failures in the order in which they were written.
    pub fn race(&mut self, restarts: &mut Restarts, cx: &mut Cx<'_>) {
        let steps = self.steps(None, restarts);
        self.take(steps[cx.ties.pick(steps.len())], restarts, cx);
    }

    /// Ends the updater at `index` before its time. What its goroutines have noticed in the same instant they may or may not act
    /// upon before.
    pub(super) fn cancel(&mut self, index: usize, restarts: &mut Restarts, cx: &mut Cx<'_>) {
        let epoch = self.updaters[index].epoch;
        while cx.ties.pick(2) == 1 {
            let steps = self.steps(Some(epoch), restarts);
            if steps.is_empty() {
                break;
            }
            self.take(steps[cx.ties.pick(steps.len())], restarts, cx);
        }
        if let Some(index) = self.updaters.iter().position(|updater| updater.epoch == epoch) {
            let updater = self.updaters.remove(index);
            cx.store.decide(updater.service, Decision::UpdateCancelled { run: updater.epoch });
            note_end(&updater, cx);
        }
    }

    /// What may be done next, by one updater or by any.
    fn steps(&mut self, epoch: Option<u32>, restarts: &mut Restarts) -> Vec<Step> {
        let Supervisor { updaters, handled, came_up, failed, ended_starts, .. } = self;
        restarts.take_ended(ended_starts);
        let is_handled = |task: &_| updaters.iter().any(|updater| updater.handles(*task, handled));
        ended_starts.retain(is_handled);
        came_up.retain(|(task, _)| is_handled(task));
        failed.retain(is_handled);
        let mut steps = Vec::new();
        for (index, updater) in
            updaters.iter().enumerate().filter(|(_, of)| epoch.is_none_or(|epoch| epoch == of.epoch))
        {
            let is_own = |task: &_| updater.handles(*task, handled);
            steps.extend((0..ended_starts.len()).filter(|at| is_own(&ended_starts[*at])).map(Step::Started));
            steps.extend((0..came_up.len()).filter(|at| is_own(&came_up[*at].0)).map(Step::CameUp));
            steps.extend(failed.iter().position(is_own).map(Step::Failed));
            steps.extend(updater.can_go_on().then_some(Step::GoOn(index)));
        }
        steps
    }

    fn take(&mut self, step: Step, restarts: &mut Restarts, cx: &mut Cx<'_>) {
        let Supervisor { updaters, handled, .. } = self;
        match step {
            Step::Started(at) => {
                let task = self.ended_starts.remove(at);
                updaters.iter_mut().for_each(|updater| updater.on_start_ended(task, handled, cx));
            }
            Step::CameUp(at) => {
                let (task, state) = self.came_up.remove(at);
                updaters.iter_mut().for_each(|updater| updater.on_came_up(task, state, handled, cx));
            }
            Step::Failed(at) => {
                let task = self.failed.remove(at);
                updaters.iter_mut().for_each(|updater| updater.on_failed(task, handled, cx));
            }
            Step::GoOn(index) => updaters[index].go_on(handled, restarts, cx),
        }
        for ended in updaters.extract_if(.., |updater| updater.has_ended()) {
            note_end(&ended, cx);
        }
    }
}
