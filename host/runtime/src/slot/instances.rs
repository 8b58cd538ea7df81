//! The instances of one generation that wait for a call, by the place that each is for.
//!
//! A call takes an instance out, and puts it back when the guest answered. Once the generation was replaced nothing is
//! kept any more: whoever comes back with an instance has to let it go.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

use crate::{contract::Contract, instance::Instance};

/// Instances between two calls. Never more than calls were under way at once.
pub struct Instances<C: Contract>(Mutex<Option<Waiting<C>>>);

type Waiting<C> = HashMap<<C as Contract>::Place, Vec<(Instant, Instance<C>)>>;

impl<C: Contract> Instances<C> {
    /// None so far.
    pub fn new() -> Self {
        Self(Mutex::new(Some(HashMap::new())))
    }

    /// Takes an instance for this place.
    pub fn take(&self, place: &C::Place) -> Option<Instance<C>> {
        self.waiting().as_mut()?.get_mut(place)?.pop().map(|(_, instance)| instance)
    }

    /// Keeps an instance for the next call, or gives it back where nothing is kept any more.
    pub fn put(&self, place: &C::Place, instance: Instance<C>) -> Option<Instance<C>> {
        let mut waiting = self.waiting();
        let Some(places) = waiting.as_mut() else { return Some(instance) };
        let waits = (Instant::now(), instance);
        match places.get_mut(place) {
            Some(instances) => instances.push(waits),
            None => drop(places.insert(place.clone(), vec![waits])),
        }
        None
    }

    /// Takes out the instance that waited longest, where more than this wait.
    pub fn surplus(&self, most: usize) -> Option<(C::Place, Instance<C>)> {
        let mut waiting = self.waiting();
        let places = waiting.as_mut()?;
        if places.values().map(Vec::len).sum::<usize>() <= most {
            return None;
        }
        let waits_since = |instances: &Vec<(Instant, _)>| instances.first().map(|(since, _)| *since);
        let oldest = places.iter().filter_map(|(place, waits)| Some((waits_since(waits)?, place)));
        let place = oldest.min_by_key(|(since, _)| *since)?.1.clone();
        let (_, instance) = places.get_mut(&place)?.remove(0);
        Some((place, instance))
    }

    /// The places that were called for, so many at the most; their instances may be busy.
    pub fn places(&self, most: usize, mut is_wanted: impl FnMut(&C::Place) -> bool) -> Vec<C::Place> {
        let waiting = self.waiting();
        let places = waiting.iter().flat_map(HashMap::keys).filter(|place| is_wanted(place));
        places.take(most).cloned().collect()
    }

    /// Forgets the places that match, and hands out their instances.
    pub fn remove(&self, mut is_meant: impl FnMut(&C::Place) -> bool) -> Vec<(C::Place, Instance<C>)> {
        let mut waiting = self.waiting();
        let Some(places) = waiting.as_mut() else { return Vec::new() };
        flat(places.extract_if(|place, _| is_meant(place)))
    }

    /// Keeps nothing from now on, and hands out all that it has.
    pub fn close(&self) -> Vec<(C::Place, Instance<C>)> {
        let waiting = self.waiting().take();
        flat(waiting.into_iter().flatten())
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Waiting<C>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn flat<P: Clone, I>(places: impl Iterator<Item = (P, Vec<(Instant, I)>)>) -> Vec<(P, I)> {
    places.flat_map(|(place, all)| all.into_iter().map(move |(_, one)| (place.clone(), one))).collect()
}

impl<C: Contract> fmt::Debug for Instances<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.waiting().as_ref().map(|places| places.values().map(Vec::len).sum::<usize>());
        f.debug_struct("Instances").field("waiting", &waiting).finish()
    }
}
