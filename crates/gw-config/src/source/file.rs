//! A configuration file that is watched, with its priority files.
//!
//! Directory events say when to look, and a poll looks anyway: events get lost on network file systems, and a link
//! high up in the path may be swapped. Whether the file changed is told by its content alone.

use std::iter;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::notices::Notices;
use super::{BoxStream, Source, directory};
use crate::parse::parse_all;
use crate::{Diagnostics, Document, FeatureGates, Loaded, Override};

/// How often the file is looked at without an event.
const POLL: Duration = Duration::from_secs(5);
/// How long it must have been quiet after an event: saving is several events.
const QUIET: Duration = Duration::from_millis(50);
/// The longest wait for quiet.
const PATIENCE: Duration = Duration::from_secs(1);

/// Loads a file and watches it. Clones share what was loaded last and the order to reload.
#[derive(Clone, Debug)]
pub struct FileLoader {
    files: Files,
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

/// What is read.
#[derive(Clone, Debug)]
struct Files {
    main: PathBuf,
    priority: Option<(PathBuf, FeatureGates)>,
}

/// What was read: the main file and the priority files, in their order.
struct Set {
    main: Result<Document, Diagnostics>,
    priority: Vec<Result<Document, Diagnostics>>,
}

/// What the files were like at a look, the main one first.
type Seen = Vec<File>;

/// A file's name and what it was like.
#[derive(Clone, Debug, PartialEq, Eq)]
enum File {
    Content(String, String),
    /// With the complaint: a file that is first gone and then forbidden is reported twice.
    Unreadable(String, String),
}

impl FileLoader {
    /// A loader of a file, whose extension says the format.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self {
            files: Files { main: path.as_ref().to_owned(), priority: None },
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

    /// A directory of priority files, while `gates` have `gw:PriorityConfig` open. Default none.
    #[must_use]
    pub fn with_priority(mut self, directory: impl Into<PathBuf>, gates: FeatureGates) -> Self {
        self.files.priority = Some((directory.into(), gates));
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
        &self.files.main
    }

    /// Makes the priority directory, open to all for reading, if there should be one and is none: a later, missing one
    /// is an error.
    ///
    /// # Errors
    /// When it cannot be made; it is named.
    pub fn make_directory(&self) -> std::io::Result<()> {
        let Some((directory, _)) = &self.files.priority else { return Ok(()) };
        let made = directory.try_exists().and_then(|exists| {
            if !exists {
                std::fs::DirBuilder::new().recursive(true).mode(0o755).create(directory)?;
                tracing::warn!(directory = %directory.display(), "the priority directory did not exist and was made");
            }
            Ok(())
        });
        made.map_err(|error| {
            let message = format!("cannot make the priority directory `{}`: {error}", directory.display());
            std::io::Error::new(error.kind(), message)
        })
    }

    /// Reads and checks the file now, and the priority files.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn load(&self) -> Result<Loaded, Diagnostics> {
        let set = self.files.read();
        *self.shared.seen.lock() = Some(set.seen());
        set.parse(&self.overrides)
    }

    /// Every change since [`load`](Self::load), checked; without a load, first what is there. A file that was touched
    /// but not changed is none, and what is wrong is told once: the same bad content, or the same reason for which it
    /// cannot be read. The stream never ends; dropping it ends the watch.
    pub fn watch(&self) -> BoxStream<'static, Result<Loaded, Diagnostics>> {
        self.changes().map(Changed::parse).boxed()
    }

    /// As [`watch`](Self::watch), each still to be checked: large ones take a while, for which a caller may have a better
    /// place.
    pub fn changes(&self) -> BoxStream<'static, Changed> {
        let overrides = self.overrides.clone();
        let seen = self.shared.seen.lock().clone();
        self.follow(seen).map(move |set| Changed { set, overrides: overrides.clone() }).boxed()
    }

    /// Has every watch read the files again and tell of it even if it did not change: SIGHUP. Files that it names may
    /// have.
    pub fn reload(&self) {
        self.shared.orders.send_modify(|orders| *orders += 1);
    }

    fn follow(&self, seen: Option<Seen>) -> BoxStream<'static, Set> {
        let watch = Watch {
            files: self.files.clone(),
            poll: self.poll,
            orders: self.shared.orders.subscribe(),
            notices: None,
            seen,
        };
        stream::unfold(watch, |mut watch| async move { Some((watch.change().await, watch)) }).boxed()
    }
}

