//! A request on its way. It stays where it is, since it is large: whoever sends it takes what it needs.

use gw_core::{Progress, Request, Result, copy_of};
use http::HeaderMap;
use http::header::{self, HeaderValue};

use crate::backend::Member;
use crate::detour::Detour;
use crate::form;
use crate::pool::{Lease, Want};
use crate::seen::Seen;

/// A request on its way.
pub(crate) struct Sending<'r> {
    req: &'r mut Request,
    /// Whether the head of `req` is to stay as it is, since its owner may send it again.
    lent: bool,
    /// What is sent in its place, from when that has another head.
    copy: Option<Box<Request>>,
    /// What the fields have of what is sent.
    pub(super) seen: Seen,
    /// The protocols that the client asks to upgrade to. Boxed, since few do.
    pub(super) upgrade: Option<Box<HeaderValue>>,
    pub(super) progress: Progress,
}

impl<'r> Sending<'r> {
    /// A request that may be changed.
    pub(crate) fn new(req: &'r mut Request) -> Self {
        let seen = Seen::of(req.headers());
        let upgrade =
            if seen.upgrade { req.headers().get(header::UPGRADE).cloned().map(Box::new) } else { None };
        Self { req, lent: false, copy: None, seen, upgrade, progress: Progress::Unsent }
    }

    /// One of which only the body may be taken.
    pub(crate) fn lent(req: &'r mut Request) -> Self {
        Self { lent: true, ..Self::new(req) }
    }

    /// What is sent.
    pub(crate) fn request(&mut self) -> &mut Request {
        self.copy.as_deref_mut().unwrap_or(self.req)
    }

    /// Its fields, as they came or as they were sent last.
    pub(super) fn headers(&self) -> &HeaderMap {
        self.copy.as_deref().unwrap_or(self.req).headers()
    }

    /// What it needs of a connection.
    pub(super) fn want(&self) -> Want {
        if self.upgrade.is_some() { Want::Upgrade } else { Want::Any }
    }

    /// Puts it into the form that the connection speaks.
    pub(super) fn shape(&mut self, member: &Member, lease: &Lease, detour: Option<&Detour>) -> Result<()> {
        let (host, address) = (member.host.as_ref(), &member.node.info.address);
        let plain = detour.is_none() && host.is_none() && lease.keeps_head();
        if plain && form::is_h1(self.copy.as_deref().unwrap_or(self.req), self.seen) {
            return Ok(());
        }
        if self.lent && self.copy.is_none() {
            self.copy = Some(Box::new(copy_of(self.req)));
        }
        let req = self.request();
        // Nothing of ours rides along with it.
        req.extensions_mut().clear();
        match detour {
            Some(detour) => form::forwarded(req, detour),
            None if lease.is_h2() => form::h2(req, host, address, member.upstream.scheme()),
            None => form::h1(req, host, address),
        }?;
        self.seen = Seen::of(self.headers());
        Ok(())
    }
}
