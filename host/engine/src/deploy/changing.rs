//! From what a part is to run and what somebody wishes, to what it is to run next. Pure functions.

use std::{collections::BTreeSet, time::Duration};

use thiserror::Error;

use super::{Candidate, Deployment, Digest, Event, Trial};
use crate::{limits, time::UnixMillis};

/// What somebody wishes of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What it is to run.
    pub wish: Wish,
    /// Who wishes it.
    pub by: String,
    /// Why, for people.
    pub why: String,
    /// When.
    pub at: UnixMillis,
}

/// What a part is to run, seen from what it is to run now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// A component in place of the present one.
    Deploy {
        /// Which.
        digest: Digest,
        /// Capabilities that it may ask for though the one before it did not.
        allow: BTreeSet<String>,
    },
    /// A component beside the present one.
    Try {
        /// Which.
        digest: Digest,
        /// How it is tried.
        trial: Trial,
        /// After how long without trouble it is promoted by itself.
        promote_after: Option<Duration>,
        /// Capabilities that it may ask for though the present one did not.
        allow: BTreeSet<String>,
    },
    /// The component on trial in place of the present one.
    Promote,
    /// No candidate any more; or without one, the component before the present one, and before the first the file
    /// that the settings name.
    RollBack,
}

/// Why a wish changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoChange {
    /// There is no candidate to promote.
    #[error("nothing is on trial that could be promoted: deploy it with --canary or --shadow first")]
    NothingOnTrial,
    /// There is nothing to go back to.
    #[error("nothing was deployed that could be rolled back")]
    NothingBefore,
    /// What was before is not remembered any more.
    #[error("what ran before is too long ago to be remembered: deploy the component anew")]
    Forgotten,
    /// The component on trial would be the present one.
    #[error("the component is what runs already, digest={0}")]
    Same(Digest),
    /// The request is not one.
    #[error("{0}")]
    Invalid(String),
}

impl Request {
    /// What the part is to run next, given what it was to run so far, the newest first.
    ///
    /// # Errors
    /// [`NoChange`] says why that is nothing else than now.
    pub fn after(self, history: &[Deployment]) -> Result<Deployment, NoChange> {
        if self.why.chars().count() > limits::DEPLOYMENT_WHY_CHARS {
            let most = limits::DEPLOYMENT_WHY_CHARS;
            return Err(NoChange::Invalid(format!("the reason is too long, most-characters={most}")));
        }
        let current = history.first();
        let allowed = || current.map(|current| current.allow.clone()).unwrap_or_default();
        let component = current.and_then(|current| current.component.clone());
        let (event, component, candidate, allow) = match self.wish {
            Wish::Deploy { digest, allow } => (Event::Deployed, Some(digest), None, &allowed() | &allow),
            Wish::Try { digest, trial, promote_after, allow } => {
                check(&trial)?;
                if component.as_ref() == Some(&digest) {
                    return Err(NoChange::Same(digest));
                }
                let promote_after_seconds = promote_after.map(|after| after.as_secs());
                let candidate = Candidate { digest, trial, promote_after_seconds };
                (Event::Deployed, component, Some(candidate), &allowed() | &allow)
            }
            Wish::Promote => {
                let candidate = current.and_then(|current| current.candidate.as_ref());
                let candidate = candidate.ok_or(NoChange::NothingOnTrial)?;
                (Event::Promoted, Some(candidate.digest.clone()), None, allowed())
            }
            Wish::RollBack => match current {
                None => return Err(NoChange::NothingBefore),
                Some(Deployment { candidate: Some(_), .. }) => {
                    (Event::RolledBack, component, None, allowed())
                }
                Some(_) => (Event::RolledBack, before(history)?, None, allowed()),
            },
        };
        let version = current.map_or(0, |current| current.version) + 1;
        let Self { by, why, at, .. } = self;
        Ok(Deployment { version, event, component, candidate, allow, by, at: at.0, why })
    }
}

/// What ran before the present component. A rollback takes back the deployment that it goes behind, so that one after
/// another leads further back, and never to what was rolled back.
fn before(history: &[Deployment]) -> Result<Option<Digest>, NoChange> {
    let mut ran: Vec<&Digest> = Vec::new();
    let mut began_with_the_file = history.last().is_some_and(|oldest| oldest.version == 1);
    for Deployment { event, component, .. } in history.iter().rev() {
        let Some(component) = component else {
            ran.clear();
            began_with_the_file = true;
            continue;
        };
        match ran.iter().rposition(|before| *before == component) {
            Some(at) if *event == Event::RolledBack => ran.truncate(at + 1),
            Some(at) if at + 1 == ran.len() => {}
            _ => ran.push(component),
        }
    }
    match ran.len() {
        0 => Err(NoChange::NothingBefore),
        1 if !began_with_the_file => Err(NoChange::Forgotten),
        1 => Ok(None),
        more => Ok(Some(ran[more - 2].clone())),
    }
}

