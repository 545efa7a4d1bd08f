//! Plays one schedule, in virtual time: the same seed always gives the same run.

use std::{future::poll_fn, pin::pin, rc::Rc, time::Duration};

use actors::messages::journal::{GetReport, Report};
use mailserver_sidecar::settings::Settings;
use tokio::time::sleep_until;

use crate::{
    adapters::disk::Disk,
    check::{self, Violation},
    node::Node,
    schedule::{Kind, Schedule, Setup, Step, TROUBLE, Trouble},
    sidecar::{Sidecar, Surroundings, Variant},
    store::Fault,
    world::{Network, World},
};

/// How often it is looked whether everything promised holds.
const LOOK: Duration = Duration::from_secs(10);

/// For how long nothing goes wrong, at most, until everything must be there.
const QUIET: Duration = Duration::from_secs(30 * 60);

/// What became of a schedule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The messages that some mailserver held.
    pub(crate) sent: u64,
    /// Those of them that the node never got.
    pub(crate) lost: u64,
    /// Those of these of which nobody could know, though everything was done that is promised.
    pub(crate) in_vain: u64,
    /// What was promised and did not hold.
    pub(crate) violations: Vec<Violation>,
    /// Everything that the sidecar told, in words.
    pub(crate) told: Vec<String>,
}

impl Outcome {
    /// Whether it is worth a closer look.
    pub(crate) fn is_bad(&self, variant: Variant) -> bool {
        !self.violations.is_empty() || (self.lost > 0 && !variant.loses_nothing())
    }
}

/// Plays a schedule.
pub(crate) fn play(schedule: &Schedule, variant: Variant, settings: &Rc<Settings>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without drivers for sockets needs nothing of the system");
    runtime.block_on(async {
        let mut run = Run::new(&schedule.setup, variant, settings.clone());
        run.play(schedule).await
    })
}

struct Run {
    around: Rc<Surroundings>,
    variant: Variant,
    sidecar: Option<Sidecar>,
    /// How many there were.
    sidecars: u64,
    next_look: Duration,
    violations: Vec<Violation>,
    in_vain: u64,
    told: Vec<String>,
}

impl Run {
    fn new(setup: &Setup, variant: Variant, settings: Rc<Settings>) -> Self {
        let world = Rc::new(World::new(setup));
        let alone = variant == Variant::NodeAlone;
        let around = Surroundings {
            node: Node::new(&world, setup, alone),
            world,
            disk: Rc::new(Disk::default()),
            setup: setup.clone(),
            settings,
            variant,
            journal: None.into(),
            told: Vec::new().into(),
        };
        Self {
            around: Rc::new(around),
            variant,
            sidecar: None,
            sidecars: 0,
            next_look: LOOK,
            violations: Vec::new(),
            in_vain: 0,
            told: Vec::new(),
        }
    }

    async fn play(&mut self, schedule: &Schedule) -> Outcome {
        self.around.node.start();
        self.start_sidecar();
        let mut steps = schedule.steps().into_iter().peekable();
        while let Some((at, step)) = steps.next() {
            self.go_on(at).await;
            let Step::Begin(Trouble {
                kind: Kind::Sleep,
                until,
                ..
            }) = step
            else {
                self.step(step);
                continue;
            };
            let meanwhile = std::iter::from_fn(|| steps.next_if(|(at, _)| *at < until));
            self.sleep(until, meanwhile.collect());
        }
        self.go_on(TROUBLE).await;
        self.mend();
        self.settle().await;
        self.judge().await;
        self.outcome()
    }

    /// The machine sleeps: the world goes on, and what was to happen on the machine does when it wakes up.
    fn sleep(&mut self, until: Duration, meanwhile: Vec<(Duration, Step)>) {
        let world = self.around.world.clone();
        world.asleep.set(true);
        let mut later = Vec::new();
        for (at, step) in meanwhile {
            world.sleep_until(at);
            match step {
                Step::Send(_) => self.step(step),
                Step::Begin(it) | Step::End(it) if it.kind.is_outside() => self.step(step),
                Step::Begin(_) | Step::End(_) => later.push(step),
            }
        }
        world.sleep_until(until);
        world.asleep.set(false);
        self.around.node.wake();
        later.into_iter().for_each(|step| self.step(step));
    }

    /// Lets everything go on until then, and looks now and then whether the journal is right.
    async fn go_on(&mut self, until: Duration) {
        while self.next_look < until {
            self.until(self.next_look).await;
            self.look().await;
        }
        self.until(until).await;
    }

    /// Whether the journal is right; its report.
    async fn look(&mut self) -> Option<Report> {
        self.next_look = self.around.world.since_begin() + LOOK;
        let report = self.report().await?;
        for claim in check::claims(&self.around, &report) {
            if !self.violations.contains(&claim) {
                self.violations.push(claim);
            }
        }
        Some(report)
    }

    /// What the journal says, if there is one.
    async fn report(&mut self) -> Option<Report> {
        self.sidecar.as_ref()?;
        let journal = self.around.journal.borrow().clone()?;
        let answer = journal.send(GetReport).timeout(LOOK);
        self.drive(answer).await.ok()
    }

    /// Lets everything go on until then.
    async fn until(&mut self, since_begin: Duration) {
        let at = self.around.world.instant(since_begin);
        self.drive(sleep_until(at)).await;
    }

