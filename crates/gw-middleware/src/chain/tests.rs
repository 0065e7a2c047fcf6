//! A chain of filters does what a chain of futures does.

use parking_lot::Mutex;
use proptest::prelude::*;

use super::*;
use crate::{Filter, client_fn};
use gw_core::{Body, Outcome, Result};

#[derive(Clone, Copy, Debug)]
enum Act {
    Pass,
    Keep,
    Answer,
    Fail,
}

/// Notes what it sees, and of an answer how it looks.
struct Noting {
    name: usize,
    act: Act,
    notes: Arc<Mutex<Vec<String>>>,
}

impl Filter for Noting {
    fn before(&self, req: &mut Request) -> Result<Before> {
        let Self { name, act, notes } = self;
        notes.lock().push(format!("{name} {:?}", req.headers()));
        req.headers_mut().append("passed", HeaderValue::from(*name));
        match act {
            Act::Pass => Ok(Before::Pass(None)),
            Act::Keep => Ok(Before::Pass(Some(HeaderValue::from(*name)))),
            Act::Answer => Ok(Before::Answer(Response::new(Body::empty()))),
            Act::Fail => Err(Error::reject(Outcome::Denied)),
        }
    }

    fn after(&self, kept: Option<HeaderValue>, response: &mut Response) {
        let failure = response.extensions().get::<Failure>().map(|failure| failure.outcome);
        let seen =
            format!("{} {kept:?} {failure:?} {} {:?}", self.name, response.status(), response.headers());
        self.notes.lock().push(seen);
        response.headers_mut().append("passed", HeaderValue::from(self.name));
    }
}

/// A filter as a middleware that says nothing of it.
struct Handled(Noting);

impl Middleware for Handled {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Middleware::handle(&self.0, req, next)
    }
}

/// What the links of a chain noted, and the answer. The last act is the client's.
async fn noted(acts: &[Act], client: Act, is_filter: impl Fn(usize) -> bool) -> (Vec<String>, String) {
    let notes = Arc::new(Mutex::default());
    let link = |(name, act): (usize, &Act)| -> Arc<dyn Middleware> {
        let noting = Noting { name, act: *act, notes: Arc::clone(&notes) };
        if is_filter(name) { Arc::new(noting) } else { Arc::new(Handled(noting)) }
    };
    let noting = Arc::clone(&notes);
    let client = client_fn(move |req: Request| {
        noting.lock().push(format!("client {:?}", req.headers()));
        ready(match client {
            Act::Fail => Err(Error::new(Outcome::UpstreamReset)),
            _ => Ok(Response::new(Body::empty())),
        })
    });
    let rendering = Arc::clone(&notes);
    let renderer = move |error: &Error, _: Option<&RequestContext>| {
        rendering.lock().push(format!("rendered {error}"));
        let mut response = Response::new(Body::empty());
        *response.status_mut() = error.status();
        response
    };
    let links = acts.iter().enumerate().map(link).collect();
    let response =
        Chain::new(links, Arc::new(client), Arc::new(renderer)).run(Request::new(Body::empty())).await;
    let answer = format!("{} {:?}", response.status(), response.headers());
    let notes = std::mem::take(&mut *notes.lock());
    (notes, answer)
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![4 => Just(Act::Pass), 4 => Just(Act::Keep), 1 => Just(Act::Answer), 1 => Just(Act::Fail)]
}

proptest! {
    #[test]
    fn filters_do_in_a_chain_what_they_do_as_futures(
        links in prop::collection::vec((act(), any::<bool>()), 0..8),
        client in act(),
    ) {
        let (acts, filters): (Vec<_>, Vec<_>) = links.into_iter().unzip();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let mixed = runtime.block_on(noted(&acts, client, |name| filters[name]));
        let all = runtime.block_on(noted(&acts, client, |_| true));
        let none = runtime.block_on(noted(&acts, client, |_| false));
        prop_assert_eq!(&mixed, &none);
        prop_assert_eq!(&all, &none);
    }
}
