//! The files that a release is written to.
//!
//! Each is written whole beside its place, synced, and renamed into it. Everything is written in one go, without a pause
//! in which the loader on the same thread could look. A manifest in the priority directory lists what was written there;
//! only that is ever replaced or deleted.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::ControlError;
use super::release::{self, Release};
use crate::parse::parse_all;
use crate::source::directory;
use crate::{Diagnostics, Document, Format, Loaded, Override};

/// The manifest's name: hidden, so that it is no priority file.
const MANIFEST: &str = ".gateway-control.json";

/// Where releases go.
#[derive(Debug)]
pub(super) struct Store {
    /// The configuration file.
    pub(super) file: PathBuf,
    /// Its format.
    pub(super) format: Format,
}

/// What a release would write.
#[derive(Debug)]
pub(super) struct Plan {
    main: Document,
    priority: Option<Priority>,
}

/// What it would write to the priority directory.
#[derive(Debug)]
struct Priority {
    directory: PathBuf,
    /// By file name.
    items: Vec<(String, Document)>,
    /// What is there and is not the service's.
    others: Vec<(PathBuf, Result<Document, Diagnostics>)>,
    /// What the manifest lists now.
    listed: BTreeSet<String>,
}

impl Store {
    /// Looks what a release would change; changes nothing.
    ///
    /// # Errors
    /// When a part of it is no JSON, or would replace a file that is not the service's.
    pub(super) fn plan(
        &self,
        release: &Release,
        service: &str,
        directory: Option<&Path>,
    ) -> Result<Plan, ControlError> {
        let name = format!("release {} of {service}", release.version);
        let main = release::document(&name, &release.config, self.format);
        let main = main.map_err(|errors| of_config(release, errors))?;
        let priority = directory.map(|directory| priority(release, &name, directory)).transpose()?;
        Ok(Plan { main, priority })
    }

    /// Writes what was planned.
    ///
    /// # Errors
    /// When a file cannot be written; those before it are.
    pub(super) fn write(&self, plan: &Plan) -> Result<(), ControlError> {
        if let Some(priority) = &plan.priority {
            priority.write()?;
        }
        replace(&self.file, plan.main.text()).map_err(|source| of_file(&self.file, source))
    }
}

impl Plan {
    /// Reads all that would be there, as the loader would.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(super) fn read(&self, overrides: &[Override]) -> Result<Loaded, Diagnostics> {
        let mut files: Vec<(PathBuf, Result<Document, Diagnostics>)> = Vec::new();
        if let Some(priority) = &self.priority {
            let items = priority.items.iter();
            files.extend(items.map(|(name, document)| (priority.directory.join(name), Ok(document.clone()))));
            files.extend(priority.others.iter().cloned());
        }
        files.sort_by(|one, two| one.0.cmp(&two.0));
        parse_all(Ok(self.main.clone()), files.into_iter().map(|(_, document)| document).collect(), overrides)
    }
}

fn priority(release: &Release, label: &str, directory: &Path) -> Result<Priority, ControlError> {
    let listed = listed(directory).map_err(|source| of_file(&directory.join(MANIFEST), source))?;
    let mut items = Vec::with_capacity(release.priority_configs.len());
    for item in &release.priority_configs {
        let name = format!("{}.yaml", item.key);
        let label = format!("{label}, priority item {}", item.key);
        let document = release::document(&label, &item.config, Format::Yaml);
        let document = document.map_err(|errors| of_config(release, errors))?;
        let path = directory.join(&name);
        let is_theirs = !listed.contains(&name) && fs::symlink_metadata(&path).is_ok();
        if is_theirs && fs::read(&path).ok().as_deref() != Some(document.text().as_bytes()) {
            return Err(release.refused(&format!(
                "{} was not written by the service: remove it, or give the priority item another key",
                path.display()
            )));
        }
        items.push((name, document));
    }
    let files = directory::files(directory).map_err(|errors| of_config(release, errors))?;
    let is_other = |path: &PathBuf| {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        !listed.contains(name) && items.iter().all(|(item, _)| item != name)
    };
    let others = files.into_iter().filter(is_other).map(|path| {
        let document = Document::read(&path);
        (path, document)
    });
    let others = others.collect();
    Ok(Priority { directory: directory.to_owned(), items, others, listed })
}

impl Priority {
    /// The manifest first lists all that is or will be the service's, so that a crash in between orphans nothing.
    fn write(&self) -> Result<(), ControlError> {
        let new: BTreeSet<String> = self.items.iter().map(|(name, _)| name.clone()).collect();
        self.list(&self.listed.union(&new).cloned().collect())?;
        for (name, document) in &self.items {
            let path = self.directory.join(name);
            replace(&path, document.text()).map_err(|source| of_file(&path, source))?;
        }
        for name in self.listed.difference(&new) {
            let path = self.directory.join(name);
            match fs::remove_file(&path) {
                Err(source) if source.kind() != ErrorKind::NotFound => return Err(of_file(&path, source)),
                _ => {}
            }
        }
        self.list(&new)
    }

    fn list(&self, names: &BTreeSet<String>) -> Result<(), ControlError> {
        let path = self.directory.join(MANIFEST);
        let text = serde_json::to_string_pretty(names).unwrap_or_default() + "\n";
        replace(&path, &text).map_err(|source| of_file(&path, source))
    }
}

/// What the manifest lists: plain names of files beside it. A manifest that lists anything else is not ours.
fn listed(directory: &Path) -> io::Result<BTreeSet<String>> {
    let text = match fs::read(directory.join(MANIFEST)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeSet::new()),
        text => text?,
    };
    let names: BTreeSet<String> = serde_json::from_slice(&text)?;
    let is_plain =
        |name: &String| !name.starts_with('.') && Path::new(name).file_name() == Some(name.as_ref());
    if names.iter().all(is_plain) { Ok(names) } else { Err(ErrorKind::InvalidData.into()) }
}

/// Puts a text in the place of a file, whole, with the mode that the file had; a new one is for its owner alone, since it
/// may hold keys. What a link leads to is replaced, and not the link. The same text is not written again.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if fs::read(&path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
    let temporary = path.with_file_name(format!(".{}.new", name.display()));
    // One that a crash left.
    let _ = fs::remove_file(&temporary);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    if let Ok(old) = fs::metadata(&path) {
        file.set_permissions(old.permissions())?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, &path)?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

fn of_file(path: &Path, source: io::Error) -> ControlError {
    ControlError::File { path: path.display().to_string(), source }
}

pub(super) fn of_config(release: &Release, errors: Diagnostics) -> ControlError {
    ControlError::Config { version: release.version.clone(), diagnostics: Box::new(errors) }
}
