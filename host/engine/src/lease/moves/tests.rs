use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::*;
use crate::{
    hash::{HashKey, HashRange},
    lease::memory::MemoryLeases,
    task,
    time::UnixMillis,
};

const FAILOVER: Duration = Duration::from_secs(10);

fn stream() -> Arc<str> {
    "orders".into()
}

fn at(sequence: &str) -> Checkpoint {
    Checkpoint::At { sequence: sequence.to_owned().try_into().unwrap(), sub_sequence: None }
}

fn lease(shard: &str, checkpoint: Checkpoint) -> Lease {
    Lease {
        key: LeaseKey { stream: stream(), shard: shard.into() },
        owner: None,
        wanted_by: None,
        counter: 7,
        checkpoint,
        load: 0,
        parents: vec![],
    }
}

/// A shard with numbers from 100 on, up to 199 where it is closed.
fn shard(id: &str, parents: &[&str], is_closed: bool) -> Shard {
    let number = |text: &str| text.to_owned().try_into().unwrap();
    Shard {
        id: id.into(),
        parent: parents.first().map(|id| (*id).into()),
        adjacent_parent: parents.get(1).map(|id| (*id).into()),
        range: HashRange { start: HashKey(0), end: HashKey(u128::MAX) },
        starting_sequence: number("100"),
        ending_sequence: is_closed.then(|| number("199")),
    }
}

/// `a` was split into `b` and `c`, which were merged into `d`.
fn family() -> Vec<Shard> {
    vec![
        shard("d", &["b", "c"], false),
        shard("c", &["a"], true),
        shard("a", &[], true),
        shard("b", &["a"], true),
    ]
}

fn each(places: &[(&str, Checkpoint)]) -> BTreeMap<ShardId, Checkpoint> {
    places.iter().map(|(shard, place)| ((*shard).into(), place.clone())).collect()
}

fn everything(start: Start) -> Wish {
    Wish::Start { start, only: BTreeSet::new() }
}

fn written(outlook: &Outlook) -> Vec<(&str, String)> {
    outlook.moves.iter().map(|it| (it.key.shard.as_str(), it.to.to_string())).collect()
}

fn told(outlook: &Outlook) -> Vec<String> {
    outlook.findings.iter().map(ToString::to_string).collect()
}

#[test]
fn everything_starts_anew_parents_first_and_with_their_children_known() {
    let leases = [lease("a", Checkpoint::ShardEnd), lease("b", Checkpoint::TrimHorizon)];
    let outlook = Outlook::new(&stream(), everything(Start::TrimHorizon), &leases, Some(&family()));
    let start = || "trim-horizon".to_owned();
    assert_eq!(written(&outlook), [("a", start()), ("c", start()), ("d", start())]);
    assert_eq!((outlook.unchanged, told(&outlook)), (1, vec![]));
    assert_eq!(outlook.moves[0].from.as_ref(), Some(&leases[0]));
    assert_eq!((&outlook.moves[2].from, &*outlook.moves[2].parents), (&None, &["b".into(), "c".into()][..]));
}

#[test]
fn a_closed_shard_has_nothing_behind_its_newest_record() {
    let outlook = Outlook::new(&stream(), everything(Start::Latest), &[], Some(&family()));
    let places: Vec<String> =
        written(&outlook).into_iter().map(|(shard, to)| shard.to_owned() + &to).collect();
    assert_eq!(places, ["ashard-end", "bshard-end", "cshard-end", "dlatest"]);
}

#[test]
fn a_date_is_for_every_shard_and_the_leases_alone_do_where_the_stream_cannot_be_asked() {
    let leases = [lease("a", at("150")), lease("b", Checkpoint::TrimHorizon)];
    let date = everything(Start::AtTimestamp(UnixMillis(5)));
    let outlook = Outlook::new(&stream(), date, &leases, None);
    let date = || "at-timestamp:5".to_owned();
    assert_eq!((written(&outlook), told(&outlook)), (vec![("a", date()), ("b", date())], vec![]));
}

#[test]
fn what_the_stream_cannot_have_is_a_problem() {
    let wish = Wish::Each(each(&[("d", at("99")), ("b", at("200")), ("x", at("150")), ("c", at("199"))]));
    let outlook = Outlook::new(&stream(), wish, &[], Some(&family()));
    let problems: Vec<String> = outlook.problems().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "the stream has no such shard: shard=x",
            "no record of the shard can have this number: shard=b sequence=200 first=100 last=199",
            "no record of the shard can have this number: shard=d sequence=99 first=100",
        ]
    );
}

