//! A source for tests that says what it is told to say.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::stream;
use gw_core::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::{BoxStream, Consistency, Discovery, DiscoveryError, Instance, Snapshot, SourceStatus};

pub(crate) type Answer = Result<Snapshot, DiscoveryError>;

/// What a watch does next.
pub(crate) enum Step {
    Say(Answer),
    End,
    Panic,
}

/// Every watch follows the steps given to it since it was begun. A read that is not scripted never ends.
#[derive(Default)]
pub(crate) struct Scripted {
    watches: Mutex<Vec<mpsc::UnboundedSender<Step>>>,
    reads: Mutex<VecDeque<Answer>>,
    asked: Mutex<Vec<Consistency>>,
    status: Mutex<Vec<SourceStatus>>,
}

impl Scripted {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The next step of the watch that was begun last.
    pub(crate) fn step(&self, step: Step) {
        drop(self.watches.lock().last().unwrap().send(step));
    }

    pub(crate) fn say(&self, ids: &str) {
        self.step(Step::Say(Ok(snapshot(ids))));
    }

    pub(crate) fn fail(&self) {
        self.step(Step::Say(Err(unavailable())));
    }

    /// The answer to the next read that has none yet.
    pub(crate) fn read_next(&self, answer: Answer) {
        self.reads.lock().push_back(answer);
    }

    /// What it shows of itself.
    pub(crate) fn show(&self, status: SourceStatus) {
        self.status.lock().push(status);
    }

    /// How often a watch was begun.
    pub(crate) fn begun(&self) -> usize {
        self.watches.lock().len()
    }

    /// The reads so far.
    pub(crate) fn asked(&self) -> Vec<Consistency> {
        self.asked.lock().clone()
    }

    /// Whether nobody polls the watch that was begun last any more.
    pub(crate) fn ended(&self) -> bool {
        self.watches.lock().last().unwrap().is_closed()
    }
}

impl Discovery for Scripted {
    fn watch(&self, _: &str) -> BoxStream<'static, Answer> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.watches.lock().push(sender);
        Box::pin(stream::unfold(receiver, |mut receiver| async {
            match receiver.recv().await {
                Some(Step::Say(answer)) => Some((answer, receiver)),
                Some(Step::End) => None,
                Some(Step::Panic) => panic!("as the script has it"),
                None => std::future::pending().await,
            }
        }))
    }

    fn read<'a>(&'a self, _: &'a str, how: Consistency) -> BoxFuture<'a, Answer> {
        self.asked.lock().push(how);
        match self.reads.lock().pop_front() {
            Some(answer) => Box::pin(std::future::ready(answer)),
            None => Box::pin(std::future::pending()),
        }
    }

    fn inspect(&self) -> Vec<SourceStatus> {
        self.status.lock().clone()
    }
}

pub(crate) fn unavailable() -> DiscoveryError {
    DiscoveryError::Unavailable { service: "users".to_owned(), source: "no route".into() }
}

/// Instances by their ids; one with `!` is unhealthy, one with `~` held.
pub(crate) fn snapshot(ids: &str) -> Snapshot {
    let (unhealthy, ids): (Vec<_>, Vec<_>) = ids.split_whitespace().partition(|id| id.ends_with('!'));
    let instance = |id: &str| {
        let name = id.trim_end_matches('~');
        let endpoints = vec![format!("http://{name}.test:80")];
        let (id, held) = (name.to_owned(), id.ends_with('~'));
        Instance { id, name: "users".to_owned(), endpoints, held, ..Instance::default() }
    };
    let unhealthy = unhealthy.iter().map(|id| id.trim_end_matches('!').to_owned()).collect();
    Snapshot { instances: ids.into_iter().map(instance).collect(), unhealthy }
}

/// The ids, held ones with `~`.
pub(crate) fn ids(instances: &[Instance]) -> String {
    let id = |instance: &Instance| format!("{}{}", instance.id, if instance.held { "~" } else { "" });
    instances.iter().map(id).collect::<Vec<_>>().join(" ")
}
