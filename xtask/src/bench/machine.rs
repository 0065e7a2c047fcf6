//! What a run was made with: without it figures say nothing.

use std::process::Command;

use super::peers::Proxy;
use super::round::Bench;

/// The machine, the versions.
pub(crate) fn describe(bench: &Bench, proxies: &[Proxy]) -> Vec<String> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model =
        info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let cores = info.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = read("/proc/sys/kernel/osrelease");
    let mut lines = vec![format!("{cores} cores, {}, Linux {}", model.unwrap_or("unknown"), kernel.trim())];
    let programs = &bench.place.programs;
    let mut said = vec![
        ("commit", version(Command::new("git").args(["log", "-1", "--format=%h of %cs"]))),
        ("wrk", version(Command::new("wrk").arg("-v"))),
        ("h2load", version(Command::new("h2load").arg("--version"))),
    ];
    if proxies.contains(&Proxy::Pingora) {
        let lock = std::fs::read_to_string("xtask/peers/pingora/Cargo.lock").unwrap_or_default();
        let locked = lock.split_once("name = \"pingora\"\n").and_then(|(_, rest)| rest.split('"').nth(1));
        said.push(("pingora", locked.map(str::to_owned)));
    }
    for proxy in proxies {
        let (name, program, argument) = match proxy {
            Proxy::Ours => ("gateway", bench.place.gateway.clone(), "version"),
            Proxy::Nginx => ("nginx", "nginx".into(), "-v"),
            Proxy::Haproxy => ("haproxy", "haproxy".into(), "-v"),
            Proxy::Envoy => ("envoy", programs.join("envoy"), "--version"),
            Proxy::Traefik => ("traefik", programs.join("traefik"), "version"),
            Proxy::Caddy => ("caddy", programs.join("caddy"), "version"),
            Proxy::NginxLog | Proxy::Plain | Proxy::Pingora | Proxy::Other(_) => continue,
        };
        said.push((name, version(Command::new(program).arg(argument))));
    }
    lines
        .extend(said.into_iter().map(|(name, version)| format!("{name}: `{}`", version.unwrap_or_default())));
    lines
}

/// The first line with a number that a program says; some end with a failure then.
fn version(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    Some(text.lines().find(|line| line.bytes().any(|byte| byte.is_ascii_digit()))?.trim().to_owned())
}
