//! The text files of the repository, read once.

use std::path::Path;

use anyhow::Context as _;

use super::code;

/// Folders that hold no source of ours, at any depth.
const SKIPPED: [&str; 7] = [".git", ".venv", "__pycache__", "artifacts", "corpus", "node_modules", "target"];

/// A text file.
pub(crate) struct File {
    /// Its path from the root, with `/`.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
    /// For Rust, its text with comments and the contents of literals blanked, line by line the same; else empty.
    pub(crate) code: String,
}

impl File {
    fn new(path: String, text: String) -> Self {
        let code = if path.ends_with(".rs") { code::only(&text) } else { String::new() };
        Self { path, text, code }
    }

    /// Whether it is Rust.
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether it holds tests only, by its place: `tests.rs`, or a file below a folder `tests`.
    pub(crate) fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/") || self.path.starts_with("tests/")
    }
}

/// All of them, ordered by path.
pub(crate) struct Repository {
    files: Vec<File>,
}

impl Repository {
    /// Reads what stands below `root`. Files that are not UTF-8 are not ours to judge.
    ///
    /// # Errors
    /// When a folder or file cannot be read.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut files = Vec::new();
        walk(root, "", &mut files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { files })
    }

    /// A repository of these paths and texts.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let new = |(path, text): &(&str, &str)| File::new((*path).to_owned(), (*text).to_owned());
        Self { files: files.iter().map(new).collect() }
    }

    /// Every file.
    pub(crate) fn files(&self) -> &[File] {
        &self.files
    }

    /// Every Rust file whose path starts with `prefix`.
    pub(crate) fn rust<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a File> {
        self.files.iter().filter(move |file| file.is_rust() && file.path.starts_with(prefix))
    }

    /// The manifests of the members: every `Cargo.toml` but the workspace's, and those of workspaces of their own.
    pub(crate) fn manifests(&self) -> impl Iterator<Item = &File> {
        let all = || self.files.iter().filter(|file| file.path.ends_with("/Cargo.toml"));
        let apart: Vec<&str> = all().filter(|file| is_workspace(file)).map(folder).collect();
        all().filter(move |file| !apart.iter().any(|apart| folder(file).starts_with(apart)))
    }
}

fn is_workspace(manifest: &File) -> bool {
    manifest.text.lines().any(|line| line.trim_end() == "[workspace]")
}

/// The folder of a manifest, with `/` at its end.
fn folder(manifest: &File) -> &str {
    manifest.path.strip_suffix("Cargo.toml").unwrap_or_default()
}

fn walk(folder: &Path, prefix: &str, files: &mut Vec<File>) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() {
            if !SKIPPED.contains(&name.as_str()) {
                walk(&entry.path(), &format!("{path}/"), files)?;
            }
        } else if kind.is_file() {
            let bytes = std::fs::read(entry.path()).with_context(|| format!("cannot read {path}"))?;
            if let Ok(text) = String::from_utf8(bytes) {
                files.push(File::new(path, text));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Repository;

    #[test]
    fn a_workspace_below_the_workspace_has_members_of_its_own() {
        let repository = Repository::of(&[
            ("Cargo.toml", "[workspace]\n"),
            ("crates/a/Cargo.toml", "[package]\n"),
            ("crates/a/fuzz/Cargo.toml", "# Apart.\n[workspace]\n\n[package]\n"),
            ("crates/a/fuzz/inner/Cargo.toml", "[package]\n"),
            ("crates/a/fuzzy/Cargo.toml", "[package]\n"),
        ]);
        let members: Vec<_> = repository.manifests().map(|file| file.path.as_str()).collect();
        assert_eq!(members, ["crates/a/Cargo.toml", "crates/a/fuzzy/Cargo.toml"]);
    }
}
