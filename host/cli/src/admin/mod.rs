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

use tidemill_engine::limits;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{config::AdminConfig, exit::Exit, failure::Failure, http::connections};

pub use figures::Figures;
pub use routes::Front;
pub use status::Shown;
pub use token::Token;

/// An admin API whose port is taken.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    address: SocketAddr,
    /// What who asks has to know.
    pub token: Option<Token>,
    /// What is counted, guests' series too.
    pub figures: Figures,
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

    /// Answers until told to stop, then finishes what is under way within the time given.
    pub async fn run(
        listener: Listening,
        front: Arc<Front>,
        stop: CancellationToken,
        finish_within: Duration,
    ) {
        let router = routes::router(front);
        connections::serve(listener.0, router, limits::ADMIN_CONNECTIONS, stop, finish_within).await;
    }

    /// Takes it apart: the port, and the rest.
    pub fn into_parts(self) -> (Listening, Option<Token>, Figures) {
        (Listening(self.listener), self.token, self.figures)
    }
}

/// A port that is taken.
#[derive(Debug)]
pub struct Listening(TcpListener);

impl fmt::Display for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "admin at http://{}", self.address)
    }
}

fn not_listening(address: SocketAddr, error: &io::Error) -> Failure {
    Failure::new(Exit::Surroundings, format!("cannot listen: {error}, address={address}"))
        .help("choose another address with admin.listen; port 0 takes a free one")
}
