//! Every order in which the threads of a connection can run, up to a number of preemptions: the connection and the body of
//! its request on two threads, and a client that sends whenever it likes.
//!
//! A wake-up that is lost in any order is a deadlock, which loom reports with that order. With 4 preemptions there are some
//! 800,000 orders, which take minutes.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use gw_h1::server::{BodyError, Connection, RequestBody};
use gw_h1::{BufferPool, ReadBuffer};
use gw_h1_loom::{Slot, Wire, setup};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use loom::future::block_on;
use loom::thread;

/// How often a thread is made to wait though it could go on.
const PREEMPTIONS: usize = 2;

const FIRST: &str = "POST /1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n";
const REST: &str = "3\r\nllo\r\n0\r\n\r\n";
const SECOND: &str = "GET /2 HTTP/1.1\r\n\r\n";

type Asked = RequestBody<Wire>;

/// Explores `model`, and says how many orders there were.
fn explore(name: &str, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.max_branches = 20_000;
    let orders = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&orders);
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    println!("{name}: {} orders", orders.load(Ordering::Relaxed));
}

/// Serves a connection to its end, gives the body of its first request away, and has `first` say what that is answered;
/// what the client has got.
fn serve<F>(wire: &Wire, bodies: &Slot<Asked>, first: F) -> String
where
    F: Future<Output = &'static str>,
{
    let mut first = Some(first);
    let connection = Connection::new(wire.clone(), &setup(), |asked: Result<Request<Asked>, _>| {
        let first = first.take();
        if first.is_some() {
            bodies.give(asked.expect("the first head is one").into_body());
        }
        async move {
            let text = if let Some(first) = first { first.await } else { "second" };
            Response::new(Full::new(Bytes::from(text)))
        }
    });
    assert!(block_on(connection).is_ok_and(|upgraded| upgraded.is_none()));
    wire.output()
}

async fn read(bodies: &Slot<Asked>) -> Result<Bytes, BodyError> {
    Ok(bodies.take().await.collect().await?.to_bytes())
}

/// Runs this on a thread of its own.
fn aside<T: 'static>(run: impl FnOnce() -> T + 'static) -> thread::JoinHandle<T> {
    thread::spawn(run)
}

#[test]
fn the_answer_waits_for_the_body() {
    explore("the answer waits for the body", || {
        let (wire, bodies, read_all) = (Wire::new(FIRST), Slot::new(), Slot::new());
        let (client, theirs, done) = (wire.clone(), Arc::clone(&bodies), Arc::clone(&read_all));
        let client = aside(move || client.send_last(&format!("{REST}{SECOND}")));
        let reader = aside(move || {
            let body = block_on(read(&theirs)).expect("the body is whole");
            done.give(if body == "hello" { "first" } else { "wrong" });
        });
        let output = serve(&wire, &bodies, read_all.take());
        assert!(output.contains("first") && output.contains("second"), "{output}");
        client.join().and(reader.join()).expect("both end");
    });
}

#[test]
fn the_answer_is_first() {
    explore("the answer is first", || {
        let (wire, bodies) = (Wire::new(FIRST), Slot::new());
        let (client, theirs) = (wire.clone(), Arc::clone(&bodies));
        let client = aside(move || client.send_last(&format!("{REST}{SECOND}")));
        let reader = aside(move || block_on(read(&theirs)).expect("the body is whole"));
        let output = serve(&wire, &bodies, async { "first" });
        assert!(output.contains("first") && output.contains("second"), "{output}");
        client.join().expect("it ends");
        assert_eq!(reader.join().expect("it ends"), "hello");
    });
}

/// What is left of it is read over, if it is at hand; else it is the last request.
#[test]
fn the_body_is_dropped() {
    explore("the body is dropped", || {
        let (wire, bodies) = (Wire::new(FIRST), Slot::new());
        let (client, theirs) = (wire.clone(), Arc::clone(&bodies));
        let client = aside(move || client.send_last(&format!("{REST}{SECOND}")));
        let reader = aside(move || drop(block_on(theirs.take())));
        let output = serve(&wire, &bodies, async { "first" });
        let answers = output.matches("HTTP/1.1 200").count();
        assert!(output.contains("first") && output.contains("second") == (answers == 2), "{output}");
        client.join().and(reader.join()).expect("both end");
    });
}

#[test]
fn the_client_closes_within_the_body() {
    explore("the client closes within the body", || {
        let (wire, bodies) = (Wire::new(FIRST), Slot::new());
        let (client, theirs) = (wire.clone(), Arc::clone(&bodies));
        let client = aside(move || client.send_last("3\r\nll"));
        let reader = aside(move || block_on(read(&theirs)));
        let output = serve(&wire, &bodies, async { "first" });
        assert!(output.contains("first") && output.matches("HTTP/1.1").count() == 1, "{output}");
        client.join().expect("it ends");
        assert!(matches!(reader.join().expect("it ends"), Err(BodyError::Cut)));
    });
}

/// Whoever reads the body hears of it, though nothing more comes.
#[test]
fn the_connection_is_dropped() {
    explore("the connection is dropped", || {
        let (wire, bodies) = (Wire::new(FIRST), Slot::new());
        let (given, theirs) = (Arc::clone(&bodies), Arc::clone(&bodies));
        let reader = aside(move || block_on(read(&theirs)));
        let mut connection =
            Box::pin(Connection::new(wire, &setup(), move |asked: Result<Request<Asked>, _>| {
                given.give(asked.expect("the head is one").into_body());
                std::future::pending::<Response<Full<Bytes>>>()
            }));
        block_on(std::future::poll_fn(|cx| {
            let _ = connection.as_mut().poll(cx);
            Poll::Ready(())
        }));
        drop(connection);
        assert!(matches!(reader.join().expect("it ends"), Err(BodyError::Gone)));
    });
}

/// A buffer that was given back is lent to another only once nobody reads in it.
#[test]
fn buffers_are_lent_to_one_at_a_time() {
    explore("buffers", || {
        let pool = BufferPool::new(1);
        let use_one = |pool: &Arc<BufferPool>, text: &'static [u8]| {
            for _ in 0..2 {
                let mut buffer = ReadBuffer::new(Arc::clone(pool));
                let mut cx = Context::from_waker(Waker::noop());
                assert!(buffer.poll_fill(Pin::new(&mut &text[..]), &mut cx).is_ready());
                let slice = buffer.bytes().split().freeze();
                buffer.release();
                drop(buffer);
                pool.kept();
                assert_eq!(slice, text);
            }
        };
        let other = Arc::clone(&pool);
        let other = aside(move || use_one(&other, b"aaaa"));
        use_one(&pool, b"bb");
        other.join().expect("it ends");
        assert!(pool.kept() <= 1);
    });
}
