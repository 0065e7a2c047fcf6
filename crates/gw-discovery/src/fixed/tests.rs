//! `Static` keeps the contract, and tells emptied services from unknown ones.

use futures_util::{FutureExt, StreamExt};

use super::*;
use crate::testing::{Fixture, contract};

impl Fixture for Static {
    fn source(&self) -> &dyn Discovery {
        self
    }

    fn service(&self) -> String {
        "users".to_owned()
    }

    fn unknown(&self) -> String {
        "nobody".to_owned()
    }

    fn set(&self, instances: usize) -> BoxFuture<'_, ()> {
        let at = |n| Instance::at("users", format_args!("10.0.0.{n}:80"));
        Static::set(self, "users", (0..instances).map(at).collect());
        Box::pin(std::future::ready(()))
    }

    fn repeat(&self) -> BoxFuture<'_, ()> {
        Fixture::set(self, 2)
    }
}

#[tokio::test]
async fn keeps_the_contract() {
    contract(&Static::new()).await;
}

#[tokio::test]
async fn an_emptied_service_is_not_an_unknown_one() {
    let source = Static::new();
    let mut watch = source.watch("users");
    assert!(matches!(watch.next().await, Some(Err(DiscoveryError::NotFound { .. }))));
    source.set("users", Vec::new());
    assert_eq!(watch.next().await.unwrap().unwrap().instances.len(), 0);
    assert_eq!(source.read("users", Consistency::Default).await.unwrap().instances.len(), 0);
}

#[tokio::test]
async fn only_the_latest_of_several_changes_is_told() {
    let source = Static::new();
    let one = vec![Instance::at("users", "10.0.0.1:80")];
    source.set("users", one.clone());
    let mut watch = source.watch("users");
    assert_eq!(watch.next().await.unwrap().unwrap().instances.len(), 1);
    source.set("users", Vec::new());
    source.set("users", one);
    assert!(watch.next().now_or_never().is_none(), "there and back again");
}

#[tokio::test]
async fn a_watch_outlives_its_source() {
    let source = Static::new();
    source.set("users", Vec::new());
    let mut watch = source.watch("users");
    drop(source);
    assert!(watch.next().await.is_some());
    assert!(watch.next().now_or_never().is_none(), "pending, not ended");
}
