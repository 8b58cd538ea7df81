//! A pipeline on the in-memory Kinesis and leases, with paused time.

mod failing;
mod misplaced;
mod resharding;
<<<<<<< HEAD
mod source;
=======
mod sharing;
>>>>>>> coordination
mod stopping;
mod world;
