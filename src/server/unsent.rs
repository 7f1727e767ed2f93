//! Large answers, which stay in memory until their clients have taken them: together they have so many bytes, and no more.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::{Cause, Refusal};

/// Bytes of an answer that is not large: what a connection holds for it counts with the connection.
const SMALL_BYTES_MAX: u64 = 64 * 1024;
/// Bytes that are handed to the connection at a time, which copies them.
const SLICE_BYTES: usize = 64 * 1024;

/// Bytes that large answers may have together.
pub struct Unsent(Arc<Semaphore>);

impl Unsent {
    /// At most so many, and at most [`Semaphore::MAX_PERMITS`].
    pub fn new(bytes_max: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes_max.min(Semaphore::MAX_PERMITS))))
    }

    /// Lets a large answer hold its bytes until it is sent, if there are as many left.
    pub async fn hold(&self, response: Response) -> Result<Response, Refusal> {
        match response.body().size_hint().exact() {
            // A stream holds a page at a time, and has no size.
            None => return Ok(response),
            Some(size) if size <= SMALL_BYTES_MAX => return Ok(response),
            Some(_) => {}
        }
        let (head, body) = response.into_parts();
        let failed =
            |reason: &dyn std::fmt::Display| Refusal::Internal(format!("an answer was lost: {reason}"));
        // It is in memory already, in one piece.
        let rest = to_bytes(body, usize::MAX).await.map_err(|error| failed(&error))?;
        let bytes = u32::try_from(rest.len()).map_err(|error| failed(&error))?;
        let held = Arc::clone(&self.0).try_acquire_many_owned(bytes);
        let held = held.map_err(|_| Refusal::Unavailable(Cause::word("unsent_answers")))?;
        Ok(Response::from_parts(head, Body::new(Large { rest, _held: held })))
    }
}

/// The body of a large answer.
struct Large {
    rest: Bytes,
    _held: OwnedSemaphorePermit,
}

impl hyper::body::Body for Large {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let length = self.rest.len().min(SLICE_BYTES);
        Poll::Ready((length > 0).then(|| Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    /// Exact, so that the answer keeps its `Content-Length`.
    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