/// What was read, not yet checked.
pub struct Changed {
    set: Set,
    overrides: Vec<Override>,
}

impl Changed {
    /// Checks it.
    ///
    /// # Errors
    /// Everything that is wrong with any of the files.
    pub fn parse(self) -> Result<Loaded, Diagnostics> {
        self.set.parse(&self.overrides)
    }
}

impl std::fmt::Debug for Changed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Changed").finish_non_exhaustive()
    }
}

impl Source for FileLoader {
    fn documents(&self) -> BoxStream<'static, Result<Vec<Document>, Diagnostics>> {
        self.follow(None).map(|set| iter::once(set.main).chain(set.priority).collect()).boxed()
    }
}

impl Files {
    /// Reads in place: local files of at most 16 MiB each, on the control thread.
    fn read(&self) -> Set {
        let priority = self.directory().map_or_else(Vec::new, directory::read);
        Set { main: Document::read(&self.main), priority }
    }

    /// Everything whose change matters.
    fn paths(&self) -> Vec<PathBuf> {
        let directory = self.directory();
        let files =
            directory.map_or_else(Vec::new, |directory| directory::files(directory).unwrap_or_default());
        // An empty directory's events are heard of as well, as those of a file's that could be there.
        let any = directory.map(|directory| directory.join("any"));
        iter::once(self.main.clone()).chain(directory.map(Path::to_owned)).chain(any).chain(files).collect()
    }

    fn directory(&self) -> Option<&Path> {
        let (directory, gates) = self.priority.as_ref()?;
        gates.priority_config().then_some(directory)
    }
}

impl Set {
    fn seen(&self) -> Seen {
        iter::once(&self.main).chain(&self.priority).map(File::of).collect()
    }

    fn parse(self, overrides: &[Override]) -> Result<Loaded, Diagnostics> {
        parse_all(self.main, self.priority, overrides)
    }
}

impl File {
    fn of(document: &Result<Document, Diagnostics>) -> Self {
        match document {
            Ok(document) => Self::Content(document.name().to_owned(), document.sha256().to_owned()),
            Err(errors) => Self::Unreadable(errors.document().name().to_owned(), errors.to_string()),
        }
    }
}

/// One stream's view of the files.
struct Watch {
    files: Files,
    poll: Duration,
    orders: watch::Receiver<u64>,
    /// Made at the first wait: a stream that is never polled watches nothing.
    notices: Option<Notices>,
    seen: Option<Seen>,
}

impl Watch {
    async fn change(&mut self) -> Set {
        let mut ordered = false;
        loop {
            // The directories are watched before a file is read, or a change in between is heard of by nobody.
            let paths = self.files.paths();
            self.notices.get_or_insert_with(Notices::new).follow(paths.iter().map(PathBuf::as_path));
            if let Some(set) = self.look(ordered) {
                return set;
            }
            ordered = self.wait().await;
        }
    }

    /// The files, if they are not as seen before or were ordered.
    fn look(&mut self, ordered: bool) -> Option<Set> {
        let set = self.files.read();
        let seen = set.seen();
        if self.seen.as_ref() == Some(&seen) && !ordered {
            return None;
        }
        self.seen = Some(seen);
        Some(set)
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// What one look after each step says: the document's text or the code, or nothing.
    #[track_caller]
    fn look(watch: &mut Watch, expect: Option<&str>) {
        let found = watch.look(false).map(|found| match found.main {
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
        let mut watch = Watch {
            files: Files { main: path.clone(), priority: None },
            poll: POLL,
            orders,
            notices: None,
            seen: None,
        };
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
    fn what_is_no_regular_file_is_refused_unopened() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.toml");
        let orders = watch::Sender::new(0).subscribe();
        let mut watch = Watch {
            files: Files { main: path.clone(), priority: None },
            poll: POLL,
            orders,
            notices: None,
            seen: None,
        };
        fs::create_dir(&path).unwrap();
        look(&mut watch, Some("GW0201"));
        fs::remove_dir(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        look(&mut watch, Some("GW0201"));
        fs::remove_file(&path).unwrap();
        // To open a pipe would wait for a writer.
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        look(&mut watch, Some("GW0201"));
        fs::remove_file(&path).unwrap();
        fs::write(&path, "a = 1").unwrap();
        look(&mut watch, Some("a = 1"));
    }
}
