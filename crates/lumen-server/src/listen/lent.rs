//! [`Lent`]: a connection that comes back when HTTP is done with it, so that it can be closed without harm.
//!
//! Closed while bytes of the client are still on their way, a connection is reset, and a client that is reset may never read that it
//! was asked to go elsewhere: its request would fail, though nobody looked at it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long a client has to close a connection that it was asked to leave.
const LINGER: Duration = Duration::from_secs(2);

/// A stream that is given back when this is dropped.
pub(super) struct Lent<S> {
    stream: Option<S>,
    back: Option<oneshot::Sender<S>>,
}

impl<S> Lent<S> {
    /// The stream, and where it will be given back.
    pub(super) fn new(stream: S) -> (Self, oneshot::Receiver<S>) {
        let (back, returned) = oneshot::channel();
        (Self { stream: Some(stream), back: Some(back) }, returned)
    }
}

impl<S> Drop for Lent<S> {
    fn drop(&mut self) {
        if let (Some(stream), Some(back)) = (self.stream.take(), self.back.take()) {
            // Where nobody waits for it, it ends here.
            drop(back.send(stream));
        }
    }
}

impl<S: Unpin> Lent<S> {
    /// What is done with the stream, which is there as long as this is.
    fn with<T>(&mut self, act: impl FnOnce(Pin<&mut S>) -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match &mut self.stream {
            Some(stream) => act(Pin::new(stream)),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lent<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_read(context, buffer))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Lent<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(|stream| stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.with(|stream| stream.poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_shutdown(context))
    }
}

/// Reads what still comes, and keeps nothing of it, until the client closes the connection or its time is over.
pub(super) async fn linger<S: AsyncRead + Unpin>(mut stream: S) {
    let mut bytes = [0; 1024];
    let ended =
        timeout(LINGER, async { while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {} }).await;
    if ended.is_err() {
        tracing::debug!("a client keeps a connection that it was asked to leave");
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn what_still_comes_is_read_until_the_client_closes() {
        let (ours, mut theirs) = tokio::io::duplex(16);
        let (lent, returned) = Lent::new(ours);
        drop(lent);
        let stream = returned.await.expect("it comes back");
        let client = async {
            theirs.write_all(&[7; 4096]).await.expect("nobody closes it");
            drop(theirs);
        };
        tokio::join!(linger(stream), client);
    }
}