fn check(trial: &Trial) -> Result<(), NoChange> {
    let most = limits::CANARY_SHARDS;
    let wrong = match trial {
        Trial::Keys { percent } if !(1..=100).contains(percent) => {
            format!("a canary takes 1 to 100 percent of the partition keys, got={percent}")
        }
        Trial::Shards(shards) if !(1..=most).contains(&shards.len()) => {
            format!("a canary takes 1 to {most} shards, got={}", shards.len())
        }
        _ => return Ok(()),
    };
    Err(NoChange::Invalid(wrong))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(byte: u8) -> Digest {
        Digest::of_bytes(&[byte; 32])
    }

    fn request(wish: Wish) -> Request {
        Request { wish, by: "ann".into(), why: "because".into(), at: UnixMillis(7) }
    }

    fn deploy(byte: u8) -> Wish {
        Wish::Deploy { digest: digest(byte), allow: BTreeSet::new() }
    }

    fn canary(byte: u8, percent: u8) -> Wish {
        let promote_after = Some(Duration::from_secs(600));
        Wish::Try {
            digest: digest(byte),
            trial: Trial::Keys { percent },
            promote_after,
            allow: BTreeSet::new(),
        }
    }

    /// What these wishes lead to, one after the other; the newest first.
    fn after(wishes: Vec<Wish>) -> Vec<Deployment> {
        wishes.into_iter().fold(Vec::new(), |mut history, wish| {
            let next = request(wish).after(&history).expect("every wish of the test can be had");
            history.insert(0, next);
            history
        })
    }

    #[test]
    fn a_first_deployment_has_version_1_and_says_who_when_and_why() {
        let history = after(vec![deploy(1)]);
        let expected = Deployment {
            version: 1,
            event: Event::Deployed,
            component: Some(digest(1)),
            candidate: None,
            allow: BTreeSet::new(),
            by: "ann".into(),
            at: 7,
            why: "because".into(),
        };
        assert_eq!(history, [expected]);
    }

    #[test]
    fn a_candidate_leaves_the_component_and_a_promotion_puts_it_in_its_place() {
        let history = after(vec![deploy(1), canary(2, 10), Wish::Promote]);
        let [promoted, tried, _] = &history[..] else { panic!("{history:?}") };
        let candidate = tried.candidate.as_ref().unwrap();
        assert_eq!((tried.version, tried.event, &tried.component), (2, Event::Deployed, &Some(digest(1))));
        assert_eq!((&candidate.digest, candidate.promote_after_seconds), (&digest(2), Some(600)));
        assert_eq!((promoted.version, promoted.event), (3, Event::Promoted));
        assert_eq!((&promoted.component, &promoted.candidate), (&Some(digest(2)), &None));
    }

    #[test]
    fn a_rollback_of_a_candidate_leaves_the_component() {
        let history = after(vec![canary(2, 10), Wish::RollBack]);
        assert_eq!((history[0].event, &history[0].component), (Event::RolledBack, &None));
        assert_eq!(history[0].candidate, None);
        let again = request(Wish::RollBack).after(&history);
        assert_eq!(again, Err(NoChange::NothingBefore));
    }

    #[test]
    fn rollbacks_lead_further_and_further_back_to_the_file_of_the_settings() {
        let mut history = after(vec![deploy(1), deploy(2), deploy(3), canary(4, 50), Wish::Promote]);
        for expected in [Some(3), Some(2), Some(1), None] {
            let next = request(Wish::RollBack).after(&history).unwrap();
            assert_eq!(next.component, expected.map(digest));
            history.insert(0, next);
        }
        assert_eq!(request(Wish::RollBack).after(&history), Err(NoChange::NothingBefore));
    }

    #[test]
    fn a_rollback_never_leads_to_what_was_rolled_back() {
        let history = after(vec![deploy(1), deploy(2), Wish::RollBack, deploy(3), Wish::RollBack]);
        assert_eq!(history[0].component, Some(digest(1)));
        let deployed_twice = after(vec![deploy(1), deploy(2), deploy(2), Wish::RollBack]);
        assert_eq!(deployed_twice[0].component, Some(digest(1)));
        let there_and_back = after(vec![deploy(1), deploy(2), deploy(1), Wish::RollBack]);
        assert_eq!(there_and_back[0].component, Some(digest(2)));
    }

    #[test]
    fn a_rollback_does_not_guess_what_is_not_remembered() {
        let history = after(vec![deploy(1), deploy(2), deploy(3)]);
        assert_eq!(request(Wish::RollBack).after(&history[..1]), Err(NoChange::Forgotten));
    }

    #[test]
    fn what_was_allowed_stays_allowed() {
        let allow = |name: &str, byte| Wish::Deploy { digest: digest(byte), allow: [name.to_owned()].into() };
        let history = after(vec![allow("http", 1), allow("files", 2), deploy(3), Wish::RollBack]);
        assert_eq!(history[0].allow, ["files".to_owned(), "http".to_owned()].into());
    }

    #[test]
    fn wishes_that_make_no_sense_are_refused_with_why() {
        let history = after(vec![deploy(1)]);
        let refused = |wish: Wish| request(wish).after(&history).unwrap_err();
        assert_eq!(refused(Wish::Promote), NoChange::NothingOnTrial);
        assert_eq!(refused(canary(1, 10)), NoChange::Same(digest(1)));
        assert!(refused(canary(2, 0)).to_string().contains("1 to 100 percent"));
        assert!(refused(canary(2, 101)).to_string().contains("got=101"));
        let trial = Trial::Shards(BTreeSet::new());
        let none = Wish::Try { digest: digest(2), trial, promote_after: None, allow: BTreeSet::new() };
        assert!(refused(none).to_string().contains("1 to 100 shards, got=0"));
        let long = Request { why: "x".repeat(limits::DEPLOYMENT_WHY_CHARS + 1), ..request(deploy(2)) };
        assert!(matches!(long.after(&history), Err(NoChange::Invalid(_))));
    }
}
