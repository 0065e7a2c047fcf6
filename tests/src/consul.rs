//! A real Consul: an agent in a container of its own, empty whenever it starts.

use std::net::{IpAddr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{Answer, BoxError, Caller, empty, full, within};

pub use registration::{Check, Registration};

mod registration;

/// Names the image; `cargo xtask it` sets it.
const IMAGE: &str = "GATEWAY_TEST_CONSUL_IMAGE";
/// The label by which `cargo xtask it` finds containers of runs that were killed.
const LABEL: &str = "gateway-test-owner";
/// The agent's port in its container.
const INSIDE: u16 = 8500;

/// An agent in development mode, with one server and nothing on disk. Its drop removes the container.
///
/// Its container reaches listeners of this machine at [`host`](Self::host).
pub struct ConsulAgent {
    container: String,
    address: SocketAddr,
    host: IpAddr,
    access: bool,
    management: Option<String>,
}

/// A token that an agent with access control made.
#[derive(Clone, Debug)]
pub struct Token {
    /// Names it, for [`ConsulAgent::revoke`].
    pub accessor: String,
    /// What its user sends.
    pub secret: String,
}

impl ConsulAgent {
    /// Starts one that anybody may ask everything, and waits until it has a leader.
    ///
    /// # Panics
    /// When there is no Docker or no image, or it does not start; the message has what Docker said.
    pub async fn start() -> Self {
        Self::run(false).await
    }

    /// Starts one that denies everything to those without a [`Token`].
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub async fn start_with_access_control() -> Self {
        Self::run(true).await
    }

    async fn run(access: bool) -> Self {
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        let container = format!("gateway-test-{:016x}", random());
        let mut agent = Self { container, address: unknown, host: unknown.ip(), access, management: None };
        agent.create("127.0.0.1:").await;
        let published = docker(&["port", &agent.container, &INSIDE.to_string()]).await;
        agent.address = published.trim().parse().expect("the published address");
        let format = "{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}";
        let host = docker(&["inspect", "--format", format, &agent.container]).await;
        agent.host = host.trim().parse().expect("the address of the network's gateway");
        agent.ready().await;
        agent
    }

    /// Runs the container, its port published at `place`.
    async fn create(&self, place: &str) {
        let image = std::env::var(IMAGE)
            .unwrap_or_else(|_| panic!("{IMAGE} names no image with Consul: run this by `cargo xtask it`"));
        let label = format!("{LABEL}={}", std::process::id());
        let publish = format!("{place}:{INSIDE}");
        let mut arguments = vec!["run", "--detach", "--name", &self.container, "--label", &label];
        arguments.extend(["--publish", &publish, &image]);
        arguments.extend(["agent", "-dev", "-client", "0.0.0.0", "-log-level", "warn"]);
        if self.access {
            arguments.extend(["-hcl", "acl { enabled = true default_policy = \"deny\" }"]);
        }
        docker(&arguments).await;
    }

    /// Waits for the leader, and for the token that may do everything.
    async fn ready(&mut self) {
        let leader = |answer: &Answer| answer.status == 200 && answer.text().contains(':');
        self.until("Consul has a leader", Method::GET, "/v1/status/leader", leader).await;
        if self.access {
            self.management = None;
            let made = |answer: &Answer| answer.status == 200;
            let answer = self.until("a first token", Method::PUT, "/v1/acl/bootstrap", made).await;
            self.management = answer.json()["SecretID"].as_str().map(str::to_owned);
        }
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of this machine as its container sees it: what listens there can be checked by it.
    pub fn host(&self) -> IpAddr {
        self.host
    }

    /// What the gateway is given to find it.
    pub fn dsn(&self) -> String {
        match std::env::var("GATEWAY_TEST_CONSUL_CLIENT") {
            Ok(client) => format!("consul://{}?client={client}", self.address),
            Err(_) => format!("consul://{}", self.address),
        }
    }

    /// Ends it at once, and with it all that it knew.
    pub async fn stop(&self) {
        docker(&["rm", "--force", "--volumes", &self.container]).await;
    }

    /// Starts it at the same address after [`stop`](Self::stop), empty: its index begins anew.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_again(&mut self) {
        self.create(&self.address.to_string()).await;
        self.ready().await;
    }

    /// Registers an instance, or changes what is registered by the same id.
    ///
    /// # Panics
    /// When it refuses.
    pub async fn register(&self, registration: &Registration) {
        self.put("/v1/agent/service/register", registration.json()).await;
    }

    /// Removes an instance by its id.
    ///
    /// # Panics
    /// When it refuses.
    pub async fn deregister(&self, id: &str) {
        self.put(&format!("/v1/agent/service/deregister/{id}"), Value::Null).await;
    }

    /// Sets an instance's [`Check::Reported`].
    ///
    /// # Panics
    /// When it refuses.
    pub async fn report(&self, id: &str, healthy: bool) {
        let status = if healthy { "pass" } else { "fail" };
        self.put(&format!("/v1/agent/check/{status}/service:{id}"), Value::Null).await;
    }

    /// The ids of a service's healthy instances, sorted.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn healthy(&self, service: &str) -> Vec<String> {
        let target = format!("/v1/health/service/{service}?passing=1");
        let answer = self.ask(Method::GET, &target, "").await.expect("Consul answers").json();
        let entries = answer.as_array().expect("a list").iter();
        let mut ids: Vec<_> = entries.filter_map(|entry| entry["Service"]["ID"].as_str()).collect();
        ids.sort_unstable();
        ids.into_iter().map(str::to_owned).collect()
    }

    /// Makes a token that may find services, and nothing else.
    ///
    /// # Panics
    /// When it refuses, as it does without access control.
    pub async fn token(&self) -> Token {
        let rules = "service_prefix \"\" { policy = \"read\" } node_prefix \"\" { policy = \"read\" }";
        let name = format!("find-{:016x}", random());
        self.put("/v1/acl/policy", json!({ "Name": name, "Rules": rules })).await;
        let made = self.put("/v1/acl/token", json!({ "Policies": [{ "Name": name }] })).await.json();
        let text = |key: &str| made[key].as_str().expect(key).to_owned();
        Token { accessor: text("AccessorID"), secret: text("SecretID") }
    }

    /// Makes a token worthless.
    ///
    /// # Panics
    /// When it refuses.
    pub async fn revoke(&self, token: &Token) {
        let answer = self.ask(Method::DELETE, &format!("/v1/acl/token/{}", token.accessor), "").await;
        assert!(answer.as_ref().is_ok_and(|answer| answer.status == 200), "{answer:?}");
    }

    async fn put(&self, target: &str, body: Value) -> Answer {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.ask(Method::PUT, target, &text).await.expect("Consul answers");
        assert_eq!(answer.status, 200, "PUT {target} {text}: {}", answer.text());
        answer
    }

    /// Asks until an answer is `met`.
    async fn until(&self, what: &str, method: Method, target: &str, met: impl Fn(&Answer) -> bool) -> Answer {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        let asked = async {
            loop {
                match self.ask(method.clone(), target, "").await {
                    Ok(answer) if met(&answer) => return answer,
                    _ => ticks.tick().await,
                };
            }
        };
        within(what, asked).await
    }

    async fn ask(&self, method: Method, target: &str, body: &str) -> Result<Answer, BoxError> {
        let mut caller = Caller::try_http1(self.address).await?;
        let mut request = caller.request(method.as_str(), target);
        if let Some(token) = &self.management {
            request = request.header("x-consul-token", token);
        }
        let body = if body.is_empty() { empty() } else { full(body.to_owned()) };
        caller.try_call(request.body(body)?).await
    }
}

impl Drop for ConsulAgent {
    fn drop(&mut self) {
        // In a failing test too. A run that is killed leaves it to the next, which looks for the label.
        let mut remove = std::process::Command::new("docker");
        remove.args(["rm", "--force", "--volumes", &self.container]);
        let _ = remove.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

/// Runs Docker and returns what it printed.
async fn docker(arguments: &[&str]) -> String {
    let what = format!("docker {}", arguments.join(" "));
    let output = Command::new("docker").args(arguments).stdin(Stdio::null()).output();
    let output = within(&what, output).await.expect("Docker is installed: `cargo xtask it` does that");
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Differs from call to call and from process to process.
fn random() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(std::process::id())
}