#[test]
fn shards_of_the_past_are_left_out_of_a_record_unless_all_of_it_is_of_another_stream() {
    let shards = family();
    let recorded = Wish::Recorded(each(&[("old", Checkpoint::ShardEnd), ("a", at("150"))]));
    let outlook = Outlook::new(&stream(), recorded, &[], Some(&shards));
    assert_eq!(written(&outlook), [("a", "150".to_owned())]);
    assert_eq!(outlook.findings[0], Finding::Gone("old".into()));
    assert_eq!(outlook.problems().count(), 0);

    let elsewhere = Wish::Recorded(each(&[("old", at("150"))]));
    let outlook = Outlook::new(&stream(), elsewhere, &[], Some(&shards));
    assert_eq!(outlook.problems().count(), 1);
}

#[test]
fn every_shard_and_lease_that_the_wish_does_not_name_is_told() {
    let mut shards = family();
    shards.push(shard("e", &[], false));
    shards.push(shard("f", &["d"], false));
    let leases = [lease("b", at("150")), lease("d", Checkpoint::TrimHorizon)];
    let places = each(&[("d", at("150"))]);
    let outlook = Outlook::new(&stream(), Wish::Recorded(places.clone()), &leases, Some(&shards));
    let without_lease = [
        Finding::PassedOver("a".into()),
        Finding::PassedOver("c".into()),
        Finding::Starts("e".into()),
        Finding::Follows("f".into()),
    ];
    assert_eq!(outlook.findings[0], Finding::LeftAlone("b".into()));
    assert_eq!(outlook.findings[1..], without_lease);
    assert_eq!(outlook.problems().count(), 0);

    let named = Outlook::new(&stream(), Wish::Each(places), &leases, Some(&shards));
    assert_eq!(named.findings, without_lease, "who names shards knows that the others' leases stay");
}

async fn held(store: &MemoryLeases) -> Lease {
    let key = LeaseKey { stream: stream(), shard: "a".into() };
    let new = NewLease { key, checkpoint: at("150"), parents: vec![] };
    let free = store.create(new).await.unwrap();
    store.update(&free, Update::Take("host".into())).await.unwrap()
}

fn first_move(leases: &[Lease], to: Checkpoint) -> Move {
    let wish = Wish::Each(each(&[("a", to)]));
    Outlook::new(&stream(), wish, leases, None).moves.remove(0)
}

#[tokio::test]
async fn i5_a_move_takes_the_lease_from_its_holder_and_leaves_it_to_anybody() {
    let store = MemoryLeases::new();
    let held = held(&store).await;
    let back = first_move(&store.list().await.unwrap(), at("120"));
    back.write(&store, &"command".into()).await.unwrap();
    let moved = store.list().await.unwrap().remove(0);
    assert_eq!((moved.owner.as_ref(), &moved.checkpoint), (None, &at("120")));
    let late = Update::Checkpoint { checkpoint: at("160"), load: 0 };
    assert_eq!(store.update(&held, late).await, Err(LeaseError::Lost(held.key.clone())));
}

#[tokio::test]
async fn a_lease_that_changed_since_it_was_shown_is_not_moved() {
    let store = MemoryLeases::new();
    let held = held(&store).await;
    let back = first_move(&store.list().await.unwrap(), at("120"));
    let renewed = store.update(&held, Update::Renew { load: 0 }).await.unwrap();
    assert_eq!(back.write(&store, &"command".into()).await, Err(LeaseError::Lost(held.key.clone())));
    assert_eq!(store.list().await.unwrap(), [renewed]);

    let create = first_move(&[], at("130"));
    assert_eq!(create.write(&store, &"command".into()).await, Err(LeaseError::Lost(held.key)));
}

#[tokio::test]
async fn a_move_that_was_made_already_may_be_made_again() {
    let store = MemoryLeases::new();
    let create = first_move(&[], at("130"));
    for _ in 0..2 {
        create.write(&store, &"command".into()).await.unwrap();
    }
    assert_eq!(store.list().await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_application_without_holders_is_not_running_and_that_is_known_at_once() {
    let store = MemoryLeases::new();
    let lease = held(&store).await;
    store.update(&lease, Update::Release).await.unwrap();
    let began = Instant::now();
    assert_eq!(running(&store, FAILOVER).await, Ok(None));
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn holders_that_stay_silent_for_the_failover_time_are_gone() {
    let store = MemoryLeases::new();
    held(&store).await;
    let began = Instant::now();
    assert_eq!(running(&store, FAILOVER).await, Ok(None));
    assert!(began.elapsed() >= FAILOVER);
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_renews_its_lease_is_running() {
    let store = Arc::new(MemoryLeases::new());
    let lease = held(&store).await;
    let renewing = Arc::clone(&store);
    let holder = task::spawn("holder", async move {
        sleep(FAILOVER / 3).await;
        renewing.update(&lease, Update::Renew { load: 0 }).await.unwrap();
    });
    let found = running(&*store, FAILOVER).await.unwrap().expect("it is running");
    assert_eq!(found.owner, Some("host".into()));
    holder.await.unwrap();
}
