//! Who reaches what: every route of the API and every live topic, by portals and keys of two tenants.
//!
//! The routes are read from `openapi.json`, their scopes and the access of portals from the lists beside the
//! code of the API, so that a new route is among the cases without anybody's doing.

mod bulk;
mod matrix;
mod setting;
mod topics;
