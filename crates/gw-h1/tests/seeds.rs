//! The properties that are fuzzed: on their seeds, and on what is made of those by cutting, joining and spoiling. The
//! sequence is the same in every run.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails where something is wrong")]

#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "it is a library elsewhere")]
mod properties;

use properties::{PROPERTIES, seeds};

/// xorshift64*.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides
    }
}

/// What libFuzzer puts into inputs.
fn tokens() -> Vec<Vec<u8>> {
    let lines = include_str!("../fuzz/http.dict").lines();
    let quoted = lines.filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
    quoted.map(seeds::unescape).collect()
}

fn spoil(seeds: &[Vec<u8>], tokens: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = seeds[dice.roll(seeds.len())].clone();
    for _ in 0..=dice.roll(3) {
        let at = dice.roll(bytes.len() + 1);
        match dice.roll(5) {
            0 => drop(bytes.drain(at..bytes.len().min(at + 1 + dice.roll(3)))),
            1 => {
                let other = &seeds[dice.roll(seeds.len())];
                let from = dice.roll(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            2 if at < bytes.len() => bytes[at] = b"\r\n \t:;0aZ\x80"[dice.roll(10)],
            _ => drop(bytes.splice(at..at, tokens[dice.roll(tokens.len())].iter().copied())),
        }
    }
    bytes
}

#[test]
fn properties_hold_of_seeds() {
    for (name, property, text) in PROPERTIES {
        let seeds = seeds::parse(text);
        let taken = seeds.iter().filter(|seed| property(seed)).count();
        assert!(taken * 10 > seeds.len(), "{name}: {taken} of {} say anything", seeds.len());
    }
}

#[test]
fn properties_hold_of_what_is_made_of_seeds() {
    let (tokens, mut dice) = (tokens(), Dice(0x9e37_79b9_7f4a_7c15));
    for (name, property, text) in PROPERTIES {
        let seeds = seeds::parse(text);
        let taken = (0..3000).filter(|_| property(&spoil(&seeds, &tokens, &mut dice))).count();
        assert!(taken > 150, "{name}: spoiled too much to say anything, but for {taken}");
    }
}