    /// Lets everything go on until something is done.
    async fn drive<T>(&mut self, what: impl Future<Output = T>) -> T {
        let mut what = pin!(what);
        poll_fn(|cx| {
            self.around.node.poll(cx);
            if let Some(sidecar) = &mut self.sidecar {
                sidecar.poll(cx);
            }
            self.listen();
            if self.around.disk.take_sprung() {
                self.sidecar = None;
            }
            what.as_mut().poll(cx)
        })
        .await
    }

    /// Notes what the sidecar told.
    fn listen(&mut self) {
        let told = std::mem::take(&mut *self.around.told.borrow_mut());
        for event in told {
            self.violations.extend(check::failed_actor(&event));
            let at = self.around.world.since_begin().as_secs_f64();
            self.told.push(format!("{at:8.3} s  {event:?}"));
        }
    }

    fn start_sidecar(&mut self) {
        self.around.disk.disarm();
        if self.variant == Variant::NodeAlone || self.sidecar.is_some() {
            return;
        }
        self.sidecars += 1;
        let seed = self.around.setup.seed ^ (self.sidecars << 32);
        self.sidecar = Some(Sidecar::start(&self.around, seed));
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Send(sending) => {
                let message = self.around.world.send(sending.topic, sending.holders);
                self.around.node.relay(message);
            }
            Step::Begin(trouble) => self.set(trouble.kind, true),
            Step::End(trouble) => self.set(trouble.kind, false),
        }
    }

    /// Something goes wrong, or no longer.
    fn set(&mut self, kind: Kind, wrong: bool) {
        let Surroundings { world, node, .. } = &*self.around;
        match kind {
            Kind::Store(store, fault) => {
                let fault = if wrong { fault } else { Fault::None };
                world.change(store, |it, now| it.set_fault(fault, now));
            }
            Kind::StoreDeaf(store) => world.change(store, |it, _| it.deaf = wrong),
            Kind::ShortHistory(store, back) => {
                world.change(store, |it, _| it.reaches_back = wrong.then_some(back));
            }
            Kind::BreaksOff(store) => world.change(store, |it, _| it.breaks_off = wrong),
            Kind::Network(network) => {
                world.set_network(if wrong { network } else { Network::Up });
                node.network_changed();
            }
            Kind::NodeDown if wrong => node.kill(),
            Kind::NodeDown => node.start_if_down(),
            Kind::NodeHangs => node.hang(wrong),
            Kind::NodeDeaf => node.faults.deaf.set(wrong),
            Kind::PoorMesh => {
                node.faults.poor_mesh.set(wrong);
                node.faults_changed();
            }
            Kind::NullAnswers => node.faults.null_answers.set(wrong),
            Kind::SignalsLost => node.faults.signals_lost.set(wrong),
            Kind::Sleep => {}
            Kind::SidecarDown if wrong => self.sidecar = None,
            Kind::SidecarDiesWriting(writes, done) if wrong => {
                self.around.disk.set_trap(writes, done);
            }
            Kind::SidecarDown | Kind::SidecarDiesWriting(..) => self.start_sidecar(),
        }
    }

    /// From now on all is well, but for what mailservers do not hold.
    fn mend(&mut self) {
        let Surroundings { world, node, .. } = &*self.around;
        for store in 0..world.size() {
            world.change(store, |it, now| {
                it.set_fault(Fault::None, now);
                (it.deaf, it.reaches_back, it.breaks_off) = (false, None, false);
            });
        }
        world.set_network(Network::Up);
        node.network_changed();
        let faults = &node.faults;
        for fault in [
            &faults.deaf,
            &faults.poor_mesh,
            &faults.null_answers,
            &faults.signals_lost,
        ] {
            fault.set(false);
        }
        node.hang(false);
        node.faults_changed();
        node.start_if_down();
        self.start_sidecar();
    }

    /// Waits until everything is there, or it is too late.
    async fn settle(&mut self) {
        let mut at = TROUBLE;
        while at < TROUBLE + QUIET {
            at += LOOK;
            self.until(at).await;
            let report = self.look().await;
            let closed = report.is_none_or(|it| it.open.is_empty());
            if closed && check::lost(&self.around).is_empty() {
                return;
            }
        }
    }

    /// Whether everything is there in the end.
    async fn judge(&mut self) {
        if self.variant.loses_nothing() {
            let report = self.report().await;
            let (broken, in_vain) = check::at_the_end(&self.around, report.as_ref());
            self.violations.extend(broken);
            self.in_vain = in_vain;
        }
    }

    fn outcome(&mut self) -> Outcome {
        let world = &self.around.world;
        let sent = (0..world.messages.borrow().len()).filter(|it| world.is_held(*it));
        Outcome {
            sent: sent.count() as u64,
            lost: check::lost(&self.around).len() as u64,
            in_vain: self.in_vain,
            violations: std::mem::take(&mut self.violations),
            told: std::mem::take(&mut self.told),
        }
    }
}

impl Kind {
    /// Whether it happens elsewhere than on the machine.
    fn is_outside(self) -> bool {
        matches!(
            self,
            Self::Store(..) | Self::StoreDeaf(_) | Self::ShortHistory(..) | Self::BreaksOff(_)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_always_gives_the_same_run() {
        let settings = Rc::new(Settings::default());
        for seed in 0..4 {
            let schedule = Schedule::new(seed);
            for variant in Variant::ALL {
                let run = || play(&schedule, variant, &settings);
                assert_eq!(run(), run(), "seed {seed}, {}", variant.name());
            }
        }
    }
}
