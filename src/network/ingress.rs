//! The backends of one service as one node knows them, and whose turn it is.

use crate::model::TaskId;

/// A virtual service of IPVS, with its scheduler `rr`; the addresses behind a name, where the name resolves to those.
///
/// Backends stand in order of their arrival. The turn passes from each to the one that came before it, from the first to the last;
/// one that comes is not next unless the first was just served. A backend of weight 0 gets no connection, but there is one.
///
/// Source: moby: daemon/libnetwork/service_linux.go `addLBBackend`, `rmLBBackend` (data-plane rules 58, 64, 65); linux:
/// net/netfilter/ipvs/ip_vs_rr.c `ip_vs_rr_schedule`, `ip_vs_rr_del_dest`, and ip_vs_ctl.c, which puts a new destination at the
/// head of the list.
#[derive(Clone, Debug, Default)]
pub(super) struct VirtualService {
    /// Backends of weight 1.
    enabled: Vec<TaskId>,
    /// Backends of weight 0.
    disabled: Vec<TaskId>,
    /// The turn is that of the one before this place; 0: of the last.
    turn: usize,
}

impl VirtualService {
    /// A backend comes, or its weight is 1 now.
    pub(super) fn enable(&mut self, task: TaskId) {
        self.remove(task);
        self.enabled.push(task);
    }

    /// The weight of a backend, which may be new, is 0 now.
    pub(super) fn disable(&mut self, task: TaskId) {
        self.remove(task);
        self.disabled.push(task);
    }

    /// A backend goes. False if it was not there.
    pub(super) fn remove(&mut self, task: TaskId) -> bool {
        if let Some(place) = self.disabled.iter().position(|backend| *backend == task) {
            self.disabled.remove(place);
            return true;
        }
        let Some(place) = self.enabled.iter().position(|backend| *backend == task) else { return false };
        self.enabled.remove(place);
        self.turn -= usize::from(place < self.turn);
        true
    }

    /// Whether there is such a backend, of whatever weight.
    pub(super) fn contains(&self, task: TaskId) -> bool {
        self.enabled.contains(&task) || self.disabled.contains(&task)
    }

    /// The backend that gets the next connection; `None`: the kernel refuses it (data-plane rule 68).
    #[inline]
    pub(super) fn next(&mut self) -> Option<TaskId> {
        if self.turn == 0 {
            self.turn = self.enabled.len();
        }
        self.turn = self.turn.checked_sub(1)?;
        Some(self.enabled[self.turn])
    }

    /// Whether no backend gets connections.
    pub(super) fn is_closed(&self) -> bool {
        self.enabled.is_empty()
    }

    /// The backends that get connections, in the order of their arrival.
    pub(super) fn enabled(&self) -> &[TaskId] {
        &self.enabled
    }

    /// The first address of an answer, in which they stand in random order (data-plane rule 80).
    pub(super) fn resolve(&self, draw: u64) -> Option<TaskId> {
        let place = (u128::from(draw) * self.enabled.len() as u128) >> 64;
        self.enabled.get(place as usize).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(tasks: u32) -> VirtualService {
        let mut service = VirtualService::default();
        (0..tasks).for_each(|task| service.enable(TaskId(task)));
        service
    }

    fn next(service: &mut VirtualService, count: usize) -> Vec<u32> {
        (0..count).map(|_| service.next().expect("a backend").0).collect()
    }

    #[test]
    fn rule_58_backends_take_turns_from_the_newest_to_the_oldest() {
        assert_eq!(next(&mut service(3), 7), [2, 1, 0, 2, 1, 0, 2]);
    }

    #[test]
    fn a_departure_moves_the_turn_only_from_who_leaves_to_who_follows() {
        for (leaves, follows) in [(0, [1, 3, 2, 1]), (1, [0, 3, 2, 0]), (2, [1, 0, 3, 1]), (3, [1, 0, 2, 1])] {
            let mut service = service(4);
            next(&mut service, 2);
            assert!(service.remove(TaskId(leaves)));
            assert_eq!(next(&mut service, 4), follows, "{leaves} leaves");
        }
    }

    #[test]
    fn who_comes_after_the_oldest_was_served_is_next() {
        let mut service = service(2);
        next(&mut service, 1);
        service.enable(TaskId(7));
        assert_eq!(next(&mut service, 4), [0, 7, 1, 0]);
        service.enable(TaskId(8));
        assert_eq!(next(&mut service, 2), [8, 7]);
    }

    #[test]
    fn rules_64_and_68_weight_0_gets_nothing_and_stays_known() {
        let mut service = service(2);
        service.disable(TaskId(1));
        assert_eq!(next(&mut service, 3), [0, 0, 0]);
        service.disable(TaskId(0));
        assert_eq!(service.next(), None);
        assert!(service.contains(TaskId(1)) && service.remove(TaskId(1)) && !service.contains(TaskId(1)));
        assert!(!service.remove(TaskId(1)));
        service.enable(TaskId(0));
        assert_eq!(next(&mut service, 2), [0, 0]);
    }

    #[test]
    fn rule_80_an_answer_begins_with_each_address_as_often() {
        let service = service(4);
        let first = |quarter: u64| service.resolve(quarter << 62).map(|task| task.0);
        assert_eq!([0, 1, 2, 3].map(first), [Some(0), Some(1), Some(2), Some(3)]);
        assert_eq!(VirtualService::default().resolve(u64::MAX), None);
    }
}
