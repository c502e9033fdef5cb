//! Properties of what is parsed and printed, each held for a few hundred made-up values.
//!
//! The values are the same in every run. `PROPTEST_RNG_SEED=<number>` makes others, and
//! `PROPTEST_CASES=<number>` makes more of them.

mod corpus;
mod envelopes;
mod filters;
mod forgeries;
mod ids;
mod json_form;
mod live;
mod logs;
mod policies;
mod secrets;
mod signatures;
mod times;

use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed},
};
use serde_json::{Map, Value};

/// A fixed seed, and no files of failures: a failure is reproduced by running the test again.
fn config() -> Config {
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(9);
    }
    config
}

/// JSON of any kind, four levels deep at the most. Numbers are whole and below 2^53, which every
/// reader of JSON keeps.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-(1i64 << 53)..1 << 53).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            fields(inner).prop_map(Value::from),
        ]
    })
}

/// An object of such values, with any keys.
fn object() -> impl Strategy<Value = Map<String, Value>> {
    fields(json())
}

fn fields(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec((any::<String>(), values), 0..6)
        .prop_map(|fields| fields.into_iter().collect())
}
