//! The preset `string` as a component.

tidemill_preset::export!("string");
