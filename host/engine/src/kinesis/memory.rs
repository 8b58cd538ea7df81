//! In-memory Kinesis.
