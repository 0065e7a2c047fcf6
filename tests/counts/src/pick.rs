//! A pick among ten nodes by the default policy, and the report of its answer.

use std::hint::black_box;
use std::time::{Duration, Instant};

use gw_core::{NodeInfo, Outcome};
use gw_selector::{Node, Pick, Policy};

use crate::Thing;

pub(crate) fn thing() -> Thing {
    let selector = Policy::P2c.build();
    let nodes: Vec<_> = (0..10).map(|n| Node::new(NodeInfo::new(format!("10.0.0.{n}:80")))).collect();
    selector.apply(&nodes);
    let mut now = Instant::now();
    Box::new(move |time| {
        now += Duration::from_millis(1);
        // Well mixed, and the same in every run.
        let random = (time as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut picked = selector.select(black_box(&Pick::new(now, random))).unwrap();
        picked.respond(now + Duration::from_millis(2), Outcome::Ok);
    })
}
