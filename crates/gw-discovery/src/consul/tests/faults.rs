//! Consul in trouble: nothing it does empties a service, and what it says afterwards is heard.

use super::*;

/// A watch that has told one instance, of a server that then gets `fault`.
async fn watching(client: ConsulClient, timing: Timing) -> (Server, Consul, Watch) {
    let server = Server::start().await;
    server.set(SERVICE, entries(1));
    // A server that says nothing must not take the whole time of a held question.
    let wait = if timing.margin < Duration::from_secs(1) { timing.margin } else { Duration::from_secs(55) };
    let consul = consul(ConsulOptions { wait, ..options(&server, client) }, timing);
    let mut watch = consul.watch(SERVICE);
    assert_eq!(told(watch.next().await), 1);
    (server, consul, watch)
}

/// With `fault`, a watch and a read fail for this reason, and no snapshot comes; without it, the watch goes on.
async fn fails(fault: Fault, timing: Timing, reason: &str) {
    for client in CLIENTS {
        let (server, consul, mut watch) = watching(*client, timing).await;
        server.set_fault(fault);
        server.release();
        let found = failure(&mut watch).await;
        assert!(found.contains(reason), "{client:?} {fault:?}: {found}");
        assert_eq!(consul.inspect()[0].last_error.as_ref(), Some(&found), "an operator sees it");
        let read = consul.read(SERVICE, Consistency::Consistent).await.unwrap_err();
        assert!(cause(&read).contains(reason), "{client:?} {fault:?}: {read:?}");

        // Some more failures, of which no word comes, and then nothing but the change.
        let before = server.asked().len();
        tokio::select! {
            () = server.wait_for(before + 3) => {}
            item = watch.next() => panic!("{client:?} {fault:?}: {item:?}"),
        }
        server.set(SERVICE, entries(2));
        server.set_fault(Fault::None);
        assert_eq!(told(watch.next().await), 2, "{client:?} {fault:?}");
        assert_eq!(consul.inspect()[0].last_error, None);
    }
}

