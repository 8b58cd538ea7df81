//! What `wit/` becomes in a component of a preset.

wit_bindgen::generate!({
    path: "../../wit",
    world: "packed-processor-only",
    pub_export_macro: true,
    export_macro_name: "export_preset",
    default_bindings_module: "tidemill_preset::bindings",
});
