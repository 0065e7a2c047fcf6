//! Changes of a file's directory, as the system tells of them. They only say when to look; what changed is found by
//! reading. So it does no harm if some are missed or too many.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

/// A watch over the directories of files and of the links on the way to them. Ends when dropped.
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

/// Reading a file is an event as well, and we read. So is each write to whatever lies beside it, our access log say:
/// where the system tells of the end of writing, that is the change.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        EventKind::Modify(ModifyKind::Data(_)) => !cfg!(target_os = "linux"),
        _ => true,
    }
}

/// How many links on the way to a file are followed; the poll finds what is beyond.
const LINKS: usize = 8;

/// Where a change of the file can be made: the directory of the file, where an editor saves, and that of each link on the
/// way to it, which may be swapped. They are in their real form, by which each has one watch; one that is not there is
/// stood for by what it would be in.
fn directories(file: &Path) -> Vec<PathBuf> {
    let mut directories = Vec::new();
    collect(file, LINKS, &mut directories);
    directories.sort();
    directories.dedup();
    directories
}

fn collect(path: &Path, links: usize, directories: &mut Vec<PathBuf>) {
    directories.extend(directory(path));
    let Some(links) = links.checked_sub(1) else { return };
    for link in path.ancestors() {
        if let Ok(target) = std::fs::read_link(link) {
            directories.extend(directory(link));
            collect(&link.parent().unwrap_or(link).join(target), links, directories);
        }
    }
}

/// The nearest directory above a path.
fn directory(path: &Path) -> Option<PathBuf> {
    path.ancestors().skip(1).find_map(|above| {
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        std::fs::canonicalize(above).ok()
    })
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, DataChange, MetadataKind, RemoveKind, RenameMode};

    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_write_is_no_change_until_the_file_is_closed() {
        assert!(!is_change(EventKind::Modify(ModifyKind::Data(DataChange::Any))));
        assert!(is_change(EventKind::Modify(ModifyKind::Name(RenameMode::To))));
        assert!(is_change(EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any))));
    }

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
        assert_eq!(directories(&root.join("none/none.toml")), std::slice::from_ref(&root));
        assert_eq!(directories(Path::new("none.toml")), [Path::new(".").canonicalize().unwrap()]);
    }

    #[test]
    fn the_directories_of_links_on_the_way() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("versions/1")).unwrap();
        std::fs::create_dir(root.join("v")).unwrap();
        std::os::unix::fs::symlink("../versions/1", root.join("v/current")).unwrap();
        let expect = [root.join("v"), root.join("versions"), root.join("versions/1")];
        assert_eq!(directories(&root.join("v/current/a.toml")), expect);
        std::os::unix::fs::symlink("loop", root.join("loop")).unwrap();
        assert_eq!(directories(&root.join("loop/a.toml")), [root]);
    }
}
