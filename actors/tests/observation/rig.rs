//! An observation with its clock, told and heard in few words.

use std::time::Duration;

use actors::{
    Instant,
    connector::{
        command::Command,
        crowd::{Crowd, CrowdRule},
        cycle::Config,
        observation::Observation,
    },
    messages::{candidates::CandidatesChanged, events::Event, selection::Select},
    model::{
        candidate::Purpose,
        node::{Connectedness, Connection, Generation, Mode, NodeError, Profile},
        verdict::Verdict,
    },
    testing::{decision, mailserver, profile, surveyed},
};

pub(crate) const NOTHING: [&str; 0] = [];

/// An observation, its clock, and how to talk to it briefly.
pub(crate) struct Rig {
    pub(crate) observation: Observation,
    pub(crate) now: Instant,
    /// The last round.
    pub(crate) order: Option<Select>,
    /// The number of the last dial.
    pub(crate) number: u64,
    /// The pause before the last request.
    pub(crate) pause: Duration,
    /// How often the node was asked for its peers.
    pub(crate) refreshed: usize,
    /// Who is watched.
    pub(crate) watched: Option<String>,
}

pub(crate) fn observed() -> Profile {
    Profile {
        generation: Generation::PerQuery,
        ..profile(Mode::Observe)
    }
}

impl Rig {
    pub(crate) fn with(config: Config) -> Self {
        let mut rig = Self {
            observation: Observation::new(config, Some(1)),
            now: Instant::now(),
            order: None,
            number: 0,
            pause: Duration::ZERO,
            refreshed: 0,
            watched: None,
        };
        rig.candidates(4);
        rig
    }

    /// A node is there, of which nothing is known but that it lists some peers or none; all are being pinged.
    pub(crate) fn looking(alone: bool) -> Self {
        Self::looking_with(Config::default(), alone)
    }

    pub(crate) fn looking_with(config: Config, alone: bool) -> Self {
        let mut rig = Self::with(config);
        rig.observation.handle_alone(alone, rig.now);
        rig.node(Some(&observed()));
        assert_eq!(rig.wants(), ["ping 4"]);
        rig
    }

    /// Mailserver 0 answers and the node is connected.
    pub(crate) fn reached() -> Self {
        let mut rig = Self::looking(false);
        rig.say(Connectedness::Connected);
        rig.answers(Some(0));
        assert_eq!(rig.wants(), ["available 0", "fetch"]);
        rig
    }

    pub(crate) fn candidates(&mut self, count: usize) {
        let changed = CandidatesChanged {
            candidates: (0..count).map(mailserver).collect(),
            ..CandidatesChanged::default()
        };
        self.observation.handle_candidates(&changed, self.now);
    }

    pub(crate) fn node(&mut self, profile: Option<&Profile>) {
        self.observation.handle_node(profile, self.now);
    }

    pub(crate) fn say(&mut self, said: Connectedness) {
        self.observation.handle_connectedness(said, self.now);
    }

    pub(crate) fn verdict(&mut self, verdict: Verdict) {
        self.observation.handle_verdict(verdict, self.now);
    }

    pub(crate) fn silence(&mut self, index: usize) {
        let identity = mailserver(index).identity;
        self.observation.handle_silence(&identity, self.now);
    }

    /// The decision of the last round.
    pub(crate) fn answers(&mut self, chosen: Option<usize>) {
        let order = self.order.as_ref().expect("a round");
        let decision = decision(order, chosen, |_| false);
        self.observation.handle_decision(&decision, self.now);
    }

    /// The whole outcome of the last round: the first so many answered.
    pub(crate) fn surveyed(&mut self, answered: usize) {
        let order = self.order.as_ref().expect("a round");
        let surveyed = surveyed(order, |index| (index < answered).then_some(20));
        self.observation.handle_surveyed(&surveyed, self.now);
    }

    pub(crate) fn dialled(&mut self, answer: Result<Connection, NodeError>) {
        (self.observation).handle_answer(self.number, &answer, self.now);
    }

    pub(crate) fn tick(&mut self) {
        self.observation.handle_tick(self.now);
    }

    /// Time goes by; the limits in it are called when they pass.
    pub(crate) fn pass(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while let Some(at) = self.observation.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.observation.handle_timeout(self.now);
        }
        self.now = end;
    }

    pub(crate) fn hindrance(&self) -> Option<String> {
        self.observation.reach(self.now)?.hindrance
    }

    pub(crate) fn wants(&mut self) -> Vec<String> {
        let mut words = Vec::new();
        while let Some(command) = self.observation.poll_command() {
            words.extend(self.word(command));
        }
        words
    }

    fn word(&mut self, command: Command) -> Option<String> {
        Some(match command {
            Command::Select(select) => {
                assert_eq!(select.purpose, Purpose::Reach, "nobody is chosen");
                assert!(select.quiet && !select.blind);
                let word = format!("ping {}", select.candidates.len());
                self.order = Some(select);
                word
            }
            Command::Introduce(number, to) => {
                self.number = number;
                format!("dial {}", index(&to.id))
            }
            Command::Fetch(pause) => {
                self.pause = pause;
                "fetch".into()
            }
            Command::Unavailable => "unavailable".into(),
            Command::Publish(Event::MailserverAvailable { mailserver }) => {
                format!("available {}", index(&mailserver.id))
            }
            Command::Watch(watch) => {
                assert_eq!(watch.standby, None);
                self.watched = watch.active.map(|it| index(&it.id).to_string());
                return None;
            }
            Command::Mark(..) => return None,
            Command::Refresh => {
                self.refreshed += 1;
                return None;
            }
            other => panic!("there is no active mailserver: {other:?}"),
        })
    }
}

fn index(id: &str) -> usize {
    let mut all = 0..24;
    all.find(|it| mailserver(*it).id == id)
        .expect("a test mailserver")
}

/// A configuration for a large crowd.
pub(crate) fn crowded() -> Config {
    Config {
        crowd: CrowdRule::Fixed(Crowd::Large),
        ..Config::default()
    }
}
