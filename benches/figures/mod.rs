//! What a bench has to show: each figure with its bound, what was measured, and whether it holds.

use std::process::ExitCode;

/// Something that is measured.
pub(crate) struct Figure {
    /// What it is, in up to 34 characters.
    pub(crate) name: &'static str,
    /// How it is measured, in up to 78 characters.
    pub(crate) how: &'static str,
    /// The unit of the bound and of the samples, in up to 6 characters.
    pub(crate) unit: &'static str,
    /// What must not be exceeded.
    pub(crate) bound: f64,
}

/// The table of a bench.
pub(crate) struct Table {
    holds: bool,
}

impl Table {
    /// Prints the head of the table.
    pub(crate) fn begin() -> Self {
        println!(
            "\n{:<34} {:>6} {:>8} {:>8} {:>7} {:>7}",
            "figure", "unit", "bound", "median", "min", "max"
        );
        Self { holds: true }
    }

    /// Measures a speed: the median must hold. One that does not is measured once more, because the machine
    /// may have been busy with something else.
    #[allow(dead_code, reason = "some benches look at the worst")]
    pub(crate) fn judge(&mut self, figure: &Figure, measure: impl FnMut() -> Vec<f64>) {
        self.judge_by(Samples::median, figure, measure);
    }

    /// As [`Self::judge`], but the worst must hold.
    #[allow(dead_code, reason = "some benches look at the median")]
    pub(crate) fn judge_worst(&mut self, figure: &Figure, measure: impl FnMut() -> Vec<f64>) {
        self.judge_by(Samples::max, figure, measure);
    }

    fn judge_by(
        &mut self,
        of: fn(&Samples) -> f64,
        figure: &Figure,
        mut measure: impl FnMut() -> Vec<f64>,
    ) {
        let mut holds = |otherwise| {
            let samples = Samples::new(measure());
            let holds = of(&samples) <= figure.bound;
            figure.print(&samples, if holds { "PASS" } else { otherwise });
            holds
        };
        self.holds &= holds("MISS") || holds("FAIL");
        println!("  {}", figure.how);
    }

    /// Takes what does not depend on how busy the machine is: all of it must hold, the first time.
    #[allow(dead_code, reason = "some benches have speeds only")]
    pub(crate) fn hold(&mut self, figure: &Figure, samples: Vec<f64>) {
        let samples = Samples::new(samples);
        let holds = samples.max() <= figure.bound;
        figure.print(&samples, if holds { "PASS" } else { "FAIL" });
        self.holds &= holds;
        println!("  {}", figure.how);
    }

    /// Fails the bench if any figure failed.
    pub(crate) fn end(self) -> ExitCode {
        if self.holds {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

impl Figure {
    fn print(&self, samples: &Samples, verdict: &str) {
        println!(
            "{:<34} {:>6} {:>8.2} {:>8.3} {:>7.3} {:>7.3} {verdict}",
            self.name,
            self.unit,
            self.bound,
            samples.median(),
            samples.min(),
            samples.max()
        );
    }
}

/// What was measured, in order; never nothing.
struct Samples(Vec<f64>);

impl Samples {
    fn new(mut samples: Vec<f64>) -> Self {
        assert!(!samples.is_empty(), "something was measured");
        samples.sort_by(f64::total_cmp);
        Self(samples)
    }

    fn min(&self) -> f64 {
        self.0[0]
    }

    fn median(&self) -> f64 {
        self.0[self.0.len() / 2]
    }

    fn max(&self) -> f64 {
        self.0[self.0.len() - 1]
    }
}
