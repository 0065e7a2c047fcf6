//! Instances out of Consul: `health/service`, followed by blocking queries.
//!
//! - Consul's trouble is never an empty list: an answer that is no success, that cannot be understood, or that is
//!   empty because the token may not read or the server has lost its leader, is an error.
//! - A service that never had an entry is unknown; one that had and has none any more is empty.
//! - A watch asks for healthy instances only. A read asks for all, and tells the unhealthy ones by id.
//! - It starts no task and reads no environment. Whatever it prints holds no token.
//!
//! Each failure mode that it stands up to is named in docs/consul.md.

mod api;
#[cfg(feature = "consulrs")]
mod consulrs;
mod entry;
mod follow;
mod http;
mod options;
mod pace;
mod secret;
mod state;

#[cfg(test)]
mod tests;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use gw_core::BoxFuture;
use tokio::time::timeout;

use crate::{BoxStream, Consistency, Discovery, DiscoveryError, Snapshot, SourceStatus};
use api::Parameters;
use entry::Listing;
use pace::{Retry, Waits};
use secret::Tokens;
use state::{Service, Services};

pub use api::{ConsulApi, ConsulError, HealthAnswer, HealthQuery};
pub use options::{ConsulClient, ConsulOptions, ConsulTls};
pub use secret::{Secret, TokenSource};

/// How long and how often.
#[derive(Clone, Copy, Debug)]
struct Timing {
    /// The longest that an answer to a question that is not held may take. Consul itself waits up to 7 s for a leader.
    answer: Duration,
    /// What a held answer may come late, besides the sixteenth that Consul adds.
    margin: Duration,
    waits: Waits,
    /// Requests for one service at once, and after that one per `interval`.
    burst: u32,
    interval: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(10),
            margin: Duration::from_secs(5),
            waits: Waits::default(),
            burst: 10,
            interval: Duration::from_secs(1),
        }
    }
}

/// Consul, asked at one or several addresses of the same cluster. Cheap to clone.
///
/// Differs from kratos' registry: an index that goes back is noticed, an emptied service is told, a failure waits
/// longer each time instead of 1 s, and nothing waits for the first answer.
#[derive(Clone)]
pub struct Consul {
    inner: Arc<Inner>,
}

struct Inner {
    options: ConsulOptions,
    /// Base URLs.
    bases: Vec<Arc<str>>,
    api: Arc<dyn ConsulApi>,
    tokens: Tokens,
    services: Services,
    timing: Timing,
}

/// What to ask, and whom.
#[derive(Clone, Copy)]
struct Question {
    address: usize,
    passing: bool,
    how: Consistency,
    index: Option<u64>,
}

/// A good answer.
struct Heard {
    listing: Listing,
    index: Option<u64>,
    /// Whether the service has ever had an entry.
    seen: bool,
}

impl Consul {
    /// A provider with the client that the options name. Reads the files of certificates; asks nobody yet.
    ///
    /// # Errors
    /// If a file cannot be used.
    pub fn new(options: ConsulOptions) -> Result<Self, ConsulError> {
        let api = options.api()?;
        Ok(Self::with_api(options, api))
    }

    /// A provider over a client of your own.
    pub fn with_api(options: ConsulOptions, api: Arc<dyn ConsulApi>) -> Self {
        Self::with_timing(options, api, Timing::default())
    }

    fn with_timing(options: ConsulOptions, api: Arc<dyn ConsulApi>, timing: Timing) -> Self {
        let bases = options.bases();
        let tokens = Tokens::new(options.token.clone());
        let inner = Inner { options, bases, api, tokens, services: Services::default(), timing };
        Self { inner: Arc::new(inner) }
    }
}

impl Inner {
    /// Asks once, within the time that the answer may take.
    async fn ask(&self, service: &Arc<Service>, question: Question) -> Result<Heard, ConsulError> {
        // There is at least one: the options have seen to that.
        let position = question.address % self.bases.len().max(1);
        let base = self.bases.get(position).cloned().unwrap_or_default();
        service.admit(&base).await;
        let answer = self.answer(service, base, question).await;
        let seen = service.record(&answer);
        let (listing, index) = answer?;
        Ok(Heard { listing, index, seen })
    }

