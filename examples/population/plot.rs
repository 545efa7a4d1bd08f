//! The plot: one SVG, written by hand, for any browser.
//!
//! Four panels: who serves whom after the loss, and what reaches the busiest mailserver in each story. The colours are
//! those that people with any kind of colour blindness tell apart (Okabe and Ito); lines differ in their dashes too.

use std::fmt::Write;

use crate::{
    report::thousands,
    rules::Rule,
    stories::{Outcome, Story},
    tally::{BIN, JUDGED},
    world::World,
};

/// The drawing, in pixels.
const SIZE: (f64, f64) = (1200.0, 900.0);

/// Between two points of a line, in ms: a pixel is worth more.
const STEP: f64 = 20.0;

/// The place of a panel's axes, in pixels, and what they go up to.
struct Panel {
    left: f64,
    top: f64,
    /// The highest values on the axes.
    x: f64,
    y: f64,
}

/// Of the axes of each panel.
const WIDTH: f64 = 490.0;
const HEIGHT: f64 = 280.0;

/// The whole drawing.
pub(crate) fn svg(world: &World, dead: usize, outcomes: &[Outcome]) -> String {
    let mut out = String::new();
    let (width, height) = SIZE;
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\" fill=\"#222\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    let count = thousands(world.sidecars().len() as u64);
    let fleet = world.mailservers.len();
    let title = format!("{count} sidecars and what they do to {fleet} mailservers");
    let style = "font-size=\"20\" font-weight=\"bold\"";
    text(&mut out, (32.0, 38.0), style, &title);
    let of = |story| -> Vec<&Outcome> { outcomes.iter().filter(|it| it.story == story).collect() };
    let losses = of(Story::LossAmongPeers);
    bars(&mut out, (80.0, 120.0), world, dead, &losses);
    let places = [(680.0, 120.0), (80.0, 540.0), (680.0, 540.0)];
    for (story, place) in Story::ALL.into_iter().zip(places) {
        lines(&mut out, place, story, &of(story));
    }
    out.push_str("</svg>\n");
    out
}

fn colour(rule: Rule) -> &'static str {
    match rule {
        Rule::Quarter => "#d55e00",
        Rule::Node2024 => "#0072b2",
        Rule::Ours => "#009e73",
    }
}

fn dashes(rule: Rule) -> &'static str {
    match rule {
        Rule::Quarter => "7 3",
        Rule::Node2024 => "2 3",
        Rule::Ours => "none",
    }
}

/// How many use each mailserver: a bar for each rule after the loss, a line across for before.
fn bars(
    out: &mut String,
    (left, top): (f64, f64),
    world: &World,
    dead: usize,
    outcomes: &[&Outcome],
) {
    let groups = world.mailservers.len() as f64;
    let all = world.sidecars().len().max(1) as f64;
    let percent = |users: u64| users as f64 * 100.0 / all;
    let used = outcomes
        .iter()
        .flat_map(|it| it.before.iter().chain(&it.after));
    let panel = Panel {
        left,
        top,
        x: groups,
        y: nice(used.map(|it| percent(*it)).fold(1.0, f64::max) * 1.25),
    };
    let title = format!("Who serves whom after the death of {}", world.name(dead));
    panel.axes(
        out,
        &title,
        "users in % of all sidecars; black line across: before",
    );
    for (rank, outcome) in outcomes.iter().enumerate() {
        let colour = colour(outcome.rule);
        let width = 0.8 / outcomes.len() as f64;
        for mailserver in 0..world.mailservers.len() {
            let from = panel.at_x(mailserver as f64 + 0.1 + width * rank as f64);
            let to = panel.at_x(mailserver as f64 + 0.1 + width * (rank as f64 + 1.0)) - 2.0;
            let after = panel.at_y(percent(outcome.after[mailserver]));
            let before = panel.at_y(percent(outcome.before[mailserver]));
            let (wide, high) = (to - from, top + HEIGHT - after);
            let _ = writeln!(
                out,
                "<rect x=\"{from:.1}\" y=\"{after:.1}\" width=\"{wide:.1}\" height=\"{high:.1}\" fill=\"{colour}\"/>\
                 <path d=\"M{from:.1} {before:.1}H{to:.1}\" stroke=\"#222\" stroke-width=\"2.5\"/>"
            );
        }
        let entry = outcome.rule.name();
        legend(
            out,
            (left + 14.0 + 125.0 * rank as f64, top + 14.0),
            outcome.rule,
            true,
            entry,
        );
    }
    names(out, &panel, world);
}

