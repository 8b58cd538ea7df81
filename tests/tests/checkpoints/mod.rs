//! `tidemill checkpoints`: moved by hand, under a running host, and over from other libraries and back.

mod async_kinesis;
mod by_hand;
mod kcl;
mod kinesis_python;
mod running;
mod world;
