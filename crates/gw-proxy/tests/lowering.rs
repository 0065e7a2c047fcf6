//! Documents in, diagnostics or a served table out.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at its first surprise")]

use std::sync::Arc;

use gw_client::{ClientFactory, ClientOptions, Static};
use gw_config::{Document, FeatureGates, Format, parse};
use gw_core::Clock;
use gw_middleware::{Registry, Surroundings};
use gw_proxy::{Compiled, Compiler, Proxy, Report};
use gw_telemetry::{BuildInfo, Metrics};

fn compiler() -> Compiler {
    Compiler {
        registry: Registry::built_in(),
        strict_slash: false,
        surroundings: Surroundings::alone(Clock::system()),
        gates: FeatureGates::default(),
    }
}

fn compile(format: Format, text: &str) -> Result<Compiled, gw_config::Diagnostics> {
    compiler().compile(Arc::new(parse(Document::new("test", format, text))?))
}

/// Checks codes and the text at which each of them points.
#[track_caller]
fn refuses(format: Format, text: &str, expected: &[(&str, &str)]) {
    let Err(found) = compile(format, text) else { panic!("{text} compiles") };
    let found: Vec<_> =
        found.iter().map(|found| (found.code, &text[found.span.start..found.span.end])).collect();
    assert_eq!(found, expected, "{text}");
}

const BACKEND: &str = "backends = [{ target = '127.0.0.1:1' }]\n";

#[test]
fn a_service_needs_a_discovery() {
    let endpoint = "[[endpoints]]\npath = '/'\nbackends = [{ target = 'discovery:///users' }]\n";
    refuses(Format::Toml, endpoint, &[("GW0310", "'discovery:///users'")]);
    let with = format!("[discovery]\ndsn = 'consul://127.0.0.1:8500'\n{endpoint}");
    assert!(compile(Format::Toml, &with).is_ok());
}

#[test]
fn every_error_is_found_at_its_place() {
    let text = format!(
        "[[middlewares]]\nname = 'cros'\n\
         [[endpoints]]\npath = '/a/{{b'\n{BACKEND}\
         [[endpoints]]\npath = '/a'\n{BACKEND}\
         [[endpoints]]\npath = '/a'\n{BACKEND}\
         [[endpoints.middlewares]]\nname = 'cors'\noptions = {{ allow_origins = ['*bad'], max_age = 'soon' }}\n\
         [[endpoints]]\npath = '/b'\nbackends = [{{ target = 'ftp:///x' }}]\n"
    );
    refuses(
        Format::Toml,
        &text,
        &[
            ("GW0301", "'cros'"),
            ("GW0303", "'/a/{b'"),
            ("GW0304", "'/a'"),
            ("GW0108", "'*bad'"),
            ("GW0105", "'soon'"),
            ("GW0306", "'ftp:///x'"),
        ],
    );
}

/// A breaker's backup is checked with the document that it stands in.
#[test]
fn a_bad_backend_of_a_backup_is_found_at_its_place() {
    for (target, code) in [("ftp:///x", "GW0306"), ("discovery:///users", "GW0310")] {
        let text = format!(
            "[[endpoints]]\npath = '/'\n{BACKEND}[[endpoints.middlewares]]\nname = 'circuitbreaker'\n\
             options = {{ backup_service = {{ endpoint = {{ backends = [{{ target = '{target}' }}] }} }} }}\n"
        );
        refuses(Format::Toml, &text, &[(code, &format!("'{target}'"))]);
    }
}

#[test]
fn bad_options_point_inside_the_options() {
    let text = format!(
        "[[endpoints]]\npath = '/'\n{BACKEND}[[endpoints.middlewares]]\nname = 'rewrite'\n\
         options = {{ path_rewrite = 'x', request_headers_rewrite = {{ set = {{ host = 'h' }} }} }}\n"
    );
    refuses(Format::Toml, &text, &[("GW0108", "'x'"), ("GW0108", "'h'")]);
}