#[tokio::test]
async fn a_status_that_is_no_success_is_an_error() {
    for status in [206, 400, 403, 404, 429, 500, 503] {
        fails(Fault::Status(status), timing(), &format!("answered {status}: rpc error")).await;
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    fails(Fault::Redirect, timing(), "answered 301").await;
}

#[tokio::test]
async fn garbage_is_an_error() {
    for body in ["", "null", "<html>", "{\"Errors\":[]}", "[{\"Service\":", "[{\"Service\":{}}]"] {
        let reason = if body.ends_with("{}}]") { "makes sense" } else { "no list" };
        fails(Fault::Body(body), timing(), reason).await;
    }
    fails(Fault::Index("many"), timing(), "X-Consul-Index is no number").await;
}

#[tokio::test]
async fn a_list_emptied_by_acls_or_by_a_server_without_leader_is_an_error() {
    fails(Fault::Filtered, timing(), "the token may not read").await;
    fails(Fault::NoLeader, timing(), "has no leader").await;
}

#[tokio::test]
async fn half_an_answer_is_an_error() {
    fails(Fault::Half, timing(), "no answer from http://127.0.0.1:").await;
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let short = Duration::from_millis(50);
    let short = Timing { answer: short, margin: short, ..timing() };
    fails(Fault::Silence, short, "no answer from http://127.0.0.1:").await;
}

#[tokio::test]
async fn a_held_question_is_given_up_after_its_time_and_a_sixteenth() {
    for client in CLIENTS {
        let server = Server::start().await;
        server.set(SERVICE, entries(1));
        let options = ConsulOptions { wait: Duration::from_millis(32), ..options(&server, *client) };
        let short =
            Timing { answer: Duration::from_millis(70), margin: Duration::from_millis(20), ..timing() };
        let consul = consul(options, short);
        let mut watch = consul.watch(SERVICE);
        assert_eq!(told(watch.next().await), 1);
        // Silence begins at once, so that the first held question gets no answer.
        server.set_fault(Fault::Silence);
        let first = failure(&mut watch).await;
        assert!(first.contains("within 70ms") || first.contains("within 54ms"), "{first}");
        assert!(server.asked().iter().any(|asked| asked.index().is_some()), "it was held");
    }
}

#[tokio::test]
async fn every_second_connection_may_break_without_a_word() {
    for client in CLIENTS {
        let server = Server::start().await;
        server.set_fault(Fault::Close);
        server.set(SERVICE, entries(1));
        let consul = consul(options(&server, *client), timing());
        let mut watch = consul.watch(SERVICE);
        for count in 2..6 {
            assert_eq!(told(watch.next().await), count - 1);
            server.set(SERVICE, entries(count));
        }
    }
}

#[tokio::test]
async fn an_index_that_goes_back_is_forgotten() {
    for client in CLIENTS {
        let (server, _consul, mut watch) = watching(*client, timing()).await;
        tokio::select! {
            () = server.wait_for(2) => {}
            item = watch.next() => panic!("{item:?}"),
        }
        assert_eq!(server.asked()[1].index(), Some(11));
        // A cluster restored from a backup: the held question is answered with what it has now.
        server.set_fault(Fault::Index("3"));
        server.release();
        let before = server.asked().len();
        tokio::select! {
            () = server.wait_for(before + 2) => {}
            item = watch.next() => panic!("{item:?}"),
        }
        let asked = server.asked();
        assert!(asked[before..].iter().any(|asked| asked.index().is_none()), "{asked:?}");
        assert!(asked[before..].iter().any(|asked| asked.index() == Some(3)), "{asked:?}");
        server.set_index(4);
        server.set_fault(Fault::None);
        server.set(SERVICE, entries(2));
        assert_eq!(told(watch.next().await), 2);
    }
}

#[tokio::test]
async fn a_consul_that_begins_anew_is_heard_at_once() {
    for client in CLIENTS {
        let (server, _consul, mut watch) = watching(*client, timing()).await;
        tokio::select! {
            () = server.wait_for(2) => {}
            item = watch.next() => panic!("{item:?}"),
        }
        // The agent restarts: the held question breaks, and then everything is counted from the beginning.
        server.set_fault(Fault::Half);
        server.release();
        failure(&mut watch).await;
        let before = server.asked().len();
        server.set_index(1);
        server.set(SERVICE, entries(3));
        server.set_fault(Fault::None);
        assert_eq!(told(watch.next().await), 3);
        assert_eq!(server.asked()[before].index(), None, "an old index would be held for nothing");
    }
}

#[tokio::test]
async fn an_index_of_zero_is_one() {
    for client in CLIENTS {
        let server = Server::start().await;
        server.set_fault(Fault::Index("0"));
        server.set(SERVICE, entries(1));
        let consul = consul(options(&server, *client), timing());
        let mut watch = consul.watch(SERVICE);
        assert_eq!(told(watch.next().await), 1);
        tokio::select! {
            () = server.wait_for(3) => {}
            item = watch.next() => panic!("{item:?}"),
        }
        assert_eq!(server.asked()[2].index(), Some(1));
    }
}

#[tokio::test]
async fn without_an_index_it_is_asked_again_but_not_in_a_spin() {
    for client in CLIENTS {
        let server = Server::start().await;
        server.set_fault(Fault::NoIndex);
        server.set(SERVICE, entries(1));
        let limited = Timing { burst: 3, interval: Duration::from_secs(3600), ..timing() };
        let consul = consul(options(&server, *client), limited);
        let mut watch = consul.watch(SERVICE);
        assert_eq!(told(watch.next().await), 1);
        tokio::select! {
            () = server.wait_for(3) => {}
            item = watch.next() => panic!("{item:?}"),
        }
        assert!(server.asked().iter().all(|asked| asked.index().is_none()));
        // The fourth waits for an hour; the third's answer has come when a read has been counted behind it.
        assert!(watch.next().now_or_never().is_none());
        server.set(SERVICE, entries(2));
        assert!(consul.read(SERVICE, Consistency::Default).now_or_never().is_none());
        assert_eq!(server.asked().len(), 3);
    }
}

#[tokio::test]
async fn a_huge_answer_is_not_read() {
    let server = Server::start().await;
    server.set_fault(Fault::Huge(4097));
    let options = options(&server, ConsulClient::Http);
    let api = Arc::new(http::HttpApi::new(None, 1, 4096).unwrap());
    let consul = Consul::with_timing(options, api, timing());
    let found = failure(&mut consul.watch(SERVICE)).await;
    assert_eq!(found, "the answer is larger than 4096 bytes");
    server.set_fault(Fault::Huge(4096));
    let found = consul.read(SERVICE, Consistency::Default).await.unwrap_err();
    assert!(cause(&found).starts_with("the answer is no list"), "{found:?}");
}

#[tokio::test]
async fn a_token_in_an_answer_is_blotted_out() {
    for client in CLIENTS {
        let server = Server::start().await;
        server.set_fault(Fault::Status(403));
        let token = TokenSource::Fixed(Secret::new("b1gs-ecret").unwrap());
        let consul = consul(ConsulOptions { token, ..options(&server, *client) }, timing());
        let Some(Err(error)) = consul.watch(SERVICE).next().await else { panic!("403") };
        assert!(cause(&error).ends_with("answered 403: rpc error making call: <token>"), "{}", cause(&error));
        assert!(!format!("{error:?} {consul:?}").contains("b1gs"));
    }
}

#[tokio::test]
async fn the_next_address_is_asked() {
    for client in CLIENTS {
        let (bad, good) = (Server::start().await, Server::start().await);
        bad.set_fault(Fault::Status(500));
        good.set(SERVICE, entries(1));
        // Nobody listens at the first: a port of a server that is gone.
        let gone = Server::start().await.address();
        let addresses = vec![gone, bad.address(), good.address()];
        let consul = consul(ConsulOptions { addresses, ..options(&good, *client) }, timing());
        let mut watch = consul.watch(SERVICE);
        assert_eq!(told(watch.next().await), 1, "without a word about the others");
        assert_eq!(bad.asked().len(), 1);
        assert_eq!(consul.inspect()[0].asked, format!("http://{}", good.address()));
        assert_eq!(consul.read(SERVICE, Consistency::Consistent).await.unwrap().instances.len(), 1);
    }
}
