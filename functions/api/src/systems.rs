//! Routes that the clients of the five systems know already, with their paths, fields and words.

mod omtx;
mod wepp;

use crate::web::Contract;

/// The contracts of the five systems that have routes of their own.
pub(crate) fn contracts() -> Vec<Contract> {
    vec![omtx::contract(), wepp::contract()]
}
