//! Bodies that break: the client's fault, and never a whole request to the upstream.

use crate::bench::{Bench, Hyper};

const HEAD: &str = "POST / HTTP/1.1\r\nHost: gw.test\r\nTransfer-Encoding: chunked\r\n\r\n";

#[tokio::test]
async fn chunks() {
    let bench = Bench::start().await;
    for chunks in [
        "0x5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "-0\r\n\r\n",
        "5zz\r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5_0\r\nhello\r\n0\r\n\r\n",
        "11111111111111115\r\nhello\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "5\rXhello\r\n0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "5\r\nhelloX\n0\r\n\r\n",
        "5\r\nhello\rX0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "4\r\nhello\r\n0\r\n\r\n",
        "6\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "\r\n5\r\nhello\r\n0\r\n\r\n",
        "5;a\nhello\r\n0\r\n\r\n",
        "5;a\rb\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello\r\n0\n\r\n",
        "5\r\nhello\r\n0\n\n",
        "5\r\nhello\r\n0\r\n\n\r\n\r\n",
        "5\r\nhello\r\n0\r\nX y: z\r\n\r\n",
        "5\r\nhello\r\n0\r\nX: y\0\r\n\r\n",
        "5\r\nhello\r\n0\r\n X: y\r\n\r\n",
        "5\r\nhello\r\ng\r\n\r\n",
    ] {
        bench.refuses(format!("{HEAD}{chunks}"), &[400]).await;
    }
    for chunks in [
        "5 \r\nhello\r\n0\r\n\r\n",
        "5\t\r\nhello\r\n0\r\n\r\n",
        "5;a\0\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nX: y\n\r\n\r\n",
    ] {
        // What stands beside a size does not matter, nor a bare LF among trailers.
        bench.refuses_but(format!("{HEAD}{chunks}"), &[400], Hyper::Serves(5)).await;
    }
    bench.finish().await;
}

#[tokio::test]
async fn bombs() {
    let bench = Bench::start().await;
    let last = format!("{HEAD}5\r\nhello\r\n0\r\n");
    let crowd: String = (0..1000).map(|n| format!("X-{n}: a\r\n")).collect();
    bench.refuses(format!("{last}X: {}\r\n\r\n", "a".repeat(64 << 10)), &[400]).await;
    bench.refuses(format!("{last}{crowd}\r\n"), &[400]).await;
    bench.refuses(format!("{HEAD}5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(32 << 10)), &[400]).await;
    let many = "1;xxxxxxxx\r\na\r\n".repeat(4000);
    bench.refuses(format!("{HEAD}{many}0\r\n\r\n"), &[400]).await;
    bench.finish().await;
}
