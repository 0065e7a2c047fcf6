//! The loop that asks the service and takes what it says.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::debug::Order;
use super::pace::pause;
use super::release::{self, Features, Release};
use super::service::{Answer, FEATURES, RELEASE, Services};
use super::state::State;
use super::store::{self, Store};
use super::{Check, ControlDebug, ControlError, ControlOptions, ControlSetupError, format_of};

/// How long a start waits for the services, all together: their last word is in the files already.
const START: Duration = Duration::from_secs(10);
/// How many unknown feature gates are told of.
const MAX_UNKNOWN: usize = 8;
/// How long the text of a failure may be, in bytes: it may repeat what the service sent.
const MAX_TEXT: usize = 16 << 10;
/// How long the list of priority versions may be, in bytes: escaped, it still fits into a URL, which has 64 KiB.
const MAX_VERSIONS: usize = 16 << 10;

/// Asks a control service for one gateway's configuration. It belongs to one task; pages read along.
pub struct ControlClient {
    options: ControlOptions,
    services: Services,
    store: Store,
    check: Check,
    random: Box<dyn Fn() -> u64 + Send + Sync>,
    state: Arc<Mutex<State>>,
    orders: mpsc::Receiver<Order>,
    debug: ControlDebug,
}

impl ControlClient {
    /// Asks nothing yet. `check` finds what only lowering can.
    ///
    /// # Errors
    /// When the options cannot work.
    pub fn new(
        options: ControlOptions,
        check: Check,
        random: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Result<Self, ControlSetupError> {
        let services = Services::new(&options.services, random())?;
        let store = Store { file: options.file.clone(), format: format_of(&options.file)? };
        let state = Arc::new(Mutex::new(State {
            ctrl_service: services.labels(),
            dst_path: options.file.display().to_string(),
            hostname: options.name.clone(),
            advertise_addr: options.address.clone(),
            ..State::default()
        }));
        let (sender, orders) = mpsc::channel(1);
        let debug = ControlDebug { state: Arc::clone(&state), orders: sender };
        Ok(Self { options, services, store, check, random: Box::new(random), state, orders, debug })
    }

    /// Its pages.
    pub fn debug(&self) -> ControlDebug {
        self.debug.clone()
    }

    /// Asks each service at most once, until one has done its part, for 10 s at most. What comes of it is logged:
    /// without a good release the files serve as they are.
    pub async fn start(&mut self) {
        let asked = async {
            for _ in 0..self.services.len() {
                match self.ask().await {
                    Err(error) if !error.is_refusal() => {}
                    Ok(()) | Err(_) => break,
                }
            }
        };
        if timeout(START, asked).await.is_err() {
            tracing::warn!("no control service has answered within {START:?}: the files serve as they are");
        }
    }

    /// Asks again and again, for ever. Dropping the future ends it.
    pub async fn run(mut self) -> Infallible {
        loop {
            let pause = pause(self.state.lock().failures, (self.random)());
            let order = tokio::select! {
                () = sleep(pause) => None,
                order = self.orders.recv() => order,
            };
            let result = self.ask().await;
            if let Some(order) = order {
                // Who ordered may be gone.
                let _ = order.send(result.map_err(|error| told(&error)));
            }
        }
    }

    /// Asks once, notes what came of it, and asks another one the next time if it was the service's fault.
    async fn ask(&mut self) -> Result<(), ControlError> {
        let result = self.load().await;
        let mut state = self.state.lock();
        match &result {
            Ok(()) => {
                state.failures = 0;
                if state.last_error.take().is_some() {
                    tracing::info!(service = self.services.label(), "the control service answers again");
                }
            }
            Err(error) => {
                state.failures = state.failures.saturating_add(1);
                let text = told(error);
                // Of the same failure again and again, once is enough.
                if state.last_error.as_ref() != Some(&text) {
                    tracing::warn!(
                        "nothing new from the control service, the files serve as they are: {text}"
                    );
                }
                state.last_error = Some(text);
                if !error.is_refusal() {
                    self.services.rotate();
                }
            }
        }
        state.ctrl_service_idx = self.services.index();
        state.next_ctrl_service = self.services.label();
        drop(state);
        result
    }

    async fn load(&self) -> Result<(), ControlError> {
        self.features().await?;
        let directory = self.options.directory.as_deref().filter(|_| self.options.gates.priority_config());
        match self.services.get::<Release>(RELEASE, &self.query(directory)).await? {
            Answer::Same => Ok(()),
            Answer::None => Err(ControlError::Status { service: self.services.label(), status: 404 }),
            Answer::New(release) => self.take(&release, directory),
        }
    }

    /// Takes the feature gates, of a service that has them.
    async fn features(&self) -> Result<(), ControlError> {
        let Answer::New(answer) = self.services.get::<Features>(FEATURES, &self.identity()).await? else {
            return Ok(());
        };
        let set = |(name, open): &(String, bool)| !self.options.gates.set(name, *open);
        let unknown = answer.features.into_iter().filter(set).map(|(name, _)| release::shown(&name));
        let unknown: Vec<_> = unknown.take(MAX_UNKNOWN).collect();
        let mut state = self.state.lock();
        if !unknown.is_empty() && unknown != state.unknown_features {
            let unknown = unknown.join(", ");
            tracing::warn!(unknown, "the control service sets feature gates that there are not");
        }
        state.unknown_features = unknown;
        Ok(())
    }

    fn identity(&self) -> Vec<(&'static str, String)> {
        vec![("gateway", self.options.name.clone()), ("ip_addr", self.options.address.clone())]
    }

    fn query(&self, directory: Option<&Path>) -> Vec<(&'static str, String)> {
        let state = self.state.lock();
        let mut query = self.identity();
        query.push(("last_version", state.version.clone()));
        if directory.is_some() {
            let versions = state.priority_versions.iter().map(|(key, version)| format!("{key}={version}"));
            query.push(("supportPriorityConfig", "1".to_owned()));
            let versions = versions.collect::<Vec<_>>().join(",");
            // Without it the service sends everything, which is what it does on the first request too.
            if versions.len() <= MAX_VERSIONS {
                query.push(("lastPriorityVersions", versions));
            }
        }
        query
    }

    /// Checks a release and writes it.
    fn take(&self, release: &Release, directory: Option<&Path>) -> Result<(), ControlError> {
        release.check()?;
        let plan = self.store.plan(release, &self.services.label(), directory)?;
        (self.check)(plan.read(&self.options.overrides))
            .map_err(|errors| store::of_config(release, errors))?;
        self.store.write(&plan)?;
        let items = &release.priority_configs;
        if directory.is_none() && !items.is_empty() {
            tracing::warn!(
                items = items.len(),
                "the release's priority items are left out: none were asked for"
            );
        }
        let taken = directory.map_or(&[][..], |_| items);
        let versions = taken.iter().map(|item| (item.key.clone(), item.version.clone()));
        let versions: BTreeMap<_, _> = versions.collect();
        let mut state = self.state.lock();
        if state.version != release.version || state.priority_versions != versions {
            tracing::info!(
                version = release.version,
                former = state.version,
                priority_items = versions.len(),
                service = self.services.label(),
                "release taken"
            );
        }
        state.version.clone_from(&release.version);
        state.priority_versions = versions;
        Ok(())
    }
}

/// A failure in words, as many as are of use.
fn told(error: &ControlError) -> String {
    let mut text = error.to_string();
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FeatureGates;

    fn client(services: &str) -> ControlClient {
        let options = ControlOptions {
            services: services.to_owned(),
            name: String::new(),
            address: String::new(),
            file: "config.yaml".into(),
            directory: Some("priority".into()),
            gates: FeatureGates::default(),
            overrides: Vec::new(),
        };
        ControlClient::new(options, Arc::new(|read| read.map(drop)), || 0).unwrap()
    }

    #[tokio::test]
    async fn as_many_items_as_a_release_may_have_can_be_asked_for_again() {
        let client = client("http://127.0.0.1:1");
        let item = |n: usize| (format!("{n:#<128}"), "é".repeat(64));
        for (items, listed) in [(1024, false), (60, true)] {
            client.state.lock().priority_versions = (0..items).map(item).collect();
            let query = client.query(Some(Path::new("p")));
            assert_eq!(query.iter().any(|(name, _)| *name == "lastPriorityVersions"), listed);
            let asked = client.services.get::<Release>(RELEASE, &query).await;
            // It gets as far as to the port, where nobody listens.
            let error = asked.err().unwrap().to_string();
            assert!(error.contains("refused"), "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn services_that_never_answer_do_not_hold_up_the_start() {
        // Never accepted: the kernel takes the connection, and that is all.
        let deaf = [(); 4].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let urls = deaf.iter().map(|listener| format!("http://{}", listener.local_addr().unwrap()));
        let mut client = client(&urls.collect::<Vec<_>>().join(","));
        let began = tokio::time::Instant::now();
        client.start().await;
        assert!(began.elapsed() <= START + Duration::from_millis(1), "{:?}", began.elapsed());
    }

    #[test]
    fn a_failure_does_not_repeat_all_that_was_sent() {
        let sent = format!(r#"{{"priorityConfigs": "{}"}}"#, "é".repeat(1 << 20));
        let source = serde_json::from_str::<Release>(&sent).unwrap_err();
        let text = told(&ControlError::Answer { service: "s".to_owned(), source });
        assert!((10..MAX_TEXT + 4).contains(&text.len()), "{}", text.len());
        for release in [
            serde_json::json!({ "config": "{}", "version": "1\n".repeat(1 << 20) }),
            serde_json::json!({ "config": "{}", "version": "1\nINFO all is well" }),
            serde_json::json!({ "config": "{}", "priorityConfigs": [{ "key": "k\n".repeat(1 << 20) }] }),
        ] {
            let release: Release = serde_json::from_value(release).unwrap();
            let text = release.check().unwrap_err().to_string();
            assert!(text.len() < 1_000 && !text.contains('\n'), "{text:.200}");
        }
    }
}
