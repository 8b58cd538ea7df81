//! What serving HTTP needs wherever it is done: bounded connections, bounded bodies, and clear refusals.

pub mod answer;
pub mod body;
pub mod connections;
