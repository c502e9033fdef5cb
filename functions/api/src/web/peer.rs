//! The address of the caller.

use std::{convert::Infallible, net::IpAddr};

use axum::{extract::FromRequestParts, http::request::Parts};
use lambda_http::request::RequestContext;

/// The address that a connection came from, for servers that set it as an extension of each request. On
/// AWS the gateway tells the address.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// The caller's address as text; empty if nobody tells it. No header is believed.
pub(crate) struct CallerAddress(pub(crate) String);

impl<S: Sync> FromRequestParts<S> for CallerAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let told = match parts.extensions.get::<RequestContext>() {
            Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.clone(),
            _ => parts.extensions.get::<Peer>().map(|peer| peer.0.to_string()),
        };
        Ok(Self(told.unwrap_or_default()))
    }
}
