use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::{sync::mpsc, time::sleep};

use super::*;
use crate::{
    deploy::{
        Applied, Event, GenerationStatus, MemoryDeployments, Refused, Request, SlotStatus, Trial, Verdict,
        deploy,
    },
    task::{self, Task},
    time::UnixMillis,
};

const INTERVAL: Duration = Duration::from_secs(2);

/// Applies everything but what begins with `bad`, and has the verdicts that the test sends.
#[derive(Debug)]
struct FakeSlot {
    applied: Mutex<Vec<Wanted>>,
    attempts: AtomicU32,
    verdicts: tokio::sync::Mutex<mpsc::Receiver<Verdict>>,
}

#[async_trait]
impl Slot for FakeSlot {
    async fn apply(&self, wanted: &Wanted) -> Result<Applied, Refused> {
        self.attempts.fetch_add(1, Relaxed);
        let candidate = wanted.candidate.iter().map(|(artifact, _)| artifact);
        if candidate.chain([&wanted.component]).any(|artifact| artifact.bytes.starts_with(b"bad")) {
            return Err(Refused("it is no good".into()));
        }
        let mut applied = self.applied.lock().unwrap();
        applied.push(wanted.clone());
        Ok(Applied { has_changed: true, generation: applied.len() as u64, compiled_in: Duration::ZERO })
    }

    async fn verdict(&self) -> Verdict {
        match self.verdicts.lock().await.recv().await {
            Some(verdict) => verdict,
            None => std::future::pending().await,
        }
    }

    fn status(&self) -> SlotStatus {
        let digest = Digest::of(b"");
        let component = GenerationStatus { generation: 1, digest, from: String::new() };
        SlotStatus { component, candidate: None, trial: None, shards: BTreeMap::new(), figures: None }
    }
}

/// A store that can be made to fail.
#[derive(Debug, Default)]
struct Failing {
    kept: MemoryDeployments,
    is_down: AtomicBool,
    asked: AtomicU32,
    /// What another host does right after the next answer.
    next_by_another: Mutex<Option<Deployment>>,
}

impl Failing {
    fn check(&self) -> Result<(), DeployError> {
        self.asked.fetch_add(1, Relaxed);
        if self.is_down.load(Relaxed) { Err(DeployError::Unavailable("it is away".into())) } else { Ok(()) }
    }

