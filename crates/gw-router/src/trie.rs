//! The index: a radix tree whose edges are literal bytes, or the rest of a segment.
//!
//! - It proposes, the patterns dispose: a value is offered for every text that its [`Key`] can walk, whether or not
//!   its pattern matches; it is never withheld from a text that its pattern matches.
//! - Every node is reached by one text at one place at most, so a lookup costs at most one visit per node, and in
//!   practice the length of the text: subtrees whose first route comes after the best one so far are left out.

use crate::key::{Key, Step};

/// What stands in the tree: something of one or more routes, the first of which counts.
pub(crate) trait Ranked {
    /// The first route of it.
    fn first(&self) -> usize;
}

/// A tree of values. Nodes lie in one vector, so that neither making nor dropping it recurses.
#[derive(Debug)]
pub(crate) struct Trie<V> {
    nodes: Vec<Node<V>>,
    separator: u8,
}

#[derive(Debug)]
struct Node<V> {
    /// The bytes between the parent and here; empty for the root and behind a rest of a segment.
    label: Vec<u8>,
    /// The first byte of each literal child's label, sorted.
    firsts: Vec<u8>,
    /// The literal children, in the same order.
    children: Vec<usize>,
    /// Where the rest of a segment leads.
    rest: Option<usize>,
    /// Values of keys that end here, by first route.
    closed: Vec<V>,
    /// Values of keys that go on with anything, by first route.
    open: Vec<V>,
    /// The first route of the whole subtree.
    first: usize,
}

impl<V: Ranked> Trie<V> {
    /// A tree whose segments end at `separator`.
    pub(crate) fn new(separator: u8) -> Self {
        Self { nodes: vec![Node::new(Vec::new(), usize::MAX)], separator }
    }

    /// The first route in it; `usize::MAX` if it is empty.
    pub(crate) fn first(&self) -> usize {
        self.nodes[0].first
    }

    /// The values of `key`, for route `index` to be entered by pushing to them. Routes must come in ascending order.
    pub(crate) fn at(&mut self, key: &Key, index: usize) -> &mut Vec<V> {
        let mut node = 0;
        self.reach(node, index);
        for step in &key.steps {
            node = match step {
                Step::Literal(text) => self.grow(node, text, index),
                Step::Rest => self.grow_rest(node, index),
            };
        }
        let node = &mut self.nodes[node];
        if key.open { &mut node.open } else { &mut node.closed }
    }

    /// Offers to `visit` each value that `text` leads to and whose first route comes before `bound`. It answers with
    /// the bound from then on, and the last one is returned.
    pub(crate) fn walk<'t>(
        &'t self,
        text: &[u8],
        bound: usize,
        visit: &mut impl FnMut(&'t V, usize) -> usize,
    ) -> usize {
        self.descend(0, text, bound, visit)
    }

    /// Recurses only where both a literal and the rest of the segment lead on: as deep as a key has segments.
    fn descend<'t>(
        &'t self,
        mut node: usize,
        mut text: &[u8],
        mut bound: usize,
        visit: &mut impl FnMut(&'t V, usize) -> usize,
    ) -> usize {
        loop {
            let here = &self.nodes[node];
            if here.first >= bound {
                return bound;
            }
            bound = offer(&here.open, bound, visit);
            if text.is_empty() {
                bound = offer(&here.closed, bound, visit);
            }
            let literal = self.literal_child(here, text);
            match (literal, here.rest) {
                (None, None) => return bound,
                (Some((child, behind)), None) => (node, text) = (child, behind),
                (None, Some(rest)) => (node, text) = (rest, self.behind_segment(text)),
                (Some((child, behind)), Some(rest)) => {
                    bound = self.descend(child, behind, bound, visit);
                    (node, text) = (rest, self.behind_segment(text));
                }
            }
        }
    }

    fn literal_child<'a>(&self, node: &Node<V>, text: &'a [u8]) -> Option<(usize, &'a [u8])> {
        let place = node.firsts.binary_search(text.first()?).ok()?;
        let child = node.children[place];
        Some((child, text.strip_prefix(self.nodes[child].label.as_slice())?))
    }

    fn behind_segment<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        let length = text.iter().position(|byte| *byte == self.separator).unwrap_or(text.len());
        &text[length..]
    }

    fn grow(&mut self, mut node: usize, mut text: &[u8], index: usize) -> usize {
        while let Some(first) = text.first() {
            let place = match self.nodes[node].firsts.binary_search(first) {
                Ok(place) => place,
                Err(place) => {
                    let child = self.push(Node::new(text.to_vec(), index));
                    let parent = &mut self.nodes[node];
                    parent.firsts.insert(place, *first);
                    parent.children.insert(place, child);
                    return child;
                }
            };
            let child = self.nodes[node].children[place];
            let label = &self.nodes[child].label;
            let common = label.iter().zip(text).take_while(|(a, b)| a == b).count();
            let next = if common == label.len() { child } else { self.split(node, place, common) };
            self.reach(next, index);
            (node, text) = (next, &text[common..]);
        }
        node
    }

    /// Puts a node in the middle of the edge from `parent` to its child at `place`.
    fn split(&mut self, parent: usize, place: usize, at: usize) -> usize {
        let child = self.nodes[parent].children[place];
        let below = &mut self.nodes[child];
        let behind = below.label.split_off(at);
        let mut middle = Node::new(std::mem::replace(&mut below.label, behind), below.first);
        middle.firsts.push(below.label[0]);
        middle.children.push(child);
        let middle = self.push(middle);
        self.nodes[parent].children[place] = middle;
        middle
    }

    fn grow_rest(&mut self, node: usize, index: usize) -> usize {
        if let Some(rest) = self.nodes[node].rest {
            self.reach(rest, index);
            return rest;
        }
        let rest = self.push(Node::new(Vec::new(), index));
        self.nodes[node].rest = Some(rest);
        rest
    }

    fn reach(&mut self, node: usize, index: usize) {
        let node = &mut self.nodes[node];
        node.first = node.first.min(index);
    }

    fn push(&mut self, node: Node<V>) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }
}

impl<V> Node<V> {
    fn new(label: Vec<u8>, first: usize) -> Self {
        Self {
            label,
            firsts: Vec::new(),
            children: Vec::new(),
            rest: None,
            closed: Vec::new(),
            open: Vec::new(),
            first,
        }
    }
}

fn offer<'t, V: Ranked>(
    values: &'t [V],
    bound: usize,
    visit: &mut impl FnMut(&'t V, usize) -> usize,
) -> usize {
    let mut bound = bound;
    for value in values {
        if value.first() >= bound {
            break;
        }
        bound = visit(value, bound);
    }
    bound
}
