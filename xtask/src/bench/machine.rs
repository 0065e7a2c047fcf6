//! What a run was made with: without it figures say nothing.

use std::process::Command;

use super::peers::Proxy;
use super::round::Bench;

/// Lines of Markdown: the machine, the versions.
pub(crate) fn describe(bench: &Bench, proxies: &[Proxy]) -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model =
        info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let cores = info.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = read("/proc/sys/kernel/osrelease");
    let mut lines = vec![format!("- {cores} cores, {}, Linux {}", model.unwrap_or("unknown"), kernel.trim())];
    let programs = &bench.place.programs;
    for proxy in proxies {
        let (program, argument) = match proxy {
            Proxy::Ours => (bench.place.gateway.clone(), "version"),
            Proxy::Nginx => ("nginx".into(), "-v"),
            Proxy::Haproxy => ("haproxy".into(), "-v"),
            Proxy::Envoy => (programs.join("envoy"), "--version"),
            Proxy::Traefik => (programs.join("traefik"), "version"),
            Proxy::Caddy => (programs.join("caddy"), "version"),
            Proxy::NginxLog | Proxy::Other(_) => continue,
        };
        let Ok(output) = Command::new(program).arg(argument).output() else { continue };
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        if let Some(line) = text.lines().find(|line| line.bytes().any(|byte| byte.is_ascii_digit())) {
            lines.push(format!("- {}: `{}`", proxy.name(), line.trim()));
        }
    }
    lines.join("\n")
}
