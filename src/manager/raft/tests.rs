//! Elections, quorums and members, tick by tick.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

fn managers(count: u32, seed: u64) -> Raft {
    Raft::new(IdVec::filled(8, true), (0..count).map(NodeId), Streams::new(seed))
}

fn at(secs: u64) -> Time {
    Time::from_millis(secs * 1_000)
}

/// Cuts nodes off from all others.
fn cut_off(raft: &mut Raft, now: Time, nodes: &[NodeId]) {
    let side = raft.free_side();
    raft.set_side(now, nodes, side);
}

/// Lets everything happen that is due up to `end`; returns when a leader with a quorum was there first.
fn run(raft: &mut Raft, from: u64, end: u64) -> Option<u64> {
    let (mut now, mut first) = (at(from), None);
    while let Some(due) = raft.due(now).filter(|due| *due <= at(end)) {
        now = due;
        raft.act(now);
        first = first.or(raft.has_quorum().then_some(now.as_millis() / 1_000));
    }
    first
}

/// Control-plane Q1.
#[test]
fn a_majority_of_all_members_is_needed() {
    for (members, tolerated) in [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2), (7, 3)] {
        let mut raft = managers(members, 1);
        for lost in 1..members {
            raft.set_up(at(10), NodeId(lost), false);
            assert_eq!(raft.has_quorum(), lost <= tolerated, "{lost} of {members} lost");
        }
    }
}

/// Control-plane Q2, Q3.
#[test]
fn another_leads_ten_to_nineteen_ticks_after_the_leader_was_lost_or_later_if_votes_are_split() {
    let times: Vec<u64> = (0..300)
        .map(|seed| {
            let mut raft = managers(3, seed);
            raft.set_up(at(100), NodeId(0), false);
            run(&mut raft, 100, 400).expect("two of three elect one") - 100
        })
        .collect();
    let ticks: BTreeSet<u64> = times.iter().copied().filter(|time| *time <= 19).collect();
    assert_eq!(ticks, (10..=18).collect(), "both wait for 19 ticks only together");
    let split = times.iter().filter(|time| **time >= 20).count();
    assert!((15..=50).contains(&split), "of 300 elections about a tenth is split, and not {split}");
}

/// Control-plane Q3.
#[test]
fn a_leader_that_is_cut_off_gives_up_after_ten_ticks_and_the_majority_elects_another() {
    let mut raft = managers(3, 5);
    cut_off(&mut raft, at(100), &[NodeId(0)]);
    assert_eq!((raft.lead(), raft.has_quorum()), (Some((NodeId(0), 1)), false));
    raft.act(Time::from_millis(109_999));
    assert_eq!(raft.lead(), Some((NodeId(0), 1)));
    raft.act(at(110));
    assert_ne!(raft.lead(), Some((NodeId(0), 1)));
    run(&mut raft, 110, 200);
    assert!(raft.has_quorum() && raft.lead().is_some_and(|(node, _)| node != NodeId(0)));
}

#[test]
fn a_leader_that_is_heard_again_in_time_goes_on() {
    let mut raft = managers(3, 5);
    cut_off(&mut raft, at(100), &[NodeId(0)]);
    run(&mut raft, 100, 109);
    raft.set_side(at(109), &[NodeId(0)], Raft::MAIN_SIDE);
    run(&mut raft, 109, 200);
    assert_eq!((raft.lead(), raft.has_quorum()), (Some((NodeId(0), 1)), true));
}

/// Control-plane Q3: there is no vote in advance.
#[test]
fn one_that_stood_for_election_alone_unseats_the_leader_when_it_is_back() {
    let mut raft = managers(3, 5);
    cut_off(&mut raft, at(100), &[NodeId(2)]);
    raft.commit(1);
    run(&mut raft, 100, 130);
    assert_eq!(raft.lead(), Some((NodeId(0), 1)));
    raft.set_side(at(130), &[NodeId(2)], Raft::MAIN_SIDE);
    assert_eq!(raft.lead(), None);
    let since = run(&mut raft, 130, 300).expect("all three are there");
    assert!((140..=180).contains(&since), "{since}");
}

/// Control-plane Q1, Q3: on whichever side of a partition the leader is, three of five lead and two do not.
#[test]
fn of_two_groups_that_do_not_hear_each_other_the_majority_has_the_leader() {
    let nodes = |ids: &[u32]| ids.iter().copied().map(NodeId).collect::<Vec<_>>();
    for (cut, elects) in [([0, 1].as_slice(), [2, 3, 4]), (&[2, 3, 4], [2, 3, 4]), (&[3, 4], [0, 1, 2])] {
        let mut raft = managers(5, 3);
        cut_off(&mut raft, at(100), &nodes(cut));
        assert!(raft.connects(NodeId(3), NodeId(4)) && !raft.connects(NodeId(1), NodeId(4)));
        run(&mut raft, 100, 200);
        let leader = raft.lead().filter(|_| raft.has_quorum()).map(|(leader, _)| leader.0);
        assert!(leader.is_some_and(|leader| elects.contains(&leader)), "{cut:?}: {leader:?} leads");
        let is_reachable = |node| raft.reachability(NodeId(node), at(200)) == Some(Reachability::Reachable);
        assert_eq!((0..5).filter(|node| is_reachable(*node)).collect::<Vec<_>>(), elects, "{cut:?}");
        raft.set_side(at(200), &nodes(cut), Raft::MAIN_SIDE);
        run(&mut raft, 200, 400);
        assert_eq!((0..5).filter(|node| raft.connects(raft.lead().unwrap().0, NodeId(*node))).count(), 5);
    }
}

