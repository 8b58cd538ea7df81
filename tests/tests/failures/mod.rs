//! Records that cannot be handled: where they go, and how they come back.

mod bisect;
mod kept;
mod lambda;
mod redriving;
mod showing;
mod through;
mod world;
