//! The commands that deploy, and those that show what is deployed: through the admin API of hosts, or straight to the
//! store that all hosts of an application look at.

mod application;
pub mod change;
mod client;
pub mod deploy;
pub mod history;
pub mod resume;
pub mod status;

use std::path::PathBuf;

use rustix::system::uname;
use tidemill_engine::limits;

use crate::{
    args::ConnectionFlags,
    config::{Name, token},
    deploying::query::Query,
    exit::Exit,
    failure::Failure,
};

use application::Application;
use client::Client;

/// Which hosts.
#[derive(Debug, clap::Args)]
pub struct Hosts {
    /// The admin API of a host; more than one to see what becomes of a deployment on each
    #[arg(long, value_name = "URL", env = "TIDEMILL_ADMIN", value_delimiter = ',')]
    admin: Vec<String>,
    /// The environment variable that holds the token that the hosts ask for
    #[arg(long, value_name = "NAME")]
    token_env: Option<String>,
}

/// Which part, and where what is wanted of it is kept.
#[derive(Debug, clap::Args)]
pub struct Which {
    #[command(flatten)]
    hosts: Hosts,
    /// All hosts of an application: straight to the lease store that the settings name
    #[arg(long, value_name = "NAME", value_parser = name)]
    application: Option<Name>,
    /// The settings file that names the lease store
    #[arg(long, value_name = "FILE", default_value = "tidemill.toml")]
    settings: PathBuf,
    /// The pipeline, where there are several
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
    /// The part of it, such as handler or sink.default, where there are several
    #[arg(long, value_name = "PART")]
    part: Option<String>,
}

/// Where wishes go.
enum Way {
    /// To the first of these hosts, which tells all others.
    Hosts(Vec<Client>),
    /// To the store, and to look at these hosts.
    Application(Box<Application>, Vec<Client>),
}

impl Hosts {
    /// Clients of the hosts; of the one on this machine where none is named.
    fn clients(&self) -> Result<Vec<Client>, Failure> {
        if self.admin.is_empty() {
            let local = format!("http://127.0.0.1:{}", limits::ADMIN_PORT);
            return self.named([&local]);
        }
        self.named(&self.admin)
    }

    fn named<'a>(&self, urls: impl IntoIterator<Item = &'a String>) -> Result<Vec<Client>, Failure> {
        let token = self.token_env.as_deref().map(|variable| token(variable, "--token-env")).transpose()?;
        urls.into_iter().map(|url| Client::new(url, token.clone())).collect()
    }
}

impl Which {
    async fn way(&self, flags: &ConnectionFlags) -> Result<Way, Failure> {
        match &self.application {
            None => Ok(Way::Hosts(self.hosts.clients()?)),
            Some(name) => {
                let application = Application::open(&self.settings, name, flags).await?;
                Ok(Way::Application(Box::new(application), self.hosts.named(&self.hosts.admin)?))
            }
        }
    }

    fn query(&self) -> Query {
        Query { pipeline: self.pipeline.clone(), part: self.part.clone(), ..Query::default() }
    }
}

/// Who gives the command: a person on a machine.
fn whoami() -> String {
    let user = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    format!("{}@{}", user.unwrap_or_else(|| "somebody".to_owned()), uname().nodename().to_string_lossy())
}

fn unknown_part(message: String) -> Failure {
    Failure::new(Exit::Usage, message)
}

fn name(text: &str) -> Result<Name, String> {
    Name::try_from(text.to_owned()).map_err(|error| error.to_string())
}
