//! A limit on silence at the start of a connection. Which HTTP it speaks is told by its first bytes, and hyper
//! waits for those without an end: a client could hold a socket for ever by saying nothing.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum_server::accept::Accept;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// Length of HTTP/2's preface; by then it is told.
const TOLD: usize = 24;

/// Gives every stream of the acceptor within a limit.
#[derive(Debug, Clone)]
pub struct Spoken<A> {
    pub inner: A,
    pub within: Duration,
}

type Accepting<I, S> = Pin<Box<dyn Future<Output = io::Result<(I, S)>> + Send>>;

impl<A, I, S> Accept<I, S> for Spoken<A>
where
    A: Accept<I, S>,
    A::Future: Send + 'static,
    A::Stream: Send + 'static,
    A::Service: Send + 'static,
{
    type Stream = FirstBytes<A::Stream>;
    type Service = A::Service;
    type Future = Accepting<Self::Stream, Self::Service>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let (accepting, within) = (self.inner.accept(stream, service), self.within);
        Box::pin(async move {
            let (inner, service) = accepting.await?;
            let stream = FirstBytes {
                inner,
                read: 0,
                limit: Some(Box::pin(sleep(within))),
            };
            Ok((stream, service))
        })
    }
}

/// A stream whose reads fail once its first bytes are too long in coming.
#[derive(Debug)]
pub struct FirstBytes<I> {
    inner: I,
    read: usize,
    limit: Option<Pin<Box<Sleep>>>,
}

impl<I: AsyncRead + Unpin> AsyncRead for FirstBytes<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        let Some(limit) = &mut self.limit else {
            return polled;
        };
        if polled.is_pending() {
            ready!(limit.as_mut().poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        self.read += buf.filled().len() - before;
        if self.read >= TOLD {
            self.limit = None;
        }
        polled
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for FirstBytes<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use axum_server::accept::DefaultAcceptor;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const WITHIN: Duration = Duration::from_secs(30);

    async fn read(said: &[u8]) -> (io::Result<usize>, Duration) {
        let (mut client, server) = duplex(1024);
        client.write_all(said).await.unwrap();
        let acceptor = Spoken {
            inner: DefaultAcceptor,
            within: WITHIN,
        };
        let (mut stream, ()) = acceptor.accept(server, ()).await.unwrap();
        let began = tokio::time::Instant::now();
        let mut buffer = [0; 64];
        let mut last = Ok(0);
        for _ in 0..3 {
            let next = stream.read(&mut buffer);
            match tokio::time::timeout(WITHIN * 3, next).await {
                Ok(read) => last = read,
                Err(_) => break,
            }
            if last.is_err() {
                break;
            }
        }
        (last, began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_at_the_limit_and_a_client_that_spoke_may_wait() {
        for said in [&b""[..], b"PRI * HTTP/2.0"] {
            let (last, took) = read(said).await;
            assert_eq!(last.unwrap_err().kind(), io::ErrorKind::TimedOut);
            assert_eq!(took, WITHIN);
        }
        let (last, took) = read(b"GET / HTTP/1.1\r\nhost: panel\r\n").await;
        assert!(last.is_ok() && took > WITHIN, "{last:?} {took:?}");
    }
}
