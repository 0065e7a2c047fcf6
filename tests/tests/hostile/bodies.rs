//! Bodies that break: the client's fault, and never a whole request to the upstream.

use crate::bench::Bench;

#[tokio::test]
async fn chunks() {
    let bench = Bench::start().await;
    for chunks in [
        "0x5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "-0\r\n\r\n",
        "5zz\r\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5_0\r\nhello\r\n0\r\n\r\n",
        "11111111111111115\r\nhello\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "5\rXhello\r\n0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "4\r\nhello\r\n0\r\n\r\n",
        "6\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "\r\n5\r\nhello\r\n0\r\n\r\n",
        "5;a\nhello\r\n0\r\n\r\n",
        "5;a\rb\r\nhello\r\n0\r\n\r\n",
        "5;a\0\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello\r\n0\n\r\n",
        "5\r\nhello\r\n0\n\n",
        "5\r\nhello\r\n0\r\n\n\r\n\r\n",
        "5\r\nhello\r\n0\r\nX y: z\r\n\r\n",
        "5\r\nhello\r\n0\r\nX: y\n\r\n\r\n",
        "5\r\nhello\r\n0\r\nX: y\0\r\n\r\n",
        "5\r\nhello\r\n0\r\n X: y\r\n\r\n",
        "5\r\nhello\r\ng\r\n\r\n",
    ] {
        let head = "POST / HTTP/1.1\r\nHost: gw.test\r\nTransfer-Encoding: chunked\r\n\r\n";
        bench.refuses(format!("{head}{chunks}"), &[400]).await;
    }
}

#[tokio::test]
async fn trailer_bombs() {
    let bench = Bench::start().await;
    let head = "POST / HTTP/1.1\r\nHost: gw.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n";
    bench.refuses(format!("{head}X: {}\r\n\r\n", "a".repeat(64 << 10)), &[400, 431]).await;
    let crowd: String = (0..1000).map(|n| format!("X-{n}: a\r\n")).collect();
    bench.refuses(format!("{head}{crowd}\r\n"), &[400, 431]).await;
    bench
        .refuses(
            format!(
                "{}{}",
                head.replace("5\r\nhello\r\n0\r\n", ""),
                format_args!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(32 << 10))
            ),
            &[400],
        )
        .await;
}
