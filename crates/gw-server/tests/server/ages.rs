//! Connections that have reached their age: they end where no request is lost.

use std::time::Duration;

use gw_server::Limits;

use crate::harness::{Client, Server, echo, listener, patient, start};
use crate::http2::connect;

fn aging() -> Server {
    let age = Some(Duration::from_millis(40));
    start(listener(Limits { max_connection_age: age, ..Limits::default() }), |req, _| echo(req))
}

#[tokio::test]
async fn the_next_answer_of_http1_is_the_last() {
    let server = aging();
    let mut client = Client::connect(server.address).await;
    let last = async {
        loop {
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
            let answer = client.answer().await;
            assert_eq!(answer.status, 200);
            if answer.closes() {
                return;
            }
        }
    };
    patient(last).await;
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn http2_is_told_to_go() {
    let server = aging();
    let (_sender, connection) = connect(server.address).await;
    // In order: by GOAWAY, not by a reset.
    patient(connection).await.unwrap().unwrap();
}
