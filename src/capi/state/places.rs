//! Places for things of one kind that belong to no context, each with the generation of what is there.
//!
//! Used by `registry`, under its lock. Invariant: a generation is never repeated within a place.

use crate::boundary::handle::OBJECT_BITS;

/// Things of one kind that a process can have at a time.
const MOST: usize = 1 << OBJECT_BITS;

/// The table.
pub(in crate::capi) struct Places<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

struct Place<T> {
    generation: u32,
    thing: Option<T>,
}

impl<T> Places<T> {
    pub(super) const fn new() -> Places<T> {
        Places { places: Vec::new(), free: Vec::new() }
    }

    /// Puts it in a free place, whose number and generation are given back; None when there is none. New places begin after
    /// the generation `before`; those that reach `last` are not used again.
    pub(super) fn add(&mut self, thing: T, before: u32, last: u32) -> Option<(u32, u32)> {
        let number = loop {
            match self.free.pop() {
                Some(number) if self.places[number as usize].generation >= last => {}
                Some(number) => break number,
                None if self.places.len() == MOST => return None,
                None => {
                    self.places.push(Place { generation: before, thing: None });
                    break self.places.len() as u32 - 1;
                }
            }
        };
        let place = &mut self.places[number as usize];
        place.generation += 1;
        place.thing = Some(thing);
        Some((number, place.generation))
    }

    /// What has this place in this generation, unless it is gone.
    pub(super) fn get(&self, number: u32, generation: u32) -> Option<&T> {
        let place = self.places.get(number as usize)?;
        place.thing.as_ref().filter(|_| place.generation == generation)
    }

    /// Takes it out.
    pub(super) fn take(&mut self, number: u32, generation: u32) -> Option<T> {
        let place = self.places.get_mut(number as usize)?;
        let taken = place.thing.take_if(|_| place.generation == generation)?;
        self.free.push(number);
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_used_again_under_another_generation() {
        let mut places = Places::new();
        assert_eq!(places.add('a', 6, 9), Some((0, 7)));
        assert_eq!(places.add('b', 6, 9), Some((1, 7)));
        assert_eq!((places.take(0, 8), places.take(0, 7), places.take(0, 7)), (None, Some('a'), None));
        assert_eq!(places.add('c', 6, 9), Some((0, 8)));
        assert_eq!((places.get(0, 7), places.get(0, 8), places.get(2, 7)), (None, Some(&'c'), None));
        assert_eq!((places.take(0, 8), places.add('d', 6, 9), places.take(0, 9)), (Some('c'), Some((0, 9)), Some('d')));
        assert_eq!(places.add('e', 6, 9), Some((2, 7)), "the first place is used up");
    }
}
