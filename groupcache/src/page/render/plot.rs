//! How the gets of a group ended in the last minutes, as areas on top of each other, and how many there were.

use std::fmt::Write;

use maud::{Markup, html};

use crate::page::format::{Percent, Rate, Span};
use crate::page::history::{INTERVAL, NAMES, OUTCOMES, Recent, SAMPLES, Step};

/// The size of the plot's own space, which the page stretches.
const WIDTH: usize = 600;
const HEIGHT: f64 = 160.0;
const LOAD_HEIGHT: f64 = 40.0;

/// How many steps a plot may have room for: one, two and five minutes. A node that has just started needs less.
const WINDOWS: [usize; 3] = [20, 40, SAMPLES - 1];

/// The words for the ways a get may end, as [`NAMES`] has them.
pub(super) const WORDS: [&str; OUTCOMES] = [
    "own value",
    "mirror",
    "stale value",
    "from a peer",
    "loaded",
    "not found",
    "failed",
];

pub(super) fn plot(group: &str, recent: &Recent) -> Markup {
    let steps = &recent.steps;
    let room = room_for(steps.len());
    let window = INTERVAL * room as u32;
    let most = steps.iter().map(rate).fold(0.0, f64::max);
    html! {
        figure.plot {
            figcaption { "How gets ended, the last " (Span(window)) }
            div.frame {
                div.scale aria-hidden="true" { span { "100 %" } span { "50 %" } span { "0 %" } }
                svg.areas viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img" aria-label=(description(group, recent)) {
                    @for outcome in (0..OUTCOMES).filter(|outcome| recent.counts.outcomes[*outcome] > 0) {
                        path class={ "area " (NAMES[outcome]) } d=(area(steps, outcome)) {}
                    }
                    path.grid d={ "M0 40H" (WIDTH) "M0 80H" (WIDTH) "M0 120H" (WIDTH) } {}
                }
                div.scale aria-hidden="true" { span { (Rate(most)) "/s" } span { "0" } }
                svg.load viewBox={ "0 0 " (WIDTH) " " (LOAD_HEIGHT) } preserveAspectRatio="none" role="img"
                    aria-label={ "Gets a second: " (Rate(recent.gets_per_second)) " now, " (Rate(most)) " at most" } {
                    path.gets d=(load(steps, most)) {}
                }
                div {}
                div.scale.across aria-hidden="true" { span { (Span(window)) " ago" } span { "now" } }
            }
        }
    }
}

fn description(group: &str, recent: &Recent) -> String {
    let gets = recent.counts.gets();
    if gets == 0 {
        return format!("No gets of {group} in the last minutes");
    }
    let mut text = format!("Gets of {group}: ");
    for (word, count) in WORDS.iter().zip(recent.counts.outcomes) {
        if count > 0 {
            let _ = write!(text, "{word} {}, ", Percent(count as f64 / gets as f64));
        }
    }
    text.push_str("as the table says too");
    text
}

/// The steps that a plot has room for.
fn room_for(steps: usize) -> usize {
    let windows = WINDOWS.into_iter();
    windows
        .filter(|window| *window >= steps)
        .min()
        .unwrap_or(steps)
}

/// The place of a step's begin: the newest step ends at the right edge.
fn x(at: usize, steps: usize) -> usize {
    let room = room_for(steps);
    (room - steps + at) * WIDTH / room
}

/// The stretch between the outcomes before this one and those with it: along its top, and back along its bottom.
fn area(steps: &[Step], outcome: usize) -> String {
    let height = |step: &Step, outcomes: &[u64]| {
        let gets: u64 = step.outcomes.iter().sum();
        let part: u64 = outcomes.iter().sum();
        HEIGHT - HEIGHT * part as f64 / gets.max(1) as f64
    };
    let top = |step: &Step| height(step, &step.outcomes[..=outcome]);
    let bottom = |step: &Step| height(step, &step.outcomes[..outcome]);
    let mut path = String::new();
    for (at, step) in steps.iter().enumerate() {
        let letter = if at == 0 { "M" } else { "L" };
        let _ = write!(
            path,
            "{letter}{} {:.0}H{}",
            x(at, steps.len()),
            top(step),
            x(at + 1, steps.len())
        );
    }
    for (at, step) in steps.iter().enumerate().rev() {
        let _ = write!(
            path,
            "L{} {:.0}H{}",
            x(at + 1, steps.len()),
            bottom(step),
            x(at, steps.len())
        );
    }
    if !path.is_empty() {
        path.push('Z');
    }
    path
}

fn rate(step: &Step) -> f64 {
    let gets: u64 = step.outcomes.iter().sum();
    if step.seconds > 0.0 {
        gets as f64 / step.seconds
    } else {
        0.0
    }
}

fn load(steps: &[Step], most: f64) -> String {
    let mut path = String::new();
    for (at, step) in steps.iter().enumerate() {
        let y = LOAD_HEIGHT - (LOAD_HEIGHT - 2.0) * rate(step) / most.max(f64::MIN_POSITIVE);
        if at == 0 {
            let _ = write!(path, "M{} {LOAD_HEIGHT}", x(0, steps.len()));
        }
        let _ = write!(
            path,
            "L{} {y:.0}H{}",
            x(at, steps.len()),
            x(at + 1, steps.len())
        );
    }
    if !path.is_empty() {
        let _ = write!(path, "L{WIDTH} {LOAD_HEIGHT}Z");
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(main: u64, loaded: u64) -> Step {
        Step {
            seconds: 3.0,
            outcomes: [main, 0, 0, 0, loaded, 0, 0],
        }
    }

    #[test]
    fn areas_fill_what_their_outcomes_are_of_all_gets() {
        let steps = [step(3, 1), step(0, 0)];
        assert_eq!(
            area(&steps, 0),
            "M540 40H570L570 160H600L600 160H570L570 160H540Z"
        );
        assert_eq!(
            area(&steps, 4),
            "M540 0H570L570 160H600L600 160H570L570 40H540Z"
        );
        assert_eq!(area(&[], 0), "");
        assert_eq!(
            load(&steps, 4.0 / 3.0),
            "M540 40L540 2H570L570 40H600L600 40Z"
        );
        assert_eq!(load(&[], 0.0), "");
    }

    #[test]
    fn a_plot_is_bounded() {
        let recent = Recent {
            counts: crate::page::history::Counts {
                outcomes: [1; OUTCOMES],
                ..Default::default()
            },
            steps: (0..SAMPLES as u64 - 1)
                .map(|n| Step {
                    seconds: 3.0,
                    outcomes: [n, 3, n, 7, n, 1, n],
                })
                .collect(),
            ..Recent::default()
        };
        let html = plot("g", &recent).into_string();
        assert!(html.len() < 24_000, "{} bytes", html.len());
    }
}
