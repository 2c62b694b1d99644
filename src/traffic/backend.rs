//! The tasks behind a service: whose turn it is, and what each of them still has to do.

use std::collections::VecDeque;

use crate::kernel::{Dist, IdVec, Time};
use crate::model::request::{Request, RequestOutcome};
use crate::model::{ClientId, ImageId, ServiceId, TaskId};

/// All tasks that get or have requests.
///
/// A task works on one request at a time, in order of arrival, so that the end of a request is known when it is sent: it
/// starts when it arrives or when the task is free, whichever is later (Lindley's recursion). Only a request that ends after
/// the instant up to which traffic is advanced is kept, since only such a request can still be cut off.
#[derive(Debug)]
pub(super) struct Backends {
    service_times: IdVec<ImageId, Dist>,
    rotations: IdVec<ServiceId, Rotation>,
    servers: IdVec<TaskId, Server>,
    /// Tasks that have requests in flight, each once, and when the first of these ends.
    busy: Vec<(TaskId, Time)>,
    in_flight: IdVec<ServiceId, u32>,
    /// Buffers of tasks that ended, for those that come.
    spare: Vec<VecDeque<InFlight>>,
}

/// A request as its client sends it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sending {
    /// When.
    pub(super) at: Time,
    /// Who.
    pub(super) client: ClientId,
    /// Which of the users of a closed loop; 0 for an open one.
    pub(super) user: u32,
    /// The uniform number from which the service time is made.
    pub(super) draw: u64,
}

/// A request that has been sent and has not ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct InFlight {
    pub(super) sent: Time,
    /// When it ends if its task lives.
    pub(super) end: Time,
    pub(super) client: ClientId,
    pub(super) user: u32,
}

/// What is left of a task whose process ended.
#[derive(Debug)]
pub(super) struct Remains {
    pub(super) service: ServiceId,
    pub(super) image: ImageId,
    pub(super) unfinished: VecDeque<InFlight>,
}

/// A task as a queue.
#[derive(Clone, Debug)]
struct Server {
    service: ServiceId,
    image: ImageId,
    /// Whether its process runs.
    up: bool,
    /// When it has done all that it has.
    free_at: Time,
    /// In order of arrival, which is the order of their ends.
    in_flight: VecDeque<InFlight>,
}

impl Server {
    /// A task of which nothing is known yet.
    const UNKNOWN: Server =
        Server { service: ServiceId(0), image: ImageId(0), up: false, free_at: Time::ZERO, in_flight: VecDeque::new() };
}

impl Backends {
    pub(super) fn new(service_times: IdVec<ImageId, Dist>, services: usize) -> Backends {
        Backends {
            service_times,
            rotations: IdVec::filled(services, Rotation::default()),
            servers: IdVec::new(),
            busy: Vec::new(),
            in_flight: IdVec::filled(services, 0),
            spare: Vec::new(),
        }
    }

    pub(super) fn in_flight(&self) -> &IdVec<ServiceId, u32> {
        &self.in_flight
    }

    pub(super) fn enter(&mut self, service: ServiceId, task: TaskId, image: ImageId) {
        self.rotations[service].enter(task);
        let server = self.servers.entry(task, Server::UNKNOWN);
        if !server.up {
            let in_flight = self.spare.pop().unwrap_or_default();
            *server = Server { service, image, up: true, free_at: Time::ZERO, in_flight };
        }
    }

    pub(super) fn leave(&mut self, service: ServiceId, task: TaskId) {
        self.rotations[service].leave(task);
    }

    /// The process of `task` ended. `None` if it was never in rotation, or ended before.
    pub(super) fn kill(&mut self, task: TaskId) -> Option<Remains> {
        let server = self.servers.get_mut(task).filter(|server| server.up)?;
        server.up = false;
        let unfinished = std::mem::take(&mut server.in_flight);
        self.busy.retain(|(busy, _)| *busy != task);
        self.in_flight[server.service] -= unfinished.len() as u32;
        Some(Remains { service: server.service, image: server.image, unfinished })
    }

    /// Takes back an emptied buffer.
    pub(super) fn recycle(&mut self, buffer: VecDeque<InFlight>) {
        self.spare.push(buffer);
    }

    /// Tells the requests in flight that end up to and including `now`.
    pub(super) fn retire(&mut self, now: Time, sink: &mut impl FnMut(&Request)) {
        let Backends { servers, busy, in_flight, .. } = self;
        busy.retain_mut(|(task, first_end)| {
            if *first_end > now {
                return true;
            }
            let server = &mut servers[*task];
            while let Some(&InFlight { sent, end, client, .. }) = server.in_flight.front() {
                if end > now {
                    *first_end = end;
                    return true;
                }
                server.in_flight.pop_front();
                in_flight[server.service] -= 1;
                let (service, task) = (server.service, Some((*task, server.image)));
                sink(&Request { client, service, task, sent, ended: end, outcome: RequestOutcome::Ok });
            }
            false
        });
    }

