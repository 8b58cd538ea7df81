//! A processor that breaks its contract in the way its configuration asks for: `decode` and `encode` each are words
//! of the index that it answers, such as `0 0 0 9 0 0`, or `trap` or `spin`.

use tidemill_preset::bindings::{
    exports::tidemill::streams::packed_processor::{Bounds, Decoded, Encoded, Guest, Sharing},
    tidemill::streams::configuration,
};

struct Crooked;

impl Guest for Crooked {
    fn shares() -> Sharing {
        Sharing::Alone
    }

    fn decode(_: Vec<u32>, _: Vec<u8>) -> Decoded {
        Decoded {
            index: asked("decode"),
            bytes: b"\xff".to_vec(),
            rejections: Vec::new(),
            attributes: Vec::new(),
        }
    }

    fn encode(_: Vec<u32>, _: Vec<u8>, _: Bounds) -> Encoded {
        Encoded { index: asked("encode"), bytes: vec![b'x'; 300], refusals: Vec::new() }
    }
}

fn asked(direction: &str) -> Vec<u32> {
    let answer = configuration::get(direction).expect("the test says what to answer");
    match &*answer {
        "trap" => panic!("the configuration asks for a trap"),
        "spin" => loop {
            std::hint::black_box(direction);
        },
        words => words.split(' ').map(|word| word.parse().expect("the test gives numbers")).collect(),
    }
}

tidemill_preset::bindings::export_preset!(Crooked with_types_in tidemill_preset::bindings);
