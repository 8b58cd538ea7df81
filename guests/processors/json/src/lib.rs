//! The preset `json` as a component.

tidemill_preset::export!("json");
