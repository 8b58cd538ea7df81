//! Records that cannot be handled: where they go, and how they come back.

mod kept;
mod redriving;
mod showing;
mod through;
mod world;
