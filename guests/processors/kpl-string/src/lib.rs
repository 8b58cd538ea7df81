//! The preset `kpl-string` as a component.

tidemill_preset::export!("kpl-string");
