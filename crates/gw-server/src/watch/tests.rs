//! The rules of the sweeper under a paused clock.

use tokio::time::advance;

use super::*;
use crate::ListenerOptions;

const SECOND: Duration = Duration::from_secs(1);

fn watch() -> Watch {
    let options = ListenerOptions::new("test", "127.0.0.1:1".parse().unwrap());
    let limits = Arc::new(Limits {
        handshake_timeout: SECOND * 10,
        header_timeout: SECOND * 20,
        write_timeout: SECOND * 30,
        idle_timeout: SECOND * 100,
        ..Limits::default()
    });
    let address = "127.0.0.1:1".parse().unwrap();
    let listener = Arc::new(Listener::new(options.address, address, options.into()));
    Watch::new(listener, limits, Arc::new(Ticks::new()), address)
}

/// Lets `seconds` pass and asks for the verdict.
async fn after(watch: &Watch, seconds: u32) -> Verdict {
    advance(SECOND * seconds).await;
    watch.judge(watch.ticks.advance())
}

#[tokio::test(start_paused = true)]
async fn each_phase_has_its_own_timeout() {
    for (phase, timeout, expect) in [
        (Phase::Handshake, 10, Verdict::Abort),
        (Phase::First, 20, Verdict::HeadTimeout),
        (Phase::Head, 20, Verdict::HeadTimeout),
        (Phase::Idle, 100, Verdict::Close),
        (Phase::Closing, 2, Verdict::Abort),
        (Phase::Busy, 10_000, Verdict::None),
        (Phase::Tunnel, 10_000, Verdict::None),
    ] {
        let watch = watch();
        assert_eq!(after(&watch, 1000).await, Verdict::HeadTimeout);
        // What came before does not count.
        watch.enter(phase);
        assert_eq!(after(&watch, timeout).await, Verdict::None, "{phase:?}");
        assert_eq!(after(&watch, 2).await, expect, "{phase:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_idle_when_its_last_exchange_and_body_have_ended() {
    let watch = watch();
    watch.begin_exchange();
    watch.begin_exchange();
    watch.begin_body();
    watch.end_exchange();
    assert_eq!(watch.phase(), Phase::Busy);
    watch.end_exchange();
    assert_eq!((watch.phase(), after(&watch, 200).await), (Phase::Idle, Verdict::None));
    watch.end_body();
    assert_eq!(after(&watch, 0).await, Verdict::Close);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_cut_in_any_phase_of_http() {
    for phase in [Phase::Busy, Phase::Idle, Phase::Closing] {
        let watch = watch();
        watch.enter(phase);
        watch.on_write_blocked();
        after(&watch, 29).await;
        // Still blocked, not blocked anew.
        watch.on_write_blocked();
        watch.enter(phase);
        assert_eq!(after(&watch, 3).await, Verdict::Abort, "{phase:?}");
        assert!(watch.is_reset());
    }
    let watch = watch();
    watch.enter(Phase::Busy);
    watch.on_write_blocked();
    after(&watch, 29).await;
    watch.on_write();
    watch.on_write_blocked();
    assert_eq!(after(&watch, 29).await, Verdict::None);
}

#[tokio::test(start_paused = true)]
async fn a_drain_spares_who_was_heard_of_just_now() {
    for phase in [Phase::First, Phase::Idle] {
        let watch = watch();
        watch.enter(phase);
        // The stamp is an early one of a long tick, which the drain makes short.
        advance(SECOND).await;
        watch.listener.drain();
        watch.ticks.resolve(Duration::ZERO);
        assert_eq!(after(&watch, 0).await, Verdict::None, "{phase:?}");
        advance(QUIET).await;
        assert_eq!(after(&watch, 0).await, Verdict::None, "{phase:?}");
        assert_eq!(after(&watch, 1).await, Verdict::Close, "{phase:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn verdicts_only_grow() {
    let watch = watch();
    watch.sentence(Verdict::HeadTimeout);
    watch.sentence(Verdict::Close);
    assert_eq!(watch.verdict(), Verdict::HeadTimeout);
    assert_eq!(watch.sentenced(Verdict::Close).await, Verdict::HeadTimeout);
}

#[tokio::test(start_paused = true)]
async fn where_the_next_head_begins() {
    let watch = watch();
    watch.on_read();
    assert!(watch.bytes_seen() && watch.phase() == Phase::First);
    watch.begin_exchange();
    watch.end_exchange();
    assert_eq!(watch.phase(), Phase::Idle);
    watch.on_read();
    assert_eq!(watch.phase(), Phase::Head);
    // Bytes of a body are no head; bytes after it are.
    for (body, expect) in [(true, Phase::Idle), (false, Phase::Head)] {
        watch.begin_exchange();
        if body {
            watch.begin_body();
        }
        watch.on_read();
        if body {
            watch.end_body();
        }
        watch.end_exchange();
        assert_eq!(watch.phase(), expect);
    }
}
