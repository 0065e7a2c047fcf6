//! Which protocol a connection speaks: its first bytes say, however they come.

use tokio::io::AsyncReadExt as _;

use crate::harness::{Client, echo, patient, serve};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The settings of a client that has none, and a GET on stream 1 with a field of `length` bytes, HPACK by hand.
fn request(length: usize) -> Vec<u8> {
    let mut block = vec![0x82, 0x86, 0x84, 0x41, 1, b'a', 0, 1, b'x'];
    // An integer behind a prefix of 7 bits (RFC 7541 §5.1).
    let mut left = length.checked_sub(127).expect("a long field");
    block.push(127);
    while left >= 128 {
        block.push(0x80 | (left % 128) as u8);
        left /= 128;
    }
    block.push(left as u8);
    block.extend(vec![b'y'; length]);
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let [_, size @ ..] = u32::try_from(block.len()).unwrap().to_be_bytes();
    [PREFACE, &settings, &size, &[1, 5, 0, 0, 0, 1], &block].concat()
}

/// Waits for the head of the answer on stream 1.
async fn answered(client: &mut Client) {
    loop {
        let mut head = [0; 9];
        patient(client.stream.read_exact(&mut head)).await.expect("an answer");
        let [a, b, c, kind, _, stream @ ..] = head;
        let mut rest = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        patient(client.stream.read_exact(&mut rest)).await.unwrap();
        if (kind, u32::from_be_bytes(stream)) == (1, 1) {
            return;
        }
    }
}

#[tokio::test]
async fn the_preface_of_http2_may_come_in_pieces_or_with_all_that_follows() {
    let server = serve(echo);
    let request = request(5000);
    for cut in [1, 10, PREFACE.len() - 1, PREFACE.len(), PREFACE.len() + 1, 3000, request.len()] {
        let mut client = Client::connect(server.address).await;
        let (first, second) = request.split_at(cut);
        client.send(first).await;
        client.send(second).await;
        answered(&mut client).await;
    }
}

#[tokio::test]
async fn a_long_head_and_what_is_behind_it_are_read_to_the_last_byte() {
    let server = serve(echo);
    let long = "x".repeat(5000);
    let both = format!(
        "POST /first HTTP/1.1\r\nHost: a\r\nX-Long: {long}\r\nContent-Length: 2\r\n\r\nhi\
         GET /second HTTP/1.1\r\nHost: a\r\n\r\n"
    );
    for cut in [1, 2047, 2048, 2049, both.len() - 30, both.len()] {
        let mut client = Client::connect(server.address).await;
        let (first, second) = both.split_at(cut);
        client.send(first).await;
        client.send(second).await;
        assert_eq!(client.answer().await.body, "POST /first a hi");
        assert_eq!(client.answer().await.body, "GET /second a ");
    }
}
