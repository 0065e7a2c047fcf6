//! What a context keeps and shows.

use super::*;

fn context() -> RequestContext {
    let any = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
    RequestContext::new(Arc::new(ConnContext::new(0, "", any, any)), any.ip(), Arc::default(), Instant::now())
}

#[test]
fn a_typed_value_replaces_that_of_its_type_and_no_other() {
    let cx = context();
    assert_eq!(cx.get::<u8>(), None);
    cx.insert(1_u8);
    cx.insert("one");
    cx.insert(2_u8);
    assert_eq!((cx.get::<u8>(), cx.get::<&str>(), cx.get::<u16>()), (Some(2), Some("one"), None));
}

#[test]
fn what_was_noted_is_shown() {
    let cx = context();
    assert!(cx.tried().is_empty() && cx.filters().is_empty() && cx.attempts().is_empty());
    assert!(cx.current_node().is_none() && cx.request_id().is_none());
    for address in ["a:1", "b:1", "c:1"] {
        cx.note_node(Arc::new(NodeInfo::new(address)));
        let node = Arc::from(address);
        let (status, outcome, elapsed) = (Some(200), Outcome::Ok, Duration::ZERO);
        cx.note_attempt(Attempt { node, status, outcome, elapsed });
        cx.push_filter(Arc::new(move |node| *node.address != *address));
        cx.set_request_id(HeaderValue::from_static(address));
    }
    assert_eq!(cx.tried(), ["a:1".into(), "b:1".into(), "c:1".into()]);
    assert_eq!(&*cx.current_node().unwrap().address, "c:1");
    assert_eq!(cx.request_id().unwrap(), "c:1");
    assert_eq!(cx.with_notes(|notes| notes.request_id.cloned()), cx.request_id());
    let nodes =
        cx.with_notes(|notes| notes.attempts.iter().map(|one| Arc::clone(&one.node)).collect::<Vec<_>>());
    assert_eq!(nodes, cx.tried());
    assert_eq!(cx.attempts().len(), 3);
    let passing = cx.filters().iter().filter(|filter| filter(&NodeInfo::new("b:1"))).count();
    assert_eq!(passing, 2);
}

#[test]
fn what_was_said_is_told() {
    let cx = context();
    assert!(!(cx.is_last_attempt() || cx.has_departed() || cx.is_logged()));
    assert_eq!((cx.abandoned(), cx.body_fault(), cx.deadline()), (Outcome::ClientClosed, None, None));
    cx.set_last_attempt(true);
    assert!(cx.is_last_attempt() && !cx.has_departed() && !cx.is_logged());
    cx.set_last_attempt(false);
    cx.note_departed();
    assert!(!cx.is_last_attempt() && cx.has_departed() && !cx.is_logged());
    cx.set_logged();
    assert!(cx.is_logged());
    cx.set_abandoned(Some(Outcome::UpstreamTimeout));
    cx.note_body_fault(Outcome::TooLarge);
    cx.note_body_fault(Outcome::ClientClosed);
    assert_eq!((cx.abandoned(), cx.body_fault()), (Outcome::UpstreamTimeout, Some(Outcome::TooLarge)));
    cx.set_abandoned(None);
    assert_eq!(cx.abandoned(), Outcome::ClientClosed);
    cx.set_deadline(cx.received + Duration::from_secs(2));
    assert_eq!(cx.deadline(), Some(cx.received + Duration::from_secs(2)));
    cx.set_deadline(cx.received);
    assert!(cx.deadline().is_some(), "one that has passed is one");
}

#[test]
fn a_request_without_a_body_has_gone_up_at_once() {
    let cx = context();
    assert!(cx.upload.has_ended() && !cx.upload.waits());
    assert_eq!((cx.upload.bytes(), cx.upload.last()), (0, cx.received));
    cx.upload.begin();
    cx.upload.note(3, cx.received + Duration::from_secs(1));
    cx.upload.note(4, cx.received + Duration::from_secs(2));
    assert!(!cx.upload.has_ended());
    assert_eq!((cx.upload.bytes(), cx.upload.last()), (7, cx.received + Duration::from_secs(2)));
}
