//! The rules of the sweeper under a paused clock.

use tokio::time::advance;

use super::judge::QUIET;
use super::*;
use crate::ListenerOptions;

const SECOND: Duration = Duration::from_secs(1);

fn watch() -> Watch {
    let limits = Limits {
        handshake_timeout: SECOND * 10,
        header_timeout: SECOND * 20,
        write_timeout: SECOND * 30,
        idle_timeout: SECOND * 100,
        ..Limits::default()
    };
    with(limits, 1)
}

/// A watch on a connection from this port.
fn with(limits: Limits, port: u16) -> Watch {
    let options = ListenerOptions::new("test", "127.0.0.1:1".parse().unwrap());
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let listener = Arc::new(Listener::new(options.address, address, options.into()));
    Watch::new(listener, Arc::new(limits), Arc::new(Ticks::new()), address)
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
    watch.on_write(1);
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
    watch.on_read(1);
    assert!(watch.bytes_seen() && watch.phase() == Phase::First);
    watch.begin_exchange();
    watch.end_exchange();
    assert_eq!(watch.phase(), Phase::Idle);
    watch.on_read(1);
    assert_eq!(watch.phase(), Phase::Head);
    // Bytes of a body are no head; bytes after it are, and gw-h1 says so itself when it comes to them.
    let ahead = if cfg!(feature = "hyper-h1") { Phase::Head } else { Phase::Idle };
    for (body, expect) in [(true, Phase::Idle), (false, ahead)] {
        watch.begin_exchange();
        if body {
            watch.begin_body();
        }
        watch.on_read(1);
        if body {
            watch.end_body();
        }
        watch.end_exchange();
        assert_eq!(watch.phase(), expect);
    }
}

#[cfg(not(feature = "hyper-h1"))]
#[tokio::test(start_paused = true)]
async fn a_verdict_that_was_taken_back_hides_no_other() {
    let watch = watch();
    watch.sentence(Verdict::HeadTimeout);
    watch.pardon(Verdict::HeadTimeout);
    watch.sentence(Verdict::Close);
    assert_eq!(watch.verdict(), Verdict::Close);
    watch.pardon(Verdict::HeadTimeout);
    assert_eq!(watch.verdict(), Verdict::Close);
}

/// A connection that may get 1,000 s old.
fn aging(port: u16) -> Watch {
    with(
        Limits { max_connection_age: Some(SECOND * 1000), idle_timeout: SECOND * 9999, ..Limits::default() },
        port,
    )
}

#[tokio::test(start_paused = true)]
async fn an_old_connection_of_http2_is_to_end_and_nothing_else_is() {
    for (h2, phase, expect) in [
        (true, Phase::Idle, Verdict::Close),
        (true, Phase::Busy, Verdict::Close),
        (true, Phase::Tunnel, Verdict::None),
        (false, Phase::Idle, Verdict::None),
        (false, Phase::Busy, Verdict::None),
        (false, Phase::Tunnel, Verdict::None),
    ] {
        let watch = aging(1);
        if h2 {
            watch.speak_h2();
        }
        watch.enter(phase);
        assert_eq!((after(&watch, 899).await, watch.is_old()), (Verdict::None, false), "{phase:?}");
        assert_eq!((after(&watch, 203).await, watch.is_old()), (expect, true), "{phase:?}");
    }
    let ageless = with(Limits { idle_timeout: SECOND * 99_999, ..Limits::default() }, 1);
    ageless.speak_h2();
    assert_eq!((after(&ageless, 50_000).await, ageless.is_old()), (Verdict::None, false));
}

#[tokio::test(start_paused = true)]
async fn connections_that_came_together_do_not_go_together() {
    let ages: Vec<Duration> = (1..=1000).filter_map(|port| aging(port).age).collect();
    assert!(ages.iter().all(|age| (SECOND * 900..=SECOND * 1100).contains(age)));
    // Each fifth of the span has about its share.
    for fifth in 0..5 {
        let from = SECOND * (900 + fifth * 40);
        let count = ages.iter().filter(|age| (from..from + SECOND * 40).contains(*age)).count();
        assert!((150..250).contains(&count), "{fifth}: {count}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_takes_an_answer_too_slowly_is_cut() {
    // Takes so many bytes in each of 30 s, and then no more for a while.
    async fn taking(bytes: usize, prepare: impl Fn(&Watch)) -> Verdict {
        let watch = with(Limits { min_body_rate: 100, ..Limits::default() }, 1);
        watch.begin_exchange();
        prepare(&watch);
        let mut worst = Verdict::None;
        for _ in 0..30 {
            watch.on_write(bytes);
            watch.on_write_blocked();
            worst = worst.max(after(&watch, 1).await);
        }
        worst
    }
    assert_eq!(taking(99, |_| ()).await, Verdict::Abort);
    assert_eq!(taking(100, |_| ()).await, Verdict::None);
    assert_eq!(taking(1, |watch| watch.set_paced(false)).await, Verdict::None);
    assert_eq!(taking(1, |watch| watch.enter(Phase::Tunnel)).await, Verdict::None);
    // There the streams are watched, each for itself.
    assert_eq!(taking(1, Watch::speak_h2).await, Verdict::None);
}

#[tokio::test(start_paused = true)]
async fn who_sends_its_request_may_take_the_answer_after_that() {
    // Sends so many bytes in each of 60 s and takes nothing.
    async fn sending(bytes: usize, prepare: impl Fn(&Watch)) -> Verdict {
        let limits = Limits { write_timeout: SECOND * 30, min_body_rate: 100, ..Limits::default() };
        let watch = with(limits, 1);
        watch.begin_exchange();
        watch.begin_body();
        watch.on_write_blocked();
        prepare(&watch);
        let mut worst = Verdict::None;
        for _ in 0..60 {
            if bytes > 0 {
                watch.on_read(bytes);
            }
            watch.on_write_blocked();
            worst = worst.max(after(&watch, 1).await);
        }
        worst
    }
    let unpaced = |watch: &Watch| watch.set_paced(false);
    assert_eq!(sending(100, |_| ()).await, Verdict::None);
    assert_eq!(sending(99, |_| ()).await, Verdict::Abort);
    assert_eq!(sending(1, unpaced).await, Verdict::None);
    assert_eq!(sending(0, unpaced).await, Verdict::Abort);
    // What comes behind the request is no part of it.
    assert_eq!(sending(1, |watch| (unpaced(watch), watch.end_body()).0).await, Verdict::Abort);
}

#[tokio::test(start_paused = true)]
async fn only_who_serves_and_does_not_listen_looks_for_its_client() {
    for (phase, listening, expect) in [
        (Phase::Busy, false, true),
        (Phase::Busy, true, false),
        (Phase::Idle, false, false),
        (Phase::Tunnel, false, false),
    ] {
        let watch = watch();
        watch.enter(phase);
        watch.set_listening(listening);
        after(&watch, 1).await;
        watch.look_if_deaf(watch.ticks.now());
        assert!(!watch.take_look(), "{phase:?}: at once");
        after(&watch, 1).await;
        watch.look_if_deaf(watch.ticks.now());
        assert_eq!((watch.take_look(), watch.take_look()), (expect, false), "{phase:?} {listening}");
    }
}
