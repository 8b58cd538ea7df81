//! Components against the host: what they answer, how they fail, and which are refused.

mod contract;
mod corpus;
mod crooked;
mod faults;
mod grants;
mod life;
mod limits;
mod lines;
mod loading;
mod measuring;
mod processors;
mod support;
mod survey;
mod swap;
