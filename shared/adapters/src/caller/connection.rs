//! A connection that another protocol than HTTP is spoken over, such as that of a WebSocket. It is made as
//! that of a call is: the judged address is the dialled one, and `https` means TLS.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Caller, call::Failure, within};

/// Bytes in both directions, with or without TLS.
pub struct Connection(Box<dyn Stream>);

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl Caller {
    /// Connects to the host of a URL with the scheme `http` or `https`. Nothing is sent but the handshake
    /// of TLS.
    ///
    /// # Errors
    /// The reason in words, if the rule forbids the address or no connection is made within `timeout`.
    pub async fn connect(&self, url: &str, timeout: Duration) -> Result<Connection, String> {
        let connect = async {
            let target = self.rule.target(url)?;
            let encrypted = target.url.scheme() == "https";
            let stream = self.dial(&target, encrypted).await?;
            let stream: Box<dyn Stream> = match encrypted {
                true => Box::new(self.handshake(&target, stream).await?),
                false => Box::new(stream),
            };
            Ok(Connection(stream))
        };
        within(timeout, connect).await.map_err(|Failure(_, why)| why)
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
