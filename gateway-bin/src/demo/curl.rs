//! What to try in the demo: command lines that work as they stand, end by themselves, and end with 0.

use std::net::SocketAddr;

/// One line each, for a gateway that listens at `gateway`. They need a POSIX shell and a curl with HTTP/2.
pub(crate) fn curl_lines(gateway: SocketAddr) -> Vec<String> {
    let http =
        |arguments: &str| format!("curl -fsS {}", arguments.replace("GATEWAY", &format!("http://{gateway}")));
    vec![
        http("GATEWAY/hello"),
        http("-i 'GATEWAY/api/some/path?q=1' -d 'a body'"),
        http("GATEWAY/users/ann/orders/7"),
        http("GATEWAY/items/42"),
        http("GATEWAY/flaky"),
        http("'GATEWAY/weighted?[1-4]' | grep upstream"),
        http(
            "-i -X OPTIONS GATEWAY/hello -H 'Origin: https://app.example.com' -H 'Access-Control-Request-Method: GET'",
        ),
        grpc(gateway, "SayHello"),
        grpc(gateway, "SayHellos"),
        websocket(gateway),
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
