//! The public port of the bundle: the functions `ingest` and `api` behind one router, and the link to the
//! dashboard.

use std::{future::ready, net::SocketAddr, sync::Arc, time::Duration};

use adapters::{Unavailable, path::Spelling};
use axum::{
    Router,
    extract::{ConnectInfo, Request},
    middleware::{from_fn, map_request},
};
use ingest::Ingest;
use local::http::Patience;
use manage::{ControlPlane, Refusal, sessions};
use tokio::{net::TcpListener, sync::watch};

use super::{Bundle, Parts};
use crate::dev::{drain::drained, settings::BundleError};

/// The time for which the API waits for a client. API Gateway gives a whole request 30 s.
const PATIENCE: Patience =
    Patience { head: Duration::from_secs(15), body: Duration::from_secs(30) };

pub(super) async fn listen(port: u16) -> Result<TcpListener, BundleError> {
    TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| BundleError::Port(port, error))
}

pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    mut stopped: watch::Receiver<bool>,
) {
    let stop = async move {
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    let router = router.layer(from_fn(drained));
    // Who called is who connected: there is no proxy in front to be believed.
    let router = router.layer(map_request(
        |ConnectInfo(peer): ConnectInfo<SocketAddr>, mut request: Request| async move {
            request.extensions_mut().insert(ingest::Peer(peer.ip()));
            request.extensions_mut().insert(api::Peer(peer.ip()));
            request
        },
    ));
    local::http::serve(listener, router, PATIENCE, stop).await;
}

impl Bundle {
    /// A link that opens the dashboard, logged in by a code that works once and for a minute; `None` if
    /// no pages are served.
    ///
    /// # Errors
    /// [`Unavailable`] if the table does not answer.
    pub async fn page_link(&self) -> Result<Option<String>, Unavailable> {
        match sessions::create_admin_code(&self.parts.control()).await {
            // Behind the `#`, where no server and no log sees it.
            Ok(code) => Ok(Some(format!("{}/#code={}", self.url(), code.text))),
            Err(Refusal::Unavailable(unavailable)) => Err(unavailable),
            Err(_) => Ok(None),
        }
    }
}

impl Parts {
    /// The use cases of the API.
    fn control(&self) -> ControlPlane {
        ControlPlane::new(
            self.calls.clone(),
            self.inbox.clone(),
            self.admin.clone(),
            self.public_url.clone(),
        )
        .strict_about_event_types(self.strict_event_types)
        .with_allowed_origins(self.allowed_origins.clone())
        .with_live_url(self.live_url())
        .with_dashboard(self.dashboard.clone())
        .showing_queues(self.queues.clone())
        // As in the template; nothing here ends by itself.
        .delivering_within(Duration::from_secs(360))
    }

    pub(super) fn router(&self, ingest: Arc<Ingest>) -> Router {
        let routes = ingest::routes(ingest).merge(api::routes(Arc::new(self.control())));
        let spelling = Spelling::below(&self.public_url);
        let spell = map_request(move |request: Request| ready(spelling.request(request)));
        Router::new().fallback_service(routes).layer(spell)
    }
}
