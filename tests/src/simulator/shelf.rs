//! Records by slot, most of them drawn on demand, the changed ones kept; and the orders in which lists show them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::site::Site;

/// A sort of record that a website has by the thousand.
pub(crate) trait Record: Sized {
    /// The orders in which lists show it.
    type Order: Copy + Ord;

    /// How many there are at the start.
    fn count(site: &Site) -> u32;
    /// Number `slot` as it was at the start.
    fn original(site: &Site, slot: u32) -> Self;
    /// Where it stands in that order (larger = nearer to the top); `None` = not in that list at all.
    fn key(&self, order: Self::Order) -> Option<i64>;
    /// The same for the original, without making all of it.
    fn original_key(site: &Site, slot: u32, order: Self::Order) -> Option<i64>;
}

/// A record, changed or not; an original is made only when it is looked at.
#[derive(Debug)]
pub(crate) enum Held<R> {
    Original(u32),
    Changed(Arc<R>),
}

impl<R: Record> Held<R> {
    pub(crate) fn get(self, site: &Site) -> Arc<R> {
        match self {
            Self::Original(slot) => Arc::new(R::original(site, slot)),
            Self::Changed(record) => record,
        }
    }
}

/// All records of one sort.
#[derive(Debug)]
pub(crate) struct Shelf<R> {
    originals: u32,
    next: u32,
    /// `None` = removed.
    changed: HashMap<u32, Option<Arc<R>>>,
}

impl<R: Record> Shelf<R> {
    pub(crate) fn new(site: &Site) -> Self {
        let originals = R::count(site);
        Self { originals, next: originals, changed: HashMap::new() }
    }

    /// A slot that nothing has had before.
    pub(crate) fn fresh_slot(&mut self) -> u32 {
        let slot = self.next;
        self.next = self.next.saturating_add(1);
        slot
    }

    pub(crate) fn put(&mut self, slot: u32, record: Option<Arc<R>>) {
        self.changed.insert(slot, record);
    }

    pub(crate) fn held(&self, slot: u32) -> Option<Held<R>> {
        match self.changed.get(&slot) {
            Some(record) => record.as_ref().map(|record| Held::Changed(Arc::clone(record))),
            None => (slot < self.originals).then_some(Held::Original(slot)),
        }
    }

    pub(crate) fn slots(&self) -> u32 {
        self.next
    }

    pub(crate) fn changed(&self) -> impl Iterator<Item = (u32, &Arc<R>)> {
        self.changed.iter().filter_map(|(slot, record)| Some((*slot, record.as_ref()?)))
    }
}

/// The records as lists show them, which may lag behind the truth.
#[derive(Debug)]
pub(crate) struct Listing<R: Record> {
    shelf: Shelf<R>,
    orders: BTreeMap<R::Order, Vec<(i64, u32)>>,
}

impl<R: Record> Listing<R> {
    pub(crate) fn new(site: &Site) -> Self {
        Self { shelf: Shelf::new(site), orders: BTreeMap::new() }
    }

    /// All rows of an order, top first; made at its first use.
    pub(crate) fn rows(&mut self, site: &Site, order: R::Order) -> &[(i64, u32)] {
        let Self { shelf, orders } = self;
        orders.entry(order).or_insert_with(|| sorted(site, shelf, order))
    }

    pub(crate) fn held(&self, slot: u32) -> Option<Held<R>> {
        self.shelf.held(slot)
    }

    /// Shows the record as it is now, at its new place in every order.
    pub(crate) fn show(&mut self, site: &Site, slot: u32, record: Option<Arc<R>>) {
        for (order, rows) in &mut self.orders {
            if let Some(key) = key_of(site, &self.shelf, slot, *order)
                && let Ok(place) = find(rows, (key, slot))
            {
                rows.remove(place);
            }
            if let Some(key) = record.as_ref().and_then(|record| record.key(*order))
                && let Err(place) = find(rows, (key, slot))
            {
                rows.insert(place, (key, slot));
            }
        }
        self.shelf.put(slot, record);
    }
}

fn sorted<R: Record>(site: &Site, shelf: &Shelf<R>, order: R::Order) -> Vec<(i64, u32)> {
    let originals = (0..shelf.originals).filter(|slot| !shelf.changed.contains_key(slot));
    let unchanged = originals.filter_map(|slot| Some((R::original_key(site, slot, order)?, slot)));
    let changed = shelf.changed().filter_map(|(slot, record)| Some((record.key(order)?, slot)));
    let mut rows: Vec<(i64, u32)> = unchanged.chain(changed).collect();
    rows.sort_unstable_by(|a, b| b.cmp(a));
    rows
}

fn key_of<R: Record>(site: &Site, shelf: &Shelf<R>, slot: u32, order: R::Order) -> Option<i64> {
    match shelf.held(slot)? {
        Held::Original(slot) => R::original_key(site, slot, order),
        Held::Changed(record) => record.key(order),
    }
}

/// Rows are sorted from the largest to the smallest.
fn find(rows: &[(i64, u32)], row: (i64, u32)) -> Result<usize, usize> {
    rows.binary_search_by(|other| row.cmp(other))
}
