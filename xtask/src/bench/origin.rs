//! What the proxies stand before: an HTTP/1.1 server that costs little and never changes its mind; gRPC on the port
//! above.
//!
//! A thread for each connection. It reads heads of its own callers only, which are proxies under test; it is no
//! server for anybody else. It is written by hand, since it shares its core with the load.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

pub(crate) mod grpc;

/// What is answered to `/small` and to all that has no name here.
const SMALL: usize = 13;

/// Serves until it is ended.
///
/// # Errors
/// When one of the ports is taken.
pub(crate) fn serve(port: u16) -> anyhow::Result<()> {
    let listen = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let (plain, calls) = (listen(port)?, listen(port + 1)?);
    thread::scope(|scope| {
        scope.spawn(|| each(scope, &calls, grpc::connection));
        serve_plain(&plain);
    });
    Ok(())
}

/// Serves HTTP/1.1 alone, until it is ended.
pub(crate) fn serve_plain(listener: &TcpListener) {
    let answers = Answers::new();
    thread::scope(|scope| each(scope, listener, |stream| connection(stream, &answers)));
}

/// Gives every connection a thread; its failure is a proxy that went away, which is nothing to tell.
fn each<'s>(
    scope: &'s thread::Scope<'s, '_>,
    listener: &TcpListener,
    serve: impl Fn(TcpStream) -> std::io::Result<()> + Copy + Send + 's,
) {
    for stream in listener.incoming().flatten() {
        let builder = thread::Builder::new().stack_size(256 << 10);
        if let Err(error) = builder.spawn_scoped(scope, move || serve(stream)) {
            eprintln!("the origin cannot serve a connection: {error}");
        }
    }
}

struct Answers {
    small: Vec<u8>,
    ten: Vec<u8>,
    mega: Vec<u8>,
    chunked: Vec<u8>,
}

impl Answers {
    fn new() -> Self {
        Self {
            small: whole(SMALL),
            ten: whole(10 << 10),
            mega: whole(1 << 20),
            chunked: chunked(10 << 10, 2 << 10),
        }
    }

    fn to(&self, target: &[u8]) -> &[u8] {
        match target {
            b"/10k" => &self.ten,
            b"/1m" => &self.mega,
            b"/chunked" => &self.chunked,
            _ => &self.small,
        }
    }
}

const FIELDS: &str = "server: origin\r\ndate: Sat, 21 Nov 2026 12:00:00 GMT\r\ncontent-type: text/plain\r\n\
    cache-control: no-cache\r\nx-frame-options: DENY\r\nx-content-type-options: nosniff\r\n";

fn whole(length: usize) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 200 OK\r\n{FIELDS}content-length: {length}\r\n\r\n").into_bytes();
    answer.resize(answer.len() + length, b'x');
    answer
}

fn chunked(length: usize, chunk: usize) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 200 OK\r\n{FIELDS}transfer-encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..length / chunk {
        answer.extend_from_slice(format!("{chunk:x}\r\n").as_bytes());
        answer.resize(answer.len() + chunk, b'x');
        answer.extend_from_slice(b"\r\n");
    }
    answer.extend_from_slice(b"0\r\n\r\n");
    answer
}

fn connection(mut stream: TcpStream, answers: &Answers) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 64 << 10];
    let mut filled = 0;
    loop {
        while let Some((head, body)) = request(&buffer[..filled]) {
            let (whole, answer) = (head + body, answers.to(target(&buffer[..head])));
            while filled < whole {
                let read = stream.read(&mut buffer[filled..])?;
                if read == 0 {
                    return Ok(());
                }
                filled += read;
            }
            stream.write_all(answer)?;
            buffer.copy_within(whole..filled, 0);
            filled -= whole;
        }
        let read = stream.read(&mut buffer[filled..])?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
    }
}

/// How long the first request's head and body are, once the head is there.
fn request(bytes: &[u8]) -> Option<(usize, usize)> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let length = bytes[..head].split(|byte| *byte == b'\n').find_map(|line| {
        let (name, value) = (line.get(..15)?, line.get(15..)?);
        name.eq_ignore_ascii_case(b"content-length:").then_some(value)
    });
    let length = length.and_then(|value| std::str::from_utf8(value).ok()?.trim().parse().ok());
    Some((head, length.unwrap_or(0)))
}

fn target(head: &[u8]) -> &[u8] {
    head.split(|byte| *byte == b' ').nth(1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{chunked, request, target, whole};

    #[test]
    fn requests_are_told_apart() {
        let post = b"POST /x HTTP/1.1\r\nhost: a\r\nContent-Length: 3\r\n\r\nabcGET";
        assert_eq!(request(post), Some((post.len() - 6, 3)));
        assert_eq!(target(post), b"/x");
        assert_eq!(request(b"GET / HTTP/1.1\r\n"), None);
    }

    #[test]
    fn answers_have_the_length_that_they_say() {
        assert!(whole(13).ends_with(b"content-length: 13\r\n\r\nxxxxxxxxxxxxx"));
        assert!(chunked(4, 2).ends_with(b"\r\n\r\n2\r\nxx\r\n2\r\nxx\r\n0\r\n\r\n"));
    }
}
