//! The pages: rendered here, answered by the same functions as `/v1`.

use crate::app::App;
use axum::Router;
use std::sync::Arc;

/// Every page, nested at `/`.
pub fn router() -> Router<Arc<App>> {
    Router::new()
}
