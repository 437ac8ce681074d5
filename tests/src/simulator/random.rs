//! Seeded randomness without state: the same question gets the same answer on every machine, in any order.
//!
//! A world of a million people is not kept, it is asked for: record `n` of a website is drawn from `(seed, subject, n)`.
//! `SplitMix64` is enough for that, and cheap enough to draw a page of fifty profiles in microseconds.

use uuid::Uuid;

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// A short stream of random numbers that belongs to one subject.
#[derive(Debug, Clone)]
pub(crate) struct Draw {
    state: u64,
}

impl Draw {
    pub(crate) fn of(seed: u64, parts: &[u64]) -> Self {
        Self { state: parts.iter().fold(mix(seed), |state, part| mix(state ^ mix(*part))) }
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// A number in `0..bound`; 0 where the range is empty.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.number() % bound }
    }

    /// A number in `low..=high`.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = u64::try_from(high.saturating_sub(low)).unwrap_or(0).saturating_add(1);
        low.saturating_add(i64::try_from(self.below(width)).unwrap_or(0))
    }

    /// True in `share` (0 to 1) of the cases.
    pub(crate) fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// A number in `0.0..1.0`.
    pub(crate) fn unit(&mut self) -> f64 {
        let top = u32::try_from(self.number() >> 32).unwrap_or(u32::MAX);
        f64::from(top) / 4_294_967_296.0
    }

    /// One of the items; the default where there is none.
    pub(crate) fn pick<T: Copy + Default>(&mut self, items: &[T]) -> T {
        nth(items, self.number())
    }
}

/// Item `n` of a list that is read round and round.
pub(crate) fn nth<T: Copy + Default>(items: &[T], n: u64) -> T {
    let length = u64::try_from(items.len()).unwrap_or(1).max(1);
    items.get(small(n % length)).copied().unwrap_or_default()
}

/// An id that looks random, belongs to `key`, and tells its slot to those who know the key.
pub(crate) fn id_of(key: u64, slot: u32) -> Uuid {
    let slot_bits = slot ^ low_half(key);
    let high = mix(key ^ mix(u64::from(slot)));
    let low = (mix(high) & 0xFFFF_FFFF_0000_0000) | u64::from(slot_bits);
    uuid::Builder::from_random_bytes((u128::from(high) << 64 | u128::from(low)).to_be_bytes()).into_uuid()
}

/// The slot whose id this is, if it is one of `key`'s.
pub(crate) fn slot_of(key: u64, id: Uuid) -> Option<u32> {
    let slot = u32::try_from(id.as_u128() & 0xFFFF_FFFF).ok()? ^ low_half(key);
    (id_of(key, slot) == id).then_some(slot)
}

pub(crate) fn mix(value: u64) -> u64 {
    let a = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let b = (a ^ (a >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    b ^ (b >> 31)
}

/// A count as an index.
pub(crate) fn small(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn low_half(key: u64) -> u32 {
    u32::try_from(mix(key) & 0xFFFF_FFFF).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_its_slot_only_to_its_own_key() {
        for slot in [0, 1, 2, 77, 999_999, u32::MAX] {
            let id = id_of(42, slot);
            assert_eq!(slot_of(42, id), Some(slot));
            assert_eq!(slot_of(43, id), None);
        }
    }

    #[test]
    fn the_same_subject_draws_the_same_numbers() {
        let numbers = |seed| {
            let mut draw = Draw::of(seed, &[1, 2]);
            (0..5).map(|_| draw.number()).collect::<Vec<_>>()
        };
        assert_eq!(numbers(7), numbers(7));
        assert_ne!(numbers(7), numbers(8));
    }

    #[test]
    fn a_share_is_met_roughly() {
        let mut draw = Draw::of(1, &[]);
        let hits = (0..10_000).filter(|_| draw.chance(0.25)).count();
        assert!((2_200..2_800).contains(&hits), "{hits}");
    }
}
