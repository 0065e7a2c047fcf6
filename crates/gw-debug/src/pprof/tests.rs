//! Pages, and profiles of this very process.

use gw_core::Request;
use http_body_util::BodyExt;

use super::*;

async fn get(pages: &Pprof, tail: &str, query: &str) -> Option<(u16, Vec<u8>)> {
    let (mut head, body) = Request::new(Body::empty()).into_parts();
    head.uri = format!("/debug/pprof/{tail}?{query}").parse().unwrap();
    let response = pages.handle(tail, Request::from_parts(head, body)).await?;
    let status = response.status().as_u16();
    Some((status, response.into_body().collect().await.unwrap().to_bytes().to_vec()))
}

#[tokio::test]
async fn what_has_no_counterpart_says_what_to_use() {
    let pages = Pprof::new(&["gateway".to_owned(), "-debug".to_owned()], || "worker 1\n".to_owned());
    for (page, _) in ELSEWHERE {
        let (status, body) = get(&pages, page, "").await.unwrap();
        assert_eq!((status, body.is_empty()), (501, false), "{page}");
    }
    assert!(get(&pages, "nothing", "").await.is_none());
    assert_eq!(get(&pages, "goroutine", "").await.unwrap().1, b"worker 1\n");
    let index = String::from_utf8(get(&pages, "", "").await.unwrap().1).unwrap();
    assert_eq!(index.lines().count(), 10);
    assert_eq!(get(&pages, "cmdline", "").await.unwrap(), (200, b"gateway\0-debug".to_vec()));
}

#[tokio::test]
async fn the_command_line_is_shown_without_credentials() {
    let arguments = [
        "-discovery.dsn=consul://127.0.0.1:8500?token=hunter2",
        "-ctrl.service",
        "http://a:1,https://u:hunter2@b/",
        "-addr=127.0.0.1:80",
        "http://plain/",
    ];
    let pages = Pprof::new(&arguments.map(str::to_owned), String::new);
    let shown = String::from_utf8(get(&pages, "cmdline", "").await.unwrap().1).unwrap();
    let expect = "-discovery.dsn=consul://[redacted]\0-ctrl.service\0http://[redacted]\0-addr=127.0.0.1:80\0http://plain/";
    assert_eq!(shown, expect);
}

#[cfg(unix)]
#[tokio::test]
async fn one_cpu_profile_is_taken_at_a_time_and_no_longer_than_a_minute() {
    let pages = Pprof::new(&[], String::new);
    for query in ["seconds=0", "seconds=61", "seconds=x", "seconds="] {
        assert_eq!(get(&pages, "profile", query).await.unwrap().0, 400, "{query}");
    }
    // Something to see: threads that do nothing leave no samples.
    let burn = std::thread::spawn(|| (0..200_000_000_u64).fold(0, |a, b| std::hint::black_box(a ^ b)));
    let (first, second) = tokio::join!(
        biased;
        get(&pages, "profile", "seconds=1"),
        get(&pages, "profile", "seconds=1")
    );
    burn.join().unwrap();
    assert_eq!(second.unwrap().0, 409);
    let (status, profile) = first.unwrap();
    assert_eq!((status, profile.is_empty()), (200, false));
    // One that is given up makes room for the next.
    let given_up =
        tokio::time::timeout(std::time::Duration::ZERO, get(&pages, "profile", "seconds=60")).await;
    assert!(given_up.is_err());
    assert_eq!(get(&pages, "profile", "seconds=1").await.unwrap().0, 200);
}
