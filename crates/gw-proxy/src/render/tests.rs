//! The same failure in the form that each kind of client reads.

use std::time::Instant;

use gw_core::EndpointInfo;
use http_body_util::BodyExt as _;

use super::*;

fn fields_of(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_static(value));
    }
    headers
}

fn context(form: AnswerForm) -> RequestContext {
    crate::testing::context(EndpointInfo::default(), form, Instant::now())
}

async fn body(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[test]
fn the_form_follows_content_type_and_accept() {
    let check = |fields: &[_], form| {
        assert_eq!(form_of(&Seen::of(&fields_of(fields)), ErrorFormat::Default), form, "{fields:?}");
    };
    check(&[], AnswerForm::Text);
    check(&[("accept", "text/html, */*;q=0.8")], AnswerForm::Text);
    check(&[("accept", "text/html, Application/JSON;q=0.9")], AnswerForm::Problem);
    check(&[("accept", "text/html"), ("accept", "application/problem+json")], AnswerForm::Problem);
    check(&[("content-type", "application/grpc")], AnswerForm::Grpc);
    check(&[("content-type", "application/grpc+proto"), ("accept", "application/json")], AnswerForm::Grpc);
    check(&[("content-type", "application/json; charset=utf-8")], AnswerForm::Problem);
    check(&[("content-type", "application/json"), ("accept", "text/plain")], AnswerForm::Text);
    assert_eq!(form_of(&Seen::default(), ErrorFormat::Kratos), AnswerForm::Kratos);
}

#[tokio::test]
async fn a_failure_is_told_in_each_form_and_its_cause_in_none() {
    let error = || Error::new(Outcome::ConnectRefused).with_source("10.0.0.7:80 refused");
    let text = render(&error(), Some(&context(AnswerForm::Text)));
    assert_eq!(text.status(), 502);
    assert_eq!(text.headers()["proxy-status"], "gateway; error=connection_refused");
    assert_eq!(body(text).await, "connect_refused: The upstream refused the connection\n");

    let problem = render(&error(), Some(&context(AnswerForm::Problem)));
    assert_eq!(problem.headers()["content-type"], "application/problem+json");
    let problem: serde_json::Value = serde_json::from_str(&body(problem).await).unwrap();
    assert_eq!((&problem["status"], &problem["outcome"]), (&502.into(), &"connect_refused".into()));
    assert!(!problem.to_string().contains("10.0.0.7"));

    let kratos = render(&error(), Some(&context(AnswerForm::Kratos)));
    assert_eq!(kratos.headers()["content-type"], "application/json");
    let expect = r#"{"code":502,"reason":"CONNECT_REFUSED","message":"The upstream refused the connection","metadata":{}}"#;
    let kratos: serde_json::Value = serde_json::from_str(&body(kratos).await).unwrap();
    assert_eq!(kratos, serde_json::from_str::<serde_json::Value>(expect).unwrap());

    let grpc = render(&error(), Some(&context(AnswerForm::Grpc)));
    assert_eq!((grpc.status().as_u16(), &grpc.headers()["grpc-status"]), (200, &HeaderValue::from(14)));
    assert_eq!(grpc.headers()["grpc-message"], "The upstream refused the connection");
    assert_eq!(body(grpc).await, "");
}

#[tokio::test]
async fn a_method_that_is_not_allowed_comes_with_those_that_are() {
    let cx = context(AnswerForm::Text);
    crate::refusal::note_allow(&cx, &[http::Method::GET, http::Method::PUT]);
    let response = render(&Error::reject(Outcome::MethodNotAllowed), Some(&cx));
    assert_eq!(response.headers()["allow"], "GET, PUT");
    let response = render(&Error::reject(Outcome::NoRoute), Some(&cx));
    assert!(!response.headers().contains_key("allow"));
}

/// What clients of either kind decide by.
#[test]
fn the_statuses_are_those_of_the_documentation() {
    for (outcome, status, grpc) in [
        (Outcome::NoRoute, 404, 12),
        (Outcome::NoHealthyUpstream, 503, 14),
        (Outcome::ConnectRefused, 502, 14),
        (Outcome::ConnectTimeout, 504, 14),
        (Outcome::UpstreamReset, 502, 14),
        (Outcome::UpstreamMalformed, 502, 13),
        (Outcome::UpstreamTimeout, 504, 4),
        (Outcome::ClientClosed, 499, 1),
        (Outcome::ClientMalformed, 400, 13),
        (Outcome::ClientTimeout, 408, 4),
        (Outcome::TooLarge, 413, 8),
        (Outcome::RateLimited, 429, 8),
        (Outcome::Unauthenticated, 401, 16),
        (Outcome::Denied, 403, 7),
        (Outcome::BreakerOpen, 503, 14),
        (Outcome::Internal, 500, 13),
    ] {
        let answer = |form| render(&Error::new(outcome), Some(&context(form)));
        assert_eq!(answer(AnswerForm::Text).status().as_u16(), status, "{outcome}");
        let call = answer(AnswerForm::Grpc);
        assert_eq!(call.headers()["grpc-status"], HeaderValue::from(grpc), "{outcome}");
        assert_eq!(call.status(), 200, "{outcome}");
    }
}

#[test]
fn every_outcome_renders_to_its_own_status() {
    for outcome in Outcome::ALL {
        let response = render(&Error::new(*outcome), Some(&context(AnswerForm::Text)));
        assert_eq!(response.status().as_u16(), outcome.facts().status);
    }
}
