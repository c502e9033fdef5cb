//! Operations of a contract, each with the scope that it needs.
//!
//! A route is added with its scope or not at all: [`Routes`] has no other way. The gate looks an
//! operation up by the path and method it was added with, so that nothing is listed twice.
//!
//! The sessions of portals have no scope. A route is closed to them unless it says beside its path which
//! capability opens it ([`Stated`]).

use std::{collections::BTreeMap, sync::Arc};

use axum::http::Method;
use domain::{key::KeyScope, portal::Capability};
use manage::{ControlPlane, Principal};
use utoipa::openapi::{
    OpenApi, RefOr,
    path::{Operation as Described, ParameterIn, PathItem},
};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::{error::Shape, error_bodies::ErrorBodies};

/// Routes that need no key.
pub(crate) type OpenRoutes = OpenApiRouter<Arc<ControlPlane>>;

/// Properties of one operation that the border needs.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// Least scope of a key that may call it.
    pub(crate) scope: KeyScope,
    /// The sessions of portals that may call the operation.
    pub(crate) portal: PortalAccess,
    /// Whether the operation names what it creates after the request's own id or key, so that
    /// its answer is not kept under an `Idempotency-Key`.
    pub(crate) repeatable: bool,
    /// Whether the log token of the job may stand in place of a key.
    pub(crate) log_token: bool,
    /// Names of its query parameters, as its description declares them.
    pub(crate) parameters: Vec<String>,
}

impl Operation {
    /// Whether the caller may call it: a portal's session by its capabilities, others by their scope.
    pub(super) fn admits(&self, principal: &Principal) -> bool {
        match &principal.portal {
            Some(_) => match self.portal {
                PortalAccess::Closed => false,
                PortalAccess::Session => true,
                PortalAccess::With(capability) => principal.may(capability),
            },
            None => self.scope <= principal.scope,
        }
    }
}

/// The sessions of portals that may call an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PortalAccess {
    /// None. It is so unless a route says otherwise.
    #[default]
    Closed,
    /// Every one: the operation is about the session itself.
    Session,
    /// The sessions of portals that have this capability.
    With(Capability),
}

/// Operations with the portals that may call them.
pub(crate) struct StatedRoutes {
    routes: UtoipaMethodRouter<Arc<ControlPlane>>,
    portal: PortalAccess,
}

impl From<UtoipaMethodRouter<Arc<ControlPlane>>> for StatedRoutes {
    fn from(routes: UtoipaMethodRouter<Arc<ControlPlane>>) -> Self {
        Self { routes, portal: PortalAccess::Closed }
    }
}

/// States beside operations which portals may call them.
pub(crate) trait Stated {
    /// Opens operations to portals with this capability.
    fn portal(self, capability: Capability) -> StatedRoutes;
    /// Opens operations to all portals. They are about the caller's own session.
    fn every_portal(self) -> StatedRoutes;
}

impl Stated for UtoipaMethodRouter<Arc<ControlPlane>> {
    fn portal(self, capability: Capability) -> StatedRoutes {
        StatedRoutes { routes: self, portal: PortalAccess::With(capability) }
    }

    fn every_portal(self) -> StatedRoutes {
        StatedRoutes { routes: self, portal: PortalAccess::Session }
    }
}

/// The scope and the portals with which an operation may be called.
struct Access {
    scope: KeyScope,
    repeatable: bool,
    log_token: bool,
}

impl Access {
    const fn of(scope: KeyScope) -> Self {
        Self { scope, repeatable: false, log_token: false }
    }

    const fn repeatable(scope: KeyScope) -> Self {
        Self { repeatable: true, ..Self::of(scope) }
    }
}

/// Operations by path and method.
pub(crate) type Operations = BTreeMap<(String, Method), Operation>;

/// Routes that need a key.
#[derive(Default)]
pub(crate) struct Routes {
    pub(super) router: OpenRoutes,
    pub(crate) operations: Operations,
    /// Group of the document that the routes belong to.
    tag: &'static str,
}

impl Routes {
    /// No routes yet, to merge others into.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// No routes yet; those that are added belong to a group of the document.
    pub(crate) fn tagged(tag: &'static str) -> Self {
        Self { tag, ..Self::default() }
    }

