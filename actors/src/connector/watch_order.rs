//! Whom the watch was told to watch, so that it is told only what is new.

use crate::messages::watch::Watch;

/// What the watch was told last.
#[derive(Debug)]
pub(crate) enum WatchOrder {
    /// This, and it does it.
    Obeyed(Watch),
    /// This; it found the active one silent and stopped, and that one is kept: it is told again at the next tick.
    Stopped(Watch),
    /// Something that it has stopped doing: it is told again at once.
    Outdated,
}

impl Default for WatchOrder {
    fn default() -> Self {
        Self::Obeyed(Watch::default())
    }
}

impl WatchOrder {
    /// What the watch is to be told so that it watches these, if anything.
    pub(crate) fn update(&mut self, wanted: Watch) -> Option<Watch> {
        match self {
            Self::Obeyed(told) | Self::Stopped(told) if *told == wanted => None,
            _ => {
                *self = Self::Obeyed(wanted.clone());
                Some(wanted)
            }
        }
    }

    /// The watch stopped, and whom it watches is kept.
    pub(crate) fn stopped(&mut self) {
        if let Self::Obeyed(told) = self {
            *self = Self::Stopped(std::mem::take(told));
        }
    }

    /// A tick has passed.
    pub(crate) fn tick(&mut self) {
        if let Self::Stopped(_) = self {
            *self = Self::Outdated;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::mailserver;

    fn watch(index: usize) -> Watch {
        Watch {
            active: Some(mailserver(index)),
            standby: None,
        }
    }

    #[test]
    fn what_is_watched_already_is_not_told_again() {
        let mut order = WatchOrder::default();
        assert_eq!(order.update(Watch::default()), None);
        assert_eq!(order.update(watch(1)), Some(watch(1)));
        assert_eq!(order.update(watch(1)), None);
        assert_eq!(order.update(watch(2)), Some(watch(2)));
    }

    #[test]
    fn one_that_is_kept_though_it_is_silent_is_watched_again_at_the_tick_and_not_before() {
        let mut order = WatchOrder::default();
        order.update(watch(1));
        order.stopped();
        assert_eq!(order.update(watch(1)), None);
        order.tick();
        assert_eq!(order.update(watch(1)), Some(watch(1)));
        order.tick();
        assert_eq!(order.update(watch(1)), None);
    }

    #[test]
    fn another_one_is_watched_at_once() {
        let mut order = WatchOrder::default();
        order.update(watch(1));
        order.stopped();
        assert_eq!(order.update(watch(2)), Some(watch(2)));
    }
}
