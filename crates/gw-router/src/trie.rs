//! The index: a radix tree whose edges are literal bytes, or the rest of a segment.
//!
//! - It proposes, the patterns dispose: a value is offered for every text that its [`Key`] can walk, whether or not
//!   its pattern matches; it is never withheld from a text that its pattern matches.
//! - Every node is reached by one text at one place at most, so a lookup costs at most one visit per node, and in
//!   practice the length of the text: subtrees whose first route comes after the best one so far are left out.

use std::marker::PhantomData;
use std::num::NonZeroU32;

use smallvec::SmallVec;

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

/// The place of a node that is not the root.
type Place = NonZeroU32;

/// Of one cache line: of many routes, most nodes are in no cache.
#[derive(Debug)]
#[repr(align(64))]
struct Node<V> {
    /// The first route of the whole subtree.
    first: usize,
    /// The literal children, by the first byte of their labels: a table of all bytes from the least to the greatest, for a
    /// search would be most of a visit. The root is nobody's child.
    children: Box<[Option<Place>]>,
    /// Whatever ends here.
    values: Option<Box<Values<V>>>,
    /// Where the rest of a segment leads.
    rest: Option<Place>,
    /// The first byte of `children`.
    least: u8,
    /// Whether there are literal children here and nothing else: one question instead of three, on most of the way.
    is_fork: bool,
    /// The bytes between the parent and here; empty for the root and behind a rest of a segment.
    label: Label,
}

/// Nearly always one, which then lies here.
pub(crate) type List<V> = SmallVec<[V; 1]>;

#[derive(Debug)]
struct Values<V> {
    /// Values of keys that end here, by first route.
    closed: List<V>,
    /// Values of keys that go on with anything, by first route.
    open: List<V>,
}

/// Bytes of an edge, of which a longer one takes several.
#[derive(Clone, Copy, Debug, Default)]
struct Label {
    length: u8,
    bytes: [u8; Self::MOST],
}

impl<V: Ranked, D: Direction> Trie<V, D> {
    /// A tree whose segments end at `separator`.
    pub(crate) fn new(separator: u8) -> Self {
        Self { nodes: vec![Node::new(Label::default(), usize::MAX)], separator, direction: PhantomData }
    }

    /// The first route in it; `usize::MAX` if it is empty.
    pub(crate) fn first(&self) -> usize {
        self.nodes[0].first
    }

    /// The values of `key`, for route `index` to be entered by pushing to them. Routes must come in ascending order.
    pub(crate) fn at(&mut self, key: &Key, index: usize) -> &mut List<V> {
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
        let values = node.values.get_or_insert_default();
        if key.open { &mut values.open } else { &mut values.closed }
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
            if let Some(values) = &here.values {
                bound = offer(&values.open, bound, visit);
                if text.is_empty() {
                    bound = offer(&values.closed, bound, visit);
                }
            }
            let child = self.literal_child(here, text);
            if let Some(rest) = here.rest {
                if let Some((child, behind)) = child {
                    bound = self.descend(child, behind, bound, visit);
                }
                (here, text) = (self.node(rest), self.behind_segment(text));
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
        let child = self.node(node.child(D::bytes(text).next()?)?);
        // Nearly always a branch of one byte, which is the one that was looked up.
        let behind = match child.label.length {
            1 => D::split(text, 1).1,
            _ => D::strip(text, child.label.text())?,
        };
        Some((child, behind))
    }

    fn node(&self, place: Place) -> &Node<V> {
        &self.nodes[place.get() as usize]
    }

    fn behind_segment<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        let length = D::bytes(text).position(|byte| byte == self.separator).unwrap_or(text.len());
        D::split(text, length).1
    }

    fn grow(&mut self, mut node: usize, mut text: &[u8], index: usize) -> usize {
        while let Some(first) = D::bytes(text).next() {
            let Some(child) = self.nodes[node].child(first) else {
                let (label, behind) = D::split(text, text.len().min(Label::MOST));
                (node, text) = (self.push_child(node, first, Node::new(Label::new(label), index)), behind);
                continue;
            };
            let label = self.node(child).label;
            let common = D::bytes(label.text()).zip(D::bytes(text)).take_while(|(a, b)| a == b).count();
            let next = if common == label.text().len() {
                child.get() as usize
            } else {
                self.split(node, first, child, common)
            };
            self.reach(next, index);
            (node, text) = (next, D::split(text, common).1);
        }
        node
    }

