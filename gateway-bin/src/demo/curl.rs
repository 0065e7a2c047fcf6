//! What to try in the demo: command lines that work as they stand, end by themselves, and end with 0.

use std::net::SocketAddr;

/// Something to try.
pub(crate) struct Example {
    /// What it shows.
    pub(crate) shows: &'static str,
    /// The command line.
    pub(crate) line: String,
}

/// What to try at a gateway that listens at `gateway`. The lines need a POSIX shell and a curl with HTTP/2.
pub(crate) fn examples(gateway: SocketAddr) -> [Example; 10] {
    let http =
        |arguments: &str| format!("curl -fsS {}", arguments.replace("GATEWAY", &format!("http://{gateway}")));
    let example = |shows, line| Example { shows, line };
    [
        example("a path; the upstream tells what it received", http("GATEWAY/hello")),
        example(
            "a prefix, which the upstream does not get to see, and headers both ways",
            http("-i 'GATEWAY/api/some/path?q=1' -d 'a body'"),
        ),
        example("a template, whose variables make the new path", http("GATEWAY/users/ann/orders/7")),
        example("a regular expression: digits only", http("GATEWAY/items/42")),
        example(
            "the upstream answers every other request with 503; the gateway tries again, and you get 200 each time",
            http("GATEWAY/flaky"),
        ),
        example(
            "weights: of four requests, alpha gets three and beta one",
            http("'GATEWAY/weighted?[1-4]' | grep upstream"),
        ),
        example(
            "a browser's preflight (CORS), which the gateway answers itself",
            http(
                "-i -X OPTIONS GATEWAY/hello -H 'Origin: https://app.example.com' -H 'Access-Control-Request-Method: GET'",
            ),
        ),
        example("a gRPC call", grpc(gateway, "SayHello")),
        example("a gRPC call that is answered with a stream", grpc(gateway, "SayHellos")),
        example("a WebSocket: hello, then its close", websocket(gateway)),
    ]
}

/// Sends `name: "world"`: 7 bytes, field 1, a string of 5.
fn grpc(gateway: SocketAddr, method: &str) -> String {
    format!(
        "printf '\\0\\0\\0\\0\\007\\012\\005world' | curl -fsS -i --http2-prior-knowledge \
         -H 'Content-Type: application/grpc' -H 'TE: trailers' --data-binary @- \
         http://{gateway}/demo.Greeter/{method} | cat -v"
    )
}

/// The upstream says hello and closes, which ends curl; `cat -v` shows the frames' control bytes.
fn websocket(gateway: SocketAddr) -> String {
    format!(
        "curl -sS -i -N --max-time 10 -H 'Connection: Upgrade' -H 'Upgrade: websocket' \
         -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' \
         'http://{gateway}/ws?say=hello' | cat -v"
    )
}
