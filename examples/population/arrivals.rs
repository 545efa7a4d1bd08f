//! What is counted: who arrives where and when, and how long everybody was without a mailserver.

/// The resolution of the counts, in ms. Windows are multiples of it.
pub(crate) const BIN: f64 = 10.0;

/// What reaches a mailserver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// A ping of a round.
    Probe,
    /// A new connection: handshakes, keys, memory.
    Dial,
    /// The first history request after a switch: a search in the archive.
    Request,
}

/// What costs a mailserver most, and what is judged.
pub(crate) const JUDGED: [Arrival; 2] = [Arrival::Dial, Arrival::Request];

/// Everything that costs it anything.
pub(crate) const ALL: [Arrival; 3] = [Arrival::Probe, Arrival::Dial, Arrival::Request];

/// Counts of arrivals: of each kind, at each mailserver, in each bin.
pub(crate) struct Arrivals {
    counts: [Vec<Vec<u32>>; ALL.len()],
}

/// The fullest window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Peak {
    /// How many arrived within it.
    pub(crate) count: u64,
    /// Where.
    pub(crate) mailserver: usize,
}

/// Times in ms, in order.
pub(crate) struct Quantiles(Vec<f32>);

// === impl Arrivals ===

impl Arrivals {
    pub(crate) fn new(mailservers: usize, horizon_ms: f64) -> Self {
        let bins = (horizon_ms / BIN).ceil() as usize;
        let counts = vec![vec![0; bins]; mailservers];
        Self {
            counts: std::array::from_fn(|_| counts.clone()),
        }
    }

    /// Something arrives; what comes after the horizon is put into its last bin.
    pub(crate) fn add(&mut self, kind: Arrival, mailserver: usize, at_ms: f64) {
        let bins = &mut self.counts[kind as usize][mailserver];
        let bin = ((at_ms / BIN) as usize).min(bins.len() - 1);
        bins[bin] += 1;
    }

    /// How many of these kinds came to a mailserver within the `window_ms` that end with each bin.
    pub(crate) fn windows(&self, kinds: &[Arrival], mailserver: usize, window_ms: f64) -> Vec<u64> {
        let width = (window_ms / BIN) as usize;
        let of = |bin: usize| -> u64 {
            let count = |kind: &Arrival| u64::from(self.counts[*kind as usize][mailserver][bin]);
            kinds.iter().map(count).sum()
        };
        let mut sum = 0;
        let slide = |bin| {
            sum += of(bin);
            sum -= if bin >= width { of(bin - width) } else { 0 };
            sum
        };
        (0..self.counts[0][mailserver].len()).map(slide).collect()
    }

    /// The fullest window at any mailserver.
    pub(crate) fn peak(&self, kinds: &[Arrival], window_ms: f64) -> Peak {
        let fullest = |mailserver| Peak {
            count: self
                .windows(kinds, mailserver, window_ms)
                .into_iter()
                .max()
                .unwrap_or(0),
            mailserver,
        };
        let peaks = (0..self.counts[0].len()).map(fullest);
        peaks.max_by_key(|it| it.count).unwrap_or_default()
    }
}

// === impl Quantiles ===

impl Quantiles {
    pub(crate) fn new(mut times: Vec<f32>) -> Self {
        times.sort_unstable_by(f32::total_cmp);
        Self(times)
    }

    /// The time within which this part of all was done, in ms; zero if there was nothing to do.
    pub(crate) fn at(&self, part: f64) -> f64 {
        let last = self.0.len().saturating_sub(1);
        let index = (last as f64 * part).round() as usize;
        self.0.get(index).map_or(0.0, |it| f64::from(*it))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// How many were done within this time, in ms.
    pub(crate) fn within(&self, ms: f64) -> usize {
        self.0.partition_point(|it| f64::from(*it) <= ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_slides_over_the_bins_and_knows_the_kinds() {
        let mut arrivals = Arrivals::new(2, 100.0);
        for at in [5.0, 14.0, 95.0] {
            arrivals.add(Arrival::Dial, 1, at);
        }
        arrivals.add(Arrival::Request, 1, 15.0);
        arrivals.add(Arrival::Probe, 0, 15.0);
        assert_eq!(
            arrivals.windows(&JUDGED, 1, 20.0),
            [1, 3, 2, 0, 0, 0, 0, 0, 0, 1]
        );
        let peak = arrivals.peak(&JUDGED, 20.0);
        assert_eq!((peak.count, peak.mailserver), (3, 1));
        assert_eq!(arrivals.peak(&[Arrival::Probe], 20.0).mailserver, 0);
    }

    #[test]
    fn what_comes_after_the_horizon_is_not_lost() {
        let mut arrivals = Arrivals::new(1, 100.0);
        arrivals.add(Arrival::Dial, 0, 1e6);
        assert_eq!(arrivals.peak(&JUDGED, 10.0).count, 1);
    }

    #[test]
    fn quantiles_of_nothing_and_of_something() {
        assert_eq!(Quantiles::new(Vec::new()).at(0.5), 0.0);
        let times = Quantiles::new(vec![3.0, 1.0, 2.0]);
        assert_eq!([0.0, 0.5, 1.0].map(|part| times.at(part)), [1.0, 2.0, 3.0]);
        assert_eq!([0.5, 2.0, 9.0].map(|ms| times.within(ms)), [0, 2, 3]);
    }
}
