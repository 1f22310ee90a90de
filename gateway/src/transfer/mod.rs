//! Files between browsers and nodes: downloads, and uploads that go on where they broke off. A ticket says what may be
//! done; the node judges each chunk again. Nothing is held but the chunks on their way.

mod down;
mod guest;
mod headers;
mod problem;
mod up;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, patch, post};

pub use guest::Transfers;

use crate::edge::Edge;

/// Below the address that control passes on to gateways.
pub fn routes() -> Router<Arc<Edge>> {
    Router::new()
        .route("/transfer/{server}/file", get(down::file).put(up::put))
        .route("/transfer/{server}/archive", get(down::archive))
        .route(
            "/transfer/{server}/uploads",
            post(up::create).options(up::options),
        )
        .route(
            "/transfer/{server}/uploads/{upload}",
            patch(up::patch)
                .head(up::head)
                .delete(up::delete)
                .options(up::options),
        )
}
