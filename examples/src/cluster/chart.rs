//! Charts of one line.

const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The most characters of a chart.
const WIDTH: usize = 60;

/// The values one after the other, from 0 to the highest of them. Where there are many, each character is the highest of a few.
pub(super) fn chart(values: &[u64]) -> String {
    let highest = values.iter().copied().max().unwrap_or(0).max(1);
    let top = LEVELS.len() as u64 - 1;
    let few = values.len().div_ceil(WIDTH).max(1);
    let columns = values.chunks(few).filter_map(|few| few.iter().max());
    let level = |value: &u64| (u128::from(*value) * u128::from(top)).div_ceil(highest.into());
    columns.map(|value| LEVELS[level(value) as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_reaches_from_nothing_to_the_highest_value() {
        assert_eq!(chart(&[0, 1, 7, u64::MAX]), "▁▂▂█");
        assert_eq!(chart(&[0, 0]), "▁▁");
        assert_eq!(chart(&[]), "");
    }

    #[test]
    fn a_chart_of_many_values_shows_the_highest_of_every_few() {
        let mut values = vec![1; 120];
        values[119] = 8;
        let chart = chart(&values);
        assert_eq!(chart.chars().count(), WIDTH);
        assert!(chart.ends_with("▂█"), "{chart}");
    }
}
