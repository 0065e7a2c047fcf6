//! The rules by example, and any history against an oracle that keeps one line of history per instance.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::scripted::{ids, snapshot};

const SECOND: Duration = Duration::from_secs(1);

fn instances(known: &[Believed]) -> String {
    let instances: Vec<_> = known.iter().map(|believed| believed.instance.clone()).collect();
    ids(&instances)
}

/// What is believed after these answers, one a second.
fn after(answers: &[&str]) -> String {
    let (options, start) = (GuardOptions::default(), Instant::now());
    let mut known = Vec::new();
    for (second, answer) in answers.iter().enumerate() {
        known = options.decide(&known, &snapshot(answer), start + second as u32 * SECOND);
    }
    instances(&known)
}

#[test]
fn a_service_that_vanishes_is_held() {
    assert_eq!(after(&["1", ""]), "1~");
    assert_eq!(after(&["1 2", ""]), "1~ 2~");
    assert_eq!(after(&["1 2 3 4", ""]), "1~ 2~ 3~ 4~");
    assert_eq!(after(&["1 2", "", "1"]), "1 2~", "listed again");
    assert_eq!(after(&["1 2", "", "3"]), "3 1~ 2~", "and who is new is present beside them");
}

#[test]
fn most_of_many_is_held_and_less_is_believed() {
    assert_eq!(after(&["1 2", "1"]), "1");
    assert_eq!(after(&["1 2 3", "1"]), "1", "three are not many");
    assert_eq!(after(&["1 2 3 4", "1 2"]), "1 2", "half is not more than half");
    assert_eq!(after(&["1 2 3 4", "1"]), "1 2~ 3~ 4~");
    assert_eq!(after(&["1 2 3 4", "1", "2"]), "2 1~ 3~ 4~", "what is held counts as missing");
    assert_eq!(after(&["1 2 3 4", "1", "1 5 6 7"]), "1 5 6 7 2~ 3~ 4~", "held until its time is over");
}

#[test]
fn the_unhealthy_are_gone_at_once() {
    assert_eq!(after(&["1", "1!"]), "");
    assert_eq!(after(&["1 2 3 4", "1 2! 3! 4!"]), "1");
    assert_eq!(after(&["1 2 3 4", "", "1! 2"]), "2 3~ 4~", "even if they were held");
    assert_eq!(after(&["1 2", "1!"]), "2~", "but who vanished with them is held");
}

#[test]
fn who_is_replaced_has_not_vanished() {
    assert_eq!(after(&["1 2 3 4", "5 6 7 8"]), "5 6 7 8", "blue to green");
    let mut reborn = snapshot("8 9");
    let old = snapshot("1 2");
    for (new, old) in std::sync::Arc::get_mut(&mut reborn.instances).unwrap().iter_mut().zip(&*old.instances)
    {
        new.endpoints.clone_from(&old.endpoints);
    }
    let (options, now) =
        (GuardOptions { min_instances: 1, max_drop_ratio: 0.0, ..Default::default() }, Instant::now());
    let known = options.decide(&[], &old, now);
    assert_eq!(instances(&options.decide(&known, &reborn, now)), "8 9", "new ids at the same addresses");
}

/// Compared with each other one by one, these would take minutes.
#[test]
fn a_very_large_service_is_replaced_as_fast_as_it_is_read() {
    let ids = |start: u32| (start..start + 60_000).map(|id| format!("{id} ")).collect::<String>();
    let (options, now) = (GuardOptions::default(), Instant::now());
    let known = options.decide(&[], &snapshot(&ids(100_000)), now);
    assert_eq!(options.decide(&known, &snapshot(&ids(200_000)), now).len(), 60_000);
}

#[test]
fn nothing_at_all_is_doubtful_and_so_is_a_drop() {
    let options = GuardOptions::default();
    let doubts = |before: &str, answer: &str| {
        let known = options.decide(&[], &snapshot(before), Instant::now());
        options.is_doubtful(&known, &snapshot(answer))
    };
    assert!(doubts("", ""));
    assert!(!doubts("", "1!"));
    assert!(!doubts("", "1"));
    assert!(doubts("1", ""));
    assert!(!doubts("1", "1!"));
    assert!(!doubts("1 2", "1"));
    assert!(doubts("1 2 3 4", "1"));
}

