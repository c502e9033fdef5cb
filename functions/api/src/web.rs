//! The border between HTTP and the use cases: reading bodies and queries, authentication, paging,
//! idempotency, and errors on their way to an answer.
//!
//! Nothing here knows a contract. A [`Contract`] hands in its routes with their scopes, the shape of
//! its errors and how it treats unknown names.

mod cors;
pub(crate) mod description;
pub(crate) mod error;
pub(crate) mod error_bodies;
pub(crate) mod gate;
pub(crate) mod idempotency;
pub(crate) mod input;
pub(crate) mod json_lines;
pub(crate) mod moment;
pub(crate) mod origin;
pub(crate) mod page;
pub(crate) mod patch;
pub(crate) mod peer;
pub(crate) mod problem;
mod routes;
mod strict;

use std::{future::ready, sync::Arc};

use adapters::path::Spelling;
use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    handler::Handler,
    middleware::{self, Next},
    response::Response,
};
use manage::ControlPlane;

#[cfg(test)]
pub(crate) use self::routes::PortalAccess;
pub(crate) use self::routes::{Contract, OpenRoutes, Routes, Stated};
use self::{
    cors::Pages,
    error::{Error, MAX_BODY, Shape, shaped},
    gate::Gate,
    idempotency::Once,
};

/// Serves contracts side by side, and `rest` where none has the path. An error of `rest` is answered in the
/// shape of the contract whose base the path begins with, and else as a problem document.
pub(crate) fn serve<T: 'static>(
    control: Arc<ControlPlane>,
    contracts: Vec<Contract>,
    rest: impl Handler<T, Arc<ControlPlane>>,
) -> Router {
    let bases: Vec<(&'static str, Shape)> =
        contracts.iter().map(|contract| (contract.base, contract.shape)).collect();
    let open = contracts.iter().filter(|contract| contract.open_to_pages);
    let open: Vec<&'static str> = open.map(|contract| contract.base).collect();
    let routes = contracts.into_iter().map(|contract| guarded(&control, contract));
    let routes = routes
        .fold(Router::new(), Router::merge)
        .fallback(rest)
        .method_not_allowed_fallback(async || Error::Method)
        .layer(middleware::from_fn_with_state(Arc::clone(&control), tell))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(Arc::new(bases), shape_unknown))
        .with_state(Arc::clone(&control));
    if control.allowed_origins().is_empty() {
        return routes;
    }
    let pages = Pages { control, bases: Arc::new(open) };
    // Around the router as a whole: it names the methods of a path outside of its own layers.
    let share = middleware::from_fn_with_state(pages, cors::share);
    Router::new().fallback_service(routes).layer(share)
}

/// Tells watchers what a request changed, and writes the figures of an attempt that it made, before it is
/// answered: a function stands still afterwards.
async fn tell(State(control): State<Arc<ControlPlane>>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    control.context().end_invocation().await;
    response
}

/// Routes requests by the plain spelling of their paths, so that each path of a contract may end with
/// a slash and begin with the base path of the public URL.
pub(crate) fn spelt(spelling: Spelling, routes: Router) -> Router {
    let spell = middleware::map_request(move |request: Request| ready(spelling.request(request)));
    Router::new().fallback_service(routes).layer(spell)
}

/// The routes of a contract behind its gate.
fn guarded(control: &Arc<ControlPlane>, contract: Contract) -> Router<Arc<ControlPlane>> {
    let Contract { shape, idempotent, tolerant, routes, open, errors, .. } = contract;
    let (mut all, mut described) = open.split_for_parts();
    // Health checks and the documents are asked with whatever a prober adds.
    if !tolerant && errors.is_some() {
        let known = Arc::new(routes::query_parameters_of(&mut described));
        // A layer of routes needs routes.
        if !known.is_empty() {
            all = all.route_layer(middleware::from_fn_with_state(known, gate::judge_open));
        }
    }
    if !routes.operations.is_empty() {
        let (mut gated, _) = routes.router.split_for_parts();
        if idempotent {
            let once = Once { control: Arc::clone(control), shape };
            gated = gated.route_layer(middleware::from_fn_with_state(once, idempotency::once));
        }
        let operations = Arc::new(routes.operations);
        let gate = Gate { control: Arc::clone(control), operations, tolerant };
        all = all.merge(gated.route_layer(middleware::from_fn_with_state(gate, gate::gate)));
    }
    all.layer(middleware::from_fn_with_state(shape, shape_known))
}

/// Shapes the errors of a contract's routes.
async fn shape_known(State(shape): State<Shape>, request: Request, next: Next) -> Response {
    shaped(shape, next.run(request).await)
}

/// Shapes the errors of paths that no contract has.
async fn shape_unknown(
    State(bases): State<Arc<Vec<(&'static str, Shape)>>>,
    request: Request,
    next: Next,
) -> Response {
    let base = bases.iter().filter(|(base, _)| request.uri().path().starts_with(base));
    let shape = base.max_by_key(|(base, _)| base.len()).map(|(_, shape)| *shape);
    shaped(shape.unwrap_or(problem::shape), next.run(request).await)
}
