//! `tidemill rollback` and `tidemill promote`, and what all commands that change something share: waiting for what
//! becomes of it, and saying so.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tidemill_engine::{
    deploy::{Deployment, Digest, Part, Wish},
    limits,
};
use tokio::time::{Instant, sleep};

use super::{
    Way, Which,
    application::Application,
    client::{Client, ShownPart},
    whoami,
};
use crate::{
    args::ConnectionFlags,
    deploying::query::{self, Query},
    exit::Exit,
    failure::Failure,
    output,
};

/// What every change comes with.
#[derive(Debug, clap::Args)]
pub struct Change {
    /// Why, for the history
    #[arg(long, value_name = "TEXT", default_value = "")]
    why: String,
    /// How long to wait for what becomes of it
    #[arg(long, value_name = "TIME", value_parser = query::duration, default_value = "2m")]
    wait: Duration,
}

impl Change {
    /// What is asked for, with who, why and how long to wait.
    pub fn query(&self, query: Query) -> Query {
        Query { why: self.why.clone(), by: Some(whoami()), wait: Some(self.wait), ..query }
    }
}

/// Go back: take away what is on trial, or run the component before the present one
#[derive(Debug, clap::Args)]
pub struct RollBack {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    change: Change,
}

/// Have what is on trial take the place of the running component
#[derive(Debug, clap::Args)]
pub struct Promote {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    change: Change,
}

/// Goes back.
pub async fn roll_back(args: RollBack, flags: ConnectionFlags) -> Result<Exit, Failure> {
    change(args.which, args.change, "/rollback", Wish::RollBack, flags).await
}

/// Promotes.
pub async fn promote(args: Promote, flags: ConnectionFlags) -> Result<Exit, Failure> {
    change(args.which, args.change, "/promote", Wish::Promote, flags).await
}

async fn change(
    which: Which,
    change: Change,
    path: &str,
    wish: Wish,
    flags: ConnectionFlags,
) -> Result<Exit, Failure> {
    let way = which.way(&flags).await?;
    let part = part(&way, &which).await?;
    match way {
        Way::Hosts(clients) => {
            let query = change.query(Query {
                pipeline: Some(part.pipeline.clone()),
                part: Some(part.role.clone()),
                ..Query::default()
            });
            through_host(&clients, path, &part, query, Bytes::new()).await
        }
        Way::Application(application, clients) => {
            through_store(&application, &clients, &part, wish, None, &change).await
        }
    }
}

/// The part that is meant.
pub(super) async fn part(way: &Way, which: &Which) -> Result<Part, Failure> {
    let (pipeline, role) = (which.pipeline.as_deref(), which.part.as_deref());
    match way {
        Way::Hosts(clients) => clients[0].part(pipeline, role).await,
        Way::Application(application, _) => application.part(pipeline, role),
    }
}

/// Has the first host do it, which tells all others, and looks at the others that were named.
pub(super) async fn through_host(
    clients: &[Client],
    path: &str,
    part: &Part,
    query: Query,
    body: Bytes,
) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let wait = query.wait.unwrap_or(limits::DEPLOY_WAIT);
    let answer = clients[0].post(path, &query, body).await?;
    let version = answer["deployment"]["version"].as_u64().unwrap_or_default();
    tell(part, version, &answer["deployment"])?;
    let worker = answer["worker"].as_str().unwrap_or_default();
    let first = Became::of_answer(&answer["became"]);
    output::line(&format!("  {worker}: {}", first.text))?;
    let rest = watch(&clients[1..], part, version, wait.saturating_sub(begun.elapsed())).await?;
    ended([first].into_iter().chain(rest))
}

