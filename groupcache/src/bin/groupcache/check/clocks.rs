use super::super::gather::Gathered;
use super::super::numbers::signed_ms;
use super::finding::{Finding, Kind};

/// Finds clocks that are wrong, and says if it is that of this machine.
///
/// Each node's clock is compared with the median of all clocks, that of this machine among them. So neither a wrong node
/// nor a wrong machine makes the others look wrong, as long as they are fewer.
pub(super) fn find(gathered: &Gathered, max_skew_ms: f64, notes: &mut Vec<String>) -> Vec<Finding> {
    let clocks = gathered
        .reports()
        .filter_map(|node| Some((node, node.clock?)));
    let clocks: Vec<_> = clocks.collect();
    let mut ahead: Vec<f64> = clocks.iter().map(|(_, clock)| clock.ahead_ms).collect();
    ahead.push(0.0);
    let usual = median(ahead);
    if usual.abs() > max_skew_ms {
        notes.push(format!(
            "the clock of this machine differs from those of the nodes by {}",
            signed_ms(-usual)
        ));
    }
    let wrong = clocks.iter().filter(|(_, clock)| {
        let skew = (clock.ahead_ms - usual).abs();
        skew - clock.uncertainty_ms > max_skew_ms
    });
    wrong
        .map(|(node, clock)| {
            let text = format!(
                "its clock differs from the others by {}, give or take {:.0} ms: what expires does so at other times",
                signed_ms(clock.ahead_ms - usual),
                clock.uncertainty_ms.ceil(),
            );
            Finding::new(Kind::Clock, &node.member.id, text)
        })
        .collect()
}

/// The value in the middle. Of two in the middle it is the one closer to this machine's clock, at zero.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().saturating_sub(1) / 2, values.len() / 2);
    match (values.get(low), values.get(high)) {
        (Some(low), Some(high)) if high.abs() < low.abs() => *high,
        (Some(low), _) => *low,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_wrong_clocks_do_not_move_the_median() {
        assert_eq!(median(vec![0.0]), 0.0);
        assert_eq!(median(vec![0.0, 5000.0]), 0.0);
        assert_eq!(median(vec![0.0, 2.0, -86_400_000.0]), 0.0);
        // The machine with the tool is wrong.
        assert_eq!(median(vec![0.0, 5000.0, 5001.0, 5002.0]), 5000.0);
        assert_eq!(median(vec![0.0, -5000.0, -5001.0, -5002.0]), -5000.0);
    }
}