/// Global ones count for each endpoint, but are complained about once.
#[test]
fn a_chain_has_64_middlewares_at_most() {
    let chain = |key: &str, names: &[&str]| {
        names.iter().map(|name| format!("[[{key}]]\nname = '{name}'\n")).collect::<String>()
    };
    let document = |global: &[&str], own: &[&str]| {
        let endpoint = |path: &str, own: &[&str]| {
            format!("[[endpoints]]\npath = '{path}'\n{BACKEND}{}", chain("endpoints.middlewares", own))
        };
        format!("{}{}{}", chain("middlewares", global), endpoint("/a", own), endpoint("/b", &[]))
    };
    let found = |global: usize, own: usize| {
        let text = document(&vec!["logging"; global], &vec!["headers"; own]);
        let errors = compile(Format::Toml, &text).err();
        errors.map_or_else(Vec::new, |errors| {
            let line = |error: &gw_config::Diagnostic| text[..error.span.start].lines().count();
            errors.iter().map(|error| (error.code, line(error))).collect::<Vec<_>>()
        })
    };
    assert_eq!(found(60, 4), []);
    assert_eq!(found(60, 5).len(), 1);
    assert_eq!(found(60, 7), found(60, 5), "at the first one that is too many");
    assert_eq!(found(65, 3).len(), 1);
    assert_eq!(found(65, 3)[0].0, "GW0312");
}

#[test]
fn a_rewrite_makes_paths_and_hosts() {
    let with = |options: &str| {
        format!(
            "[[endpoints]]\npath = '/'\n{BACKEND}middlewares = [{{ name = 'rewrite', options = {{ {options} }} }}]\n"
        )
    };
    for value in [r#""/a\u0000b c\r\n""#, "'/a b'", "'/a?x=y'", "'/a#x'", "'/{x}?y'"] {
        refuses(Format::Toml, &with(&format!("path_rewrite = {value}")), &[("GW0108", value)]);
    }
    for value in [r#""a\u0000""#, "'a b'", "'me@a'", "'http://a'", "'a/b'", "'{x}/b'"] {
        refuses(Format::Toml, &with(&format!("host_rewrite = {value}")), &[("GW0108", value)]);
    }
    for fine in ["path_rewrite = '/%20/{x}/{y'", "host_rewrite = '{x}.test:{y}'", "host_rewrite = '[::1]:80'"]
    {
        assert!(compile(Format::Toml, &with(fine)).is_ok(), "{fine}");
    }
}

#[test]
fn a_colour_is_asked_for_by_a_header_that_can_exist() {
    let text = format!("[[endpoints]]\npath = '/'\n{BACKEND}nodes = {{ color_header = 'x color' }}\n");
    refuses(Format::Toml, &text, &[("GW0108", "'x color'")]);
}

#[test]
fn an_unknown_middleware_is_an_error_in_both_dialects_even_if_not_required() {
    let yaml = "endpoints:\n- path: /\n  backends: [{target: '127.0.0.1:1'}]\n  middlewares: [{name: tracin, required: false}]\n";
    refuses(Format::Yaml, yaml, &[("GW0301", "tracin")]);
    for required in ["false", "true"] {
        let toml = format!(
            "[[endpoints]]\npath = '/'\n{BACKEND}middlewares = [{{ name = 'Cros', required = {required} }}]\n"
        );
        refuses(Format::Toml, &toml, &[("GW0301", "'Cros'")]);
        let errors = compile(Format::Toml, &toml).map(|_| ()).unwrap_err();
        assert!(errors.list()[0].help[0].contains("`cors`"), "{:?}", errors.list()[0].help);
    }
}

#[test]
fn only_an_explicit_false_tolerates_a_failing_build() {
    let with = |required: &str| {
        format!(
            "[[middlewares]]\nname = 'cors'\n{required}options = {{ allow_origins = ['*bad'] }}\n\
             [[endpoints]]\npath = '/'\n{BACKEND}[[endpoints]]\npath = '/x'\n{BACKEND}"
        )
    };
    refuses(Format::Toml, &with(""), &[("GW0108", "'*bad'")]);
    refuses(Format::Toml, &with("required = true\n"), &[("GW0108", "'*bad'")]);
    let compiled = compile(Format::Toml, &with("required = false\n")).unwrap();
    assert_eq!(compiled.left_out(), ["cors"], "counted once, though two endpoints have it");
    assert_eq!(compiled.warnings().len(), 1);
}

