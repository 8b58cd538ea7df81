//! MD5, of several messages at once where that is faster.
//!
//! Every step of MD5 waits for the one before, so a processor idles through one message. Messages side by side, a word
//! of each in a vector, take a third of the time. Aggregated records are checked by the read and made by the request,
//! so there mostly are several. A single message, and a target without vectors, is left to the crate `md-5`.

use md5::{Digest as _, Md5};

pub(super) type Digest = [u8; 16];

/// Messages side by side: as many words as fit a vector of the least that processors have.
const LANES: usize = 4;
/// Whether the code is compiled for vectors of four words.
const HAS_VECTORS: bool =
    cfg!(any(target_feature = "sse2", target_feature = "neon", target_feature = "simd128"));
const BLOCK_BYTES: usize = 64;
/// What ends a message at least: a byte that marks its end, and its length.
const PADDING_BYTES: usize = 1 + 8;

/// One word of every message.
type Words = [u32; LANES];

/// Where the four words of a digest start.
const START: [u32; 4] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476];

/// The MD5 of each message.
pub(super) fn digests(messages: &[&[u8]]) -> Vec<Digest> {
    if HAS_VECTORS && messages.len() > 1 {
        side_by_side(messages)
    } else {
        messages.iter().map(|message| Md5::digest(message).into()).collect()
    }
}

/// A message that is being worked on.
struct Lane {
    message: usize,
    next_block: usize,
}

/// Keeps every lane at work: a message that is done makes room for the next.
fn side_by_side(messages: &[&[u8]]) -> Vec<Digest> {
    let mut digests = vec![Digest::default(); messages.len()];
    let mut waiting = (0..messages.len()).map(|message| Lane { message, next_block: 0 });
    let mut lanes: [Option<Lane>; LANES] = std::array::from_fn(|_| waiting.next());
    let mut state = START.map(|word| [word; LANES]);
    while lanes.iter().any(Option::is_some) {
        let block_of = |lane: &Lane| block(messages[lane.message], lane.next_block);
        let blocks = lanes.each_ref().map(|lane| lane.as_ref().map_or([0; BLOCK_BYTES], block_of));
        state = compressed(state, &blocks);
        for (at, slot) in lanes.iter_mut().enumerate() {
            let Some(lane) = slot else { continue };
            lane.next_block += 1;
            if lane.next_block * BLOCK_BYTES < messages[lane.message].len() + PADDING_BYTES {
                continue;
            }
            for ((word, start), bytes) in
                state.iter_mut().zip(START).zip(digests[lane.message].chunks_exact_mut(4))
            {
                bytes.copy_from_slice(&word[at].to_le_bytes());
                word[at] = start;
            }
            *slot = waiting.next();
        }
    }
    digests
}

/// A block of a message, with what ends it where it reaches past the end.
fn block(message: &[u8], number: usize) -> [u8; BLOCK_BYTES] {
    let rest = message.get(number * BLOCK_BYTES..).unwrap_or_default();
    if let Some(block) = rest.first_chunk() {
        return *block;
    }
    let mut block = [0; BLOCK_BYTES];
    block[..rest.len()].copy_from_slice(rest);
    if number * BLOCK_BYTES <= message.len() {
        block[rest.len()] = 0x80;
    }
    if rest.len() + PADDING_BYTES <= BLOCK_BYTES {
        let bits = message.len() as u64 * 8;
        block[BLOCK_BYTES - 8..].copy_from_slice(&bits.to_le_bytes());
    }
    block
}

fn compressed(state: [Words; 4], blocks: &[[u8; BLOCK_BYTES]; LANES]) -> [Words; 4] {
    let word = |at: usize, block: &[u8; BLOCK_BYTES]| {
        let bytes = &block[at * 4..at * 4 + 4];
        u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    };
    let words: [Words; 16] = std::array::from_fn(|at| std::array::from_fn(|lane| word(at, &blocks[lane])));
    let mixed = round::<0>(state, &words);
    let mixed = round::<1>(mixed, &words);
    let mixed = round::<2>(mixed, &words);
    let mixed = round::<3>(mixed, &words);
    std::array::from_fn(|at| std::array::from_fn(|lane| state[at][lane].wrapping_add(mixed[at][lane])))
}

