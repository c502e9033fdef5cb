//! Chance: ids, tokens, secrets and jitter, from the operating system.

/// Random bytes. The operating system's source does not fail on any platform we run on; if it
/// ever did, going on with predictable secrets would be worse than stopping.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// A number in 0..1, for jitter.
pub fn dice() -> f64 {
    f64::from(u32::from_be_bytes(bytes())) / (f64::from(u32::MAX) + 1.0)
}

/// 128 random bits as hex.
pub fn token() -> String {
    hex::encode(bytes::<16>())
}