#[test]
fn the_originals_dialect_compiles() {
    let yaml = "
name: helloworld
middlewares:
- name: cors
  options: {'@type': 'type.googleapis.com/gateway.middleware.cors.v1.Cors', allowOrigins: [.google.com], maxAge: 600s}
endpoints:
- path: /helloworld/*
  protocol: HTTP
  host: localhost
  timeout: 1s
  backends: [{target: '127.0.0.1:8000', weight: '10'}]
- path: /helloworld.v1.Greeter/*
  method: POST
  protocol: GRPC
  backends: [{target: '127.0.0.1:9000'}]
  retry: {attempts: 3, perTryTimeout: 0.1s, conditions: [{byStatusCode: '502-504'}, {byHeader: {name: Grpc-Status, value: '14'}}]}
";
    let compiled = compile(Format::Yaml, yaml).map_err(|errors| errors.to_string()).unwrap();
    assert_eq!((compiled.len(), compiled.warnings().len()), (2, 0));
}

#[test]
fn a_description_is_for_people_alone() {
    let native = format!("[[endpoints]]\npath = '/'\ndescription = 'greets'\n{BACKEND}");
    let go = "endpoints: [{path: /, description: greets, backends: [{target: '127.0.0.1:1'}]}]";
    for (format, text) in [(Format::Toml, native.as_str()), (Format::Yaml, go)] {
        let compiled = compile(format, text).map_err(|errors| errors.to_string()).unwrap();
        assert_eq!((compiled.len(), compiled.warnings().len()), (1, 0), "{text}");
    }
}

struct Served {
    proxy: Arc<Proxy>,
    clients: Arc<ClientFactory>,
}

impl Served {
    fn new() -> Self {
        let metrics = Metrics::new(2, BuildInfo::default());
        let options = ClientOptions::new(tokio::runtime::Handle::current(), Arc::new(Static::new()));
        Self { proxy: Proxy::builder(2, metrics).build(), clients: ClientFactory::new(options) }
    }

    fn publish(&self, text: &str) -> Report {
        let compiled = compile(Format::Toml, text).unwrap();
        self.proxy.commit(self.proxy.prepare(compiled, &|spec| self.clients.client(spec)).unwrap())
    }
}

#[tokio::test]
async fn a_reload_tells_what_it_changed_and_keeps_the_rest() {
    let served = Served::new();
    let endpoint = |path: &str, more: &str| format!("[[endpoints]]\npath = '{path}'\n{more}{BACKEND}");
    assert_eq!(served.proxy.generation(), 0);
    let first = served.publish(&(endpoint("/a", "") + &endpoint("/b", "") + &endpoint("/c", "")));
    assert_eq!((first.generation, first.added.len(), first.kept), (1, 3, 0));

    // A comment moves every position and changes nothing.
    let text = format!(
        "# moved\n{}{}{}",
        endpoint("/b", ""),
        endpoint("/c", "timeout = '2s'\n"),
        endpoint("/d", "")
    );
    let second = served.publish(&text);
    assert_eq!(second.kept, 1);
    assert_eq!(second.added, ["* /d"]);
    assert_eq!(second.changed, ["* /c"]);
    assert_eq!(second.removed, ["* /a"]);
    assert!(served.proxy.sweep(), "former tables were dropped");
    assert!(!served.proxy.sweep(), "and none since");
    assert!(served.proxy.draining().is_empty(), "nobody uses the former table");

    let third = served.publish(&format!("[client]\nconnect_timeout = '2s'\n{text}"));
    assert_eq!((third.kept, third.changed.len()), (0, 3), "what surrounds the endpoints counts");
}
