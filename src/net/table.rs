//! A flat table whose places are used again under new generations, so that a stale name finds nothing.
//!
//! Holds peers, listeners and timers of a context. Invariant: no (slot, generation) pair is given out twice, not even
//! across contexts that begin where another one ended; a place whose generations run out is never used again.

/// Places; the C surface packs a slot into 20 bits.
pub const MAX_SLOTS: usize = 1 << 20;
/// The most places that room is reserved for from the start.
pub const RESERVED: usize = 1 << 16;
/// Generations; the C surface packs one into 31 bits.
pub const MAX_GENERATION: u32 = (1 << 31) - 1;

/// The table.
pub struct Table<T> {
    entries: Vec<Entry<T>>,
    free: Vec<u32>,
    live: usize,
    first: u32,
    highest: u32,
}

struct Entry<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Table<T> {
    /// Generations begin with `first`.
    pub fn new(first: u32) -> Self {
        Table { entries: Vec::new(), free: Vec::new(), live: 0, first: first.max(1), highest: first.max(1) - 1 }
    }

    /// The same with room for `count`. Memory that is not used yet is only reserved: the system gives it page by page,
    /// and a table that never moves leaves no holes behind.
    pub fn with_room(first: u32, count: usize) -> Self {
        let mut table = Table::new(first);
        table.entries.reserve_exact(count.min(RESERVED));
        table
    }

    /// Puts `value` in: slot and generation, or `None` when the table is full.
    pub fn insert(&mut self, value: T) -> Option<(u32, u32)> {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None if self.entries.len() < MAX_SLOTS => {
                self.entries.push(Entry { generation: self.first - 1, value: None });
                (self.entries.len() - 1) as u32
            }
            None => return None,
        };
        let entry = &mut self.entries[slot as usize];
        entry.generation += 1;
        entry.value = Some(value);
        self.live += 1;
        self.highest = self.highest.max(entry.generation);
        Some((slot, entry.generation))
    }

    /// Takes it out.
    pub fn remove(&mut self, slot: u32, generation: u32) -> Option<T> {
        let entry = self.entries.get_mut(slot as usize).filter(|entry| entry.generation == generation)?;
        let value = entry.value.take()?;
        self.live -= 1;
        if entry.generation < MAX_GENERATION {
            self.free.push(slot);
        }
        Some(value)
    }

    /// What is there under this name.
    #[inline]
    pub fn get(&self, slot: u32, generation: u32) -> Option<&T> {
        match self.entries.get(slot as usize) {
            Some(entry) if entry.generation == generation => entry.value.as_ref(),
            _ => None,
        }
    }

    /// The same, to change it.
    #[inline]
    pub fn get_mut(&mut self, slot: u32, generation: u32) -> Option<&mut T> {
        match self.entries.get_mut(slot as usize) {
            Some(entry) if entry.generation == generation => entry.value.as_mut(),
            _ => None,
        }
    }

    /// What is there in the place, and its generation.
    pub fn at(&self, slot: u32) -> Option<(u32, &T)> {
        let entry = self.entries.get(slot as usize)?;
        Some((entry.generation, entry.value.as_ref()?))
    }

    /// Slot and generation of the first that is there from `slot` on.
    pub fn next(&self, slot: u32) -> Option<(u32, u32)> {
        let rest = self.entries.get(slot as usize..)?;
        let skip = rest.iter().position(|entry| entry.value.is_some())?;
        Some((slot + skip as u32, rest[skip].generation))
    }

    /// How many are there.
    pub fn len(&self) -> usize {
        self.live
    }

    /// The highest generation given out.
    pub fn highest(&self) -> u32 {
        self.highest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_names_find_nothing_and_generations_are_not_repeated() {
        let mut table = Table::new(7);
        let (slot, first) = table.insert("a").expect("room");
        assert_eq!((slot, first), (0, 7));
        assert_eq!(table.remove(slot, first), Some("a"));
        assert_eq!(table.remove(slot, first), None);
        let (again, second) = table.insert("b").expect("room");
        assert_eq!((again, second), (0, 8));
        assert_eq!(table.get(slot, first), None);
        assert_eq!(table.get(again, second), Some(&"b"));
        assert_eq!((table.next(0), table.next(1), table.len(), table.highest()), (Some((0, 8)), None, 1, 8));
    }

    #[test]
    fn a_place_without_generations_is_retired() {
        let mut table = Table::new(MAX_GENERATION);
        let (slot, generation) = table.insert(()).expect("room");
        table.remove(slot, generation);
        assert_eq!(table.insert(()), Some((1, MAX_GENERATION)));
    }
}
