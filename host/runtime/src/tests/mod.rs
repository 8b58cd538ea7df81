//! Components against the host: what they answer, how they fail, and which are refused.

mod contract;
mod corpus;
mod crooked;
mod faults;
mod limits;
mod loading;
mod processors;
mod support;
mod survey;