    /// Sends a request and returns when it ends; it is told now if that is not after `now`.
    ///
    /// A task in rotation whose process has ended refuses at once (data-plane rule 83).
    #[inline]
    pub(super) fn send(
        &mut self,
        service: ServiceId,
        sending: Sending,
        now: Time,
        sink: &mut impl FnMut(&Request),
    ) -> Time {
        let Sending { at: sent, client, user, draw } = sending;
        let task = self.rotations[service].next();
        let Some((task, server)) = task.map(|task| (task, &mut self.servers[task])).filter(|(_, server)| server.up)
        else {
            sink(&Request { client, service, task: None, sent, ended: sent, outcome: RequestOutcome::Refused });
            return sent;
        };
        let end = sent.max(server.free_at).saturating_add(self.service_times[server.image].sample(draw));
        server.free_at = end;
        if end <= now {
            let task = Some((task, server.image));
            sink(&Request { client, service, task, sent, ended: end, outcome: RequestOutcome::Ok });
        } else {
            if server.in_flight.is_empty() {
                self.busy.push((task, end));
            }
            server.in_flight.push_back(InFlight { sent, end, client, user });
            self.in_flight[service] += 1;
        }
        end
    }
}

/// The tasks of a service that get requests, in turn.
///
/// Tasks stand in order of entry. The turn passes from each task to the one that entered after it, from the last to the first;
/// a task that enters comes last, and next if the last one was just served. If the task whose turn it is leaves, the turn
/// passes to the one after it; any other departure leaves the turn where it is.
///
/// Source: data-plane rule 58; linux: net/netfilter/ipvs/ip_vs_rr.c `ip_vs_rr_schedule`, `ip_vs_rr_del_dest`.
/// Departs: IPVS goes from the newest task to the oldest, and each entry node has its own turn (rule 59); here all requests
/// of a service enter at one node.
#[derive(Clone, Debug, Default)]
struct Rotation {
    tasks: Vec<TaskId>,
    /// Whose turn it is; the length stands for the first unless somebody enters before.
    turn: usize,
}

impl Rotation {
    fn enter(&mut self, task: TaskId) {
        debug_assert!(!self.tasks.contains(&task), "a task enters rotation once");
        self.tasks.push(task);
    }

    fn leave(&mut self, task: TaskId) {
        if let Some(place) = self.tasks.iter().position(|member| *member == task) {
            self.tasks.remove(place);
            self.turn -= usize::from(place < self.turn);
        }
    }

    /// The task that gets the next request.
    #[inline]
    fn next(&mut self) -> Option<TaskId> {
        if self.turn >= self.tasks.len() {
            self.turn = 0;
        }
        let task = *self.tasks.get(self.turn)?;
        self.turn += 1;
        Some(task)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rotation(tasks: u32) -> Rotation {
        Rotation { tasks: (0..tasks).map(TaskId).collect(), turn: 0 }
    }

    fn next(rotation: &mut Rotation, count: usize) -> Vec<u32> {
        (0..count).map(|_| rotation.next().expect("a task").0).collect()
    }

    #[test]
    fn tasks_take_turns_in_order_of_entry() {
        assert_eq!(next(&mut rotation(3), 7), [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn a_departure_moves_the_turn_only_from_who_leaves_to_who_follows() {
        for (leaves, follows) in [(0, [2, 3, 1, 2]), (1, [2, 3, 0, 2]), (2, [3, 0, 1, 3]), (3, [2, 0, 1, 2])] {
            let mut rotation = rotation(4);
            next(&mut rotation, 2);
            rotation.leave(TaskId(leaves));
            assert_eq!(next(&mut rotation, 4), follows, "{leaves} leaves");
        }
    }

    #[test]
    fn who_enters_after_the_last_was_served_is_next() {
        let mut rotation = rotation(2);
        next(&mut rotation, 2);
        rotation.enter(TaskId(7));
        assert_eq!(next(&mut rotation, 4), [7, 0, 1, 7]);
        rotation.leave(TaskId(7));
        rotation.enter(TaskId(8));
        assert_eq!(next(&mut rotation, 3), [8, 0, 1]);
    }

    #[test]
    fn an_empty_rotation_serves_whoever_enters() {
        let mut rotation = rotation(0);
        assert_eq!((rotation.next(), rotation.next()), (None, None));
        rotation.enter(TaskId(0));
        rotation.enter(TaskId(1));
        assert_eq!(next(&mut rotation, 3), [0, 1, 0]);
    }
}
