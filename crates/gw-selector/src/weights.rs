//! Weighted draws: a number between 0 and 1 becomes a position, each as often as its weight says.

/// Weights as their running sums. None is 0.
#[derive(Debug, Default)]
pub(crate) struct Weights {
    sums: Vec<u64>,
}

impl Weights {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.sums.len()
    }

    /// The sum of all.
    pub(crate) fn total(&self) -> u64 {
        self.sums.last().copied().unwrap_or(0)
    }

    /// The sum of those before position `index`.
    fn before(&self, index: usize) -> u64 {
        index.checked_sub(1).and_then(|index| self.sums.get(index)).copied().unwrap_or(0)
    }

    /// The weight at position `index`, 0 beyond the end.
    pub(crate) fn get(&self, index: usize) -> u64 {
        self.sums.get(index).map_or(0, |sum| sum - self.before(index))
    }

    /// The position at `fraction` / 2⁶⁴ of the total. There must be one.
    pub(crate) fn at(&self, fraction: u64) -> usize {
        self.position(scale(fraction, self.total()))
    }

    /// As [`at`](Self::at), as if position `without` were not there. There must be another.
    pub(crate) fn at_without(&self, without: usize, fraction: u64) -> usize {
        let (gap, weight) = (self.before(without), self.get(without));
        let point = scale(fraction, self.total() - weight);
        self.position(if point < gap { point } else { point + weight })
    }

    fn position(&self, point: u64) -> usize {
        self.sums.partition_point(|sum| *sum <= point)
    }
}

impl FromIterator<u32> for Weights {
    fn from_iter<I: IntoIterator<Item = u32>>(weights: I) -> Self {
        let mut sum = 0;
        let add = |weight| {
            sum += u64::from(weight);
            sum
        };
        Self { sums: weights.into_iter().map(add).collect() }
    }
}

/// `fraction` / 2⁶⁴ of `total`, less than `total`.
fn scale(fraction: u64, total: u64) -> u64 {
    ((u128::from(fraction) * u128::from(total)) >> 64) as u64
}

/// A second random number out of one: the finalizer of SplitMix64 (Steele, Lea, Flood 2014).
pub(crate) const fn remix(random: u64) -> u64 {
    let mut z = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The `turn`-th number of a sequence that fills 0..2⁶⁴ evenly at every length (Weyl, by the golden ratio).
pub(crate) const fn spread(turn: u64) -> u64 {
    turn.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_of_weight_is_hit_once() {
        let weights: Weights = [3, 1, 4].into_iter().collect();
        let unit = u64::MAX / 8;
        let hits: Vec<_> = (0..8).map(|n| weights.at(unit * n + unit / 2)).collect();
        assert_eq!(hits, [0, 0, 0, 1, 2, 2, 2, 2]);
        assert_eq!((weights.at(0), weights.at(u64::MAX)), (0, 2));
    }

    #[test]
    fn one_position_can_be_left_out() {
        let weights: Weights = [3, 1, 4].into_iter().collect();
        let draw = |without, units: u64| -> Vec<_> {
            let unit = u64::MAX / units;
            (0..units).map(|n| weights.at_without(without, unit * n + unit / 2)).collect()
        };
        assert_eq!(draw(0, 5), [1, 2, 2, 2, 2]);
        assert_eq!(draw(1, 7), [0, 0, 0, 2, 2, 2, 2]);
        assert_eq!(draw(2, 4), [0, 0, 0, 1]);
    }

    #[test]
    fn the_greatest_weights_do_not_overflow() {
        let weights: Weights = [u32::MAX; 3].into_iter().collect();
        assert_eq!(weights.at(u64::MAX), 2);
        assert_eq!(weights.get(2), u64::from(u32::MAX));
        assert_eq!(weights.get(3), 0);
    }
}
