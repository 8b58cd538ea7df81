//! Letters through a handler once more, as after it was mended.

use tidemill_engine::dead_letter::{DeadLetter, Payload};

use super::world::{Kept, World, keyed, letter, letters};

#[tokio::test]
async fn letters_that_a_mended_handler_handles_go_to_its_sinks_and_nothing_goes_back() {
    for kept in [Kept::OnAStream, Kept::InAFile, Kept::InRedis] {
        let Some(world) = World::new(kept).await else { continue };
        let poison = DeadLetter { partition_key: "poison".into(), ..letter(10, "{\"number\":\"trap\"}") };
        world.keep(&letters(10)).await;
        // Behind the others, wherever they lie.
        world.keep(&[poison]).await;
        world.settings("fault_trap");
        let ended = world.redrive(&["--handler"], 6, "redriven=10 not-redriven=1").await;
        assert!(ended.stderr.contains("trapped"), "{kept:?}: {}", ended.stderr);
        assert_eq!(world.keyed("orders-out").await, keyed(10), "{kept:?}");
        assert_eq!(world.listed().await.len(), 1, "{kept:?}");
        world.settings("pass_through");
        world.redrive(&["--handler"], 0, "redriven=1 not-redriven=0").await;
        world.redrive(&["--handler"], 0, "redriven=0 not-redriven=0").await;
        let mut expected = keyed(10);
        expected.push(("poison".to_owned(), "{\"number\":\"trap\"}".to_owned()));
        assert_eq!(world.keyed("orders-out").await, expected, "{kept:?}");
        assert_eq!(world.keyed("orders").await, [], "{kept:?}");
    }
}

#[tokio::test]
async fn a_handler_sees_a_letter_at_its_old_place() {
    let world = World::new(Kept::InAFile).await.expect("a file needs no server");
    world.settings("origins");
    let sinks = std::fs::read_to_string(world.place.path().join("tidemill.toml")).expect("it is text");
    world.place.write("tidemill.toml", sinks.replace("\"20ms\" }", "\"20ms\", processor = \"string\" }"));
    let placed =
        DeadLetter { sub_sequence: 7, explicit_hash_key: Some(super::world::UPPER), ..letter(3, "{}") };
    let expected = format!("key=key-0 hash-key={} sequence={}.7", super::world::UPPER, placed.sequence);
    world.keep(&[placed]).await;
    world.redrive(&["--handler"], 0, "redriven=1 not-redriven=0").await;
    assert_eq!(world.streams.documents("orders-out").await, [expected]);
}

#[tokio::test]
async fn a_record_that_did_not_decode_is_handled_once_it_does() {
    let world = World::new(Kept::InAFile).await.expect("a file needs no server");
    world.settings("pass_through");
    let record =
        |number, data: &'static [u8]| DeadLetter { payload: Payload::Record, ..letter(number, data) };
    world.keep(&[record(0, b"{\"number\":0}\n{\"number\":1}\n"), record(1, b"\xff\xff")]).await;
    let ended = world.redrive(&["--handler"], 6, "redriven=1 not-redriven=1").await;
    assert!(ended.stderr.contains("it still does not decode"), "{}", ended.stderr);
    assert_eq!(world.streams.documents("orders-out").await, ["{\"number\":0}", "{\"number\":1}"]);
}
