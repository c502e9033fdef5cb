//! Chance that can be repeated: the same seed gives the same throws, as far as what asks for them
//! comes in the same order.

use std::sync::Mutex;

/// A die.
#[derive(Debug)]
pub struct Chance(Mutex<u64>);

impl Chance {
    /// A die that throws what this seed says.
    pub const fn of(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    /// Whether something of this probability happens now.
    pub fn hits(&self, probability: f64) -> bool {
        let mut state = self.0.lock().expect("not poisoned");
        // SplitMix64, whose low bits are as good as its high ones.
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let throw = u32::try_from((mixed ^ (mixed >> 31)) >> 32).expect("32 bits");
        f64::from(throw) < probability * f64::from(u32::MAX)
    }
}
