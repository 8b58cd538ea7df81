//! Deploying to a host and to a whole application: what the commands, the admin API and the running host share.

pub mod beginning;
pub mod desk;
pub mod files;
pub mod following;
pub mod parts;
pub mod query;
