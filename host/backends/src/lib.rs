//! Back ends of tidemill: Amazon Kinesis through the AWS SDK, the stores that keep leases and deployments, the spool,
//! and what keeps dead letters.
//! Each turns the errors of what it speaks to into the engine's.
#![warn(missing_docs)]

mod aws;
pub mod dead_letters;
pub mod deployments;
pub mod dialects;
pub mod dynamodb;
pub mod kinesis;
pub mod leases;
pub mod redis;
pub mod spool;
