//! The clocks of the system, read every few seconds: they show that the machine slept.

use std::{rc::Rc, time::SystemTime};

use actix::Recipient;
use actors::messages::online::{CLOCK_INTERVAL, Clocks};

/// Where a reading comes from: the system, or a test that lets hours pass.
pub type Source = Rc<dyn Fn() -> Clocks>;

/// The clocks of this machine.
#[must_use]
pub fn system() -> Source {
    let boot = boot_clock();
    Rc::new(move || Clocks {
        boot: boot(),
        wall: SystemTime::now(),
    })
}

/// Tells all of them one reading after the other, at once and then every [`CLOCK_INTERVAL`], until nobody is there to be
/// told.
pub async fn tell(source: Source, to: Vec<Recipient<Clocks>>) {
    while to.iter().any(Recipient::connected) {
        let reading = source();
        for listener in &to {
            // Waiting until it is taken keeps a busy actor from being buried; one late reading is one reading. One that
            // was lost with a restart of the actor is made up for by the next.
            let _ = listener.send(reading).await;
        }
        tokio::time::sleep(CLOCK_INTERVAL).await;
    }
}

/// Goes on while the machine sleeps.
#[cfg(target_os = "linux")]
fn boot_clock() -> impl Fn() -> std::time::Duration {
    use rustix::time::{ClockId, clock_gettime};
    || {
        clock_gettime(ClockId::Boottime)
            .try_into()
            .unwrap_or_default()
    }
}

/// There is none: the wall clock alone shows a sleep.
#[cfg(not(target_os = "linux"))]
fn boot_clock() -> impl Fn() -> std::time::Duration {
    let start = std::time::Instant::now();
    move || start.elapsed()
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, time::Duration};

    use actors::testing::Probe;
    use tokio::time::Instant;

    use super::*;

    #[test]
    fn the_clocks_of_the_system_go_on() {
        let source = system();
        let before = source();
        assert!(before.boot > Duration::ZERO || cfg!(not(target_os = "linux")));
        assert!(before.wall > SystemTime::UNIX_EPOCH);
        let mut after = source();
        while after.boot <= before.boot {
            after = source();
        }
    }

    #[actix::test]
    async fn another_source_is_read_at_once_and_at_every_interval() {
        tokio::time::pause();
        let (to, told) = Probe::<Clocks>::start();
        let hours = Rc::new(Cell::new(0));
        let passed = hours.clone();
        let source: Source = Rc::new(move || Clocks {
            boot: Duration::from_secs(3600 * passed.get()),
            wall: SystemTime::UNIX_EPOCH,
        });
        let start = Instant::now();
        actix_rt::spawn(tell(source, vec![to]));
        assert_eq!(told.next().await.boot, Duration::ZERO);
        assert_eq!(start.elapsed(), Duration::ZERO);
        hours.set(1);
        assert_eq!(told.next().await.boot, Duration::from_secs(3600));
        assert_eq!(start.elapsed().as_secs(), CLOCK_INTERVAL.as_secs());
        told.assert_none("one reading for each interval").await;
    }
}
