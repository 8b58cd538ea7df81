//! `tidemill history`: what was wanted of a part, by whom and why.

use tidemill_engine::deploy::{Deployment, Event, Trial};

use super::{Way, Which, change::part};
use crate::{args::ConnectionFlags, deploying::query::Query, exit::Exit, failure::Failure, output};

/// Show what was deployed to a part: when, by whom and why
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

/// Prints the history, the newest first.
pub async fn run(args: Args, flags: ConnectionFlags) -> Result<Exit, Failure> {
    let way = args.which.way(&flags).await?;
    let part = part(&way, &args.which).await?;
    let history: Vec<Deployment> = match way {
        Way::Application(application, _) => {
            let read = application.deployments.history(&part).await;
            read.map_err(|error| Failure::caused(Exit::Surroundings, &error))?
        }
        Way::Hosts(clients) => {
            let (pipeline, role) = (Some(part.pipeline.clone()), Some(part.role.clone()));
            let query = Query { pipeline, part: role, ..Query::default() };
            let mut answer = clients[0].get("/history", &query).await?;
            let read = serde_json::from_value(answer["history"].take());
            read.map_err(|error| Failure::caused(Exit::Surroundings, &error))?
        }
    };
    if args.json {
        let text =
            serde_json::to_string(&history).map_err(|error| Failure::caused(Exit::Unexpected, &error))?;
        output::line(&text)?;
    } else if history.is_empty() {
        output::line(&format!("{part}: nothing was deployed, the file that the settings name runs"))?;
    } else {
        output::line(&table(&history))?;
    }
    Ok(Exit::Ok)
}

fn table(history: &[Deployment]) -> String {
    let mut table = output::table(["version", "at", "event", "component", "on trial", "by", "why"]);
    table.add_rows(history.iter().map(cells));
    table.trim_fmt()
}

fn cells(deployment: &Deployment) -> [String; 7] {
    let Deployment { version, event, component, candidate, by, why, .. } = deployment;
    let event = match event {
        Event::Deployed => "deployed",
        Event::Promoted => "promoted",
        Event::RolledBack => "rolled back",
    };
    let candidate = candidate
        .as_ref()
        .map(|candidate| format!("{} {}", candidate.digest.short(), trial(&candidate.trial)));
    let dash = || "-".to_owned();
    [
        version.to_string(),
        output::moment(deployment.at()),
        event.to_owned(),
        component.as_ref().map_or_else(|| "settings' file".to_owned(), |digest| digest.short().to_owned()),
        candidate.unwrap_or_else(dash),
        by.clone(),
        if why.is_empty() { dash() } else { why.clone() },
    ]
}

/// How a candidate is tried, in a few words.
pub fn trial(trial: &Trial) -> String {
    match trial {
        Trial::Keys { percent } => format!("{percent}% of keys"),
        Trial::Shards(shards) => {
            format!("shards {}", shards.iter().map(String::as_str).collect::<Vec<_>>().join(","))
        }
        Trial::Shadow => "shadow".to_owned(),
    }
}
