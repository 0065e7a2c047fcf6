//! A pick costs no allocation.

use std::time::{Duration, Instant};

use gw_core::Outcome;

use crate::testing::{Sequence, node};
use crate::{Pick, Policy};

#[test]
fn a_first_attempt_without_filters_allocates_nothing() {
    for policy in Policy::ALL {
        let nodes: Vec<_> = (1..50).map(|n| node(&format!("n{n}:1"), n, n / 40)).collect();
        let selector = policy.build();
        selector.apply(&nodes);
        let now = Instant::now();
        let mut random = Sequence::new(1);
        let mut serve = |stick| {
            let pick = Pick { key: Some(random.next_u64()), stick, ..Pick::new(now, random.next_u64()) };
            let mut picked = selector.select(&pick).unwrap();
            picked.respond(now + Duration::from_millis(5), Outcome::Ok);
        };
        // The first pick on a thread lets arc-swap set up that thread.
        serve(None);
        let made = allocation_counter::measure(|| {
            for _ in 0..1_000 {
                serve(None);
                serve(Some("n7:1"));
            }
        });
        assert_eq!(made.count_total, 0, "{policy}: {made:?}");
    }
}
