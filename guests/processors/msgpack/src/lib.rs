//! The preset `msgpack` as a component.

tidemill_preset::export!("msgpack");
