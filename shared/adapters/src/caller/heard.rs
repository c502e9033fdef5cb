//! The first bytes of an answer, remembered for people: an answer that is not HTTP can then be shown.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of the first line that are remembered.
const MAX_LINE: usize = 120;

/// The first bytes that a connection read.
#[derive(Clone, Default)]
pub(super) struct FirstLine(Arc<Mutex<Vec<u8>>>);

impl FirstLine {
    fn hear(&self, bytes: &[u8]) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_LINE - heard.len();
        heard.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// The first line with its unprintable bytes escaped; `None` if nothing was read.
    pub(super) fn text(&self) -> Option<String> {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = heard.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
        (!heard.is_empty()).then(|| line.escape_ascii().to_string())
    }
}

/// A stream whose first line is remembered.
pub(super) struct Heard<S> {
    pub(super) stream: S,
    pub(super) first: FirstLine,
}

impl<S: AsyncRead + Unpin> AsyncRead for Heard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.first.hear(&buffer.filled()[before..]);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Heard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
