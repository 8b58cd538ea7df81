//! Whatever a guest writes, the log stays a log: one line for one line, and nothing in it that is not shown.

use serde_json::Value;
use tidemill_engine::limits::GUEST_LOG_LINE_BYTES;
use tracing::Level;

use crate::{
    HandlerSettings,
    guest_log::{GuestLog, Output},
};

use super::support::Logged;

/// What a guest might write to pass for another, or to make a log unreadable.
const NASTY: [&[u8]; 5] = [
    b"\x1b[2J\x1b[31mred",
    b"a\r2026-01-01T00:00:00Z ERROR tidemill: forged",
    b"\xff\xfe not UTF-8 \xc3",
    b"nul \x00 bell \x07 delete \x7f",
    b"\",\"level\":\"ERROR\"}",
];

fn write_all() {
    let grants = HandlerSettings::new("nasty").grants();
    let log = GuestLog::new(&grants, 1, "shardId-000000000000".into());
    for text in NASTY {
        log.output(Output::Stdout, text);
        log.output(Output::Stdout, b"\n");
    }
    log.line(Level::INFO, "logged\n2026-01-01T00:00:00Z ERROR tidemill: forged");
    log.output(Output::Stderr, &vec![b'x'; 3 * GUEST_LOG_LINE_BYTES]);
}

#[test]
fn a_log_for_people_has_one_line_for_each_and_no_character_that_acts() {
    let logged = Logged::begin();
    write_all();
    let all = logged.all();
    assert_eq!(all.lines().count(), NASTY.len() + 1 + 3, "{all}");
    assert!(all.lines().all(|line| line.contains(" guest: ") && line.len() < 2 * GUEST_LOG_LINE_BYTES));
    assert!(all.chars().all(|c| c == '\n' || !c.is_control()), "{all:?}");
    assert!(all.contains("\\u{1b}[31mred") && all.contains("a\\r2026"), "what was written is shown: {all}");
}

#[test]
fn a_log_for_programs_has_one_object_for_each() {
    let logged = Logged::begin_json();
    write_all();
    let lines: Vec<Value> =
        logged.all().lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert_eq!(lines.len(), NASTY.len() + 1 + 3);
    assert!(lines.iter().all(|line| line["fields"]["component"] == "nasty" && line["target"] == "guest"));
    assert_eq!(lines[4]["fields"]["message"], "\",\"level\":\"ERROR\"}");
}
