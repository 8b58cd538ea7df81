//! The preset `json-line` as a component.

tidemill_preset::export!("json-line");
