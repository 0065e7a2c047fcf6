//! Patterns that are matched in one pass, without a regex and without allocating: literal text and runs of characters
//! of a kind, none of which can begin what follows its run. So each run is as long as it can be, or nothing matches.
//!
//! Means the same as the regex of the same pieces, and is made of what most routes are: `/u/{id}`, `/u/{id:[0-9]+}`,
//! `/f/{rest:.+}`, `/[a-z]+/x`, and identifiers such as `{id:[0-9a-f]{8}-[0-9a-f]{4}}`.

use std::ops::Range;

use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

use crate::equal::equal;
use crate::set::Set;
use crate::syntax::{Kind, Piece};

/// Characters that may be counted in one pattern: what needs more is left to the regex, which knows its own limits.
const MAX_COUNTED: usize = 256;

/// A pattern of literals and runs.
#[derive(Clone, Debug)]
pub(crate) struct Runs {
    steps: Vec<Step>,
    /// The steps of each variable.
    variables: Vec<Range<usize>>,
    /// Whether anything may follow.
    open: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Literal(Vec<u8>),
    /// So many bytes of a set.
    Run {
        set: Set,
        least: usize,
        most: usize,
    },
}

impl Runs {
    /// `None` if the pieces need more than one pass.
    pub(crate) fn new(pieces: &[Piece], open: bool, kind: Kind) -> Option<Self> {
        let (mut steps, mut variables) = (Vec::new(), Vec::new());
        for piece in pieces {
            let begin = steps.len();
            match piece {
                Piece::Literal(text) => steps.push(Step::Literal(text.clone().into_bytes())),
                Piece::Variable(_) => {
                    steps.push(Step::Run { set: Set::all_but(kind.separator()), least: 1, most: usize::MAX });
                }
                Piece::Regex { hir, .. } => add(hir, &mut steps)?,
            }
            if piece.name().is_some() {
                variables.push(begin..steps.len());
            }
        }
        let is_easy = counted(&steps) <= MAX_COUNTED && never_goes_back(&steps);
        is_easy.then_some(Self { steps, variables, open })
    }

    /// Whether `text` matches.
    pub(crate) fn matches(&self, text: &str) -> bool {
        behind(&self.steps, text.as_bytes(), 0).is_some_and(|end| self.open || end == text.len())
    }

    /// Tells `found` what each variable stands for, in order, in a text that matches.
    pub(crate) fn spans(&self, text: &str, mut found: impl FnMut(Range<usize>)) {
        let (mut at, mut done) = (0, 0);
        for variable in &self.variables {
            let Some(begin) = behind(&self.steps[done..variable.start], text.as_bytes(), at) else { return };
            let Some(end) = behind(&self.steps[variable.clone()], text.as_bytes(), begin) else { return };
            found(begin..end);
            (at, done) = (end, variable.end);
        }
    }
}

/// Where `steps` end that begin at `at`, if they can be taken.
#[inline(always)]
fn behind(steps: &[Step], text: &[u8], mut at: usize) -> Option<usize> {
    for step in steps {
        let rest = text.get(at..)?;
        at += match step {
            Step::Literal(literal) => {
                rest.get(..literal.len()).filter(|text| equal(text, literal))?;
                literal.len()
            }
            Step::Run { set, least, most } => {
                let run = rest.iter().take(*most).take_while(|byte| set.contains(**byte)).count();
                Some(run).filter(|run| run >= least)?
            }
        };
    }
    Some(at)
}

/// Adds the steps of a regex, unless it needs more than literals and runs.
fn add(hir: &Hir, steps: &mut Vec<Step>) -> Option<()> {
    match hir.kind() {
        HirKind::Empty => {}
        HirKind::Literal(literal) => steps.push(Step::Literal(literal.0.to_vec())),
        HirKind::Class(class) => steps.push(run(set(class)?, 1, Some(1))?),
        HirKind::Repetition(Repetition { min, max, greedy: true, sub }) => {
            let set = match sub.kind() {
                HirKind::Class(class) => set(class)?,
                HirKind::Literal(literal) => match *literal.0 {
                    [byte] if byte.is_ascii() => Set::of(byte),
                    _ => return None,
                },
                _ => return None,
            };
            steps.push(run(set, *min, *max)?);
        }
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| add(part, steps))?,
        HirKind::Repetition(_) | HirKind::Look(_) | HirKind::Capture(_) | HirKind::Alternation(_) => {
            return None;
        }
    }
    Some(())
}

/// A run of `set`. What counts characters cannot count bytes instead, unless each is one.
fn run(set: Set, least: u32, most: Option<u32>) -> Option<Step> {
    if !set.is_ascii() && (least > 1 || most.is_some()) {
        return None;
    }
    let most = most.map_or(usize::MAX, |most| most as usize);
    Some(Step::Run { set, least: least as usize, most })
}

fn set(class: &Class) -> Option<Set> {
    match class {
        Class::Unicode(class) => {
            Set::new(class.ranges().iter().map(|range| (range.start().into(), range.end().into())))
        }
        Class::Bytes(class) => {
            Set::new(class.ranges().iter().map(|range| (range.start().into(), range.end().into())))
        }
    }
}

fn counted(steps: &[Step]) -> usize {
    let count = |step: &Step| match step {
        Step::Run { least, most: usize::MAX, .. } => *least,
        Step::Run { most, .. } => *most,
        Step::Literal(_) => 0,
    };
    steps.iter().map(count).sum()
}

/// Whether no run could end in two places: what follows it never begins with one of its own characters.
fn never_goes_back(steps: &[Step]) -> bool {
    // What the steps behind the one at hand may begin with.
    let mut next = Set::default();
    for step in steps.iter().rev() {
        match step {
            Step::Literal(literal) => next = literal.first().map_or(next, |first| Set::of(*first)),
            Step::Run { set, least, most } => {
                if least < most && set.meets(&next) {
                    return false;
                }
                next = if *least == 0 { set.with(&next) } else { *set };
            }
        }
    }
    true
}

#[cfg(test)]
mod tests;
