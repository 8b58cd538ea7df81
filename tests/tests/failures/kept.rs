//! What a host says of the place for its dead letters.

use super::world::{Kept, World};

#[tokio::test]
async fn check_and_the_first_lines_of_a_run_say_where_dead_letters_go() {
    for (kept, place) in [(Kept::OnAStream, "on stream failed"), (Kept::InAFile, "in ")] {
        let world = World::new(kept).await.expect("neither needs a server");
        let settings = world.settings("pass_through");
        let checked = world.place.tidemill(&["check", "--streams"]).await;
        assert_eq!(checked.code, Some(0), "{}", checked.stderr);
        assert!(
            checked.stdout.contains(&format!("pipeline orders: dead letters {place}")),
            "{}",
            checked.stdout
        );
        let has_stream = checked.stdout.contains("pipeline orders: stream failed: ACTIVE");
        assert_eq!(has_stream, kept == Kept::OnAStream, "{}", checked.stdout);
        let ended = world.place.run(&settings).await.terminate().await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.stdout.contains(&format!("dead letters {place}")), "{}", ended.stdout);
    }
}
