use std::fs;

use bytestring::ByteString;
use tempfile::TempDir;
use tidemill_engine::{hash::HashKey, limits};

use super::*;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn orders() -> StreamRef {
    "orders".parse().unwrap()
}

fn open(folder: &TempDir) -> FileSpool {
    FileSpool::open(folder.path(), &orders(), limits::SPOOL_BYTES).unwrap()
}

fn entry(number: usize) -> Entry {
    Entry {
        data: format!("document {number}").into(),
        partition_key: ByteString::from(format!("key {}", number % 7)),
        explicit_hash_key: (number % 2 == 1).then_some(HashKey(u128::MAX - number as u128)),
    }
}

async fn all(spool: &FileSpool) -> Vec<(SpoolId, Entry)> {
    spool.oldest(None, usize::MAX).await.unwrap()
}

async fn entries(spool: &FileSpool) -> Vec<Entry> {
    all(spool).await.into_iter().map(|(_, entry)| entry).collect()
}

#[tokio::test]
async fn entries_come_back_as_they_were_and_in_order_after_a_reopening() {
    let folder = folder();
    let kept: Vec<Entry> = (0..10_000).map(entry).collect();
    let spool = open(&folder);
    for part in kept.chunks(501) {
        spool.keep(part).await.unwrap();
    }
    assert!(entries(&spool).await == kept);
    drop(spool);
    let spool = open(&folder);
    assert!(entries(&spool).await == kept);
    assert_eq!(spool.waiting().await, Ok(10_000));
}

#[tokio::test]
async fn pages_follow_each_other_without_a_gap() {
    let folder = folder();
    let spool = open(&folder);
    spool.keep(&(0..10).map(entry).collect::<Vec<_>>()).await.unwrap();
    let mut after = None;
    let mut read = Vec::new();
    loop {
        let page = spool.oldest(after, 4).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        read.push(page.len());
    }
    assert_eq!(read, [4, 4, 2]);
}

#[tokio::test]
async fn what_was_removed_is_gone_and_its_ids_are_not_given_again() {
    let folder = folder();
    let spool = open(&folder);
    spool.keep(&[entry(0), entry(1), entry(2)]).await.unwrap();
    let ids: Vec<SpoolId> = all(&spool).await.into_iter().map(|(id, _)| id).collect();
    spool.remove(&ids[..2]).await.unwrap();
    spool.remove(&[ids[0], SpoolId(99)]).await.unwrap();
    assert_eq!(entries(&spool).await, [entry(2)]);
    spool.remove(&ids[2..]).await.unwrap();
    drop(spool);
    let spool = open(&folder);
    spool.keep(&[entry(3)]).await.unwrap();
    let next = all(&spool).await[0].0;
    assert!(next > ids[2], "{next:?} was given before");
}

#[tokio::test]
async fn what_was_answered_is_in_the_file_even_when_nobody_closes_it() {
    let (folder, left_behind) = (folder(), folder());
    let spool = open(&folder);
    let mut kept = Vec::new();
    for number in 0..20 {
        spool.keep(&[entry(number)]).await.unwrap();
        kept.push(entry(number));
        fs::copy(folder.path().join("orders.redb"), left_behind.path().join("orders.redb")).unwrap();
        assert_eq!(entries(&open(&left_behind)).await, kept);
    }
}

#[tokio::test]
async fn entries_of_the_largest_size_are_kept() {
    let folder = folder();
    let spool = open(&folder);
    let largest = Entry { data: vec![7; 10 << 20].into(), ..entry(1) };
    spool.keep(&[largest.clone(), Entry { data: bytes::Bytes::new(), ..entry(2) }]).await.unwrap();
    let found = entries(&spool).await;
    assert!(found[0] == largest && found[1].data.is_empty() && found.len() == 2);
}

#[tokio::test]
async fn a_full_spool_takes_nothing_until_there_is_room() {
    let folder = folder();
    let limit = 2 * entry(0).size() as u64;
    let spool = FileSpool::open(folder.path(), &orders(), limit).unwrap();
    spool.keep(&[entry(0), entry(1)]).await.unwrap();
    let full = spool.keep(&[entry(2)]).await.unwrap_err().to_string();
    assert_eq!(full, "the spool failed: it is full: let it drain or allow it more, bytes=45 limit=30");
    assert_eq!(entries(&spool).await, [entry(0), entry(1)], "a refusal keeps nothing");
    let oldest = all(&spool).await[0].0;
    spool.remove(&[oldest]).await.unwrap();
    drop(spool);
    let spool = FileSpool::open(folder.path(), &orders(), limit).unwrap();
    spool.keep(&[entry(2)]).await.unwrap();
    assert_eq!(entries(&spool).await, [entry(1), entry(2)]);
}

#[tokio::test]
async fn streams_in_one_folder_do_not_see_each_other() {
    let folder = folder();
    let first = open(&folder);
    let stream = "arn:aws:kinesis:eu-west-1:123456789012:stream/audit".parse().unwrap();
    let second = FileSpool::open(folder.path(), &stream, limits::SPOOL_BYTES).unwrap();
    first.keep(&[entry(0)]).await.unwrap();
    assert_eq!(entries(&second).await, []);
    assert!(folder.path().join("audit.redb").exists());
}

fn refusal(folder: &Path) -> String {
    let refused = FileSpool::open(folder, &orders(), limits::SPOOL_BYTES).unwrap_err();
    refused.to_string().replace(&folder.join("orders.redb").display().to_string(), "PATH")
}

#[test]
fn a_spool_in_use_is_refused_with_what_to_do() {
    let folder = folder();
    let spool = open(&folder);
    assert_eq!(
        refusal(folder.path()),
        "the spool is in use: stop the other process, or give this one a folder of its own, path=PATH"
    );
    drop(spool);
    open(&folder);
}

#[tokio::test]
async fn a_file_that_is_damaged_or_no_spool_is_refused_and_left_alone() {
    let folder = folder();
    let path = folder.path().join("orders.redb");
    fs::write(&path, "not a spool").unwrap();
    assert!(refusal(folder.path()).starts_with("the file is no spool or is damaged: restore it, or move it"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "not a spool");
    fs::remove_file(&path).unwrap();
    open(&folder).keep(&[entry(0)]).await.unwrap();
    let whole = fs::read(&path).unwrap();
    for length in [1, 100, 4_096, whole.len() / 2] {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(refusal(folder.path()).starts_with("the file is no spool or is damaged"), "at {length}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_refused_with_what_to_do() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let expected = "the spool cannot be opened: give a folder that this user may write to, path=PATH: ";
    assert!(refusal(&file).starts_with(expected));
}
