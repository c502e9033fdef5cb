//! The path of the relay's public URL.
//!
//! An API mapping of API Gateway serves an API below a path of its own domain, as in
//! `https://api.example.com/hooks`. Gateway finds the route without that path, but hands the function
//! the path as it was called, so the functions take it off before they route.

use http::Uri;

/// A path that begins with a slash and does not end with one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BasePath(String);

impl BasePath {
    /// The path of this public URL; `None` if the URL has none.
    pub fn of(public_url: &str) -> Option<Self> {
        let (_, behind_scheme) = public_url.split_once("://")?;
        let (_, path) = behind_scheme.split_once('/')?;
        let path = path.trim_matches('/');
        (!path.is_empty()).then(|| Self(format!("/{path}")))
    }

    /// The path, such as `/hooks`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The base path before the part of a path that API Gateway found a route for; `route_key` is
    /// such as `POST /in/{source}`. `None` if nothing does, or the route begins with a variable.
    pub fn before(route_key: &str, path: &str) -> Option<Self> {
        let (_, route) = route_key.split_once(' ')?;
        let literal = route.split('{').next().filter(|literal| *literal != "/")?;
        let base = &path[..path.find(literal)?];
        (!base.is_empty()).then(|| Self(base.to_owned()))
    }

    /// The URI without the base path, its query unchanged; `None` if it does not begin with it. So a
    /// request that comes by the address of API Gateway itself stays as it is.
    pub fn strip(&self, uri: &Uri) -> Option<Uri> {
        let rest = uri.path().strip_prefix(&self.0)?;
        let rest = match rest {
            "" => "/",
            rest if rest.starts_with('/') => rest,
            _ => return None,
        };
        with_path(uri, rest)
    }
}

/// The URI with another path, its query unchanged; `None` if that is longer than a URI can be.
pub fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(format!("{path}{query}").parse().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_public_url_with_a_path_has_a_base_path() {
        for (url, path) in [
            ("https://api.example.com", None),
            ("https://api.example.com/", None),
            ("https://api.example.com/hooks", Some("/hooks")),
            ("https://api.example.com/hooks/", Some("/hooks")),
            ("https://api.example.com:8443/a/b", Some("/a/b")),
            ("api.example.com/hooks", None),
            ("", None),
        ] {
            assert_eq!(BasePath::of(url), path.map(|path| BasePath(path.to_owned())), "{url}");
        }
    }

    #[test]
    fn a_base_path_stands_before_what_the_route_is_for() {
        for (route, path, base) in [
            ("POST /in/{source}", "/hooks/in/modal", Some("/hooks")),
            ("POST /in/{proxy+}", "/a/b/in/modal/", Some("/a/b")),
            ("POST /api/webhooks/modal", "/hooks/api/webhooks/modal", Some("/hooks")),
            ("POST /in/{source}", "/in/modal", None),
            ("POST /in/{source}", "/in/in/modal", None),
            ("POST /in/{source}", "/elsewhere", None),
            ("ANY /{proxy+}", "/hooks/v1/jobs", None),
            ("$default", "/hooks/in/modal", None),
            ("", "", None),
        ] {
            let found = BasePath::before(route, path);
            assert_eq!(found, base.map(|base| BasePath(base.to_owned())), "{route} {path}");
        }
    }

    #[test]
    fn the_base_path_is_taken_off_once_and_nothing_else_is() {
        let base = BasePath::of("https://api.example.com/hooks").expect("has a path");
        for (uri, stripped) in [
            ("/hooks/in/modal?a=%2F&b", Some("/in/modal?a=%2F&b")),
            ("/hooks/in/a%20b", Some("/in/a%20b")),
            ("https://api.example.com/hooks/v1/jobs", Some("https://api.example.com/v1/jobs")),
            ("/hooks/hooks/x", Some("/hooks/x")),
            ("/hooks", Some("/")),
            ("/hooks?a", Some("/?a")),
            ("/hooks/", Some("/")),
            ("/hooksin/modal", None),
            ("/in/modal", None),
            ("/in/hooks", None),
        ] {
            let uri: Uri = uri.parse().expect("a URI");
            let stripped = stripped.map(|text| text.parse::<Uri>().expect("a URI"));
            assert_eq!(base.strip(&uri), stripped, "{uri}");
        }
    }
}