    /// Adds operations that any key may call.
    pub(crate) fn read(self, routes: impl Into<StatedRoutes>) -> Self {
        self.add(Access::of(KeyScope::Read), routes)
    }

    /// Adds operations for keys that may publish.
    pub(crate) fn publish(self, routes: impl Into<StatedRoutes>) -> Self {
        self.add(Access::of(KeyScope::Publish), routes)
    }

    /// Adds operations for keys that may publish, which are themselves repeatable: what they create
    /// is named after the request's own id or key, and the answer is not kept.
    pub(crate) fn publish_repeatable(self, routes: impl Into<StatedRoutes>) -> Self {
        self.add(Access::repeatable(KeyScope::Publish), routes)
    }

    /// Adds operations that append to the log of a job: for keys that may publish, and for the job's own
    /// log token. They are repeatable, because lines have numbers.
    pub(crate) fn append_lines(self, routes: impl Into<StatedRoutes>) -> Self {
        self.add(Access { log_token: true, ..Access::repeatable(KeyScope::Publish) }, routes)
    }

    /// Adds operations for keys that may do everything.
    pub(crate) fn admin(self, routes: impl Into<StatedRoutes>) -> Self {
        self.add(Access::of(KeyScope::Admin), routes)
    }

    /// Joins the routes of a part of the contract.
    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.operations.extend(other.operations);
        Self { router: self.router.merge(other.router), ..self }
    }

    fn add(mut self, access: Access, stated: impl Into<StatedRoutes>) -> Self {
        let StatedRoutes { mut routes, portal } = stated.into();
        let Access { scope, repeatable, log_token } = access;
        for (path, item) in &mut routes.1.paths {
            for (method, described) in operations(item) {
                described.tags = Some(vec![self.tag.to_owned()]);
                let parameters = query_parameters(described);
                let operation = Operation { scope, portal, repeatable, log_token, parameters };
                self.operations.insert((path.clone(), method), operation);
            }
        }
        Self { router: self.router.routes(routes), ..self }
    }
}

/// The described operations of a path.
pub(super) fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Described)> {
    let all = [
        (Method::GET, &mut item.get),
        (Method::PUT, &mut item.put),
        (Method::POST, &mut item.post),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
        (Method::HEAD, &mut item.head),
    ];
    all.into_iter().filter_map(|(method, described)| Some((method, described.as_mut()?)))
}

/// Query parameters of operations that need no key, by path and method.
pub(super) type OpenParameters = BTreeMap<(String, Method), Vec<String>>;

/// The query parameters of each operation of a document.
pub(super) fn query_parameters_of(document: &mut OpenApi) -> OpenParameters {
    let mut known = BTreeMap::new();
    for (path, item) in &mut document.paths.paths {
        for (method, described) in operations(item) {
            known.insert((path.clone(), method), query_parameters(described));
        }
    }
    known
}

fn query_parameters(described: &Described) -> Vec<String> {
    let parameters = described.parameters.iter().flatten();
    let parameters = parameters.filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    });
    let query = parameters.filter(|parameter| parameter.parameter_in == ParameterIn::Query);
    query.map(|parameter| parameter.name.clone()).collect()
}

/// One API contract: its routes and how the border treats them.
pub(crate) struct Contract {
    /// Prefix of its paths, under which unknown paths are answered in its shape too.
    pub(crate) base: &'static str,
    /// Shape of the contract's errors.
    pub(crate) shape: Shape,
    /// Bodies of its errors in the document; `None` if operations state all that they answer.
    pub(crate) errors: Option<ErrorBodies>,
    /// Names of parameters of its paths, each with its meaning.
    pub(crate) parameters: &'static [(&'static str, &'static str)],
    /// Whether a POST with an `Idempotency-Key` is done once and its answer repeated.
    pub(crate) idempotent: bool,
    /// Whether unknown fields and parameters are named in the header `relay-ignored` and not refused.
    pub(crate) tolerant: bool,
    /// Whether pages of allowed origins may call it from a browser.
    pub(crate) open_to_pages: bool,
    /// Routes that need a key.
    pub(crate) routes: Routes,
    /// Routes that need no key.
    pub(crate) open: OpenRoutes,
}
