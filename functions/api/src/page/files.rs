//! The built files, as `build.rs` finds them in `web/dist`.

/// An HTML document that begins a page.
#[derive(Clone, Copy)]
pub(super) struct Page {
    /// The HTML as it is, for clients that take no compression.
    pub(super) text: &'static str,
    /// The HTML in brotli, if it was packed.
    pub(super) br: Option<&'static [u8]>,
    /// The HTML in gzip, if it was packed.
    pub(super) gz: Option<&'static [u8]>,
}

/// A script or style. Its name has a hash of its content, so that it never changes.
pub(super) struct Asset {
    /// The path in the URL, such as `/assets/main.ABC123.js`.
    pub(super) path: &'static str,
    /// Media type.
    pub(super) media: &'static str,
    /// The content, compressed with brotli.
    pub(super) br: &'static [u8],
    /// The content, compressed with gzip.
    pub(super) gz: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/files.rs"));
