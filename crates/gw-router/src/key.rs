//! Where a pattern stands in the index: the text and the segments that every match of it begins with, as it is read.

use crate::syntax::{Kind, Piece};

/// A way into a [`Trie`](crate::trie::Trie). Every text that the pattern matches can walk it; the reverse need not be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) steps: Vec<Step>,
    /// Whether anything may follow the last step.
    pub(crate) open: bool,
}

/// A step of a [`Key`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Exactly these bytes, in the order of the text.
    Literal(Vec<u8>),
    /// All up to the next separator, or to the end.
    Rest,
}

impl Key {
    /// The key of one literal text.
    pub(crate) fn literal(text: impl Into<Vec<u8>>, open: bool) -> Self {
        let text = text.into();
        let steps = if text.is_empty() { Vec::new() } else { vec![Step::Literal(text)] };
        Self { steps, open }
    }

    /// The key of a pattern, for paths: read from the left.
    pub(crate) fn forward(pieces: &[Piece], open: bool, kind: Kind) -> Self {
        let mut maker = Maker::new(kind);
        for piece in pieces {
            if maker.is_open {
                break;
            }
            match piece {
                Piece::Literal(text) => maker.literal(text.bytes()),
                other => maker.other(other),
            }
        }
        maker.finish(open)
    }

    /// The key of a pattern, for hosts: read from the right, since names differ there last.
    pub(crate) fn backward(pieces: &[Piece], kind: Kind) -> Self {
        let mut maker = Maker::new(kind);
        for piece in pieces.iter().rev() {
            if maker.is_open {
                break;
            }
            match piece {
                Piece::Literal(text) => maker.literal(text.bytes().rev()),
                other => maker.other(other),
            }
        }
        let mut key = maker.finish(false);
        for step in &mut key.steps {
            if let Step::Literal(text) = step {
                text.reverse();
            }
        }
        key
    }
}

struct Maker {
    separator: u8,
    steps: Vec<Step>,
    literal: Vec<u8>,
    /// Whether the rest of the segment at hand is already covered.
    in_rest: bool,
    is_open: bool,
}

impl Maker {
    fn new(kind: Kind) -> Self {
        Self {
            separator: kind.separator(),
            steps: Vec::new(),
            literal: Vec::new(),
            in_rest: false,
            is_open: false,
        }
    }

    fn literal(&mut self, text: impl Iterator<Item = u8>) {
        for byte in text {
            self.in_rest &= byte != self.separator;
            if !self.in_rest {
                self.literal.push(byte);
            }
        }
    }

    fn other(&mut self, piece: &Piece) {
        if matches!(piece, Piece::Regex { crosses: true, .. }) {
            self.is_open = true;
        } else if !self.in_rest {
            self.flush();
            self.steps.push(Step::Rest);
            self.in_rest = true;
        }
    }

    fn flush(&mut self) {
        if !self.literal.is_empty() {
            self.steps.push(Step::Literal(std::mem::take(&mut self.literal)));
        }
    }

    fn finish(mut self, open: bool) -> Key {
        self.flush();
        Key { steps: self.steps, open: open || self.is_open }
    }
}
