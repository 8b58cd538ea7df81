//! Stores that keep leases, and the checkpoints in them, beyond the life of the process.

pub mod dynamodb;
pub mod file;
pub mod redis;
