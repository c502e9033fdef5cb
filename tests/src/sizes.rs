//! How much a test does: a usual amount that fits a plain run, and another one by a variable.

use std::{any::type_name, env, str::FromStr};

/// The amount in the environment variable `variable`, or the usual one if the variable is not set.
///
/// # Panics
/// If the variable holds anything but such a number: a run that was meant to be long must not be short.
#[must_use]
pub fn size<T: FromStr>(variable: &str, usual: T) -> T {
    let Some(text) = env::var_os(variable) else { return usual };
    let number = text.to_str().and_then(|text| text.parse().ok());
    number.unwrap_or_else(|| panic!("{variable} is {text:?}, not a {}", type_name::<T>()))
}
