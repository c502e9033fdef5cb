//! Manages the relay over HTTP.
//!
//! `web` is the border: it reads requests, authenticates callers and gives answers their form, and
//! knows no contract. `v1`, `svix` and `systems` are contracts: each maps its own names and shapes to
//! the use cases of the crate `manage`, and none names another. `bodies` holds the bodies that several of
//! them take in one spelling. `document` describes them all. `page` serves the relay's own pages.

#![allow(unused_qualifications, reason = "utoipa writes the paths of parameter types in full")]

mod bodies;
mod document;
mod page;
mod svix;
mod systems;
mod v1;
mod web;

use std::{future::ready, sync::Arc};

use adapters::path::Spelling;
use axum::{Router, extract::Request};
use manage::ControlPlane;
pub use web::{error::MAX_BODY, peer::Peer};

use crate::{
    page::Pages,
    web::{Contract, error::Error},
};

/// Every contract, in the order of the document.
fn contracts() -> Vec<Contract> {
    let mut contracts = vec![document::contract(openapi), v1::contract()];
    contracts.extend(systems::contracts());
    contracts.push(svix::contract());
    contracts
}

/// The whole API, to be run by Lambda or served as it is. Its paths may end with a
/// slash and begin with the base path of the public URL.
pub fn router(control: Arc<ControlPlane>) -> Router {
    let spelling = Spelling::below(control.public_url());
    web::spelt(spelling, routes(control))
}

/// The routes of the API, for a server that has others beside them and spells paths itself.
pub fn routes(control: Arc<ControlPlane>) -> Router {
    let pages = Pages::of(&control).map(Arc::new);
    let rest = move |request: Request| {
        let answer = pages.as_ref().and_then(|pages| pages.answer(&request));
        ready(answer.ok_or(Error::NotFound))
    };
    web::serve(control, contracts(), rest)
}

/// The API's own description, made from the routes that are served, and what senders post.
pub fn openapi() -> utoipa::openapi::OpenApi {
    document::openapi(contracts())
}

#[cfg(test)]
mod tests;
