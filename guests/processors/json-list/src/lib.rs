//! The preset `json-list` as a component.

tidemill_preset::export!("json-list");
