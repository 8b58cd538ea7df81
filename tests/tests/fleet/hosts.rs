//! The hosts, and what is done to them.

use std::{fs, path::PathBuf};

use super::{
    HOSTS,
    schedule::{Event, Schedule},
    store::Store,
    trail::{Trail, now},
};
use crate::harness::{host::Host, place::Place, until};

/// The hosts of one application.
pub struct Fleet<'a> {
    place: &'a Place,
    settings: PathBuf,
    hosts: Vec<State>,
    lives: usize,
    /// What was seen of them.
    pub trail: Trail,
}

/// One of them.
enum State {
    Running(Host),
    Frozen(Host),
    Down,
}

impl<'a> Fleet<'a> {
    /// Starts all of them.
    pub async fn start(place: &'a Place, settings: PathBuf) -> Self {
        let mut fleet = Self { place, settings, hosts: Vec::new(), lives: 0, trail: Trail::default() };
        for _ in 0..HOSTS {
            let host = fleet.new_host().await;
            fleet.hosts.push(State::Running(host));
        }
        fleet
    }

    /// Whether an event can happen: one host always runs.
    pub fn is_possible(&self, event: Event) -> bool {
        match event {
            Event::Kill | Event::Stop | Event::Freeze => self.running().len() > 1,
            Event::Start => self.hosts.iter().any(|state| matches!(state, State::Down)),
            Event::Split | Event::Merge => true,
        }
    }

    /// Does an event to a host that the schedule picks.
    pub async fn cause(&mut self, event: Event, schedule: &mut Schedule) {
        let candidates = match event {
            Event::Start => self.down(),
            _ => self.running(),
        };
        let at = candidates[schedule.pick(candidates.len())];
        let state = std::mem::replace(&mut self.hosts[at], State::Down);
        self.hosts[at] = match (event, state) {
            (Event::Start, State::Down) => State::Running(self.new_host().await),
            (Event::Freeze, State::Running(host)) => {
                host.freeze();
                self.trail.disturbed(now());
                State::Frozen(host)
            }
            (Event::Kill, State::Running(host)) => {
                self.trail.life_ends(&host);
                let ended = host.kill().await;
                self.trail.disturbed(now());
                self.trail.log(&ended.stderr);
                State::Down
            }
            (Event::Stop, State::Running(host)) => {
                self.end(host).await;
                State::Down
            }
            (event, _) => unreachable!("{event:?} was caused where it is not possible"),
        };
    }

    /// Wakes the frozen hosts whose leases others took.
    pub async fn thaw_those_without_leases(&mut self, store: &Store) {
        for at in 0..HOSTS {
            let State::Frozen(host) = &self.hosts[at] else { continue };
            if store.held_by(host.pid()).await > 0 {
                continue;
            }
            let State::Frozen(host) = std::mem::replace(&mut self.hosts[at], State::Down) else { continue };
            host.thaw();
            self.trail.disturbed(now());
            self.hosts[at] = State::Running(host);
        }
    }

    /// Gets every host back to work.
    pub async fn all_at_work(&mut self, store: &Store) {
        until("the frozen hosts have no leases any more", async || {
            self.thaw_those_without_leases(store).await;
            let is_frozen = self.hosts.iter().any(|state| matches!(state, State::Frozen(_)));
            (!is_frozen).then_some(())
        })
        .await;
        for at in self.down() {
            self.hosts[at] = State::Running(self.new_host().await);
        }
    }

    /// The process ids of those that run.
    pub fn pids(&self) -> Vec<u32> {
        let running = self.hosts.iter().filter_map(|state| match state {
            State::Running(host) => Some(host.pid()),
            _ => None,
        });
        running.collect()
    }

    /// Stops all, and answers what was seen of them.
    pub async fn stop_all(mut self) -> Trail {
        for state in std::mem::take(&mut self.hosts) {
            let State::Running(host) = state else { unreachable!("all hosts are at work") };
            self.end(host).await;
        }
        self.trail
    }

    async fn end(&mut self, host: Host) {
        self.trail.life_ends(&host);
        let ended = host.terminate().await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        self.trail.log(&ended.stderr);
    }

    async fn new_host(&mut self) -> Host {
        self.lives += 1;
        let folder = self.place.path().join(format!("life-{}", self.lives));
        fs::create_dir(&folder).expect("the folder can be written");
        Host::start(self.place.command().arg("run").arg(&self.settings), &folder, "pipeline ").await
    }

    fn running(&self) -> Vec<usize> {
        self.places(|state| matches!(state, State::Running(_)))
    }

    fn down(&self) -> Vec<usize> {
        self.places(|state| matches!(state, State::Down))
    }

    fn places(&self, is_one: impl Fn(&State) -> bool) -> Vec<usize> {
        (0..self.hosts.len()).filter(|at| is_one(&self.hosts[*at])).collect()
    }
}
