//! One attempt: a node, a connection, an exchange.
//!
//! What is no attempt of its own happens in here too: a dead connection from the pool is replaced, and an address
//! of a name that does not accept gives way to the name's next one, and a node that the source no longer lists gives
//! way to any other.

mod sending;

use std::sync::Arc;
use std::time::{Duration, Instant};

use gw_core::{Error, NodeFilter, Outcome, Progress, RequestContext, Response, Result};
use gw_selector::Picked;
use http::HeaderMap;

pub(crate) use sending::Sending;

use crate::backend::Member;
use crate::connect::Wire;
use crate::nodes::{Nodes, Wish};
use crate::pool::{Grant, Lease, Want};
use crate::transport::{Failed, Incoming};
use crate::{Protocol, answer, blame, form};

/// How often a dead connection is replaced. The first replacement is a new connection, so one is enough unless the
/// peer closes that too before it has read a byte.
const REPLACEMENTS: u32 = 2;

/// The part of the connect timeout that a held node may take: one of so many.
const HELD_SHARE: u32 = 2;

/// An attempt. Dropped before it has ended, it tells the node why, and notes itself as abandoned.
pub(crate) struct Attempt<'a> {
    nodes: &'a Nodes,
    context: Arc<RequestContext>,
    started: Instant,
    picked: Option<Picked>,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(nodes: &'a Nodes, context: Arc<RequestContext>) -> Self {
        let started = nodes.shared.options.clock.now();
        Self { nodes, context, started, picked: None }
    }

    pub(crate) async fn run(&mut self, sending: &mut Sending<'_>) -> Result<Response> {
        match self.exchange(sending).await {
            Ok((head, lease)) => Ok(self.answer(head, lease)),
            Err(error) => {
                self.end(None, error.outcome(), self.now());
                Err(error)
            }
        }
    }

    /// Sends the request and reads the head of the answer, on a new connection if the one from the pool is dead.
    async fn exchange(&mut self, sending: &mut Sending<'_>) -> Result<(http::Response<Incoming>, Lease)> {
        let (mut member, mut lease) = self.connect(sending.headers(), sending.want(), self.started).await?;
        let mut replaced = 0;
        loop {
            let error = match self.send(&member, &mut lease, sending).await? {
                Sent::Head(head) => return Ok((head, lease)),
                Sent::Dead(error) => error,
            };
            if replaced == REPLACEMENTS {
                return Err(error);
            }
            replaced += 1;
            // The new one may need its place.
            drop(lease);
            (member, lease) = Box::pin(self.reconnect(member, sending)).await?;
        }
    }

    /// Picks a node `now` and gets a connection to it. If an address of a name does not accept, the name's other
    /// addresses are asked too, all within one connect timeout: the caller asked for the name. Source: RFC 8305,
    /// but one after another; kratos has it from Go's dialer.
    ///
    /// A held node that does not accept leaves, and any other is asked: nothing was sent, and nobody said that the
    /// node was there. It may take half a connect timeout, which is not counted, so that a node that is there has a
    /// whole one.
    async fn connect(
        &mut self,
        headers: &HeaderMap,
        want: Want,
        mut now: Instant,
    ) -> Result<(Arc<Member>, Lease)> {
        let (mut tried, mut filters) = (self.context.tried(), self.context.filters());
        let worker = self.context.conn.worker;
        let key = self.nodes.hash_key(self.context.client, headers);
        let wish = Wish { key, tried: &tried, filters: &filters, worker, headers };
        let (picked, mut member) = match self.nodes.try_pick(&wish, now) {
            Ok(found) => found,
            Err(Some(error)) => return Err(error),
            Err(None) => {
                // Boxed: to wait is rare, and its timer would be a part of every attempt.
                let found = Box::pin(self.nodes.pick_when_known(&wish)).await?;
                now = self.now();
                found
            }
        };
        self.picked = Some(picked);
        let mut left = self.nodes.spec.connect_timeout;
        loop {
            self.context.note_node(Arc::clone(&member.node.info));
            if tracing::enabled!(tracing::Level::DEBUG) {
                tracing::Span::current().record("node.addr", &*member.node.info.address);
            }
            let others = member.untried(&tried);
            let held = member.held.is_some();
            let limit = if held { self.nodes.spec.connect_timeout / HELD_SHARE } else { left / (others + 1) };
            let error = match self.lease(&member, want, limit, now).await {
                Ok(lease) => return Ok((member, lease)),
                Err(error) => error,
            };
            let left_us = self.nodes.leaves(&member, &error);
            if !left_us && (others == 0 || !refuses(&error)) {
                return Err(error);
            }
            let began = std::mem::replace(&mut now, self.now());
            if !held {
                left = left.saturating_sub(now.saturating_duration_since(began));
            }
            tried.push(Arc::clone(&member.node.info.address));
            filters.push(if left_us { except(&tried) } else { only_untried(&member, &tried) });
            let wish = Wish { key, tried: &tried, filters: &filters, worker, headers };
            let Ok((picked, next)) = self.nodes.try_pick(&wish, now) else {
                return Err(error);
            };
            tracing::debug!(node = %member.node.info.address, %error, "the next address is tried");
            if let Some(mut deaf) = self.picked.replace(picked) {
                deaf.respond(now, error.outcome());
            }
            member = next;
        }
    }

    async fn lease(&self, member: &Member, want: Want, limit: Duration, now: Instant) -> Result<Lease> {
        let upstream = &member.upstream;
        // HTTP/2 has no upgrades.
        let want =
            if upstream.connector.wire == Wire::H2 && want == Want::Upgrade { Want::Any } else { want };
        let (worker, limits) = (self.context.conn.worker, self.nodes.limits);
        // Boxed, here and below: to wait and to open are rare, and handshakes would make the future of every attempt
        // many times as large.
        let grant = match upstream.pool.try_checkout(worker, want, limits, now) {
            Some(grant) => grant,
            None => Box::pin(upstream.pool.checkout(worker, want, limits)).await?,
        };
        match grant {
            Grant::Lease(lease) => Ok(lease),
            Grant::Open(opening) => Box::pin(upstream.connector.open(opening, limit)).await,
        }
    }

    /// A new connection for a request that a dead one left over: to the same node, or to another if it has left.
    async fn reconnect(
        &mut self,
        member: Arc<Member>,
        sending: &mut Sending<'_>,
    ) -> Result<(Arc<Member>, Lease)> {
        let progress = sending.progress;
        let failed = |error: Error| failure(progress, error.outcome()).with_source(error);
        let timeout = self.nodes.spec.connect_timeout;
        let error = match self.lease(&member, Want::Fresh, timeout, self.now()).await {
            Ok(lease) => return Ok((member, lease)),
            Err(error) => error,
        };
        if !self.nodes.leaves(&member, &error) {
            return Err(failed(error));
        }
        let connected = self.connect(sending.headers(), sending.want(), self.now()).await;
        let (next, lease) = connected.map_err(failed)?;
        // The request has the form that the first node asked for.
        if next.host != member.host {
            return Err(failed(error));
        }
        Ok((next, lease))
    }

    /// Sends once.
    ///
    /// A connection from the pool may have been closed by the peer in this very moment. If no byte of the request left, it
    /// is whole again; else it may be sent again only if it is idempotent and has no body, which spares the failures
    /// that every peer with a short idle timeout would cause. A protocol that keeps the head to itself costs a copy of it.
    async fn send(&self, member: &Member, lease: &mut Lease, sending: &mut Sending<'_>) -> Result<Sent> {
        let forwarding = member.upstream.connector.forwarding(sending.upgrade.is_some());
        sending.shape(member, lease, forwarding)?;
        let reused = lease.is_reused();
        let (seen, req) = (sending.seen, sending.request());
        let repeat = reused && form::may_repeat(req, seen);
        let copy = (repeat && !lease.keeps_head()).then(|| Box::new(form::copy(req)));
        self.context.note_departed();
        let Failed { error, unsent } = match lease.send(req, seen.noted).await {
            Ok(head) => {
                forwarding.map_or(Ok(()), |detour| detour.check(&head))?;
                return Ok(Sent::Head(answer::checked(head, lease, sending.upgrade.as_deref())?));
            }
            Err(failed) => failed,
        };
        if !unsent && !blame::is_refused(&error) {
            sending.progress = Progress::MaybeSent;
        }
        let again = reused && (unsent || repeat && blame::was_silent(&error));
        if let Some(copy) = copy.filter(|_| !unsent) {
            *sending.request() = *copy;
        }
        let outcome = blame::outcome(&error, &self.context);
        let error = failure(sending.progress, outcome).with_source(error);
        if again { Ok(Sent::Dead(error)) } else { Err(error) }
    }

    fn answer(&mut self, head: http::Response<Incoming>, lease: Lease) -> Response {
        let status = head.status();
        let unavailable = || head.headers().get("grpc-status").is_some_and(|status| status == "14");
        let failed = status.is_server_error() || self.nodes.spec.protocol == Protocol::Grpc && unavailable();
        let outcome = if failed { Outcome::UpstreamStatus } else { Outcome::Ok };
        let now = self.now();
        let picked = self.end(Some(status.as_u16()), outcome, now);
        let clock = &self.nodes.shared.options.clock;
        answer::response(head, answer::Held { picked, lease }, &self.context, clock, now)
    }

    /// Reports how the attempt ended `now`.
    fn end(&mut self, status: Option<u16>, outcome: Outcome, now: Instant) -> Option<Picked> {
        let mut picked = self.picked.take()?;
        picked.respond(now, outcome);
        let node = Arc::clone(&picked.node().info.address);
        let elapsed = now.saturating_duration_since(self.started);
        self.context.note_attempt(gw_core::Attempt { node, status, outcome, elapsed });
        Some(picked)
    }

    fn now(&self) -> Instant {
        self.nodes.shared.options.clock.now()
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.picked.is_some() {
            self.end(None, self.context.abandoned(), self.now());
        }
    }
}

enum Sent {
    Head(http::Response<Incoming>),
    /// The connection was dead, and the request may be sent again. What to report if it is not.
    Dead(Error),
}

fn failure(progress: Progress, outcome: Outcome) -> Error {
    match progress {
        Progress::Unsent => Error::unsent(outcome),
        Progress::MaybeSent => Error::new(outcome),
    }
}

/// Whether the address took no connection, so that another may.
fn refuses(error: &Error) -> bool {
    matches!(error.outcome(), Outcome::ConnectRefused | Outcome::ConnectTimeout | Outcome::TlsError)
}

/// Lets every address pass that was not tried.
fn except(tried: &[Arc<str>]) -> NodeFilter {
    let tried = tried.to_vec();
    Arc::new(move |node| !tried.contains(&node.address))
}

/// Lets the other addresses of the member's name pass.
fn only_untried(member: &Member, tried: &[Arc<str>]) -> NodeFilter {
    let siblings = member.siblings.clone().unwrap_or_default();
    let tried = tried.to_vec();
    Arc::new(move |node| siblings.contains(&node.address) && !tried.contains(&node.address))
}
