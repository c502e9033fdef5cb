//! Pseudo-random decisions for tests. One seed gives one sequence, so a run can be repeated as far
//! as its decisions are asked for in the same order.

use std::sync::Mutex;

/// A generator of pseudo-random numbers (SplitMix64) that many tasks can share.
#[derive(Debug)]
pub struct Chance(Mutex<u64>);

impl Chance {
    /// A generator that starts from this seed.
    pub const fn of(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    /// Decides whether an event of this probability (0.0 to 1.0) happens now.
    pub fn hits(&self, probability: f64) -> bool {
        let draw = u32::try_from(self.number() >> 32).expect("32 bits");
        f64::from(draw) < probability * f64::from(u32::MAX)
    }

    /// Puts the items into a random order (Fisher-Yates).
    pub fn shuffle<T>(&self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// A number from 0 to one less than `bound`, which is not 0.
    pub fn below(&self, bound: usize) -> usize {
        let drawn = self.number() % u64::try_from(bound).expect("64 bits");
        usize::try_from(drawn).expect("less than a usize")
    }

    /// The next number of the sequence.
    fn number(&self) -> u64 {
        let mut state = self.0.lock().expect("not poisoned");
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
