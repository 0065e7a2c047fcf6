//! Which share of new traces is sampled.

use gw_middleware::TraceId;

/// A share of all traces. The trace's id decides, as in OpenTelemetry's `TraceIdRatioBased` and in kratos: gateways with
/// the same share agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ratio {
    /// Ids whose lower 63 bits are below are sampled.
    below: u64,
}

impl Ratio {
    /// A share from 0 to 1; none for what is outside.
    pub(crate) fn new(share: f64) -> Option<Self> {
        const ALL: u64 = 1 << 63;
        // The share of 2^63 that a double can tell.
        let below = (share * ALL as f64) as u64;
        (0.0..=1.0).contains(&share).then_some(Self { below: below.min(ALL) })
    }

    /// Whether a new trace is sampled.
    pub(crate) fn samples(self, trace: TraceId) -> bool {
        // The lower half of the id, less its last bit.
        (trace.0 as u64) >> 1 < self.below
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_shares_are_shares() {
        for share in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Ratio::new(share), None, "{share}");
        }
    }

    #[test]
    fn a_quarter_is_the_lowest_quarter_of_ids() {
        let quarter = Ratio::new(0.25).unwrap();
        assert!(quarter.samples(TraceId(0x3fff_ffff_ffff_ffff)));
        assert!(!quarter.samples(TraceId(0x4000_0000_0000_0000)));
    }

    proptest! {
        #[test]
        fn all_none_and_more(id: u128, less in 0.0..=1.0, more in 0.0..=1.0) {
            let trace = TraceId(id);
            prop_assert!(Ratio::new(1.0).unwrap().samples(trace));
            prop_assert!(!Ratio::new(0.0).unwrap().samples(trace));
            let (less, more) = if less < more { (less, more) } else { (more, less) };
            let (less, more) = (Ratio::new(less).unwrap(), Ratio::new(more).unwrap());
            prop_assert!(!less.samples(trace) || more.samples(trace), "a larger share has all of a smaller one's");
        }
    }
}
