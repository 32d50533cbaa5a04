//! The ring as a picture: outside, who owns which stretch of it; inside, how much that is in all.

use std::fmt::Write;

use maud::{Markup, html};

use super::selection::numbered;
use crate::page::format::{Percent, Short};
use crate::{PeerReport, RingPicture, RingReport};

/// The most members that have a slice of their own. The others share one.
const MAX_SLICES: usize = 12;

/// The fills that the stylesheet has for members.
const FILLS: usize = 8;

/// The radius of the middle of the slices.
const SLICES: f64 = 88.0;

/// Shares have so many parts, as far as the picture is concerned.
const PARTS: f64 = 10_000.0;

/// A slice needs this share for a number inside.
const ROOM_FOR_A_NUMBER: f64 = 0.02;

/// A member with a slice of its own.
struct Slice<'a> {
    number: usize,
    peer: &'a PeerReport,
    /// Where the slice begins, from 0 to 1.
    begin: f64,
}

impl Slice<'_> {
    fn class(&self) -> String {
        fill(self.number, self.peer)
    }
}

/// The class of a member's fill.
pub(super) fn fill(number: usize, peer: &PeerReport) -> String {
    if peer.health.is_down() {
        return "down".to_owned();
    }
    format!("m{}", (number - 1) % FILLS)
}

/// The picture of a ring, with a text that says the same.
pub(super) fn picture(ring: &RingReport, points: &RingPicture) -> Markup {
    let slices = slices(ring);
    let rest = ring.peers.len() - slices.len();
    let shares: f64 = slices.iter().map(|slice| slice.peer.share).sum();
    let rest_share = (1.0 - shares).max(0.0);
    html! {
        svg.ring viewBox="-140 -140 280 280" role="img" aria-labelledby="ring-title ring-desc" {
            title id="ring-title" { "The ring and the share of each member" }
            desc id="ring-desc" { (description(&slices, rest, rest_share)) }
            g transform="rotate(-90)" {
                circle.track r="126" {}
                @for slice in &slices {
                    @let dashes = dashes(points, slice.number - 1);
                    @if !dashes.is_empty() {
                        circle class={ "arc " (slice.class()) } r="126" pathLength=(points.owners.len()) stroke-dasharray=(dashes) {}
                    }
                }
                circle.track.wide r=(SLICES) {}
                @for slice in &slices {
                    (sector(&slice.class(), slice.begin, slice.peer.share, &format!(
                        "{} {}, {}", slice.number, Short(slice.peer.member.id(), 80), Percent(slice.peer.share)
                    )))
                }
                @if rest > 0 {
                    (sector("rest", shares, rest_share, &format!("{rest} others, {}", Percent(rest_share))))
                }
            }
            (numbers(&slices))
            text.count y="2" { (ring.peers.len()) }
            text.unit y="22" { @if ring.peers.len() == 1 { "member" } @else { "members" } }
        }
    }
}

/// The members that get slices: all of few; of many this node, those that are down, and those that own most.
fn slices(ring: &RingReport) -> Vec<Slice<'_>> {
    let mut members: Vec<_> = numbered(ring).collect();
    if members.len() > MAX_SLICES {
        members.sort_by(|(_, one), (_, other)| {
            let key = |peer: &PeerReport| (peer.is_this_node(), peer.health.is_down());
            key(other)
                .cmp(&key(one))
                .then(other.share.total_cmp(&one.share))
        });
        members.truncate(MAX_SLICES - 1);
        members.sort_by_key(|(number, _)| *number);
    }
    let mut end = 0.0;
    let mut slices = Vec::with_capacity(members.len());
    for (number, peer) in members {
        let begin = end;
        end += peer.share;
        slices.push(Slice {
            number,
            peer,
            begin,
        });
    }
    slices
}

