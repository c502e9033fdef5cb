//! Bodies that several contracts take in one spelling: endpoints, as the Svix contract spells them.

mod breaker;
mod endpoint;

use manage::Refusal;

pub(crate) use self::{
    breaker::Breaker,
    endpoint::{EndpointIn, EndpointPatch, EndpointTrial, EndpointUpdate},
};
use crate::web::error::Error;

/// The refusal of a draft whose fields are spelt in camel case.
pub(crate) fn spelt(refusal: Refusal) -> Error {
    in_camel_case(refusal).into()
}

/// The refusal with its field in camel case: `throttle_rate` as `throttleRate`.
pub(crate) fn in_camel_case(refusal: Refusal) -> Refusal {
    refusal.renamed(|field| camel_case(&field))
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |whole, word| {
        let mut letters = word.chars();
        let head = letters.next().map(|letter| letter.to_ascii_uppercase());
        whole + &head.into_iter().chain(letters).collect::<String>()
    })
}