    /// Puts a node in the middle of the edge from `parent` to `child`, whose label begins with `first`.
    fn split(&mut self, parent: usize, first: u8, child: Place, at: usize) -> usize {
        let below = &mut self.nodes[child.get() as usize];
        let label = below.label;
        let (before, behind) = D::split(label.text(), at);
        below.label = Label::new(behind);
        let mut middle = Node::new(Label::new(before), below.first);
        if let Some(first) = D::bytes(behind).next() {
            middle.set_child(first, child);
        }
        self.push_child(parent, first, middle)
    }

    fn grow_rest(&mut self, node: usize, index: usize) -> usize {
        if let Some(rest) = self.nodes[node].rest {
            let rest = rest.get() as usize;
            self.reach(rest, index);
            return rest;
        }
        let rest = self.push(Node::new(Label::default(), index));
        let node = &mut self.nodes[node];
        (node.rest, node.is_fork) = (Some(rest), false);
        rest.get() as usize
    }

    fn reach(&mut self, node: usize, index: usize) {
        let node = &mut self.nodes[node];
        node.first = node.first.min(index);
    }

    fn push_child(&mut self, parent: usize, first: u8, child: Node<V>) -> usize {
        let child = self.push(child);
        self.nodes[parent].set_child(first, child);
        child.get() as usize
    }

    fn push(&mut self, node: Node<V>) -> Place {
        #[expect(clippy::cast_possible_truncation, reason = "four thousand million nodes are 256 GiB")]
        let place = self.nodes.len() as u32;
        self.nodes.push(node);
        // There is a root before any other.
        Place::new(place).unwrap_or(Place::MIN)
    }
}

impl<V> Node<V> {
    fn new(label: Label, first: usize) -> Self {
        Self { first, children: Box::default(), values: None, rest: None, least: 0, is_fork: true, label }
    }

    fn child(&self, byte: u8) -> Option<Place> {
        // A lesser byte wraps round to a place behind the table.
        *self.children.get(usize::from(byte.wrapping_sub(self.least)))?
    }

    fn set_child(&mut self, byte: u8, node: Place) {
        let mut children = std::mem::take(&mut self.children).into_vec();
        if children.is_empty() {
            self.least = byte;
        }
        if let Some(missing) = self.least.checked_sub(byte) {
            children.splice(..0, std::iter::repeat_n(None, missing.into()));
            self.least = byte;
        }
        let place = usize::from(byte - self.least);
        if place >= children.len() {
            children.resize(place + 1, None);
        }
        children[place] = Some(node);
        self.children = children.into_boxed_slice();
    }
}

impl<V> Default for Values<V> {
    fn default() -> Self {
        Self { closed: List::new(), open: List::new() }
    }
}

impl Label {
    /// What fits into a node.
    const MOST: usize = 25;

    /// A label of at most [`MOST`](Self::MOST) bytes.
    fn new(text: &[u8]) -> Self {
        let mut label = Self::default();
        for (place, byte) in label.bytes.iter_mut().zip(text) {
            *place = *byte;
            label.length += 1;
        }
        label
    }

    #[inline]
    fn text(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::direction::{Backward, Forward};

    impl Ranked for usize {
        fn first(&self) -> usize {
            *self
        }
    }

    #[test]
    fn a_node_is_one_cache_line() {
        assert_eq!(size_of::<Node<usize>>(), 64);
    }

    /// Keys that differ before, at and behind the ends of labels: each finds itself, and itself alone.
    #[track_caller]
    fn finds<D: Direction>() {
        let text = |length: usize, odd: usize| -> Vec<u8> {
            (0..length).map(|at| if at == odd { b'!' } else { b'a' + (at % 26) as u8 }).collect()
        };
        let lengths = [0, 1, 2, 24, 25, 26, 49, 50, 51, 75, 76, 200];
        let odd = [0, 1, 23, 24, 25, 26, 49, 50, 74, 75, 199, usize::MAX];
        let mut texts: Vec<_> =
            lengths.iter().flat_map(|length| odd.iter().map(|odd| text(*length, *odd))).collect();
        texts.sort();
        texts.dedup();
        let mut trie = Trie::<usize, D>::new(b'/');
        for (index, text) in texts.iter().enumerate() {
            trie.at(&Key::literal(text.clone(), false), index).push(index);
        }
        for (index, text) in texts.iter().enumerate() {
            let mut found = Vec::new();
            trie.walk(text, usize::MAX, &mut |value, bound| {
                found.push(*value);
                bound
            });
            assert_eq!(found, [index], "{}", text.escape_ascii());
        }
    }

    #[test]
    fn long_texts_are_found_over_several_nodes() {
        finds::<Forward>();
        finds::<Backward>();
    }
}
