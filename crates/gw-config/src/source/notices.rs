//! Changes of a file's directory, as the system tells of them. They only say when to look; what changed is found by
//! reading. So it does no harm if some are missed or too many.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

/// A watch over the directories of files, and over those of the files they are links to. Ends when dropped.
pub(super) struct Notices {
    happened: Arc<Notify>,
    watcher: Option<RecommendedWatcher>,
    watched: Vec<PathBuf>,
}

impl Notices {
    /// Watches nothing yet. Where the system offers no events, nothing ever happens.
    pub(super) fn new() -> Self {
        let happened = Arc::new(Notify::new());
        let notice = Arc::clone(&happened);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // An error (lost events) is a reason to look, too.
            if event.map_or(true, |event| is_change(event.kind)) {
                notice.notify_one();
            }
        });
        let watcher = watcher
            .inspect_err(|error| tracing::warn!(%error, "no file events: changes are found by polling alone"))
            .ok();
        Self { happened, watcher, watched: Vec::new() }
    }

    /// Watches the directories that matter now: a link may lead elsewhere since the last call.
    pub(super) fn follow<'a>(&mut self, files: impl IntoIterator<Item = &'a Path>) {
        let Some(watcher) = &mut self.watcher else { return };
        let mut wanted: Vec<PathBuf> = files.into_iter().flat_map(directories).collect();
        wanted.sort();
        wanted.dedup();
        for gone in self.watched.iter().filter(|directory| !wanted.contains(directory)) {
            // It fails for a directory that was removed, whose watch is gone already.
            let _ = watcher.unwatch(gone);
        }
        self.watched.retain(|directory| wanted.contains(directory));
        for directory in wanted {
            if self.watched.contains(&directory) {
                continue;
            }
            match watcher.watch(&directory, RecursiveMode::NonRecursive) {
                Ok(()) => self.watched.push(directory),
                Err(error) => tracing::debug!(?directory, %error, "no file events from here"),
            }
        }
    }

    /// Waits until something may have changed.
    ///
    /// # Cancel safety
    /// Nothing is missed: what happens in between is known to the next call.
    pub(super) async fn happened(&self) {
        self.happened.notified().await;
    }
}

/// Reading a file is an event as well, and we read.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    }
}

/// The directory of the name, where a ConfigMap swaps a link, and that of the file itself, where an editor saves.
fn directories(file: &Path) -> Vec<PathBuf> {
    let parent = |path: &Path| match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Some(PathBuf::from(".")),
        other => other.map(Path::to_owned),
    };
    let mut directories: Vec<PathBuf> = parent(file).into_iter().collect();
    let target = std::fs::canonicalize(file).ok().and_then(|target| parent(&target));
    let same = |one: &Path, two: &Path| std::fs::canonicalize(one).is_ok_and(|one| one == two);
    if let Some(target) = target.filter(|target| !directories.iter().any(|known| same(known, target))) {
        directories.push(target);
    }
    directories
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, ModifyKind, RemoveKind};

    use super::*;

    #[test]
    fn our_own_reading_is_no_change() {
        for kind in [
            EventKind::Access(AccessKind::Open(AccessMode::Any)),
            EventKind::Access(AccessKind::Read),
            EventKind::Access(AccessKind::Close(AccessMode::Read)),
        ] {
            assert!(!is_change(kind), "{kind:?}");
        }
        for kind in [
            EventKind::Access(AccessKind::Close(AccessMode::Write)),
            EventKind::Create(CreateKind::File),
            EventKind::Modify(ModifyKind::Any),
            EventKind::Remove(RemoveKind::File),
            EventKind::Any,
        ] {
            assert!(is_change(kind), "{kind:?}");
        }
    }

    #[test]
    fn the_directories_of_the_name_and_of_the_file() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("real")).unwrap();
        std::fs::write(root.join("real/a.toml"), "").unwrap();
        std::os::unix::fs::symlink("real/a.toml", root.join("a.toml")).unwrap();
        assert_eq!(directories(&root.join("a.toml")), [root.clone(), root.join("real")]);
        assert_eq!(directories(&root.join("real/a.toml")), [root.join("real")]);
        assert_eq!(directories(&root.join("none.toml")), std::slice::from_ref(&root));
        assert_eq!(directories(Path::new("none.toml")), [PathBuf::from(".")]);
    }
}