    async fn answer(
        &self,
        service: &Service,
        base: Arc<str>,
        question: Question,
    ) -> Result<(Listing, Option<u64>), ConsulError> {
        let options = &self.options;
        let how = match question.how {
            Consistency::Default if options.stale => Consistency::Stale,
            how => how,
        };
        let parameters = Parameters {
            datacenter: options.datacenter.as_deref(),
            namespace: options.namespace.as_deref(),
            partition: options.partition.as_deref(),
            tags: &options.tags,
            passing: question.passing && !options.warning,
            how,
            blocking: question.index.map(|index| (index, options.wait)),
        };
        let query = HealthQuery {
            base: Arc::clone(&base),
            service: Arc::clone(&service.name),
            query: parameters.query(),
            token: self.tokens.current()?,
        };
        let after = match question.index {
            Some(_) => options.wait * 17 / 16 + self.timing.margin,
            None => self.timing.answer,
        };
        let answer = timeout(after, self.api.health(query)).await;
        let answer = answer.map_err(|_| ConsulError::TimedOut { base, after })??;
        let listing = entry::listing(&service.name, &answer.body, options.warning)?;
        if listing.snapshot.instances.is_empty() && answer.filtered_by_acls {
            return Err(ConsulError::FilteredByAcls);
        }
        if listing.snapshot.instances.is_empty() && !answer.known_leader {
            return Err(ConsulError::NoLeader);
        }
        Ok((listing, answer.index))
    }

    fn seed(&self, service: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.options.seed, service).hash(&mut hasher);
        hasher.finish()
    }
}

impl Discovery for Consul {
    fn watch(&self, service: &str) -> BoxStream<'static, Result<Snapshot, DiscoveryError>> {
        if let Err(error) = check_name(service) {
            return Box::pin(stream::iter([Err(error)]).chain(stream::pending()));
        }
        let inner = Arc::clone(&self.inner);
        let seed = inner.seed(service);
        let quick = inner.bases.len().saturating_sub(1).max(1);
        let retry = Retry::new(inner.timing.waits, quick, seed);
        let state = inner.services.get(service, &inner.timing);
        Box::pin(follow::follow(inner, state, retry))
    }

    fn read<'a>(
        &'a self,
        service: &'a str,
        how: Consistency,
    ) -> BoxFuture<'a, Result<Snapshot, DiscoveryError>> {
        Box::pin(async move {
            check_name(service)?;
            let state = self.inner.services.get(service, &self.inner.timing);
            let mut address = 0;
            loop {
                let question = Question { address, passing: false, how, index: None };
                address += 1;
                match self.inner.ask(&state, question).await {
                    Ok(heard) if heard.seen => return Ok(heard.listing.snapshot),
                    Ok(_) => return Err(DiscoveryError::NotFound { service: service.to_owned() }),
                    Err(_) if address < self.inner.bases.len() => {}
                    Err(error) => {
                        let (service, source) = (service.to_owned(), error.into());
                        return Err(DiscoveryError::Unavailable { service, source });
                    }
                }
            }
        })
    }

    fn inspect(&self) -> Vec<SourceStatus> {
        self.inner.services.inspect()
    }
}

fn check_name(service: &str) -> Result<(), DiscoveryError> {
    let reason = match service {
        "" => "it is empty",
        // As a segment of a path these would name another resource (RFC 3986 §5.2.4).
        "." | ".." => "it is a step of a path",
        name if name.len() > 512 => "it is longer than 512 bytes",
        name if name.chars().any(char::is_control) => "it has control characters",
        _ => return Ok(()),
    };
    Err(DiscoveryError::InvalidName { service: service.to_owned(), reason })
}

impl std::fmt::Debug for Consul {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consul").field("options", &self.inner.options).finish_non_exhaustive()
    }
}
