//! The one spelling of a request's path: without empty segments, without a slash at its end, and
//! without the base path of the public URL.
//!
//! Svix's clients end their paths with a slash, and people paste base URLs that end with one. A
//! redirect would lose the body of a POST at many clients, so that the request is routed as if its
//! path were spelt plainly. Signatures over the URL are verified over the URL as it was called.

use domain::base_path::{BasePath, with_path};
use http::{Request, Uri};

/// The spelling of requests' paths for the routes.
#[derive(Clone, Debug)]
pub struct Spelling {
    base: Option<BasePath>,
}

impl Spelling {
    /// Plain paths, below the base path of this public URL or not.
    pub fn below(public_url: &str) -> Self {
        Self { base: BasePath::of(public_url) }
    }

    /// The request with its path as the routes have it.
    pub fn request<B>(&self, mut request: Request<B>) -> Request<B> {
        if let Some(uri) = plain(request.uri()) {
            *request.uri_mut() = uri;
        }
        if let Some(uri) = self.base.as_ref().and_then(|base| base.strip(request.uri())) {
            *request.uri_mut() = uri;
        }
        request
    }
}

/// The URI with a plain path, and with its query as it is; `None` if the path is plain already, or
/// is longer than a URI can be.
fn plain(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    if !path.contains("//") && (path == "/" || !path.ends_with('/')) {
        return None;
    }
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    let mut whole: String = segments.flat_map(|segment| ["/", segment]).collect();
    if whole.is_empty() {
        whole.push('/');
    }
    with_path(uri, &whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_too_many_are_left_out_and_nothing_else_changes() {
        for (called, routed) in [
            ("/in/x/", Some("/in/x")),
            ("//in/x", Some("/in/x")),
            ("/in//x///", Some("/in/x")),
            ("/in/x/?a=b%20c&d=/e//", Some("/in/x?a=b%20c&d=/e//")),
            ("https://relay.example/in/x/?a", Some("https://relay.example/in/x?a")),
            ("//", Some("/")),
            ("/in/a%2F%2Fb/", Some("/in/a%2F%2Fb")),
            ("/in/x", None),
            ("/in/x?a=//", None),
            ("/", None),
        ] {
            let uri: Uri = called.parse().expect("a URI");
            let plain = plain(&uri).map(|uri| uri.to_string());
            assert_eq!(plain.as_deref(), routed, "{called}");
        }
    }
}