/// One answer: which of eight instances it lists, which as unhealthy, and how long after the one before.
#[derive(Clone, Debug)]
struct Answer {
    listed: u8,
    unhealthy: u8,
    seconds: u32,
    /// No answer at all, only time.
    silent: bool,
}

fn answers() -> impl Strategy<Value = Vec<Answer>> {
    let mask = prop_oneof![2 => any::<u8>(), 1 => Just(0), 1 => Just(u8::MAX)];
    let answer = (mask, prop_oneof![2 => Just(0), 1 => any::<u8>()], 0..8u32, prop::bool::weighted(0.2));
    let answer = answer.prop_map(|(listed, unhealthy, seconds, silent)| Answer {
        listed: listed & !unhealthy,
        unhealthy,
        seconds,
        silent,
    });
    prop::collection::vec(answer, 1..20)
}

/// What the oracle knows of an instance.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Unknown,
    Present,
    MissedSince(u32),
}

/// The rules over again, by counting.
fn oracle(fates: &mut [Fate; 8], answer: &Answer, now: u32, options: &GuardOptions) {
    let hold = options.hold.as_secs() as u32;
    let bit = |mask: u8, n: usize| mask >> n & 1 == 1;
    if !answer.silent {
        let old = *fates;
        let known = old.iter().filter(|fate| **fate != Fate::Unknown).count();
        let seen = |n: usize| bit(answer.listed | answer.unhealthy, n);
        let missing = (0..8).filter(|n| old[*n] != Fate::Unknown && !seen(*n)).count();
        let fresh = (0..8).filter(|n| old[*n] == Fate::Unknown && bit(answer.listed, *n)).count();
        let many = known >= options.min_instances
            && missing.saturating_sub(fresh) as f64 > options.max_drop_ratio * known as f64;
        for n in 0..8 {
            fates[n] = match old[n] {
                _ if bit(answer.listed, n) => Fate::Present,
                _ if bit(answer.unhealthy, n) => Fate::Unknown,
                Fate::Present if answer.listed == 0 || many => Fate::MissedSince(now),
                Fate::Present => Fate::Unknown,
                missed => missed,
            };
        }
    }
    for fate in fates {
        if matches!(fate, Fate::MissedSince(since) if now >= *since + hold) {
            *fate = Fate::Unknown;
        }
    }
}

proptest! {
    #[test]
    fn any_history_agrees_with_the_oracle(
        answers in answers(),
        ratio in prop_oneof![Just(0.0), Just(0.5), Just(1.0), 0.0..1.0],
        min_instances in 1..6usize,
        hold in 0..10u64,
    ) {
        let hold = Duration::from_secs(hold);
        let options = GuardOptions { max_drop_ratio: ratio, min_instances, hold, ..Default::default() };
        let (start, mut now) = (Instant::now(), 0);
        let (mut known, mut fates) = (Vec::new(), [Fate::Unknown; 8]);
        for answer in &answers {
            now += answer.seconds;
            let at = start + now * SECOND;
            let named = |mask: u8, mark: &str| -> String {
                (0..8).filter(|n| mask >> n & 1 == 1).map(|n| format!("{n}{mark} ")).collect()
            };
            let listed = snapshot(&(named(answer.listed, "") + &named(answer.unhealthy, "!")));
            known = if answer.silent { options.expire(&known, at) } else { options.decide(&known, &listed, at) };
            oracle(&mut fates, answer, now, &options);
            let mut found = [Fate::Unknown; 8];
            for Believed { instance, missed } in &known {
                prop_assert_eq!(instance.held, missed.is_some());
                let fate = missed.map_or(Fate::Present, |at| Fate::MissedSince((at - start).as_secs() as u32));
                found[instance.id.parse::<usize>().unwrap()] = fate;
            }
            prop_assert_eq!(found, fates);
            prop_assert_eq!(known.len(), fates.iter().filter(|fate| **fate != Fate::Unknown).count(), "none twice");
        }
    }
}
