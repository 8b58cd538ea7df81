//! Connections: so many at once, each with a request under way or a head that has to come in time.

use std::{pin::pin, sync::Arc, time::Duration};

use axum::Router;
use futures::stream::{FuturesUnordered, StreamExt};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tidemill_engine::{
    limits,
    task::{self, Task},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// Answers so many connections at once, until told to stop, then finishes what is under way, for so long. Answers when it was told.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    most: usize,
    stop: CancellationToken,
    finish_within: Duration,
) -> Instant {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(most));
    let mut open = FuturesUnordered::<Task<()>>::new();
    let mut stopping = pin!(stop.cancelled());
    loop {
        tokio::select! {
            biased;
            () = &mut stopping => break,
            Some(_) = open.next() => {}
            stream = accept(&listener), if places.available_permits() > 0 => {
                let place = Arc::clone(&places).try_acquire_owned().expect("only this loop takes places");
                let connection = http().serve_connection(
                    TokioIo::new(stream),
                    TowerToHyperService::new(app.clone()),
                ).into_owned();
                let watched = graceful.watch(connection);
                open.push(task::spawn("http-connection", async move {
                    if let Err(error) = watched.await {
                        tracing::debug!(error = error.to_string(), "a connection broke off");
                    }
                    drop(place);
                }));
            }
        }
    }
    let stopped = Instant::now();
    drop(listener);
    if timeout(finish_within, graceful.shutdown()).await.is_err() {
        tracing::warn!(open = open.len(), "requests were not finished in time and are broken off");
    }
    stopped
}

fn http() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits::INGEST_REQUEST_WAIT);
    let mut http2 = builder.http2();
    http2.timer(TokioTimer::new()).keep_alive_interval(limits::INGEST_REQUEST_WAIT);
    builder
}

/// The next connection. Where the machine has no handle for one, it has a moment later.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are small and must not wait for company. A stream that is gone says so when it is read.
                let _ = stream.set_nodelay(true);
                return stream;
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(limits::INGEST_ACCEPT_PAUSE).await;
            }
        }
    }
}
