//! What a request's head is in each attempt.

use gw_middleware::{Middleware, middleware_fn};

use super::*;

/// A client that needs no head of its own, and what it saw of each: where the fields stood and how many, and the body.
#[derive(Clone, Default)]
struct Borrower(Arc<Mutex<Vec<(usize, usize, Bytes)>>>);

impl Client for Borrower {
    fn call(&self, mut req: Request) -> BoxFuture<'_, Result<Response>> {
        Box::pin(async move { self.call_lent(&mut req).await })
    }

    fn call_lent<'a>(&'a self, req: &'a mut Request) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            let body = std::mem::take(req.body_mut()).collect().await?.to_bytes();
            let places: Vec<_> =
                req.headers().values().map(|value| std::ptr::from_ref(value).addr()).collect();
            self.0.lock().push((places[0], places.len(), body));
            let attempt = self.0.lock().len();
            match attempt {
                1 => status(503, "no"),
                2 => Err(Error::new(Outcome::UpstreamReset)),
                3 => std::future::pending().await,
                _ => status(200, "done"),
            }
        })
    }
}

/// What the client saw of four attempts: an answer that matches, a reset, one whose time is up, and a good answer.
async fn borrowed(middlewares: Vec<Arc<dyn Middleware>>) -> Vec<(usize, usize, Bytes)> {
    let client = Borrower::default();
    let mut attempts = attempts(Arc::new(client.clone()), 4, &["503"]);
    let renderer = |_: &Error, _: Option<&RequestContext>| Response::new(Body::empty());
    attempts.chain = Chain::new(middlewares, Arc::new(client.clone()), Arc::new(renderer));
    attempts.timeouts.per_try = Some(Duration::from_secs(1));
    let mut req = request("PUT", stream(&["ab", "cd"]), &context(false));
    req.headers_mut().insert("x-first", HeaderValue::from_static("1"));
    let response = attempts.call(req).await.unwrap();
    assert_eq!((response.status().as_u16(), text(response).await.as_str()), (200, "done"));
    std::mem::take(&mut *client.0.lock())
}

#[tokio::test(start_paused = true)]
async fn a_head_is_lent_to_each_attempt_and_not_copied() {
    let seen = borrowed(Vec::new()).await;
    assert!(seen.iter().all(|once| *once == (seen[0].0, 1, Bytes::from("abcd"))), "{seen:?}");
    assert_eq!(seen.len(), 4);
}

/// What they do to it is done to a copy, else it would be done again to what they have done.
#[tokio::test(start_paused = true)]
async fn middlewares_of_an_attempt_get_the_head_that_came() {
    let append = middleware_fn(|mut req: Request, next| {
        req.headers_mut().append("x-attempt", HeaderValue::from_static("here"));
        Box::pin(async move { Ok(next.run(req).await) })
    });
    let seen = borrowed(vec![Arc::new(append)]).await;
    assert!(seen.iter().all(|(_, fields, body)| (*fields, &body[..]) == (2, b"abcd")), "{seen:?}");
    assert_eq!(seen.len(), 4);
}

/// A client that needs a head of its own gets a copy, but not of what stands in it.
#[tokio::test]
async fn the_values_of_a_head_are_those_that_came_in_every_attempt() {
    let value = HeaderValue::from_str(&"long".repeat(100)).unwrap();
    let places = Arc::new(Mutex::new(vec![value.as_bytes().as_ptr().addr()]));
    let notes = Arc::clone(&places);
    let client = client_fn(move |req: Request| {
        notes.lock().push(req.headers()["x-long"].as_bytes().as_ptr().addr());
        async { status(503, "no") }
    });
    let mut req = request("GET", Body::empty(), &context(false));
    req.headers_mut().insert("x-long", value);
    attempts(Arc::new(client), 3, &["503"]).call(req).await.unwrap();
    let places = places.lock();
    assert!(places.len() == 4 && places.iter().all(|place| *place == places[0]), "{places:?}");
}

/// HTTP/2 sends on after an answer that ends early: nobody has told it not to.
#[tokio::test(start_paused = true)]
async fn an_attempt_that_failed_reads_nothing_that_the_next_one_needs() {
    let chunk = Bytes::from(vec![b'x'; replay::LIMIT / 2]);
    let frames: Vec<_> = (0..3).map(|_| Ok::<_, Error>(Frame::data(chunk.clone()))).collect();
    let body = Body::stream(StreamBody::new(futures_util::stream::iter(frames)));
    let lengths = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&lengths);
    let client = client_fn(move |req: Request| {
        let notes = Arc::clone(&notes);
        async move {
            let mut body = req.into_body();
            let first = notes.lock().is_empty();
            if first {
                let read = body.frame().await.unwrap()?.into_data().unwrap().len();
                notes.lock().push(read);
                tokio::spawn(async move { while body.frame().await.is_some_and(|frame| frame.is_ok()) {} });
                return status(503, "early");
            }
            let read = body.collect().await?.to_bytes().len();
            notes.lock().push(read);
            status(200, "done")
        }
    });
    let mut attempts = attempts(Arc::new(client), 2, &["503"]);
    attempts.policy.backoff = Some(Duration::from_millis(100));
    let response = attempts.call(request("PUT", body, &context(false))).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(*lengths.lock(), [chunk.len(), 3 * chunk.len()]);
}
