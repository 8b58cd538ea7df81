//! What can be seen of a part that is followed.

use serde::Serialize;

use crate::deploy::{Deployment, Part, SlotStatus};

/// How a part is in this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Followed {
    /// The part, such as `orders/handler`.
    pub part: String,
    /// What the application wants of it; none where nothing was deployed, or the store has not been asked yet.
    pub wanted: Option<Deployment>,
    /// The version that was applied last; 0 for the file that the settings name.
    pub applied: u64,
    /// What was not let in last, unless something was since.
    pub refused: Option<NotLetIn>,
    /// Why the store cannot be asked, where it cannot.
    pub unavailable: Option<String>,
    /// What runs.
    pub slot: SlotStatus,
}

/// Something that was wanted and is not what runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct NotLetIn {
    /// Its version; 0 for the file that the settings name.
    pub version: u64,
    /// What is wrong with it and what to do, for people.
    pub why: String,
}

impl Followed {
    pub(super) fn new(part: &Part, slot: SlotStatus) -> Self {
        let part = part.to_string();
        Self { part, wanted: None, applied: 0, refused: None, unavailable: None, slot }
    }
}
