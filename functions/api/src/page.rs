//! The relay's own pages: the dashboard, the portal of an application and the console of a job, and the
//! scripts and styles that they load.
//!
//! The files are built before and lie in the binary (`build.rs`). A page is the same for everybody: what it
//! shows, it asks the API for, with a session. So pages need no key, are in no contract, and stand in no
//! document. A path that the API has is never a page.

mod assets;
mod encoding;
mod files;
mod html;
mod policy;
mod screens;

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, header},
    response::Response,
};
use domain::live::url::LiveUrl;
use manage::ControlPlane;

use self::{encoding::Encodings, html::Html, screens::Screen};

/// The pages of one relay, ready to be served.
pub(crate) struct Pages {
    index: Html,
    portal: Html,
    console: Html,
}

impl Pages {
    /// The pages of this relay; `None` if its owner turned them off.
    pub(crate) fn of(control: &ControlPlane) -> Option<Self> {
        let dashboard = control.dashboard();
        if !dashboard.is_served {
            return None;
        }
        let live = control.live_url().map(LiveUrl::origin);
        let live = live.as_deref();
        let framed = policy::framed_by(live, &dashboard.portal_frames);
        let html = |policy| Html::new(files::PAGE, control.public_url(), policy);
        Some(Self {
            index: html(policy::never_framed(live)),
            portal: html(framed.clone()),
            console: html(framed),
        })
    }

    /// The answer to a request for a page or for a file that one loads; `None` for every other request.
    pub(crate) fn answer(&self, request: &Request) -> Option<Response> {
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            return None;
        }
        let (path, headers) = (request.uri().path(), request.headers());
        let accepted = Encodings::of(headers);
        let mut response = match Screen::at(path) {
            Some(Screen::Dashboard) => self.index.answer(headers, accepted),
            Some(Screen::Portal) => self.portal.answer(headers, accepted),
            Some(Screen::Console) => self.console.answer(headers, accepted),
            None => assets::answer(path, accepted)?,
        };
        guard(response.headers_mut());
        Some(response)
    }
}

/// The paths of the scripts and styles.
#[cfg(test)]
pub(crate) fn asset_paths() -> impl Iterator<Item = &'static str> {
    files::ASSETS.iter().map(|asset| asset.path)
}

/// Adds the headers that every page and asset has.
fn guard(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::VARY, "accept-encoding"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