/// Writes it to the store, and looks at the hosts that were named.
pub(super) async fn through_store(
    application: &Application,
    clients: &[Client],
    part: &Part,
    wish: Wish,
    component: Option<(Digest, Bytes)>,
    change: &Change,
) -> Result<Exit, Failure> {
    let deployment = application.order(part, wish, &change.why, component).await?;
    let shown = serde_json::to_value(&deployment).unwrap_or_default();
    let Deployment { version, .. } = deployment;
    tell(part, version, &shown)?;
    if clients.is_empty() {
        let interval = humantime::format_duration(application.interval());
        let workers: Vec<String> = application.workers(part).await.into_iter().collect();
        let at_work =
            if workers.is_empty() { "none holds a lease now".to_owned() } else { workers.join(", ") };
        output::line(&format!("  every host looks once in {interval}: {at_work}"))?;
        output::note(
            "what becomes of it on a host is shown by `tidemill status --admin URL`, or here with --admin",
        );
        return Ok(Exit::Ok);
    }
    ended(watch(clients, part, version, change.wait).await?)
}

/// What became of a version on one host.
struct Became {
    text: String,
    exit: Exit,
}

impl Became {
    fn of_answer(became: &Value) -> Self {
        let why = became["why"].as_str().unwrap_or_default();
        match became["outcome"].as_str() {
            Some("applied") => Self::applied(),
            Some("refused") => Self::refused(why),
            Some("superseded") => Self::superseded(became["by-version"].as_u64().unwrap_or_default(), why),
            _ => Self::pending(),
        }
    }

    /// None while it is under way.
    fn of_part(shown: &ShownPart, version: u64) -> Option<Self> {
        match (&shown.refused, &shown.wanted) {
            (Some(refused), _) if refused.version == version => Some(Self::refused(&refused.why)),
            _ if shown.applied == version => Some(Self::applied()),
            (_, Some(wanted)) if wanted.version > version => {
                Some(Self::superseded(wanted.version, &wanted.why))
            }
            _ => None,
        }
    }

    fn applied() -> Self {
        Self { text: "runs".to_owned(), exit: Exit::Ok }
    }

    fn refused(why: &str) -> Self {
        Self { text: format!("refused, and what ran before goes on: {why}"), exit: Exit::Component }
    }

    fn superseded(version: u64, why: &str) -> Self {
        Self { text: format!("version {version} took its place: {why}"), exit: Exit::Partial }
    }

    fn pending() -> Self {
        Self { text: "still under way".to_owned(), exit: Exit::Partial }
    }
}

/// Asks hosts until it is known what became of a version, but no longer than this; says so for each.
async fn watch(
    clients: &[Client],
    part: &Part,
    version: u64,
    wait: Duration,
) -> Result<Vec<Became>, Failure> {
    let end = Instant::now() + wait;
    let mut known = Vec::new();
    for client in clients {
        let became = loop {
            // A host that cannot be asked now may be restarting.
            let shown = client.parts().await.ok().into_iter().flatten();
            let became = shown
                .filter(|shown| shown.part == part.to_string())
                .find_map(|shown| Became::of_part(&shown, version));
            match became {
                Some(became) => break became,
                None if Instant::now() >= end => break Became::pending(),
                None => sleep(limits::ADMIN_ASK_AGAIN).await,
            }
        };
        output::line(&format!("  {}: {}", client.url(), became.text))?;
        known.push(became);
    }
    Ok(known)
}

fn tell(part: &Part, version: u64, deployment: &Value) -> Result<(), Failure> {
    let short = |digest: &Value| {
        digest.as_str().map_or("the settings' file".to_owned(), |text| text.chars().take(8).collect())
    };
    let candidate = match &deployment["candidate"] {
        Value::Null => String::new(),
        candidate => format!(", on trial {}", short(&candidate["digest"])),
    };
    output::line(&format!("{part} version {version}: {}{candidate}", short(&deployment["component"])))
}

/// The worst of it.
fn ended(became: impl IntoIterator<Item = Became>) -> Result<Exit, Failure> {
    let exits: Vec<Exit> = became.into_iter().map(|became| became.exit).collect();
    let worst = [Exit::Component, Exit::Partial].into_iter().find(|exit| exits.contains(exit));
    Ok(worst.unwrap_or(Exit::Ok))
}
