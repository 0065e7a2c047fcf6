//! Random numbers that many workers may ask for at once, from one seed (SplitMix64: Steele, Lea, Flood 2014).

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A sequence of random numbers.
#[derive(Debug)]
pub(super) struct Dice(AtomicU64);

/// The odd number next to 2^64 divided by the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Dice {
    /// The sequence of a seed.
    pub(super) const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next number, uniform in 0 to less than 1.
    pub(super) fn roll(&self) -> f64 {
        let mut mixed = self.0.fetch_add(STEP, Relaxed).wrapping_add(STEP);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // The upper 53 bits: as many as a double holds.
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spread_evenly() {
        let dice = Dice::new(7);
        let mut tenths = [0; 10];
        for _ in 0..10_000 {
            tenths[(dice.roll() * 10.0) as usize] += 1;
        }
        assert!(tenths.iter().all(|count| (900..1100).contains(count)), "{tenths:?}");
    }
}