/// The mailservers under the bars, and below them the data centres.
fn names(out: &mut String, panel: &Panel, world: &World) {
    let named = |index| world.name(index).split_once('.').unwrap_or_default();
    let all: Vec<(&str, &str)> = (0..world.mailservers.len()).map(named).collect();
    let y = panel.top + HEIGHT + 18.0;
    let mut write = |middle, y, word| {
        text(out, (panel.at_x(middle), y), "text-anchor=\"middle\"", word);
    };
    let mut first = 0.0;
    for centre in all.chunk_by(|a, b| a.1 == b.1) {
        let count = centre.len() as f64;
        write(first + count / 2.0, y + 18.0, centre[0].1);
        for (nth, (host, _)) in centre.iter().enumerate() {
            write(first + nth as f64 + 0.5, y, host);
        }
        first += count;
    }
}

/// What reached the busiest mailserver within the last second, under each rule.
fn lines(out: &mut String, (left, top): (f64, f64), story: Story, outcomes: &[&Outcome]) {
    let curves: Vec<_> = outcomes.iter().map(|it| (it.rule, curve(it))).collect();
    let highest = curves
        .iter()
        .flat_map(|(_, curve)| curve)
        .copied()
        .max()
        .unwrap_or(0);
    let panel = Panel {
        left,
        top,
        x: if story == Story::Return { 16.0 } else { 10.0 },
        y: nice(highest as f64 * 1.05),
    };
    let what = "dials and requests within the last second, at the busiest mailserver";
    panel.axes(out, story.title(), what);
    panel.seconds(out, story);
    for (row, (rule, curve)) in curves.iter().enumerate() {
        let point = |(index, count): (usize, &u64)| {
            let seconds = index as f64 * STEP / 1000.0;
            format!(
                "{:.1},{:.1}",
                panel.at_x(seconds),
                panel.at_y(*count as f64)
            )
        };
        let shown = (panel.x * 1000.0 / STEP) as usize;
        let points: Vec<String> = curve.iter().take(shown).enumerate().map(point).collect();
        let (points, colour, dashes) = (points.join(" "), colour(*rule), dashes(*rule));
        let _ = writeln!(
            out,
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.5\" \
             stroke-dasharray=\"{dashes}\"/>"
        );
        let peak = curve.iter().copied().max().unwrap_or(0);
        let entry = format!("{}: at most {}", rule.name(), thousands(peak));
        legend(
            out,
            (left + WIDTH - 225.0, top + 14.0 + 20.0 * row as f64),
            *rule,
            false,
            &entry,
        );
    }
}

/// The counts at the mailserver with the highest peak, one for each step.
fn curve(outcome: &Outcome) -> Vec<u64> {
    let busiest = outcome.arrivals.peak(&JUDGED, 1_000.0).mailserver;
    let bins = outcome.arrivals.windows(&JUDGED, busiest, 1_000.0);
    let highest = |step: &[u64]| step.iter().copied().max().unwrap_or(0);
    bins.chunks((STEP / BIN) as usize).map(highest).collect()
}

// === impl Panel ===

impl Panel {
    fn at_x(&self, value: f64) -> f64 {
        self.left + value / self.x * WIDTH
    }

