//! The discovery as it is configured.

use super::*;

#[test]
fn the_documented_defaults_are_the_guards() {
    let v1::Guard { max_drop_ratio, min_instances, hold, confirm_timeout } = v1::Guard::default();
    let documented = GuardOptions { max_drop_ratio, min_instances, hold, confirm_timeout };
    assert_eq!(documented, GuardOptions::default());
}
