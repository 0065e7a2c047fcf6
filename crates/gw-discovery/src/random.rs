//! Random numbers out of a seed, to keep gateways out of step; not for secrets.

/// A sequence of numbers: xorshift64* (Vigna 2016). Equal seeds give equal ones.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The sequence of a seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, uniform in 0 to less than 1.
    pub(crate) fn next(&mut self) -> f64 {
        let mut x = self.0 | 1;
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0 = x;
        (x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// `duration`, give or take a quarter.
    pub(crate) fn around(&mut self, duration: std::time::Duration) -> std::time::Duration {
        duration.mul_f64(0.75 + 0.5 * self.next())
    }
}
