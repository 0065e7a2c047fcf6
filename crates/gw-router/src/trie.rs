//! The index: a radix tree whose edges are literal bytes, or the rest of a segment.
//!
//! - It proposes, the patterns dispose: a value is offered for every text that its [`Key`] can walk, whether or not
//!   its pattern matches; it is never withheld from a text that its pattern matches.
//! - Every node is reached by one text at one place at most, so a lookup costs at most one visit per node, and in
//!   practice the length of the text: subtrees whose first route comes after the best one so far are left out.

use std::marker::PhantomData;
use std::num::NonZeroUsize;

use crate::direction::Direction;
use crate::key::{Key, Step};

/// What stands in the tree: something of one or more routes, the first of which counts.
pub(crate) trait Ranked {
    /// The first route of it.
    fn first(&self) -> usize;
}

/// What is done with each value: it is given with the bound, and answers with the bound from then on.
pub(crate) type Visit<'a, 't, V> = &'a mut dyn FnMut(&'t V, usize) -> usize;

/// A tree of values. Nodes lie in one vector, so that neither making nor dropping it recurses.
#[derive(Debug)]
pub(crate) struct Trie<V, D> {
    nodes: Vec<Node<V>>,
    separator: u8,
    direction: PhantomData<D>,
}

#[derive(Debug)]
struct Node<V> {
    /// The first route of the whole subtree.
    first: usize,
    /// Whether there are literal children here and nothing else: one question instead of three, on most of the way.
    is_fork: bool,
    /// The bytes between the parent and here; empty for the root and behind a rest of a segment.
    label: Vec<u8>,
    children: Children,
    /// Where the rest of a segment leads.
    rest: Option<NonZeroUsize>,
    /// Values of keys that end here, by first route.
    closed: Vec<V>,
    /// Values of keys that go on with anything, by first route.
    open: Vec<V>,
}

/// The literal children, by the first byte of their labels: a table of all bytes from the least to the greatest, for a
/// search would be most of a visit. The root is nobody's child.
#[derive(Debug, Default)]
struct Children {
    least: u8,
    nodes: Vec<Option<NonZeroUsize>>,
}

impl<V: Ranked, D: Direction> Trie<V, D> {
    /// A tree whose segments end at `separator`.
    pub(crate) fn new(separator: u8) -> Self {
        Self { nodes: vec![Node::new(Vec::new(), usize::MAX)], separator, direction: PhantomData }
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
        node.is_fork = false;
        if key.open { &mut node.open } else { &mut node.closed }
    }