/// Sixteen steps. They are written out because as a loop they take half as long again.
#[inline(always)]
fn round<const ROUND: usize>([mut a, mut b, mut c, mut d]: [Words; 4], words: &[Words; 16]) -> [Words; 4] {
    macro_rules! four_steps {
        ($at:literal) => {
            a = step::<ROUND, { $at }>(a, b, c, d, words);
            d = step::<ROUND, { $at + 1 }>(d, a, b, c, words);
            c = step::<ROUND, { $at + 2 }>(c, d, a, b, words);
            b = step::<ROUND, { $at + 3 }>(b, c, d, a, words);
        };
    }
    four_steps!(0);
    four_steps!(4);
    four_steps!(8);
    four_steps!(12);
    [a, b, c, d]
}

/// Step `AT` of a round, in every lane.
#[inline(always)]
fn step<const ROUND: usize, const AT: usize>(
    a: Words,
    b: Words,
    c: Words,
    d: Words,
    words: &[Words; 16],
) -> Words {
    let at = match ROUND {
        0 => AT,
        1 => 5 * AT + 1,
        2 => 3 * AT + 5,
        _ => 7 * AT,
    };
    let (word, sine, turn) = (words[at % 16], SINES[ROUND * 16 + AT], TURNS[ROUND][AT % 4]);
    std::array::from_fn(|lane| {
        let (b, c, d) = (b[lane], c[lane], d[lane]);
        let mixed = match ROUND {
            0 => d ^ (b & (c ^ d)),
            1 => c ^ (d & (b ^ c)),
            2 => b ^ c ^ d,
            _ => c ^ (b | !d),
        };
        let sum = a[lane].wrapping_add(mixed).wrapping_add(sine).wrapping_add(word[lane]);
        b.wrapping_add(sum.rotate_left(turn))
    })
}

/// How far each step of a round turns its sum, in bits.
const TURNS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];

/// The sines of 1 to 64, their first 32 bits.
#[rustfmt::skip]
const SINES: [u32; 64] = [
    0xD76A_A478, 0xE8C7_B756, 0x2420_70DB, 0xC1BD_CEEE, 0xF57C_0FAF, 0x4787_C62A, 0xA830_4613, 0xFD46_9501,
    0x6980_98D8, 0x8B44_F7AF, 0xFFFF_5BB1, 0x895C_D7BE, 0x6B90_1122, 0xFD98_7193, 0xA679_438E, 0x49B4_0821,
    0xF61E_2562, 0xC040_B340, 0x265E_5A51, 0xE9B6_C7AA, 0xD62F_105D, 0x0244_1453, 0xD8A1_E681, 0xE7D3_FBC8,
    0x21E1_CDE6, 0xC337_07D6, 0xF4D5_0D87, 0x455A_14ED, 0xA9E3_E905, 0xFCEF_A3F8, 0x676F_02D9, 0x8D2A_4C8A,
    0xFFFA_3942, 0x8771_F681, 0x6D9D_6122, 0xFDE5_380C, 0xA4BE_EA44, 0x4BDE_CFA9, 0xF6BB_4B60, 0xBEBF_BC70,
    0x289B_7EC6, 0xEAA1_27FA, 0xD4EF_3085, 0x0488_1D05, 0xD9D4_D039, 0xE6DB_99E5, 0x1FA2_7CF8, 0xC4AC_5665,
    0xF429_2244, 0x432A_FF97, 0xAB94_23A7, 0xFC93_A039, 0x655B_59C3, 0x8F0C_CC92, 0xFFEF_F47D, 0x8584_5DD1,
    0x6FA8_7E4F, 0xFE2C_E6E0, 0xA301_4314, 0x4E08_11A1, 0xF753_7E82, 0xBD3A_F235, 0x2AD7_D2BB, 0xEB86_D391,
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of_the_crate(messages: &[&[u8]]) -> Vec<Digest> {
        messages.iter().map(|message| Md5::digest(message).into()).collect()
    }

    #[test]
    fn messages_of_every_length_have_the_digest_that_they_have_alone() {
        let text: Vec<u8> = (0..300).map(|at| (at * 7 % 256) as u8).collect();
        let messages: Vec<_> = (0..text.len()).map(|length| &text[..length]).collect();
        assert_eq!(side_by_side(&messages), of_the_crate(&messages));
        assert!(side_by_side(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn side_by_side_messages_have_the_digests_that_they_have_alone(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..12)
        ) {
            let messages: Vec<_> = messages.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(side_by_side(&messages), of_the_crate(&messages));
        }
    }
}
