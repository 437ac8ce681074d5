//! The whole surface, put together.

use std::sync::Arc;
use std::time::Duration;

use crisp_storage::Database;
use tokio::time::timeout;
use utoipa::openapi::OpenApi;

use crate::operations::{self, Readiness, RenderMetrics};
use crate::routes::Routes;
use crate::state::AppState;
use crate::{crisp, sign_in, v1};

/// How long the database may take to say that it is there. Whoever asks for readiness asks again soon.
const READY_WITHIN: Duration = Duration::from_secs(3);

/// Every route of the contract but the console's pages: `/v1`, what Crisp calls, sessions, health and metrics.
///
/// Pages and [`Routes::with_document`] come on top:
///
/// ```no_run
/// use std::sync::Arc;
/// use crisp_http::routes::{Guards, Routes};
/// use crisp_http::{App, AppState};
///
/// fn app(state: &AppState, guards: &Guards, pages: Routes) -> Result<App, serde_json::Error> {
///     let api = crisp_http::api(state, Arc::new(|| "metrics".to_owned()));
///     Ok(App::new(api.merge(pages).with_document()?, guards))
/// }
/// ```
pub fn api(state: &AppState, metrics: RenderMetrics) -> Routes {
    stateful().with_state(state).merge(operations::routes(readiness(state.database().clone()), metrics))
}

/// The OpenAPI document of [`api`], for whoever has no state to serve it with.
pub fn document() -> OpenApi {
    stateful().document().clone()
}

fn stateful() -> Routes<AppState> {
    v1::routes().merge(crisp::routes()).merge(sign_in::routes())
}

/// A process is ready when it reaches the database and finds its own schema there.
pub fn readiness(database: Database) -> Readiness {
    Arc::new(move || {
        let database = database.clone();
        Box::pin(async move {
            match timeout(READY_WITHIN, database.is_migrated()).await {
                Ok(Ok(true)) => Ok(()),
                Ok(Ok(false)) => Err("The database is not migrated; run `api migrate`.".to_owned()),
                Ok(Err(_)) | Err(_) => Err("The database cannot be reached.".to_owned()),
            }
        })
    })
}
