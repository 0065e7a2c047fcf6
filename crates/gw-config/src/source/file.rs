//! A configuration file that is watched.
//!
//! Directory events say when to look, and a poll looks anyway: events get lost on network file systems, and a link
//! high up in the path may be swapped. Whether the file changed is told by its content alone.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::notices::Notices;
use super::{BoxStream, Source};
use crate::{Diagnostics, Document, Loaded, Override, parse_with};

/// How often the file is looked at without an event.
const POLL: Duration = Duration::from_secs(5);
/// How long it must have been quiet after an event: saving is several events.
const QUIET: Duration = Duration::from_millis(50);
/// The longest wait for quiet.
const PATIENCE: Duration = Duration::from_secs(1);

/// Loads a file and watches it. Clones share what was loaded last and the order to reload.
#[derive(Clone, Debug)]
pub struct FileLoader {
    path: PathBuf,
    overrides: Vec<Override>,
    poll: Duration,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// What [`FileLoader::load`] found, so that a watch only tells what changed since.
    seen: Mutex<Option<Seen>>,
    /// Counts orders to reload.
    orders: watch::Sender<u64>,
}

/// What a file was like at a look.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Content(String),
    /// With the complaint: a file that is first gone and then forbidden is reported twice.
    Unreadable(String),
}

impl FileLoader {
    /// A loader of a file, whose extension says the format.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            overrides: Vec::new(),
            poll: POLL,
            shared: Arc::new(Shared { seen: Mutex::default(), orders: watch::Sender::new(0) }),
        }
    }

    /// Single keys that replace those of the file. Default none.
    #[must_use]
    pub fn with_overrides(mut self, overrides: Vec<Override>) -> Self {
        self.overrides = overrides;
        self
    }

    /// How often the file is looked at without an event. Default 5 s.
    #[must_use]
    pub const fn with_poll(mut self, poll: Duration) -> Self {
        self.poll = poll;
        self
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads and checks the file now.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(&self) -> Result<Loaded, Diagnostics> {
        let (seen, document) = look(&self.path);
        *self.shared.seen.lock() = Some(seen);
        parse_with(document?, &self.overrides)
    }

    /// Every change since [`load`](Self::load), checked; without a load, first what is there. A file that was touched
    /// but not changed is none, and what is wrong is told once: the same bad content, or the same reason for which it
    /// cannot be read. The stream never ends; dropping it ends the watch.
    pub fn watch(&self) -> BoxStream<'static, Result<Loaded, Diagnostics>> {
        let overrides = self.overrides.clone();
        let seen = self.shared.seen.lock().clone();
        self.follow(seen).map(move |document| parse_with(document?, &overrides)).boxed()
    }

    /// Has every watch read the file again and tell of it even if it did not change: SIGHUP. Files that it names may
    /// have.
    pub fn reload(&self) {
        self.shared.orders.send_modify(|orders| *orders += 1);
    }

    fn follow(&self, seen: Option<Seen>) -> BoxStream<'static, Result<Document, Diagnostics>> {
        let watch = Watch {
            path: self.path.clone(),
            poll: self.poll,
            orders: self.shared.orders.subscribe(),
            notices: None,
            seen,
        };
        stream::unfold(watch, |mut watch| async move { Some((watch.change().await, watch)) }).boxed()
    }
}

impl Source for FileLoader {
    fn documents(&self) -> BoxStream<'static, Result<Vec<Document>, Diagnostics>> {
        self.follow(None).map(|document| document.map(|document| vec![document])).boxed()
    }
}

/// One stream's view of the file.
struct Watch {
    path: PathBuf,
    poll: Duration,
    orders: watch::Receiver<u64>,
    /// Made at the first wait: a stream that is never polled watches nothing.
    notices: Option<Notices>,
    seen: Option<Seen>,
}

impl Watch {
    async fn change(&mut self) -> Result<Document, Diagnostics> {
        let mut ordered = false;
        loop {
            // The directory is watched before the file is read, or a change in between is heard of by nobody.
            self.notices.get_or_insert_with(Notices::new).follow(&self.path);
            if let Some(document) = self.look(ordered) {
                return document;
            }
            ordered = self.wait().await;
        }
    }

    /// The document, if it is not as seen before or was ordered.
    fn look(&mut self, ordered: bool) -> Option<Result<Document, Diagnostics>> {
        // A pipe gives its content only once.
        if self.seen.is_some() && std::fs::metadata(&self.path).is_ok_and(|meta| !meta.is_file()) {
            return None;
        }
        let (seen, document) = look(&self.path);
        if self.seen.as_ref() == Some(&seen) && !ordered {
            return None;
        }
        self.seen = Some(seen);
        Some(document)
    }

    /// Waits for a reason to look, and says whether it is an order.
    async fn wait(&mut self) -> bool {
        let Some(notices) = &self.notices else { return false };
        tokio::select! {
            order = self.orders.changed() => order.is_ok(),
            () = notices.happened() => {
                quiet(notices).await;
                false
            }
            () = sleep(self.poll) => false,
        }
    }
}

/// Waits until nothing more happens.
async fn quiet(notices: &Notices) {
    let start = Instant::now();
    while start.elapsed() < PATIENCE && timeout(QUIET, notices.happened()).await.is_ok() {}
}

/// Reads in place: a local file of at most 16 MiB, on the control thread.
fn look(path: &Path) -> (Seen, Result<Document, Diagnostics>) {
    match Document::read(path) {
        Ok(document) => (Seen::Content(document.sha256().to_owned()), Ok(document)),
        Err(errors) => (Seen::Unreadable(errors.to_string()), Err(errors)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// What one look after each step says: the document's text or the code, or nothing.
    #[track_caller]
    fn look(watch: &mut Watch, expect: Option<&str>) {
        let found = watch.look(false).map(|found| match found {
            Ok(document) => document.text().to_owned(),
            Err(errors) => errors.list()[0].code.to_owned(),
        });
        assert_eq!(found.as_deref(), expect);
        assert!(watch.look(false).is_none(), "said twice");
        assert!(watch.look(true).is_some(), "not said on request");
    }

    #[test]
    fn content_alone_makes_a_change() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.toml");
        let orders = watch::Sender::new(0).subscribe();
        let mut watch = Watch { path: path.clone(), poll: POLL, orders, notices: None, seen: None };
        look(&mut watch, Some("GW0201"));
        fs::write(&path, "a = 1").unwrap();
        look(&mut watch, Some("a = 1"));
        fs::write(&path, "a = 1").unwrap();
        look(&mut watch, None);
        fs::write(&path, b"\xff").unwrap();
        look(&mut watch, Some("GW0202"));
        fs::write(&path, b"\xff").unwrap();
        look(&mut watch, None);
        fs::write(&path, "a = ").unwrap();
        look(&mut watch, Some("a = "));
        fs::remove_file(&path).unwrap();
        look(&mut watch, Some("GW0201"));
        fs::write(&path, "a = ").unwrap();
        look(&mut watch, Some("a = "));
    }

    #[test]
    fn a_file_that_is_none_is_read_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.toml");
        fs::create_dir(&path).unwrap();
        let orders = watch::Sender::new(0).subscribe();
        let mut watch = Watch { path: path.clone(), poll: POLL, orders, notices: None, seen: None };
        assert!(watch.look(false).is_some());
        assert!(watch.look(true).is_none());
        fs::remove_dir(&path).unwrap();
        fs::write(&path, "a = 1").unwrap();
        look(&mut watch, Some("a = 1"));
    }
}
