//! Whatever an upstream answers, and whatever a message holds.

use bytes::Bytes;
use gw_core::{Body, Request, Response};
use gw_middleware::client_fn;
use http::HeaderValue;
use http_body_util::BodyExt as _;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{answered, chain, options, request, upstream};

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[..], message].concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes back, there is an answer: the bytes of one whole message, or a failure.
    #[test]
    fn no_answer_of_an_upstream_breaks_the_transcoder(
        body in prop_oneof![
            vec(any::<u8>(), 0..64),
            vec(any::<u8>(), 0..64).prop_map(|message| framed(&message)),
        ],
        cut in 1..9_usize,
        status in prop_oneof![Just("0".to_owned()), "[0-9]{0,3}", "[ -~]{0,4}"],
        details in "[A-Za-z0-9+/]{0,40}=?",
        trailers in any::<bool>(),
    ) {
        let chunks: Vec<_> = body.chunks(cut).collect();
        let ended = [("grpc-status", &*status), ("grpc-status-details-bin", &details)];
        let (head, tail) = if trailers { (&[][..], &ended[..]) } else { (&ended[..], &[][..]) };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (status, text) = runtime.block_on(async {
            let answer = answered("{}", upstream(head, &chunks, tail)).await;
            (answer.status().as_u16(), answer.into_body().collect().await.unwrap().to_bytes())
        });
        match (status, body.split_at_checked(5)) {
            (200, Some((prefix, message))) => {
                prop_assert_eq!((prefix, &text[..]), (&framed(message)[..5], message));
            }
            (200, None) => prop_assert!(false, "made of {} bytes", body.len()),
            _ => prop_assert!((400..600).contains(&status), "{}", status),
        }
    }

    #[test]
    fn every_message_goes_there_and_back(message in vec(any::<u8>(), 1..2000)) {
        let echo = client_fn(|req: Request| async move {
            let mut response = Response::new(req.into_body());
            response.headers_mut().insert("grpc-status", HeaderValue::from_static("0"));
            Ok(response)
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let text = runtime.block_on(async {
            let req = request("POST", None, "").map(|_| Body::from(Bytes::from(message.clone())));
            chain(true, &options("{}"), echo).run(req).await.into_body().collect().await.unwrap().to_bytes()
        });
        prop_assert_eq!(text, message);
    }
}
