//! Streams end when who reads them may no longer: within a second, whether or not anything is read.

use crate::access::Principal;
use crate::app::App;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::watch;
use tokio_stream::Stream;

/// How often it is looked whether a credential has expired: that is no change that anybody tells of.
const LOOK: Duration = Duration::from_millis(500);

/// Resolves once the principal is let in no more, or `may` says no of what it may do by then.
pub async fn stopped(app: Arc<App>, principal: Principal, may: impl Fn(&Principal) -> bool) {
    let Some(mut changes) = app.door.changes() else {
        return std::future::pending().await;
    };
    while app
        .door
        .renew(&principal, app.now())
        .is_ok_and(|now| may(&now))
    {
        // A timeout is the look that was due.
        if let Ok(Err(_)) = tokio::time::timeout(LOOK, moved(&mut changes)).await {
            return;
        }
    }
}

async fn moved(changes: &mut watch::Receiver<u64>) -> Result<(), watch::error::RecvError> {
    changes.changed().await
}

/// A stream that ends early, with a last item, once a future resolves.
pub struct Until<S: Stream> {
    inner: S,
    stopped: Pin<Box<dyn Future<Output = ()> + Send>>,
    last: Option<S::Item>,
    is_over: bool,
}

impl<S: Stream> Until<S> {
    pub fn new(
        inner: S,
        stopped: impl Future<Output = ()> + Send + 'static,
        last: S::Item,
    ) -> Self {
        Self {
            inner,
            stopped: Box::pin(stopped),
            last: Some(last),
            is_over: false,
        }
    }
}

impl<S: Stream + Unpin> Stream for Until<S>
where
    S::Item: Unpin,
{
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        if self.stopped.as_mut().poll(cx).is_ready() {
            self.is_over = true;
            return Poll::Ready(self.last.take());
        }
        Pin::new(&mut self.inner).poll_next(cx)
    }
}
