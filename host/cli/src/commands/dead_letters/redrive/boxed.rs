//! Letters out of a file or a list.

use std::collections::HashSet;

use bytes::Bytes;
use tidemill_backends::dead_letters::{Found, form};
use tidemill_engine::limits;
use tokio_util::sync::CancellationToken;

use super::{super::place::Opened, How, Route, Tally};
use crate::{exit::Exit, failure::Failure};

/// Redrives what is there now. The second answer is what broke it off.
pub async fn redrive(
    opened: &Opened,
    how: &How,
    route: Route,
    stop: &CancellationToken,
) -> Result<(Tally, Result<(), Failure>), Failure> {
    let mut letters = opened.place.redrive()?.expect("it is no stream");
    let mut work = Work { opened, how, route, tally: Tally::default(), redriven: HashSet::new() };
    let failed = |error| Failure::caused(Exit::Surroundings, &error);
    let worked = async {
        loop {
            let found = letters.next().await.map_err(failed)?;
            if found.is_empty() {
                return Ok(());
            }
            let mut done = Vec::new();
            for some in found.chunks(limits::REDRIVE_LETTERS) {
                if stop.is_cancelled() || work.is_enough() {
                    break;
                }
                done.extend(work.redrive(some).await);
            }
            letters.take_out(&done).await.map_err(failed)?;
            if stop.is_cancelled() || work.is_enough() {
                return Ok(());
            }
        }
    };
    let worked = worked.await;
    work.route.close().await;
    Ok((work.tally, worked))
}

struct Work<'a> {
    opened: &'a Opened,
    how: &'a How,
    route: Route,
    tally: Tally,
    /// Names of letters that are redriven: one may be kept twice.
    redriven: HashSet<String>,
}

impl Work<'_> {
    fn is_enough(&self) -> bool {
        self.redriven.len() >= self.how.limit()
    }

    /// Redrives some letters, and answers the lines that may go.
    async fn redrive(&mut self, found: &[Found]) -> Vec<Bytes> {
        let (mut begun, mut twins) = (Vec::new(), Vec::new());
        let mut names = HashSet::new();
        for Found { line, letter } in found {
            let letter = match letter {
                Ok(letter) if self.opened.is_meant(letter) && self.how.names(letter) => letter,
                Ok(_) => continue,
                Err(error) => {
                    self.tally.pass_over(&error.to_string());
                    continue;
                }
            };
            let id = form::id(letter);
            if self.redriven.contains(&id) || names.contains(&id) {
                twins.push((line, id));
            } else if self.redriven.len() + names.len() < self.how.limit() {
                match self.route.begin(letter).await {
                    Ok(on_its_way) => {
                        names.insert(id.clone());
                        begun.push((line, letter, id, on_its_way));
                    }
                    Err(reason) => self.tally.fail(letter, &reason),
                }
            }
        }
        self.route.flush().await;
        let mut done = Vec::new();
        for (line, letter, id, on_its_way) in begun {
            match on_its_way.settle().await {
                Ok(()) => {
                    self.tally.redriven += 1;
                    self.redriven.insert(id);
                    done.push(line.clone());
                }
                Err(reason) => self.tally.fail(letter, &reason),
            }
        }
        done.extend(
            twins.into_iter().filter(|(_, id)| self.redriven.contains(id)).map(|(line, _)| line.clone()),
        );
        done
    }
}
