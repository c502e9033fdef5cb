//! The built files, as `build.rs` finds them in `web/dist`.

/// A page.
#[derive(Clone, Copy)]
pub(super) struct Page {
    /// The HTML.
    pub(super) text: &'static str,
    /// The HTML in brotli, if it was packed.
    pub(super) br: Option<&'static [u8]>,
    /// The HTML in gzip, if it was packed.
    pub(super) gz: Option<&'static [u8]>,
}

/// A script or style. Its name has a hash of its content, so that it never changes.
pub(super) struct Asset {
    /// Path, such as `/assets/main.ABC123.js`.
    pub(super) path: &'static str,
    /// Media type.
    pub(super) media: &'static str,
    /// Content in brotli.
    pub(super) br: &'static [u8],
    /// Content in gzip.
    pub(super) gz: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/files.rs"));
