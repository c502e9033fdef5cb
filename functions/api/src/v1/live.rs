//! Tickets and tokens, which open live connections where no key can be sent.

mod tickets;
mod tokens;

use domain::portal::Capability;
use utoipa_axum::routes;

use crate::web::{Routes, Stated};

/// Any key may call both: to hear is to read.
pub(super) fn routes() -> Routes {
    Routes::tagged("live")
        .read(routes!(tickets::create).portal(Capability::ViewBase))
        .read(routes!(tokens::create))
}
