//! Requests of guests over HTTP: to where the settings allow, by connections that the process shares.
//!
//! A request ends with the deadline of a call at the latest, and with its instance. The body of a response is read as
//! the guest asks for it, so what the host holds of it is a buffer. Redirects are the guest's own to follow: each is
//! another request, to be allowed or not.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{
    Request, Response, Uri,
    body::{Body, Frame, Incoming, SizeHint},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tidemill_engine::limits;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::{allow::Address, grants::Grants, guest_log::GuestLog, refusals::Way};

/// What one instance sends.
pub struct Outbound {
    grants: Grants,
    log: GuestLog,
    under_way: Arc<Semaphore>,
}

/// Ends when a connection is of no more use to its request; the pool of connections sees to that.
type Connection = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Answer = Result<(Response<WasiBody>, Connection), Error>;

impl Outbound {
    /// Nothing under way.
    pub fn new(grants: &Grants, log: GuestLog) -> Self {
        let under_way = Arc::new(Semaphore::new(limits::GUEST_HTTP_REQUESTS));
        Self { grants: grants.clone(), log, under_way }
    }

    /// Whether the settings allow this.
    fn check(&self, uri: &Uri) -> Result<(), Error> {
        let host = uri.host().ok_or(Error::HttpRequestUriInvalid)?;
        let port = uri.port_u16().unwrap_or(if is_plain(uri) { 80 } else { 443 });
        let address = Address::new(host, port);
        if self.grants.sandbox.allow.http.contains(&address) {
            return Ok(());
        }
        self.grants.refusals.tell(&self.log, Way::Http, &address);
        Err(Error::HttpRequestDenied)
    }
}

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Connection,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        let permit = self.check(request.uri()).and_then(|()| {
            let permit = Arc::clone(&self.under_way).try_acquire_owned();
            permit.map_err(|_| Error::ConnectionLimitReached)
        });
        let longest = longest(options, self.grants.sandbox.deadline);
        Box::new(async move {
            let permit = permit?;
            let answer =
                timeout(longest, send(request)).await.map_err(|_| Error::ConnectionReadTimeout)??;
            let body = |incoming| Held { incoming, _permit: permit }.boxed_unsync();
            let connection: Connection = Box::new(async { Ok(()) });
            Ok((answer.map(body), connection))
        })
    }
}

/// How long a response may take to begin: as the guest says, and no longer than one call of it.
fn longest(options: Option<RequestOptions>, deadline: Duration) -> Duration {
    let options = options.unwrap_or_default();
    let connect = options.connect_timeout.unwrap_or(limits::GUEST_HTTP_CONNECT);
    let wished = options.first_byte_timeout.map(|first_byte| connect.saturating_add(first_byte));
    wished.map_or(deadline, |wished| wished.min(deadline))
}

async fn send(request: Request<WasiBody>) -> Result<Response<Incoming>, Error> {
    let sent = if is_plain(request.uri()) {
        plain().request(request).await
    } else {
        secure()?.request(request).await
    };
    sent.map_err(|error| failed(&error))
}

/// What a guest is told of a request that failed: the whole chain, which a code alone would not tell.
fn failed(error: &legacy::Error) -> Error {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let mut message = error.to_string();
    for cause in causes {
        message.push_str(&format!(": {cause}"));
        let refused = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        if refused == Some(std::io::ErrorKind::ConnectionRefused) {
            return Error::ConnectionRefused;
        }
    }
    Error::InternalError(Some(message))
}

fn is_plain(uri: &Uri) -> bool {
    uri.scheme_str() == Some("http")
}

fn plain() -> &'static Client<HttpConnector, WasiBody> {
    static PLAIN: OnceLock<Client<HttpConnector, WasiBody>> = OnceLock::new();
    PLAIN.get_or_init(|| client(connector()))
}

/// The machine's certificates are read when the first guest needs them. Without any, its requests fail.
fn secure() -> Result<&'static Client<HttpsConnector<HttpConnector>, WasiBody>, Error> {
    static SECURE: OnceLock<Result<Client<HttpsConnector<HttpConnector>, WasiBody>, String>> =
        OnceLock::new();
    let made = SECURE.get_or_init(|| {
        let tls = HttpsConnectorBuilder::new().with_native_roots().map_err(|error| error.to_string())?;
        let mut connector = connector();
        connector.enforce_http(false);
        Ok(client(tls.https_only().enable_http1().wrap_connector(connector)))
    });
    made.as_ref().map_err(|error| Error::InternalError(Some(format!("no TLS on this machine: {error}"))))
}

fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(limits::GUEST_HTTP_CONNECT));
    connector.set_nodelay(true);
    connector
}

fn client<C>(connector: C) -> Client<C, WasiBody>
where
    C: legacy::connect::Connect + Clone,
{
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(limits::GUEST_HTTP_IDLE)
        .pool_max_idle_per_host(limits::GUEST_HTTP_IDLE_CONNECTIONS)
        .http1_max_buf_size(limits::GUEST_HTTP_BUFFER_BYTES)
        .build(connector)
}

/// A response's body, which counts as under way until the guest drops it.
struct Held {
    incoming: Incoming,
    _permit: OwnedSemaphorePermit,
}

impl Body for Held {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.incoming).poll_frame(context).map_err(Error::from)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
