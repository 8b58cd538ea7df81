//! What `wit/` becomes in a Rust guest. Authors meet it only through what the crate's root shows of it.

wit_bindgen::generate!({
    path: "../../wit",
    world: "packed-handler",
    pub_export_macro: true,
    export_macro_name: "export_packed",
    default_bindings_module: "tidemill_guest::bindings",
});

pub mod aggregator {
    //! The world of a component that aggregates.

    wit_bindgen::generate!({
        path: "../../wit",
        world: "aggregator-only",
        pub_export_macro: true,
        export_macro_name: "export_aggregator",
        default_bindings_module: "tidemill_guest::bindings::aggregator",
        with: {
            "tidemill:streams/types@0.1.0": crate::bindings::tidemill::streams::types,
            "tidemill:streams/logging@0.1.0": crate::bindings::tidemill::streams::logging,
            "tidemill:streams/configuration@0.1.0": crate::bindings::tidemill::streams::configuration,
            "tidemill:streams/metrics@0.1.0": crate::bindings::tidemill::streams::metrics,
        },
    });
}

pub mod life {
    //! What a handler exports beside to be told of its instance's life.

    wit_bindgen::generate!({
        inline: "
            package tidemill:guest;
            world life {
                export tidemill:streams/life-cycle@0.1.0;
            }
        ",
        path: "../../wit",
        world: "tidemill:guest/life",
        pub_export_macro: true,
        export_macro_name: "export_life",
        default_bindings_module: "tidemill_guest::bindings::life",
    });
}

pub mod serializer {
    //! The world of a component that serializes.

    wit_bindgen::generate!({
        path: "../../wit",
        world: "serializer-only",
        pub_export_macro: true,
        export_macro_name: "export_serializer",
        default_bindings_module: "tidemill_guest::bindings::serializer",
        with: {
            "tidemill:streams/logging@0.1.0": crate::bindings::tidemill::streams::logging,
            "tidemill:streams/configuration@0.1.0": crate::bindings::tidemill::streams::configuration,
            "tidemill:streams/metrics@0.1.0": crate::bindings::tidemill::streams::metrics,
        },
    });
}
