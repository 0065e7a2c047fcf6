//! Upgraded connections: how the upstream's half of a tunnel reaches the server that owns the other half.

use std::sync::Arc;

use hyper::rt::{Read, Write};
use parking_lot::Mutex;

use crate::{BoxFuture, Error, Outcome, Result};

/// A connection after its upgrade.
pub trait Io: Read + Write + Send + Unpin {}

impl<T: Read + Write + Send + Unpin> Io for T {}

/// The future of an upgraded connection.
type Ready = BoxFuture<'static, Result<Box<dyn Io>>>;

/// A connection that is yet to be upgraded. The client puts it into the extensions of a 101 response.
#[derive(Clone)]
pub struct OnUpgrade(Arc<Mutex<Option<Ready>>>);

impl OnUpgrade {
    /// Wraps the future that yields the connection once the 101 has been read.
    pub fn new(ready: Ready) -> Self {
        Self(Arc::new(Mutex::new(Some(ready))))
    }

    /// Waits for the connection.
    ///
    /// # Errors
    /// When the upgrade failed, or the connection was taken before.
    pub async fn ready(self) -> Result<Box<dyn Io>> {
        let ready = self.0.lock().take().ok_or_else(|| Error::new(Outcome::Internal))?;
        ready.await
    }
}

/// Watches a tunnel; its drop is the tunnel's end.
pub trait TunnelObserver: Send + Sync + 'static {
    /// Bytes went up to the upstream (`upstream`) or down to the client.
    fn on_bytes(&self, upstream: bool, bytes: u64);

    /// The tunnel ended: `ok` if both sides ended it, else why it broke. Not called for a tunnel that never began.
    fn on_end(&self, outcome: Outcome);
}

/// A tunnel for the server to run: the proxy puts it into the extensions of the 101 response it returns.
#[derive(Clone)]
pub struct Tunnel {
    /// The upstream's half.
    pub upstream: OnUpgrade,
    /// Told of every byte; dropped when the tunnel ends.
    pub observer: Arc<dyn TunnelObserver>,
    /// How long neither side may send before the tunnel is closed. Default 5 min.
    pub idle_timeout: std::time::Duration,
}
