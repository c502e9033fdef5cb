//! Histograms of times, with fixed bounds.

/// Upper bounds of the buckets in milliseconds, each inclusive: 1 ms to 15 min. A last bucket holds what
/// took longer.
pub const BOUNDS_MS: [u64; 14] =
    [1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 10_000, 60_000, 300_000, 900_000];

/// Times by bucket, and their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// The number of times in each bucket; the last one holds those beyond the last bound.
    pub buckets: [u64; BOUNDS_MS.len() + 1],
    /// The sum of all times, in milliseconds.
    pub sum_ms: u64,
}

impl Histogram {
    /// The number of the bucket that holds a time.
    pub fn bucket(millis: u64) -> u8 {
        let number = BOUNDS_MS.iter().position(|bound| millis <= *bound);
        u8::try_from(number.unwrap_or(BOUNDS_MS.len())).unwrap_or(u8::MAX)
    }

    /// The number of times in all buckets together.
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The time in milliseconds below which this share of the times lies, in percent; `None` if there
    /// are none. Within a bucket, times are taken to lie evenly. Beyond the last bound the answer is
    /// that bound.
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        // The rank of the time that is looked for, counted from 1.
        let rank = count.saturating_mul(percent).div_ceil(100).max(1);
        let (mut below, mut lower) = (0_u64, 0);
        for (number, in_bucket) in self.buckets.iter().enumerate() {
            let Some(upper) = BOUNDS_MS.get(number).copied() else { return Some(lower) };
            if rank <= below.saturating_add(*in_bucket) {
                let part = u128::from(rank - below) * u128::from(upper - lower);
                let part = part.div_ceil(u128::from((*in_bucket).max(1)));
                return Some(lower + u64::try_from(part).unwrap_or(0));
            }
            below += in_bucket;
            lower = upper;
        }
        Some(lower)
    }
}
