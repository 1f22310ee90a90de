//! Answers to requests whose body is still on its way. A socket that is closed over bytes nobody has read is reset,
//! and a reset takes the answer with it: a client that sends first and listens then would see a broken connection
//! instead of the problem. So what a handler leaves of a body is read and thrown away, within bounds.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{DefaultBodyLimit, Request},
    http::{HeaderValue, Version, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use tokio::{sync::Semaphore, time::timeout};

use crate::error::Error;

/// Sixteen times the largest body that any call takes: it covers a world dropped where an egg was meant. Who sends
/// more than that past an answer learns of it by a reset, as before.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// Silence that ends it.
const PAUSE: Duration = Duration::from_secs(5);
/// The end for those who drip.
const WHOLE: Duration = Duration::from_secs(30);
/// Left over, it is read without a word; more, and the answer asks to send no more on this connection.
const LITTLE: u64 = 64 * 1024;
/// Bodies that are thrown away at once; above it they are cut off, so that refusals stay cheap.
const AT_ONCE: usize = 256;

static ROOM: Semaphore = Semaphore::const_new(AT_ONCE);

/// A request's body that is read to its end, if not by the handler then by us.
struct Watched {
    body: Option<Body>,
    ended: Arc<AtomicBool>,
    /// The client waits for a word of ours before it sends (`expect: 100-continue`) and has had none.
    unasked: bool,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.unasked = false;
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(body).poll_frame(cx);
        if matches!(&polled, Poll::Ready(None | Some(Err(_)))) {
            self.ended.store(true, Ordering::Relaxed);
            self.body = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or(SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let Some(body) = self.body.take() else { return };
        if self.unasked || body.is_end_stream() {
            return;
        }
        match (ROOM.try_acquire(), tokio::runtime::Handle::try_current()) {
            (Ok(room), Ok(runtime)) => drop(runtime.spawn(async move {
                let _room = room;
                discard(body).await;
            })),
            _ => cut("too_many"),
        }
    }
}

fn cut(why: &'static str) {
    metrics::counter!("warren_http_bodies_cut_off_total", "why" => why).increment(1);
}

async fn discard(body: Body) {
    match timeout(WHOLE, discard_all(body)).await {
        Ok(Ok(())) => {}
        Ok(Err(why)) => cut(why),
        Err(_) => cut("slow"),
    }
}

async fn discard_all(mut body: Body) -> Result<(), &'static str> {
    let mut left = MOST_BYTES;
    loop {
        // An error is the client's end: nobody is left to read an answer.
        let Some(Ok(frame)) = timeout(PAUSE, body.frame()).await.map_err(|_| "silent")? else {
            return Ok(());
        };
        let length = frame.data_ref().map_or(0, Bytes::len);
        metrics::counter!("warren_http_discarded_bytes_total").increment(length as u64);
        left = left.checked_sub(length as u64).ok_or("too_long")?;
    }
}

/// The outermost layer: whatever refuses a request, its answer arrives.
pub async fn linger(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    // A stream of HTTP/2 ends alone and without a reset of the connection.
    let may_close = request.version() <= Version::HTTP_11;
    let unasked = request.headers().contains_key(header::EXPECT);
    let ended = Arc::new(AtomicBool::new(false));
    let length = request.body().size_hint().upper();
    let request = request.map(|body| {
        Body::new(Watched {
            body: Some(body),
            ended: ended.clone(),
            unasked,
        })
    });
    let mut response = next.run(request).await;
    let much = length.is_none_or(|length| length > LITTLE);
    if may_close && much && !ended.load(Ordering::Relaxed) {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

/// How much a route reads. A body that says it is longer is refused before its first byte.
#[derive(Debug, Clone, Copy)]
pub struct Most(pub usize);

impl Most {
    /// For what is read without a length given.
    pub fn while_reading(self) -> DefaultBodyLimit {
        DefaultBodyLimit::max(self.0)
    }

    /// For what says its length.
    pub async fn by_length(self, request: Request, next: Next) -> Response {
        let told = request.body().size_hint().lower();
        if told > self.0 as u64 {
            return Error::too_large(self.0).into_response();
        }
        next.run(request).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use futures_util::stream;

    use super::*;

    fn chunks(count: usize, bytes: usize) -> Body {
        let chunk = Bytes::from(vec![0; bytes]);
        Body::from_stream(stream::iter(
            (0..count).map(move |_| Ok::<_, std::io::Error>(chunk.clone())),
        ))
    }

    #[tokio::test(start_paused = true)]
    async fn reading_ends_with_the_body_the_bound_or_silence() {
        discard_all(chunks(64, 1 << 20)).await.unwrap();
        assert_eq!(discard_all(chunks(65, 1 << 20)).await, Err("too_long"));
        let silent = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        assert_eq!(discard_all(silent).await, Err("silent"));
    }

    #[tokio::test(start_paused = true)]
    async fn who_drips_is_cut_off_in_the_end() {
        let drip = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(4)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b"x")), ()))
        });
        let began = tokio::time::Instant::now();
        discard(Body::from_stream(drip)).await;
        assert_eq!(began.elapsed(), WHOLE);
    }
}
