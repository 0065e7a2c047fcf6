//! A heap profile of the command under load, read by another program's decoder.

#![allow(clippy::unwrap_used, reason = "a test stops at its first surprise")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use flate2::read::GzDecoder;
use pprof::protos::{Message, Profile};

const FREE: &str = "127.0.0.1:0";

/// The command; its end is the test's.
struct Demo {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStderr>>,
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Demo {
    /// Starts the demo with `sampling`, or without.
    fn start(sampling: Option<&str>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
        command.args(["dev", "-addr", FREE, "-admin", FREE]).env_remove("RUST_LOG").env_remove("MALLOC_CONF");
        command.envs(sampling.map(|sampling| ("MALLOC_CONF", sampling)));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The address of the next listener that the log names.
    fn listening(&mut self) -> String {
        let line =
            self.lines.by_ref().map(Result::unwrap).find(|line| line.contains("\"listening\"")).unwrap();
        let (_, after) = line.split_once("\"address\":\"").unwrap();
        after.split('"').next().unwrap().to_owned()
    }
}

/// The body of the answer; the whole of it, if it is no 200.
fn get(address: &str, path: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    if answer.starts_with(b"HTTP/1.1 200") { answer.split_off(head) } else { answer }
}

#[test]
fn a_heap_profile_names_functions_of_ours() {
    let mut demo = Demo::start(Some("prof:true,prof_active:true,lg_prof_sample:12"));
    let (data, admin) = (demo.listening(), demo.listening());
    for _ in 0..100 {
        assert!(get(&data, "/hello").starts_with(b"{"));
    }
    let file = get(&admin, "/debug/pprof/heap");
    let mut bytes = Vec::new();
    GzDecoder::new(&*file).read_to_end(&mut bytes).unwrap();
    let profile = Profile::decode(&*bytes).unwrap();
    let text = |index: i64| profile.string_table[usize::try_from(index).unwrap()].as_str();
    let types: Vec<_> = profile.sample_type.iter().map(|kind| (text(kind.ty), text(kind.unit))).collect();
    assert!(types.contains(&("inuse_space", "bytes")), "{types:?}");
    let bytes = types.iter().position(|kind| *kind == ("inuse_space", "bytes")).unwrap();
    assert!(profile.sample.iter().map(|sample| sample.value[bytes]).sum::<i64>() > 0);
    let ours = |name: &&str| name.contains("gw_proxy::") || name.contains("gw_server::");
    assert!(profile.function.iter().map(|function| text(function.name)).any(|name| ours(&name)), "{types:?}");
}

#[test]
fn without_sampling_the_page_says_how_to_have_it() {
    let mut demo = Demo::start(None);
    let (_, admin) = (demo.listening(), demo.listening());
    let answer = String::from_utf8(get(&admin, "/debug/pprof/heap")).unwrap();
    assert!(answer.starts_with("HTTP/1.1 501") && answer.contains("MALLOC_CONF=prof:true"), "{answer}");
}
