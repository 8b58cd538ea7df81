//! The admin API: how this host is, what it runs, and a way to have another component run.
//!
//! ```text
//! connections ─▶ token ─▶ routes ─┬▶ status, history, figures
//!                                 └▶ desk ─▶ the store of deployments ─▶ the followers of all hosts
//! ```

mod figures;
mod routes;
mod status;
mod token;

use std::{fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use tidemill_engine::{
    limits,
    task::{self, Task},
};
use tokio::{net::TcpListener, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    config::AdminConfig,
    deploying::desk::Desk,
    exit::Exit,
    failure::Failure,
    http::{body::Bodies, connections},
};

use figures::Figures;
use routes::Front;
use token::Token;

pub use status::Shown;

/// An admin API whose port is taken.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    address: SocketAddr,
    token: Option<Token>,
    figures: Figures,
}

impl Admin {
    /// Takes the port, and begins to keep the series of guests.
    pub async fn build(config: &AdminConfig) -> Result<Self, Failure> {
        let token = config.token()?.map(Token::new);
        let listener = TcpListener::bind(config.listen).await;
        let listener = listener.map_err(|error| not_listening(config.listen, &error))?;
        let address = listener.local_addr().map_err(|error| not_listening(config.listen, &error))?;
        Ok(Self { listener, address, token, figures: Figures::start() })
    }

    /// Answers until the host has `ended`, then finishes what is under way within a share of the grace period. Once it
    /// is to `stop` nothing is changed any more.
    pub fn start(
        self,
        application: &str,
        desk: Arc<Desk>,
        pipelines: Vec<Shown>,
        stop: CancellationToken,
        ended: CancellationToken,
        grace: Duration,
    ) -> Task<()> {
        let Self { listener, token, figures, .. } = self;
        let front = Arc::new(Front {
            application: application.to_owned(),
            desk,
            pipelines,
            figures,
            token,
            bodies: Bodies::new(limits::COMPONENT_BYTES, limits::COMPONENT_BYTES),
            started: Instant::now(),
            stop,
        });
        task::spawn("admin", async move {
            let router = routes::router(front);
            connections::serve(listener, router, limits::ADMIN_CONNECTIONS, ended, grace / 4).await;
        })
    }
}

impl fmt::Display for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "admin at http://{}", self.address)
    }
}

fn not_listening(address: SocketAddr, error: &io::Error) -> Failure {
    Failure::new(Exit::Surroundings, format!("cannot listen: {error}, address={address}"))
        .help("choose another address with admin.listen; port 0 takes a free one")
}