    /// Offers to `visit` each value that `text` leads to and whose first route comes before `bound`. Returns the last
    /// bound.
    pub(crate) fn walk<'t>(&'t self, text: &[u8], bound: usize, visit: Visit<'_, 't, V>) -> usize {
        self.descend(&self.nodes[0], text, bound, visit)
    }

    /// Recurses only where both a literal and the rest of the segment lead on: as deep as a key has segments.
    fn descend<'t>(
        &'t self,
        mut here: &'t Node<V>,
        mut text: &[u8],
        mut bound: usize,
        visit: Visit<'_, 't, V>,
    ) -> usize {
        while here.first < bound {
            if here.is_fork {
                let Some(child) = self.literal_child(here, text) else { break };
                (here, text) = child;
                continue;
            }
            bound = offer(&here.open, bound, visit);
            if text.is_empty() {
                bound = offer(&here.closed, bound, visit);
            }
            let child = self.literal_child(here, text);
            if let Some(rest) = here.rest {
                if let Some((child, behind)) = child {
                    bound = self.descend(child, behind, bound, visit);
                }
                (here, text) = (&self.nodes[rest.get()], self.behind_segment(text));
            } else if let Some(child) = child {
                (here, text) = child;
            } else {
                break;
            }
        }
        bound
    }

    #[inline(always)]
    fn literal_child<'a>(&self, node: &Node<V>, text: &'a [u8]) -> Option<(&Node<V>, &'a [u8])> {
        let child = &self.nodes[node.children.get(D::bytes(text).next()?)?.get()];
        // Nearly always a branch of one byte, which is the one that was looked up.
        let behind = match child.label.len() {
            1 => D::split(text, 1).1,
            _ => D::strip(text, &child.label)?,
        };
        Some((child, behind))
    }

    fn behind_segment<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        let length = D::bytes(text).position(|byte| byte == self.separator).unwrap_or(text.len());
        D::split(text, length).1
    }

    fn grow(&mut self, mut node: usize, mut text: &[u8], index: usize) -> usize {
        while let Some(first) = D::bytes(text).next() {
            let Some(child) = self.nodes[node].children.get(first) else {
                return self.push_child(node, first, Node::new(text.to_vec(), index));
            };
            let label = &self.nodes[child.get()].label;
            let common = D::bytes(label).zip(D::bytes(text)).take_while(|(a, b)| a == b).count();
            let next =
                if common == label.len() { child.get() } else { self.split(node, first, child, common) };
            self.reach(next, index);
            (node, text) = (next, D::split(text, common).1);
        }
        node
    }

    /// Puts a node in the middle of the edge from `parent` to `child`, whose label begins with `first`.
    fn split(&mut self, parent: usize, first: u8, child: NonZeroUsize, at: usize) -> usize {
        let below = &mut self.nodes[child.get()];
        let (before, behind) = D::split(&below.label, at);
        let mut middle = Node::new(before.to_vec(), below.first);
        below.label = behind.to_vec();
        if let Some(first) = D::bytes(&below.label).next() {
            middle.children.set(first, Some(child));
        }
        self.push_child(parent, first, middle)
    }

    fn grow_rest(&mut self, node: usize, index: usize) -> usize {
        if let Some(rest) = self.nodes[node].rest {
            self.reach(rest.get(), index);
            return rest.get();
        }
        let rest = self.push(Node::new(Vec::new(), index));
        let node = &mut self.nodes[node];
        (node.rest, node.is_fork) = (NonZeroUsize::new(rest), false);
        rest
    }

    fn reach(&mut self, node: usize, index: usize) {
        let node = &mut self.nodes[node];
        node.first = node.first.min(index);
    }

    fn push_child(&mut self, parent: usize, first: u8, child: Node<V>) -> usize {
        let child = self.push(child);
        self.nodes[parent].children.set(first, NonZeroUsize::new(child));
        child
    }

    fn push(&mut self, node: Node<V>) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }
}

impl<V> Node<V> {
    fn new(label: Vec<u8>, first: usize) -> Self {
        Self {
            first,
            is_fork: true,
            label,
            children: Children::default(),
            rest: None,
            closed: Vec::new(),
            open: Vec::new(),
        }
    }
}

impl Children {
    fn get(&self, byte: u8) -> Option<NonZeroUsize> {
        // A lesser byte wraps round to a place behind the table.
        *self.nodes.get(usize::from(byte.wrapping_sub(self.least)))?
    }

    fn set(&mut self, byte: u8, node: Option<NonZeroUsize>) {
        if self.nodes.is_empty() {
            self.least = byte;
        }
        if let Some(missing) = self.least.checked_sub(byte) {
            self.nodes.splice(..0, std::iter::repeat_n(None, missing.into()));
            self.least = byte;
        }
        let place = usize::from(byte - self.least);
        if place >= self.nodes.len() {
            self.nodes.resize(place + 1, None);
        }
        self.nodes[place] = node;
    }
}

#[inline]
fn offer<'t, V: Ranked>(values: &'t [V], bound: usize, visit: Visit<'_, 't, V>) -> usize {
    let mut bound = bound;
    for value in values {
        if value.first() >= bound {
            break;
        }
        bound = visit(value, bound);
    }
    bound
}
