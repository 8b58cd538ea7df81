//! The preset `kpl-json` as a component.

tidemill_preset::export!("kpl-json");