#[test]
fn one_that_is_behind_is_not_elected() {
    for seed in 0..50 {
        let mut raft = managers(3, seed);
        raft.set_up(at(100), NodeId(2), false);
        raft.commit(7);
        raft.set_up(at(110), NodeId(2), true);
        raft.set_up(at(110), NodeId(2), false);
        raft.commit(8);
        raft.set_up(at(120), NodeId(0), false);
        raft.set_up(at(120), NodeId(2), true);
        run(&mut raft, 120, 400);
        assert_eq!(raft.lead().map(|(node, _)| node), Some(NodeId(1)), "seed {seed}");
    }
}

/// Control-plane Q13: of three managers of which one is down, that one can be taken out, and none of the others.
#[test]
fn a_member_is_taken_out_only_if_a_majority_of_the_others_is_reachable() {
    let mut raft = managers(3, 1);
    raft.set_up(at(100), NodeId(2), false);
    assert!(raft.can_remove(NodeId(1), at(101)), "nobody knows yet");
    assert!(!raft.can_remove(NodeId(1), at(102)));
    assert!(raft.can_remove(NodeId(2), at(102)));
    raft.remove(at(102), NodeId(2));
    raft.set_up(at(103), NodeId(1), false);
    assert!(!raft.has_quorum(), "one of two is no majority");
}

/// Control-plane Q15.
#[test]
fn a_new_cluster_is_forced_upon_the_survivor_which_leads_at_once() {
    let mut raft = managers(3, 1);
    raft.set_up(at(100), NodeId(0), false);
    raft.set_up(at(100), NodeId(1), false);
    run(&mut raft, 100, 150);
    assert_eq!(raft.leadership(), Leadership::NoQuorum);
    raft.force_new_cluster(at(150), NodeId(2));
    assert_eq!(raft.leadership(), Leadership::Leader(NodeId(2)));
    raft.set_up(at(160), NodeId(0), true);
    assert_eq!((raft.leadership(), raft.is_member(NodeId(0))), (Leadership::Leader(NodeId(2)), false));
}

/// Control-plane Q8, Q12.
#[test]
fn a_leader_hands_over_to_the_one_that_has_heard_it_for_longest() {
    let mut raft = managers(3, 1);
    raft.set_up(at(10), NodeId(1), false);
    raft.set_up(at(11), NodeId(1), true);
    assert!(raft.transfer(at(20)));
    assert_eq!(raft.lead(), Some((NodeId(2), 2)));
    assert!(!managers(1, 1).transfer(at(20)));
    let mut raft = managers(5, 1);
    cut_off(&mut raft, at(10), &[NodeId(0), NodeId(1)]);
    assert!(!raft.transfer(at(12)), "two of five elect nobody");
}

proptest! {
    /// Whatever befalls the machines: a term has one leader, and a leader has its quorum when it may act.
    #[test]
    fn no_two_lead_in_one_term_and_none_without_a_quorum(
        count in 1..8u32,
        seed in any::<u64>(),
        acts in prop::collection::vec((0..40u64, 0..8u32, 0..8u8), 0..60),
    ) {
        let mut raft = managers(count, seed);
        let mut leaders = BTreeMap::new();
        let mut now = Time::ZERO;
        let mut look = |raft: &Raft| {
            let Some((node, term)) = raft.lead() else { return Ok(()) };
            prop_assert_eq!(*leaders.entry(term).or_insert(node), node, "term {}", term);
            prop_assert_eq!(leaders.last_key_value(), Some((&term, &node)), "terms grow");
            let heard = raft.members().filter(|other| raft.connects(node, *other)).count();
            prop_assert_eq!(raft.has_quorum(), heard > raft.members().count() / 2);
            Ok(())
        };
        for (entries, (secs, node, act)) in (1..).zip(acts) {
            let until = now + Span::from_secs(secs);
            while let Some(due) = raft.due(now).filter(|due| *due <= until) {
                prop_assert!(due > now);
                now = due;
                raft.act(now);
                look(&raft)?;
            }
            (now, raft.committed) = (until, entries);
            let node = NodeId(node);
            match act {
                0 => raft.set_up(now, node, false),
                1 => raft.set_up(now, node, true),
                2 => cut_off(&mut raft, now, &[node]),
                3 => raft.set_side(now, &[node], Raft::MAIN_SIDE),
                4 => cut_off(&mut raft, now, &[node, NodeId((node.0 + 3) % 8), NodeId((node.0 + 5) % 8)]),
                5 if raft.has_quorum() => raft.join(now, node),
                6 if raft.has_quorum() && raft.lead().map(|lead| lead.0) != Some(node) => raft.remove(now, node),
                _ => _ = raft.transfer(now),
            }
            look(&raft)?;
        }
    }
}

/// Control-plane Q14.
#[test]
fn a_member_is_unreachable_to_others_and_never_to_itself() {
    let seen = |members| {
        let mut raft = managers(members, 1);
        cut_off(&mut raft, at(100), &[NodeId(0)]);
        [Time::from_millis(101_999), at(102)].map(|now| raft.reachability(NodeId(0), now))
    };
    assert_eq!(seen(3), [Some(Reachability::Reachable), Some(Reachability::Unreachable)]);
    assert_eq!(seen(1), [Some(Reachability::Reachable); 2]);
}