fn sector(class: &str, begin: f64, share: f64, tip: &str) -> Markup {
    let length = (share * PARTS).max(0.0);
    // A gap tells neighbours apart, whatever their fills.
    let drawn = if length < PARTS - 1.0 {
        (length - 40.0).max(length / 2.0)
    } else {
        length
    };
    html! {
        @if length > 0.0 {
            circle class={ "slice " (class) } r=(SLICES) pathLength=(PARTS)
                stroke-dasharray={ (format!("{drawn:.0}")) " " (PARTS) }
                stroke-dashoffset=(format!("{:.0}", -begin * PARTS)) {
                title { (tip) }
            }
        }
    }
}

fn numbers(slices: &[Slice<'_>]) -> Markup {
    html! {
        @for slice in slices {
            @let middle = (slice.begin + slice.peer.share / 2.0) * std::f64::consts::TAU;
            @if slice.peer.share >= ROOM_FOR_A_NUMBER {
                @let (x, y) = (SLICES * middle.sin(), -SLICES * middle.cos());
                circle.plate cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) r="12" {}
                text.number x=(format!("{x:.1}")) y=(format!("{:.1}", y + 5.0)) {
                    @if slice.peer.health.is_down() { "✕" } @else { (slice.number) }
                }
            }
        }
    }
}

/// The stretches of a member as dashes: turns of drawn and left out points, from the ring's beginning on. Empty if it
/// has none.
fn dashes(points: &RingPicture, member: usize) -> String {
    let mut dashes = String::new();
    let (mut is_drawn, mut length) = (true, 0_usize);
    for owner in &points.owners {
        if (*owner == member) != is_drawn {
            let _ = write!(dashes, "{length} ");
            (is_drawn, length) = (!is_drawn, 0);
        }
        length += 1;
    }
    if dashes.is_empty() && !is_drawn || !points.owners.contains(&member) {
        return String::new();
    }
    let _ = write!(dashes, "{length}");
    if is_drawn {
        // An even number of dashes, or they would be drawn again the other way round.
        dashes.push_str(" 0");
    }
    dashes
}

fn description(slices: &[Slice<'_>], rest: usize, rest_share: f64) -> String {
    let mut text = String::new();
    for slice in slices {
        let down = if slice.peer.health.is_down() {
            ", down"
        } else {
            ""
        };
        let id = Short(slice.peer.member.id(), 80);
        let _ = write!(
            text,
            "{} {id}: {}{down}. ",
            slice.number,
            Percent(slice.peer.share)
        );
    }
    if rest > 0 {
        let _ = write!(text, "{rest} others together: {}. ", Percent(rest_share));
    }
    text.push_str("The table of members has them all.");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::fixtures::{picture as points, ring};

    #[test]
    fn dashes_draw_what_a_member_owns_and_nothing_else() {
        let points = RingPicture {
            owners: vec![0, 0, 1, 2, 2, 0],
            ..points(3)
        };
        assert_eq!(dashes(&points, 0), "2 3 1 0");
        assert_eq!(dashes(&points, 1), "0 2 1 3");
        assert_eq!(dashes(&points, 2), "0 3 2 1");
        assert_eq!(dashes(&points, 3), "");
        let alone = RingPicture {
            owners: vec![0, 0],
            ..points.clone()
        };
        assert_eq!(dashes(&alone, 0), "2 0");
    }

    #[test]
    fn many_members_share_a_slice_and_those_that_are_down_do_not() {
        let mut ring = ring(1000);
        ring.peers[700].health = crate::Health::LeftAlone;
        let shown = slices(&ring);
        assert_eq!(shown.len(), MAX_SLICES - 1);
        assert!(shown.iter().any(|slice| slice.number == 701));
        assert!(shown.iter().any(|slice| slice.peer.is_this_node()));
        let html = picture(&ring, &points(1000)).into_string();
        assert!(html.contains("989 others together"), "{html}");
        assert!(html.len() < 20_000, "{} bytes", html.len());
    }
}
