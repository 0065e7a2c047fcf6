//! What the proxies read: each keeps its connections to the origin, tells who asked, and has room for many callers.

use std::fmt::Write as _;

use super::Place;
use crate::bench::routes::Route;
use crate::bench::scenario::Scenario;

/// Ours, with everything on.
pub(crate) fn ours(place: &Place, scenario: Scenario, routes: &[Route]) -> String {
    let Place { folder, port, .. } = place;
    let (folder, tls) = (folder.display(), port + 1);
    let mut text = format!(
        r#"[[listeners]]
address = "127.0.0.1:{port}"
limits = {{ connections = 20000 }}

[[listeners]]
address = "127.0.0.1:{tls}"
limits = {{ connections = 20000 }}
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
    let protocol = if scenario == Scenario::Grpc { "grpc" } else { "http" };
    for Route { pattern, only, timeout, .. } in routes {
        let hosts = only.as_ref().map_or_else(String::new, |host| format!("hosts = [\"{host}\"]\n"));
        let _ = write!(
            text,
            "\n[[endpoints]]\npath = \"{pattern}\"\n{hosts}timeout = \"{timeout}s\"\nprotocol = \"{protocol}\"\n\
             backends = [{{ target = \"127.0.0.1:{}\" }}]\n",
            place.upstream(scenario)
        );
    }
    text
}

/// A log of the fields that ours has, written as seldom.
pub(super) fn like_ours(place: &Place) -> String {
    format!(
        "log_format ours escape=json '{{\"timestamp\":\"$time_iso8601\",\"request_id\":\"$request_id\",\
         \"client\":\"$remote_addr\",\"method\":\"$request_method\",\"path\":\"$uri\",\"host\":\"$host\",\
         \"status\":$status,\"bytes_in\":$request_length,\"bytes_out\":$body_bytes_sent,\"duration\":$request_time,\
         \"upstream\":\"$upstream_addr\",\"upstream_status\":\"$upstream_status\",\
         \"upstream_time\":\"$upstream_response_time\",\"agent\":\"$http_user_agent\"}}';\n \
         access_log {}/nginx.log ours buffer=64k flush=1s;\n proxy_set_header X-Request-Id $request_id; \
         grpc_set_header X-Request-Id $request_id;",
        place.folder.display()
    )
}

pub(super) fn nginx(place: &Place, scenario: Scenario, log: &str) -> String {
    let Place { folder, port, .. } = place;
    let (folder, tls, origin) = (folder.display(), port + 1, place.upstream(scenario));
    let pass = if scenario == Scenario::Grpc { "grpc_pass grpc" } else { "proxy_pass http" };
    // Before 1.25 a plain port of nginx speaks one of the two.
    let h2 = if scenario.is_h2() { " http2" } else { "" };
    format!(
        "worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log /dev/null crit; user root;\n\
         worker_rlimit_nofile 30000;\nevents {{ worker_connections 24000; }}\nhttp {{\n {log}\n \
         keepalive_timeout 600s; keepalive_requests 1000000000;\n client_body_temp_path {folder}/body; \
         proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fcgi; uwsgi_temp_path {folder}/uwsgi; \
         scgi_temp_path {folder}/scgi;\n proxy_http_version 1.1; proxy_set_header Connection \"\"; \
         proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; \
         proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $host;\n \
         grpc_set_header X-Forwarded-For $proxy_add_x_forwarded_for; \
         grpc_set_header X-Forwarded-Proto $scheme; grpc_set_header X-Forwarded-Host $host;\n \
         proxy_buffer_size 16k; proxy_buffers 16 16k; proxy_busy_buffers_size 64k; proxy_max_temp_file_size 0; \
         client_body_buffer_size 64k;\n upstream origin {{ server 127.0.0.1:{origin}; keepalive 512; \
         keepalive_requests 1000000000; keepalive_timeout 600s; }}\n server {{\n  listen 127.0.0.1:{port}{h2} \
         backlog=4096;\n  listen 127.0.0.1:{tls} ssl http2 backlog=4096; ssl_protocols TLSv1.2 TLSv1.3; \
         ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;\n  \
         location / {{ {pass}://origin; }}\n }}\n}}\n"
    )
}

pub(super) fn haproxy(place: &Place, scenario: Scenario) -> String {
    let Place { folder, port, .. } = place;
    let (folder, tls, origin) = (folder.display(), port + 1, place.upstream(scenario));
    let h2 = if scenario == Scenario::Grpc { " proto h2" } else { "" };
    format!(
        "global\n  nbthread 1\n  maxconn 9600\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 600s\n  \
         timeout server 600s\n  http-reuse always\n  option forwardfor\nfrontend front\n  bind 127.0.0.1:{port}{h2} \
         backlog 4096\n  bind 127.0.0.1:{tls} ssl crt {folder}/both.pem alpn h2,http/1.1\n  \
         default_backend origin\nbackend origin\n  server one 127.0.0.1:{origin}{h2}\n"
    )
}

pub(super) fn envoy(place: &Place, scenario: Scenario) -> String {
    let (port, origin) = (place.port, place.upstream(scenario));
    let protocol = match scenario {
        Scenario::Grpc => "http2_protocol_options: {}",
        _ => "http_protocol_options: {}",
    };
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
              - match: {{ prefix: "/" }}
                route: {{ cluster: origin }}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}
  clusters:
  - name: origin
    type: STATIC
    connect_timeout: 1s
    circuit_breakers: {{ thresholds: [{{ max_connections: 10000, max_pending_requests: 10000, max_requests: 10000 }}] }}
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {{ {protocol} }}
    load_assignment:
      cluster_name: origin
      endpoints:
      - lb_endpoints:
        - endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {origin} }} }} }}
"#
    )
}

pub(super) fn traefik(place: &Place, dynamic: &str) -> String {
    format!(
        "entryPoints:\n  web:\n    address: \"127.0.0.1:{}\"\nproviders:\n  file:\n    filename: {dynamic}\n    \
         watch: false\nlog:\n  level: ERROR\n",
        place.port
    )
}

pub(super) fn traefik_route(place: &Place) -> String {
    format!(
        "http:\n  routers:\n    all:\n      rule: PathPrefix(`/`)\n      service: origin\n  services:\n    origin:\n      \
         loadBalancer:\n        servers:\n        - url: http://127.0.0.1:{}\n",
        place.origin
    )
}

pub(super) fn caddy(place: &Place) -> String {
    format!(
        "{{\n  admin off\n  auto_https off\n}}\nhttp://:{} {{\n  bind 127.0.0.1\n  reverse_proxy 127.0.0.1:{}\n}}\n",
        place.port, place.origin
    )
}