    fn at_y(&self, value: f64) -> f64 {
        self.top + HEIGHT - value / self.y * HEIGHT
    }

    /// The title, the frame, and five lines across with their values.
    fn axes(&self, out: &mut String, title: &str, what: &str) {
        let place = (self.left - 48.0, self.top - 34.0);
        text(out, place, "font-size=\"15\" font-weight=\"bold\"", title);
        text(out, (place.0, self.top - 14.0), "fill=\"#555\"", what);
        for step in 0..=5 {
            let value = self.y * f64::from(step) / 5.0;
            let (y, right) = (self.at_y(value), self.left + WIDTH);
            let _ = writeln!(
                out,
                "<path d=\"M{} {y:.1}H{right}\" stroke=\"{}\"/>",
                self.left,
                if step == 0 { "#222" } else { "#ddd" }
            );
            let place = (self.left - 8.0, y + 4.0);
            text(
                out,
                place,
                "text-anchor=\"end\"",
                &thousands(value.round() as u64),
            );
        }
    }

    /// The axis of time.
    fn seconds(&self, out: &mut String, story: Story) {
        for second in (0..=self.x as u32).step_by(2) {
            let x = self.at_x(second.into());
            let y = self.top + HEIGHT;
            let _ = writeln!(out, "<path d=\"M{x:.1} {y}v5\" stroke=\"#222\"/>");
            text(
                out,
                (x, y + 20.0),
                "text-anchor=\"middle\"",
                &second.to_string(),
            );
        }
        let place = (self.left + WIDTH / 2.0, self.top + HEIGHT + 40.0);
        let what = match story {
            Story::Return => "seconds after the first one is back",
            _ => "seconds after the death",
        };
        text(out, place, "text-anchor=\"middle\"", what);
    }
}

/// The next number upwards that five even steps divide well.
fn nice(highest: f64) -> f64 {
    let unit = 10_f64.powf(highest.max(1.0).log10().floor());
    let steps = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0];
    let enough = steps.iter().map(|it| it * unit).find(|it| *it >= highest);
    enough.unwrap_or(10.0 * unit)
}

fn legend(out: &mut String, (x, y): (f64, f64), rule: Rule, bar: bool, entry: &str) {
    let (colour, width) = (colour(rule), if bar { 12 } else { 3 });
    let dashes = if bar { "none" } else { dashes(rule) };
    let _ = writeln!(
        out,
        "<path d=\"M{x} {y}h24\" stroke=\"{colour}\" stroke-width=\"{width}\" stroke-dasharray=\"{dashes}\"/>"
    );
    // Lines behind it do not run through its letters.
    let style = "stroke=\"#fff\" stroke-width=\"4\" paint-order=\"stroke\"";
    text(out, (x + 30.0, y + 4.0), style, entry);
}

fn text(out: &mut String, (x, y): (f64, f64), style: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" {style}>{words}</text>"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number_above_all_values() {
        assert_eq!(
            [0.0, 41.3, 96_299.0, 101.0].map(nice),
            [1.0, 50.0, 100_000.0, 150.0]
        );
    }

    #[test]
    fn the_drawing_shows_each_rule_in_each_panel_and_closes_what_it_opens() {
        let world = World::new(1_000, 1);
        let told = Story::ALL.map(|story| Rule::ALL.map(|rule| story.play(&world, rule, 1, 1)));
        let drawing = svg(&world, 1, &told.into_iter().flatten().collect::<Vec<_>>());
        assert_eq!(drawing.matches("<polyline").count(), 9);
        assert_eq!(
            drawing.matches("<rect").count(),
            1 + 3 * world.mailservers.len()
        );
        assert_eq!(
            drawing.matches("<text").count(),
            drawing.matches("</text>").count()
        );
        assert!(drawing.starts_with("<svg ") && drawing.ends_with("</svg>\n"));
        assert!(!drawing.contains("NaN") && !drawing.contains("inf"));
    }
}