    async fn let_another_deploy(&self, part: &Part) -> Result<(), DeployError> {
        let next = self.next_by_another.lock().unwrap().take();
        match next {
            Some(next) => self.kept.put(part, &next).await,
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Deployments for Failing {
    async fn current(&self, part: &Part) -> Result<Option<Deployment>, DeployError> {
        self.check()?;
        let current = self.kept.current(part).await;
        self.let_another_deploy(part).await?;
        current
    }

    async fn put(&self, part: &Part, deployment: &Deployment) -> Result<(), DeployError> {
        self.check()?;
        self.kept.put(part, deployment).await
    }

    async fn history(&self, part: &Part) -> Result<Vec<Deployment>, DeployError> {
        self.check()?;
        let history = self.kept.history(part).await;
        self.let_another_deploy(part).await?;
        history
    }

    async fn upload(&self, digest: &Digest, component: Bytes) -> Result<(), DeployError> {
        self.kept.upload(digest, component).await
    }

    async fn download(&self, digest: &Digest) -> Result<Option<Bytes>, DeployError> {
        self.check()?;
        self.kept.download(digest).await
    }

    async fn forget_unused(&self) -> Result<(), DeployError> {
        Ok(())
    }
}

/// A host with one part, and what it follows.
struct World {
    store: Arc<Failing>,
    slot: Arc<FakeSlot>,
    verdicts: mpsc::Sender<Verdict>,
    file: watch::Sender<Arc<Artifact>>,
    nudge: Arc<Notify>,
    status: watch::Receiver<Followed>,
    changes: Arc<AtomicU32>,
    _following: Task<()>,
}

impl World {
    async fn start(store: Arc<Failing>) -> Self {
        let (verdicts, inbox) = mpsc::channel(1);
        let slot = Arc::new(FakeSlot {
            applied: Mutex::default(),
            attempts: AtomicU32::new(0),
            verdicts: tokio::sync::Mutex::new(inbox),
        });
        let (file, looked_at) = watch::channel(artifact("file"));
        let changes = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&changes);
        let mut follower = Follower::new(
            Followable { part: part(), slot: Arc::clone(&slot) as _, file: looked_at },
            Arc::clone(&store) as _,
            FollowSettings { interval: INTERVAL, seed: 7 },
            "host-1",
            Clock::paced(UnixMillis(1_000)),
            Arc::new(move || {
                counted.fetch_add(1, Relaxed);
            }),
        );
        follower.catch_up().await;
        let (nudge, status) = (follower.nudge(), follower.status());
        let _following = task::spawn("follower", follower.run(CancellationToken::new()));
        Self { store, slot, verdicts, file, nudge, status, changes, _following }
    }

    async fn deploy(&self, bytes: &'static str, trial: Option<Trial>) {
        wish(&self.store, bytes, trial).await;
    }

    /// The components that were applied, in order, with their candidates.
    fn ran(&self) -> Vec<String> {
        let applied = self.slot.applied.lock().unwrap();
        applied.iter().map(shown).collect()
    }

    fn wanted(&self) -> Deployment {
        self.status.borrow().wanted.clone().unwrap()
    }
}

fn shown(wanted: &Wanted) -> String {
    let text = |artifact: &Artifact| String::from_utf8(artifact.bytes.to_vec()).unwrap();
    let candidate = wanted.candidate.as_ref().map(|(artifact, _)| format!("+{}", text(artifact)));
    text(&wanted.component) + &candidate.unwrap_or_default()
}

fn part() -> Part {
    "orders/handler".parse().unwrap()
}

fn artifact(bytes: &'static str) -> Arc<Artifact> {
    Arc::new(Artifact::new(bytes, Bytes::from_static(bytes.as_bytes())))
}

async fn wish(store: &Failing, bytes: &'static str, trial: Option<Trial>) {
    let (digest, allow) = (Digest::of(bytes.as_bytes()), BTreeSet::new());
    let component = Some((digest.clone(), Bytes::from_static(bytes.as_bytes())));
    let promote_after = Some(Duration::from_secs(60));
    let wish = match trial {
        Some(trial) => Wish::Try { digest, trial, promote_after, allow },
        None => Wish::Deploy { digest, allow },
    };
    let request = Request { wish, by: "ann".into(), why: String::new(), at: UnixMillis(1) };
    deploy(&store.kept, &part(), request, component).await.unwrap();
}

/// Long enough for one look and not for two.
async fn a_look() {
    sleep(INTERVAL + Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_deployed_before_the_host_started_runs_from_the_start() {
    let store = Arc::new(Failing::default());
    wish(&store, "a", None).await;
    let world = World::start(store).await;
    assert_eq!(world.ran(), ["a"]);
    assert_eq!(world.status.borrow().applied, 1);
}

#[tokio::test(start_paused = true)]
async fn a_host_without_deployments_runs_its_file_and_asks_once_an_interval() {
    let world = World::start(Arc::default()).await;
    sleep(INTERVAL * 10 + Duration::from_millis(1)).await;
    assert!(world.ran().is_empty(), "{:?}", world.ran());
    // Once at the start, once when the following began, and then at each interval.
    assert!((11..=12).contains(&world.store.asked.load(Relaxed)), "{:?}", world.store.asked);
}

#[tokio::test(start_paused = true)]
async fn a_deployment_is_applied_at_the_next_look_or_at_once_when_nudged() {
    let world = World::start(Arc::default()).await;
    world.deploy("a", None).await;
    a_look().await;
    assert_eq!((world.ran(), world.changes.load(Relaxed)), (vec!["a".to_owned()], 1));
    world.deploy("b", Some(Trial::Shadow)).await;
    world.nudge.notify_one();
    sleep(Duration::from_millis(1)).await;
    assert_eq!(world.ran(), ["a", "a+b"]);
    assert_eq!(world.status.borrow().applied, 2);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_shown_told_to_all_hosts_and_not_tried_again() {
    let world = World::start(Arc::default()).await;
    world.deploy("bad", None).await;
    sleep(INTERVAL * 5).await;
    let expected = NotLetIn { version: 1, why: "it is no good".into() };
    assert_eq!(world.status.borrow().refused, Some(expected));
    let Deployment { version, event, component, why, .. } = world.wanted();
    assert_eq!((version, event, component), (2, Event::RolledBack, None), "all hosts are told");
    assert_eq!(why, "host-1 refused it: it is no good");
    assert_eq!((world.ran(), world.slot.attempts.load(Relaxed)), (vec!["file".to_owned()], 2));
    world.deploy("a", None).await;
    a_look().await;
    assert_eq!(
        (world.ran(), world.status.borrow().refused.clone()),
        (vec!["file".to_owned(), "a".to_owned()], None)
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_starting_host_refuses_is_its_own_trouble() {
    let store = Arc::new(Failing::default());
    wish(&store, "bad", None).await;
    let world = World::start(Arc::clone(&store)).await;
    sleep(INTERVAL * 5).await;
    assert_eq!((world.wanted().version, world.ran().len(), world.slot.attempts.load(Relaxed)), (1, 0, 1));
    assert_eq!(world.status.borrow().refused.clone().map(|refused| refused.version), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_component_that_the_store_garbled_or_lost_is_never_applied() {
    let store = Arc::new(Failing::default());
    let world = World::start(Arc::clone(&store)).await;
    store.kept.upload(&Digest::of(b"a"), Bytes::from_static(b"other")).await.unwrap();
    world.deploy("a", None).await;
    a_look().await;
    let refused = || world.status.borrow().refused.clone().unwrap().why;
    assert!(refused().starts_with("the store keeps other bytes than were deployed"), "{}", refused());
    let allow = BTreeSet::new();
    let request = Request {
        wish: Wish::Deploy { digest: Digest::of(b"gone"), allow },
        by: "ann".into(),
        why: String::new(),
        at: UnixMillis(1),
    };
    deploy(&store.kept, &part(), request, None).await.unwrap();
    a_look().await;
    assert!(refused().starts_with("the store does not keep the component"), "{}", refused());
    assert!(world.ran().iter().all(|ran| ran == "file"), "{:?}", world.ran());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_stops_nothing_and_is_asked_less_and_less_often() {
    let world = World::start(Arc::default()).await;
    world.store.is_down.store(true, Relaxed);
    let before = world.store.asked.load(Relaxed);
    sleep(Duration::from_secs(600)).await;
    let asked = world.store.asked.load(Relaxed) - before;
    assert!((20..40).contains(&asked), "asked {asked} times");
    let unavailable = world.status.borrow().unavailable.clone();
    assert_eq!(unavailable.as_deref(), Some("the store of deployments failed: it is away"));
    world.deploy("a", None).await;
    world.store.is_down.store(false, Relaxed);
    sleep(limits::DEPLOY_LONGEST_PAUSE * 2).await;
    assert_eq!((world.ran(), world.status.borrow().unavailable.clone()), (vec!["a".to_owned()], None));
}

#[tokio::test(start_paused = true)]
async fn a_bad_candidate_is_rolled_back_for_all_hosts() {
    let world = World::start(Arc::default()).await;
    world.deploy("a", None).await;
    world.deploy("b", Some(Trial::Keys { percent: 10 })).await;
    a_look().await;
    world.verdicts.send(Verdict::Bad("3 of 10 batches failed".into())).await.unwrap();
    a_look().await;
    let Deployment { version, event, candidate, by, why, .. } = world.wanted();
    assert_eq!((version, event, candidate), (3, Event::RolledBack, None));
    assert_eq!((&*by, &*why), ("host-1", "3 of 10 batches failed"));
    assert_eq!(world.ran(), ["a+b", "a"]);
}

#[tokio::test(start_paused = true)]
async fn a_verdict_of_what_ran_before_says_nothing_of_what_runs_now() {
    let world = World::start(Arc::default()).await;
    world.deploy("a", None).await;
    world.deploy("b", Some(Trial::Shadow)).await;
    a_look().await;
    // Another host rolls back at the moment at which this one's slot has seen enough.
    world.verdicts.try_send(Verdict::Bad("it fails".into())).unwrap();
    let request =
        Request { wish: Wish::RollBack, by: "host-2".into(), why: String::new(), at: UnixMillis(1) };
    deploy(&world.store.kept, &part(), request, None).await.unwrap();
    world.nudge.notify_one();
    sleep(INTERVAL * 5).await;
    assert_eq!((world.wanted().version, &*world.wanted().by), (3, "host-2"));
    assert_eq!(world.ran(), ["a+b", "a"]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_taken_back_past_everything_that_never_ran() {
    let world = World::start(Arc::default()).await;
    world.deploy("bad 1", None).await;
    world.deploy("bad 2", None).await;
    a_look().await;
    let Deployment { version, event, component, .. } = world.wanted();
    assert_eq!((version, event, component), (4, Event::RolledBack, None));
    assert_eq!(world.ran(), ["file"]);
    assert_eq!(world.slot.attempts.load(Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn a_verdict_waits_for_a_store_that_is_away_and_yields_to_what_others_did_meanwhile() {
    for others_did in [false, true] {
        let world = World::start(Arc::default()).await;
        world.deploy("a", None).await;
        world.deploy("b", None).await;
        a_look().await;
        world.store.is_down.store(true, Relaxed);
        world.verdicts.send(Verdict::Bad("slow".into())).await.unwrap();
        sleep(INTERVAL * 3).await;
        if others_did {
            world.deploy("c", None).await;
        }
        world.store.is_down.store(false, Relaxed);
        sleep(limits::DEPLOY_LONGEST_PAUSE * 2).await;
        let (version, ran) = (world.wanted().version, world.ran());
        assert_eq!(version, 3);
        assert_eq!(ran, if others_did { ["b", "c"] } else { ["b", "a"] });
    }
}

#[tokio::test(start_paused = true)]
async fn a_candidate_is_promoted_when_it_did_well_for_as_long_as_was_said_and_not_before() {
    let world = World::start(Arc::default()).await;
    world.deploy("b", Some(Trial::Keys { percent: 10 })).await;
    sleep(Duration::from_secs(90)).await;
    assert_eq!(world.wanted().version, 1, "nobody said yet that it does well");
    world.verdicts.send(Verdict::Good).await.unwrap();
    sleep(INTERVAL * 2).await;
    let Deployment { version, event, component, by, .. } = world.wanted();
    assert_eq!((version, event, component), (2, Event::Promoted, Some(Digest::of(b"b"))));
    assert_eq!(by, "host-1");
    world.deploy("c", Some(Trial::Shadow)).await;
    a_look().await;
    world.verdicts.send(Verdict::Good).await.unwrap();
    sleep(Duration::from_secs(50)).await;
    assert_eq!(world.wanted().version, 3, "its time is not over");
    sleep(Duration::from_secs(20)).await;
    assert_eq!((world.wanted().version, world.wanted().event), (4, Event::Promoted));
    assert_eq!(world.ran(), ["file+b", "b", "b+c", "c"]);
}

#[tokio::test(start_paused = true)]
async fn a_changed_file_runs_where_nothing_is_deployed_and_waits_where_something_is() {
    let world = World::start(Arc::default()).await;
    world.file.send(artifact("file 2")).unwrap();
    sleep(Duration::from_millis(1)).await;
    assert_eq!(world.ran(), ["file 2"]);
    world.deploy("a", None).await;
    a_look().await;
    world.file.send(artifact("file 3")).unwrap();
    a_look().await;
    assert_eq!(world.ran(), ["file 2", "a"]);
    let request = Request { wish: Wish::RollBack, by: "ann".into(), why: String::new(), at: UnixMillis(1) };
    deploy(&world.store.kept, &part(), request, None).await.unwrap();
    a_look().await;
    assert_eq!(world.ran(), ["file 2", "a", "file 3"]);
}

#[tokio::test(start_paused = true)]
async fn a_changed_file_that_is_refused_or_does_badly_leaves_the_one_before_it() {
    let world = World::start(Arc::default()).await;
    world.file.send(artifact("bad file")).unwrap();
    sleep(INTERVAL * 3).await;
    assert_eq!((world.ran().len(), world.slot.attempts.load(Relaxed)), (0, 1));
    for file in ["file 2", "bad again", "slow file"] {
        world.file.send(artifact(file)).unwrap();
        sleep(INTERVAL).await;
    }
    world.verdicts.send(Verdict::Bad("twice as slow".into())).await.unwrap();
    sleep(INTERVAL * 3).await;
    assert_eq!(world.ran(), ["file 2", "slow file", "file 2"]);
    assert_eq!(world.status.borrow().refused.clone().unwrap().why, "twice as slow");
    assert_eq!(world.store.kept.history(&part()).await, Ok(vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_second_with_its_verdict_does_not_lead_back_any_further() {
    let world = World::start(Arc::default()).await;
    world.deploy("a", None).await;
    world.deploy("b", Some(Trial::Shadow)).await;
    a_look().await;
    let on_trial = world.wanted();
    let back =
        Deployment { version: 3, event: Event::RolledBack, candidate: None, by: "host-2".into(), ..on_trial };
    *world.store.next_by_another.lock().unwrap() = Some(back.clone());
    world.verdicts.send(Verdict::Bad("it fails".into())).await.unwrap();
    a_look().await;
    a_look().await;
    assert_eq!((world.wanted(), world.store.kept.history(&part()).await.unwrap().len()), (back, 3));
    assert_eq!(world.ran().last().unwrap(), "a");
}
