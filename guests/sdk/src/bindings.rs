//! What `wit/` becomes in a Rust guest. Authors meet it only through what the crate's root shows of it.

wit_bindgen::generate!({
    path: "../../wit",
    world: "packed-handler",
    pub_export_macro: true,
    export_macro_name: "export_packed",
    default_bindings_module: "tidemill_guest::bindings",
});
