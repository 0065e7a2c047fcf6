//! What is known between the passes of one decoding: which nodes to leave out, and the faults so far.
//!
//! Invariant: each failed pass leaves out a node or adds a stand-in, so that decoding ends.

use std::cell::RefCell;
use std::collections::HashMap;

use super::error::{Error, Place, Problem};
use super::locate::Found;
use crate::{Dialect, Fault, MAX_ERRORS, Severity, Span, Value};

/// The identity of a node: its address in the tree, which is borrowed and so does not move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Node(usize);

impl Node {
    pub(super) fn of(value: &Value) -> Self {
        Self(std::ptr::from_ref(value).addr())
    }
}

/// Why a node is left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LeftOut {
    /// Its key is unknown, and that is no error.
    Ignored,
    /// It has a fault, or is part of one.
    Faulty,
}

pub(super) struct Context {
    pub(super) dialect: Dialect,
    strict: bool,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    left_out: HashMap<Node, LeftOut>,
    /// The tables with their missing keys: the next pass finds stand-ins there, and so gets to their other faults.
    /// Lists of a fixed length that have stand-ins for elements are here, too.
    stand_ins: HashMap<Node, Vec<&'static str>>,
    /// The structs known to refuse unknown keys, by name and fields.
    closed: Vec<(&'static str, &'static [&'static str])>,
    found: Vec<Found>,
    errors: usize,
}

impl Context {
    pub(super) fn new(dialect: Dialect, strict: bool) -> Self {
        Self { dialect, strict, state: RefCell::default() }
    }

    pub(super) fn is_left_out(&self, value: &Value) -> bool {
        self.state.borrow().left_out.contains_key(&Node::of(value))
    }

    /// Whether it is left out for a fault of its own.
    pub(super) fn is_faulty(&self, value: &Value) -> bool {
        self.state.borrow().left_out.get(&Node::of(value)) == Some(&LeftOut::Faulty)
    }

    /// The keys that a table misses and that get stand-ins.
    pub(super) fn stand_ins(&self, table: &Value) -> Vec<&'static str> {
        self.state.borrow().stand_ins.get(&Node::of(table)).cloned().unwrap_or_default()
    }

    /// Notes that a list has a stand-in for an element.
    pub(super) fn hold_stand_in(&self, list: Node) {
        self.state.borrow_mut().stand_ins.entry(list).or_default();
    }

    pub(super) fn is_closed(&self, name: &'static str, fields: &'static [&'static str]) -> bool {
        self.state.borrow().closed.contains(&(name, fields))
    }

    pub(super) fn learn_closed(&self, name: &'static str, fields: &'static [&'static str]) {
        self.state.borrow_mut().closed.push((name, fields));
    }

    /// Whether something of `value` is left out as faulty, or stands in: what is wrong with the whole then may be
    /// a consequence.
    pub(super) fn is_tainted(&self, value: &Value) -> bool {
        let children = || value.items().iter().chain(value.entries().iter().map(|(_, value)| value));
        self.state.borrow().stand_ins.contains_key(&Node::of(value))
            || children().any(|child| self.is_faulty(child) || self.is_tainted(child))
    }

    /// The place of a problem with the whole of `value`.
    pub(super) fn place(&self, value: &Value, problem: &Problem) -> Place {
        let mut place = Place::new(Node::of(value), value.span);
        let of_whole = matches!(problem, Problem::Invalid { .. } | Problem::Missing { .. });
        place.excused = of_whole && self.is_tainted(value);
        place
    }

    /// Reports a problem with a key without ending the pass, and leaves its entry out.
    pub(super) fn note(&self, problem: &Problem, value: &Value, key: Span) {
        self.report(problem, Place::new(Node::of(value), key));
    }

    /// Reports the error that ended a pass and leaves its node out. False if nothing is left to try.
    pub(super) fn absorb(&self, error: Error, root: &Value) -> bool {
        let (problem, place) = error.into_parts();
        let place = place.unwrap_or_else(|| self.place(root, &problem));
        match problem {
            _ if place.stand_in => self.leave_out(place.node, LeftOut::Faulty),
            Problem::Missing { key } => {
                if self.add_stand_in(place.node, key) {
                    self.record(&problem, place);
                    return !self.is_full();
                }
                self.leave_out(place.node, LeftOut::Faulty);
            }
            _ => self.report(&problem, place),
        }
        place.node != Node::of(root) && !self.is_full()
    }

    /// Leaves out what holds stand-ins. None if there are none; false if it is the root.
    pub(super) fn settle(&self, root: &Value) -> Option<bool> {
        let mut state = self.state.borrow_mut();
        if state.stand_ins.is_empty() {
            return None;
        }
        let tables = std::mem::take(&mut state.stand_ins);
        state.left_out.extend(tables.keys().map(|table| (*table, LeftOut::Faulty)));
        Some(!tables.contains_key(&Node::of(root)))
    }

    pub(super) fn into_found(self) -> Vec<Found> {
        self.state.into_inner().found
    }

    /// False if the table has a stand-in for the key already.
    fn add_stand_in(&self, table: Node, key: &'static str) -> bool {
        let mut state = self.state.borrow_mut();
        let keys = state.stand_ins.entry(table).or_default();
        let new = !keys.contains(&key);
        if new {
            keys.push(key);
        }
        new
    }

    fn report(&self, problem: &Problem, place: Place) {
        let left_out = match self.severity(problem) {
            Severity::Warning => LeftOut::Ignored,
            Severity::Error => LeftOut::Faulty,
        };
        self.record(problem, place);
        self.leave_out(place.node, left_out);
    }

    fn record(&self, problem: &Problem, place: Place) {
        let severity = self.severity(problem);
        let mut state = self.state.borrow_mut();
        if place.excused || (severity == Severity::Error && state.errors >= MAX_ERRORS) {
            return;
        }
        state.errors += usize::from(severity == Severity::Error);
        let missing = match problem {
            Problem::Missing { key } => Some(self.dialect.spell(key).into_owned()),
            _ => None,
        };
        let fault = Fault {
            code: problem.code(),
            severity,
            message: problem.message(),
            span: place.span,
            path: String::new(),
            help: problem.help(self.dialect),
        };
        state.found.push(Found { node: place.node, missing, fault });
    }

    fn severity(&self, problem: &Problem) -> Severity {
        match problem {
            Problem::UnknownKey { .. } if self.dialect == Dialect::Go && !self.strict => Severity::Warning,
            _ => Severity::Error,
        }
    }

    fn leave_out(&self, node: Node, why: LeftOut) {
        let mut state = self.state.borrow_mut();
        state.left_out.insert(node, why);
        state.stand_ins.remove(&node);
    }

    fn is_full(&self) -> bool {
        self.state.borrow().errors >= MAX_ERRORS
    }
}
