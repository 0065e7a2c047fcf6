//! The repository's files: its folder, and what stands in a page of Markdown.

use std::path::{Path, PathBuf};

/// The folder of the repository.
///
/// # Panics
/// When the tests were moved away from it.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the repository").to_owned()
}

/// A page of Markdown.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where it is.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

/// A fenced block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What follows the opening fence.
    pub language: String,
    /// The lines between the fences, each with its end.
    pub text: String,
}

impl Page {
    /// Reads a page, by its path from the repository's folder.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn read(path: impl AsRef<Path>) -> Self {
        let path = root().join(path);
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { path, text }
    }

    /// Its blocks, in order.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut inside = false;
        for line in self.text.lines() {
            match (line.strip_prefix("```"), inside) {
                (Some(language), false) => {
                    blocks.push(Block { language: language.trim().to_owned(), text: String::new() });
                    inside = true;
                }
                (Some(_), true) => inside = false,
                (None, true) => {
                    if let Some(block) = blocks.last_mut() {
                        block.text.push_str(line);
                        block.text.push('\n');
                    }
                }
                (None, false) => {}
            }
        }
        assert!(!inside, "{}: a block does not end", self.path.display());
        blocks
    }

    /// The blocks in this language.
    pub fn blocks_of(&self, language: &str) -> Vec<String> {
        let blocks = self.blocks().into_iter();
        blocks.filter(|block| block.language == language).map(|block| block.text).collect()
    }

    /// The lines outside its blocks.
    fn prose(&self) -> impl Iterator<Item = &str> {
        let mut inside = false;
        self.text.lines().filter(move |line| {
            let fence = line.starts_with("```");
            inside ^= fence;
            !inside && !fence
        })
    }

    /// The targets of its inline links.
    pub fn links(&self) -> Vec<String> {
        let rests = self.prose().flat_map(|line| line.split("](").skip(1));
        rests.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target.to_owned()).collect()
    }

    /// The anchors of its headings: lower case, spaces as dashes, without punctuation.
    pub fn anchors(&self) -> Vec<String> {
        let headings = self.prose().filter(|line| line.starts_with('#'));
        let slug = |heading: &str| -> String {
            let kept = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
            kept.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_')).collect()
        };
        headings.map(slug).collect()
    }
}
