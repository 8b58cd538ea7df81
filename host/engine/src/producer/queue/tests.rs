//! The queue alone: lines, turns, room, lateness.

use std::time::Duration;

use super::*;
use crate::producer::{ShardRate, shards::ShardMap};

/// A queue with an entry for each line given, at the shard of the same number, in a map of two.
fn queue(lines: &[u64]) -> EntryQueue {
    let mut queue = EntryQueue::default();
    for (at, line) in lines.iter().enumerate() {
        queue.push(queued(at, *line));
    }
    queue
}

fn queued(at: usize, line: u64) -> Queued {
    let key = line.to_string();
    let entry = Entry { data: at.to_string().into(), partition_key: key.into(), explicit_hash_key: None };
    Queued::new(entry, Origin::Spool(SpoolId(at as u64)), HashKey(0), line as usize % 2, line)
}

fn rates(records_per_second: u32) -> Rates {
    let now = Instant::now();
    let mut rates = Rates::new(Some(ShardRate { records_per_second, bytes_per_second: 1 << 20 }), now);
    rates.adopt(Some(&ShardMap::halves()), now);
    rates
}

fn next(queue: &mut EntryQueue, entries: usize, bytes: usize, now: Instant) -> Vec<Queued> {
    queue.next_request(RequestBounds { entries, bytes }, &mut rates(1_000), now)
}

fn data(request: &[Queued]) -> Vec<&str> {
    request.iter().map(|queued| std::str::from_utf8(&queued.entry.data).unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_request_holds_one_entry_a_line_and_failures_keep_their_place() {
    let now = Instant::now();
    let mut queue = queue(&[0, 0, 1, 0]);
    let mut request = next(&mut queue, 500, 1_000, now);
    assert_eq!(data(&request), ["0", "2"]);
    assert!(next(&mut queue, 500, 1_000, now).is_empty(), "both lines are under way");

    queue.settled(request.pop().unwrap().line);
    let later = now + Duration::from_secs(1);
    queue.put_back(request.pop().unwrap(), later);
    assert_eq!(queue.ready(now), 0);
    assert_eq!(queue.wake_at(), Some(later));
    for expected in ["0", "1", "3"] {
        let request = next(&mut queue, 500, 1_000, later);
        assert_eq!(data(&request), [expected]);
        queue.settled(request[0].line);
    }
    assert_eq!(queue.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_keeps_to_its_bounds() {
    let now = Instant::now();
    let mut many = queue(&[1, 2, 3]);
    assert_eq!(data(&next(&mut many, 2, 1_000, now)), ["0", "1"]);
    let mut small = queue(&[1, 2, 3]);
    assert_eq!(data(&next(&mut small, 500, 5, now)), ["0", "1"], "each is two bytes, with its key");
    assert_eq!(data(&next(&mut small, 500, 1, now)), ["2"], "one entry goes however large it is");
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_must_be_alone_is() {
    let now = Instant::now();
    let mut queue = queue(&[1, 2]);
    let mut request = next(&mut queue, 500, 1_000, now);
    for mut queued in request.drain(..).rev() {
        queued.alone = true;
        queue.put_back(queued, now);
    }
    assert_eq!(next(&mut queue, 500, 1_000, now).len(), 1);
    assert_eq!(next(&mut queue, 500, 1_000, now).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_shard_without_room_lets_others_overtake_and_is_left_alone_for_a_while() {
    let now = Instant::now();
    let mut queue = queue(&[0, 2, 4, 6, 1]);
    let (mut rates, bounds) = (rates(2), RequestBounds { entries: 500, bytes: 1_000 });
    let request = queue.next_request(bounds, &mut rates, now);
    assert_eq!(data(&request), ["0", "4", "1"], "shards take turns, and two records are a second's worth");
    assert_eq!((queue.ready(now), queue.len()), (0, 2));
    queue.push(queued(5, 8));
    queue.push(queued(6, 3));
    assert_eq!(queue.ready(now), 1, "only the other shard has room");
    assert_eq!(data(&queue.next_request(bounds, &mut rates, now)), ["6"]);
    let room = queue.wake_at().unwrap();
    assert!((room - now).abs_diff(Duration::from_millis(500)) < Duration::from_millis(1));
    assert_eq!(data(&queue.next_request(bounds, &mut rates, room)), ["2"]);
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_is_late_is_not_sent_however_it_waited() {
    let now = Instant::now();
    let mut queue = queue(&[]);
    let last = now + Duration::from_millis(10);
    for (at, line) in [(0, 0), (1, 1), (2, 3)] {
        queue.push(Queued { not_after: Some(last), ..queued(at, line) });
    }
    let (mut rates, bounds) = (rates(1), RequestBounds { entries: 2, bytes: 1_000 });
    let mut request = queue.next_request(bounds, &mut rates, now);
    assert_eq!(data(&request), ["0", "1"]);
    queue.put_back(request.remove(0), now + Duration::from_secs(9));
    assert!(queue.next_request(bounds, &mut rates, now).is_empty(), "no room at the shard of 2");
    assert_eq!(queue.wake_at(), Some(last));
    assert!(queue.next_request(bounds, &mut rates, last).is_empty());
    let mut late = queue.take_late();
    late.sort_by_key(|queued| queued.line);
    assert_eq!(data(&late), ["0", "2"]);
    assert_eq!(queue.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn over_another_map_lines_keep_their_order_and_shards_their_lines() {
    let now = Instant::now();
    let mut queue = queue(&[0, 0, 1, 2]);
    let request = next(&mut queue, 1, 1_000, now);
    queue.route(2, |queued| 1 - queued.shard);
    let both = next(&mut queue, 500, 1_000, now);
    assert_eq!(data(&both), ["3", "2"]);
    assert_eq!([both[0].shard, both[1].shard], [1, 0]);
    queue.settled(request[0].line);
    assert_eq!(data(&next(&mut queue, 500, 1_000, now)), ["1"]);
    queue.put_back(queued(7, 0), now);
    assert_eq!(data(&queue.take_all()), ["7"]);
    assert_eq!((queue.len(), queue.wake_at()), (0, None));
}
