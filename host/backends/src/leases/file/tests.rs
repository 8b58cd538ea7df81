use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

use tempfile::TempDir;
use tidemill_engine::lease::{Checkpoint, contract};

use super::*;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn new_lease() -> NewLease {
    let key = LeaseKey { stream: "orders".into(), shard: "shardId-000000000000".into() };
    NewLease { key, checkpoint: Checkpoint::TrimHorizon, parents: vec![] }
}

fn move_to(checkpoint: Checkpoint) -> Update {
    Update::Checkpoint { checkpoint, load: 0 }
}

fn at(sequence: &str) -> Checkpoint {
    Checkpoint::At { sequence: sequence.to_owned().try_into().unwrap(), sub_sequence: Some(2) }
}

fn refusal(path: &Path) -> String {
    FileLeases::open(path, "app").unwrap_err().to_string().replace(&path.display().to_string(), "PATH")
}

#[tokio::test]
async fn the_file_keeps_the_contract_of_lease_stores() {
    let folder = folder();
    let files = AtomicU32::new(0);
    contract::check(async || {
        let number = files.fetch_add(1, Ordering::Relaxed);
        FileLeases::open(&folder.path().join(format!("{number}.redb")), "app").unwrap()
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_opened_again_has_its_checkpoints_and_no_holder_of_before() {
    let folder = folder();
    let path = folder.path().join("new/folder/leases.redb");
    let leases = FileLeases::open(&path, "app").unwrap();
    let free = leases.create(new_lease()).await.unwrap();
    let held = leases.update(&free, Update::Take("worker".into())).await.unwrap();
    let held = leases.update(&held, move_to(at("17"))).await.unwrap();
    drop(leases);

    let leases = FileLeases::open(&path, "app").unwrap();
    let freed = Lease { owner: None, counter: held.counter + 1, ..held.clone() };
    assert_eq!(leases.list().await, Ok(vec![freed.clone()]));
    assert_eq!(leases.update(&held, Update::Renew { load: 0 }).await, Err(LeaseError::Lost(held.key)));
    drop(leases);

    let leases = FileLeases::open(&path, "app").unwrap();
    assert_eq!(leases.list().await, Ok(vec![freed]), "a lease that nobody held is left as it was");
}

#[tokio::test]
async fn what_was_answered_is_in_the_file_even_when_nobody_closes_it() {
    let folder = folder();
    let (path, left_behind) = (folder.path().join("leases.redb"), folder.path().join("copy.redb"));
    let leases = FileLeases::open(&path, "app").unwrap();
    let mut held = leases.create(new_lease()).await.unwrap();
    for number in 1..=20 {
        held = leases.update(&held, move_to(at(&number.to_string()))).await.unwrap();
        fs::copy(&path, &left_behind).unwrap();
        let found = FileLeases::open(&left_behind, "app").unwrap().list().await.unwrap();
        assert_eq!(found, std::slice::from_ref(&held));
    }
}

#[tokio::test]
async fn applications_in_one_file_do_not_see_each_other() {
    let folder = folder();
    let first = FileLeases::open(&folder.path().join("leases.redb"), "app").unwrap();
    let second = first.of_application("app2");
    let lease = first.create(new_lease()).await.unwrap();
    let moved = first.update(&lease, move_to(at("5"))).await.unwrap();
    assert_eq!(second.list().await, Ok(vec![]));
    let other = second.create(new_lease()).await.unwrap();
    assert_eq!(other.checkpoint, Checkpoint::TrimHorizon);
    assert_eq!(first.list().await, Ok(vec![moved]));
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_does_no_harm() {
    let folder = folder();
    let leases = FileLeases::open(&folder.path().join("leases.redb"), "app").unwrap();
    let lease = leases.create(new_lease()).await.unwrap();
    tokio::select! {
        biased;
        _ = leases.update(&lease, Update::Renew { load: 0 }) => unreachable!("the answer of another thread is not there at the first poll"),
        () = std::future::ready(()) => {}
    }
    let listed = leases.list().await.unwrap();
    assert_eq!((listed.len(), listed[0].counter), (1, 1));
}

#[test]
fn a_file_in_use_is_refused_with_what_to_do() {
    let folder = folder();
    let path = folder.path().join("leases.redb");
    let leases = FileLeases::open(&path, "app").unwrap();
    assert_eq!(
        refusal(&path),
        "the lease file is in use: stop the other process, or give this one a file of its own, path=PATH"
    );
    drop(leases);
    FileLeases::open(&path, "app").unwrap();
}

#[test]
fn a_file_of_something_else_is_refused_and_left_alone() {
    let folder = folder();
    let path = folder.path().join("notes.txt");
    fs::write(&path, "not leases").unwrap();
    assert!(
        refusal(&path).starts_with("the file holds no leases or is damaged: restore it, or move it away")
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "not leases");
}

#[tokio::test]
async fn a_file_that_was_cut_short_is_refused() {
    let folder = folder();
    let path = folder.path().join("leases.redb");
    FileLeases::open(&path, "app").unwrap().create(new_lease()).await.unwrap();
    let whole = fs::read(&path).unwrap();
    for length in [1, 100, 4_096, whole.len() / 2] {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(refusal(&path).starts_with("the file holds no leases or is damaged"), "at {length}");
    }
}

#[test]
fn a_path_that_cannot_be_a_file_is_refused_with_what_to_do() {
    let folder = folder();
    let expected = "the lease file cannot be opened: give a path that this user may write to, path=PATH: ";
    assert!(refusal(folder.path()).starts_with(expected), "a folder is no file");
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(refusal(&file.join("leases.redb")).starts_with(expected), "a file is no folder");
}
