//! Families that other crates own.

use std::sync::atomic::AtomicUsize;

use super::*;

const DROPS: CounterFamily =
    CounterFamily { name: "gateway_test_drops_total", help: "Drops.", labels: &["endpoint", "reason"] };
const AGE: GaugeFamily =
    GaugeFamily { name: "gateway_test_age_seconds", help: "The age.", labels: &["service"] };

#[test]
fn counters_of_all_workers_add_up_and_are_shared_by_labels() {
    let metrics = metrics(2);
    let [one, same] = [(); 2].map(|()| metrics.counter(&DROPS, &["a", "full"]));
    let other = metrics.counter(&DROPS, &["a", "late"]);
    one.add(0, 1);
    one.add(1, 2);
    same.add(7, 4);
    other.add(0, 8);
    assert_eq!((one.value(), other.value()), (7, 8));
    let scraped = Scraped::of(&metrics);
    scraped.check(DROPS.name, &[("endpoint", "a"), ("reason", "full")], 7.0);
    scraped.check(DROPS.name, &[("endpoint", "a"), ("reason", "late")], 8.0);
}

#[test]
fn counters_whose_labels_read_the_same_when_joined_stay_apart() {
    let metrics = metrics(1);
    let pairs =
        [("ab", "c"), ("a", "bc"), ("abc", ""), ("", "abc"), ("a\"", "b"), ("a\n", "b"), ("a\\n", "b")];
    let counters: Vec<_> = pairs.iter().map(|(a, b)| metrics.counter(&DROPS, &[a, b])).collect();
    for (n, counter) in (1..).zip(&counters) {
        counter.add(0, n);
    }
    let scraped = Scraped::of(&metrics);
    for (n, (endpoint, reason)) in pairs.iter().enumerate() {
        scraped.check(DROPS.name, &[("endpoint", endpoint), ("reason", reason)], n as f64 + 1.0);
    }
}

#[test]
fn a_counter_leaves_the_scrape_with_its_last_handle() {
    let metrics = metrics(1);
    let first = metrics.counter(&DROPS, &["a", "full"]);
    first.add(0, 1);
    // As in a reload: the new instance has its handle before the old one is dropped.
    let second = metrics.counter(&DROPS, &["a", "full"]);
    drop(first);
    second.add(0, 1);
    assert_eq!(Scraped::of(&metrics).sum(DROPS.name), 2.0);
    drop(second);
    assert_eq!(Scraped::of(&metrics).named(DROPS.name).count(), 0);
    assert!(!metrics.encode().contains(DROPS.name));
}

#[test]
fn a_family_has_a_bounded_number_of_series() {
    let metrics = metrics(1);
    let max = counter::MAX_SERIES;
    let mut counters: Vec<_> =
        (0..max + 50).map(|n| metrics.counter(&DROPS, &[&n.to_string(), "full"])).collect();
    counters.iter().for_each(|counter| counter.add(0, 1));
    let scraped = Scraped::of(&metrics);
    assert_eq!(scraped.named(DROPS.name).count(), max + 1);
    scraped.check(DROPS.name, &[("endpoint", counter::OVERFLOW), ("reason", counter::OVERFLOW)], 50.0);
    // What is gone makes room.
    counters.drain(..10);
    let _late = metrics.counter(&DROPS, &["late", "full"]);
    Scraped::of(&metrics).check(DROPS.name, &[("endpoint", "late"), ("reason", "full")], 0.0);
}

#[test]
fn one_name_has_one_meaning() {
    const CLASH: CounterFamily = CounterFamily { labels: &["endpoint"], ..DROPS };
    const OURS: CounterFamily =
        CounterFamily { name: "gateway_config_reloads_total", help: "Drops.", labels: &["result"] };
    const OUR_GAUGE: GaugeFamily =
        GaugeFamily { name: "gateway_config_generation", help: "Age.", labels: &[] };
    let metrics = metrics(1);
    let kept = metrics.counter(&DROPS, &["a", "full"]);
    for (family, labels) in [(&CLASH, ["a"]), (&OURS, ["success"])] {
        // It counts, so that its owner need not care, but is not shown.
        metrics.counter(family, &labels).add(0, 1);
    }
    metrics.watch_gauges(&OUR_GAUGE, || vec![(vec![], 77.0)]);
    let scraped = Scraped::of(&metrics);
    assert_eq!(scraped.named(DROPS.name).count(), 1);
    scraped.check("gateway_config_reloads_total", &[("result", "success")], 0.0);
    scraped.check("gateway_config_generation", &[], 0.0);
    drop(kept);
}

#[test]
fn a_gauge_is_asked_at_each_scrape() {
    let metrics = metrics(1);
    let asked = Arc::new(AtomicUsize::new(0));
    let source = {
        let (asked, metrics) = (Arc::clone(&asked), Arc::downgrade(&metrics));
        move || {
            // A source may use the metrics itself.
            metrics.upgrade().unwrap().watch_gauges(&OTHER, Vec::new);
            let age = asked.fetch_add(1, Relaxed) as f64;
            let sample =
                |labels: &[&str], value| (labels.iter().map(|label| (*label).to_owned()).collect(), value);
            vec![
                sample(&["users"], -1.0),
                sample(&["users"], age),
                sample(&["orders"], 0.5),
                sample(&["too", "many"], 1.0),
            ]
        }
    };
    const OTHER: GaugeFamily = GaugeFamily { name: "gateway_test_other", help: "Other.", labels: &[] };
    metrics.watch_gauges(&AGE, source);
    for age in [0.0, 1.0] {
        let scraped = Scraped::of(&metrics);
        scraped.check(AGE.name, &[("service", "users")], age);
        scraped.check(AGE.name, &[("service", "orders")], 0.5);
        assert_eq!(scraped.named(AGE.name).count(), 2);
    }
    metrics.watch_gauges(&AGE, || vec![(vec!["later".to_owned()], 3.0)]);
    let scraped = Scraped::of(&metrics);
    assert_eq!(scraped.named(AGE.name).count(), 1);
    scraped.check(AGE.name, &[("service", "later")], 3.0);
}
