//! What can be asked, and what is answered.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;
use tidemill_engine::{
    deploy::{DeployError, Digest, NotDeployed, Wish},
    limits,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Shown, figures::Figures, status, token::Token};
use crate::{
    deploying::{
        desk::{Desk, Order, Place},
        query::Query,
    },
    http::{
        answer::{Refusal, json as answered},
        body::Bodies,
    },
};

/// What all requests share.
#[derive(Debug)]
pub struct Front {
    /// The application.
    pub application: String,
    /// Where wishes go.
    pub desk: Arc<Desk>,
    /// The pipelines at work.
    pub pipelines: Vec<Shown>,
    /// What is counted.
    pub figures: Figures,
    /// What who asks has to know.
    pub token: Option<Token>,
    /// Bounds the components under way.
    pub bodies: Bodies,
    /// When the host began.
    pub started: Instant,
    /// Cancelled when the host stops.
    pub stop: CancellationToken,
}

type Answer = Result<Response, Refusal>;

/// The paths.
pub fn router(front: Arc<Front>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/status", get(|State(front), request| read(front, request, Front::status)))
        .route("/metrics", get(|State(front), request| read(front, request, Front::metrics)))
        .route("/history", get(history))
        .route("/deploy", post(deploy))
        .route("/rollback", post(|State(front), request| wish(front, request, Wish::RollBack)))
        .route("/promote", post(|State(front), request| wish(front, request, Wish::Promote)))
        .route("/resume", post(|State(front), request| read(front, request, Front::resume)))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .with_state(front)
}

async fn health(State(front): State<Arc<Front>>) -> Response {
    if front.stop.is_cancelled() {
        return Refusal::stopping().into_response();
    }
    answered(StatusCode::OK, &json!({ "status": "ok" }))
}

async fn read(front: Arc<Front>, request: Request, of: fn(&Front, &Query) -> Answer) -> Response {
    let query = front.let_in(request.headers(), request.uri().query());
    query.and_then(|query| of(&front, &query)).unwrap_or_else(IntoResponse::into_response)
}

async fn wish(front: Arc<Front>, request: Request, wish: Wish) -> Response {
    let done = async move {
        let query = front.let_in(request.headers(), request.uri().query())?;
        front.order(front.place(&query)?, &query, wish, None).await
    };
    done.await.unwrap_or_else(IntoResponse::into_response)
}

async fn history(State(front): State<Arc<Front>>, request: Request) -> Response {
    let read = async move {
        let query = front.let_in(request.headers(), request.uri().query())?;
        let part = &front.place(&query)?.part;
        let history = front.desk.deployments.history(part).await.map_err(|error| not_done(&error.into()))?;
        Ok::<_, Refusal>(answered(StatusCode::OK, &json!({ "part": part.to_string(), "history": history })))
    };
    read.await.unwrap_or_else(IntoResponse::into_response)
}

async fn deploy(State(front): State<Arc<Front>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    front.deploy(&head, body).await.unwrap_or_else(IntoResponse::into_response)
}

impl Front {
    /// What is asked, of who may ask.
    fn let_in(&self, headers: &HeaderMap, query: Option<&str>) -> Result<Query, Refusal> {
        if let Some(token) = &self.token {
            token.check(headers)?;
        }
        Query::parse(query.unwrap_or_default()).map_err(Refusal::bad_request)
    }

    fn status(&self, _: &Query) -> Answer {
        let uptime = self.started.elapsed().as_secs();
        let object = status::object(&self.desk, &self.application, uptime, &self.pipelines);
        Ok(answered(StatusCode::OK, &object))
    }

    fn metrics(&self, _: &Query) -> Answer {
        let text = self.figures.text(&self.desk, &self.pipelines);
        Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
    }

    fn resume(&self, query: &Query) -> Answer {
        let is_meant = |shown: &&Shown| query.pipeline.as_ref().is_none_or(|name| *name == shown.pipeline);
        let meant: Vec<&Shown> = self.pipelines.iter().filter(is_meant).collect();
        if meant.is_empty() {
            let known: Vec<&str> = self.pipelines.iter().map(|shown| &*shown.pipeline).collect();
            return Err(unknown(format!("there is no such pipeline, known={}", known.join(","))));
        }
        let shard = query.shard.as_deref().map(Into::into);
        let resumed: usize = meant.iter().map(|shown| shown.control.resume(shard.as_ref())).sum();
        Ok(answered(StatusCode::OK, &json!({ "resumed": resumed })))
    }

    async fn deploy(&self, head: &Parts, body: axum::body::Body) -> Answer {
        // A body is read before anything but the token is looked at: a client that is still sending would not see a
        // refusal.
        if let Some(token) = &self.token {
            token.check(&head.headers)?;
        }
        let (bytes, _room) = self.bodies.read(&head.headers, body).await?;
        let query = self.let_in(&head.headers, head.uri.query())?;
        let place = self.place(&query)?;
        if bytes.is_empty() {
            return Err(Refusal::bad_request("the body is empty: it has to be the component"));
        }
        let digest = Digest::of(&bytes);
        self.order(place, &query, query.deploying(digest.clone()), Some((digest, bytes))).await
    }

    async fn order(
        &self,
        place: &Place,
        query: &Query,
        wish: Wish,
        component: Option<(Digest, bytes::Bytes)>,
    ) -> Answer {
        if self.stop.is_cancelled() {
            return Err(Refusal::stopping());
        }
        let by = query.by.clone().unwrap_or_else(|| "admin API".to_owned());
        let order = Order { wish, by, why: query.why.clone(), component };
        let wait: Duration = query.wait.unwrap_or(limits::DEPLOY_WAIT);
        let (deployment, outcome) =
            self.desk.order(place, order, wait).await.map_err(|error| not_done(&error))?;
        let generation = place.status().slot.component.generation;
        let shown = json!({
            "part": place.part.to_string(),
            "worker": self.desk.worker,
            "deployment": deployment,
            "became": outcome,
            "generation": generation,
        });
        Ok(answered(StatusCode::OK, &shown))
    }

    fn place(&self, query: &Query) -> Result<&Place, Refusal> {
        self.desk.place(query.pipeline.as_deref(), query.part.as_deref()).map_err(unknown)
    }
}

fn unknown(message: String) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "unknown-part", message)
}

fn not_done(error: &NotDeployed) -> Refusal {
    let (status, code) = match error {
        NotDeployed::NoChange(_) => (StatusCode::CONFLICT, "no-change"),
        NotDeployed::Store(DeployError::Conflict(_)) => (StatusCode::CONFLICT, "conflict"),
        NotDeployed::Store(DeployError::Unavailable(_)) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    Refusal::new(status, code, error.to_string())
}

async fn no_such_path() -> Refusal {
    let message = "no such path: there are POST /deploy, /rollback, /promote and /resume, and GET /status, /history, \
                   /metrics and /health";
    Refusal::new(StatusCode::NOT_FOUND, "unknown-path", message)
}

async fn no_such_method() -> Refusal {
    let message = "what changes something is done with POST, the rest is read with GET";
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", message)
}
