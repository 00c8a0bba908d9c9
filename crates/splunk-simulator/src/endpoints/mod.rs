//! The endpoints, one file for each family. Each has a `routes()`; a new family is one more line in [`routes`].
//!
//! Paths are the plain ones: [`crate::server`] takes namespaces and the `v2` of the search endpoints out first.

pub(crate) mod health;
pub(crate) mod indexes;
pub(crate) mod jobs;
pub(crate) mod login;
pub(crate) mod server_info;

use std::sync::Arc;

use axum::Router;

use crate::world::World;

/// Every endpoint.
pub(crate) fn routes() -> Router<Arc<World>> {
    Router::new()
        .merge(health::routes())
        .merge(indexes::routes())
        .merge(jobs::routes())
        .merge(login::routes())
        .merge(server_info::routes())
}
