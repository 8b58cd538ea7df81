//! How figures are shown.

use std::fmt::Display;

use comfy_table::{CellAlignment, Table, presets::NOTHING};

/// A table of figures: its first columns are names, all others numbers.
pub fn table(names: usize, header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(header.to_vec());
    for column in table.column_iter_mut().skip(names) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A rate or a count to three figures, such as 1.23M.
pub fn short(figure: f64) -> String {
    let (scaled, unit) = match figure {
        _ if figure >= 1e9 => (figure / 1e9, "G"),
        _ if figure >= 1e6 => (figure / 1e6, "M"),
        _ if figure >= 1e3 => (figure / 1e3, "k"),
        _ => (figure, ""),
    };
    let decimals = if scaled >= 100.0 { 0 } else { usize::from(scaled < 100.0) + usize::from(scaled < 10.0) };
    format!("{scaled:.decimals$}{unit}")
}

/// A ratio, such as 12.3×.
pub fn times(ratio: f64) -> String {
    format!("{ratio:.1}×")
}

/// A share, such as 85 %.
pub fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// A figure, or a dash where there is none.
pub fn or_dash(figure: Option<impl Display>) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| figure.to_string())
}

/// The geometric mean; none of nothing.
pub fn geometric_mean(figures: &[f64]) -> Option<f64> {
    let logarithms: f64 = figures.iter().map(|figure| figure.ln()).sum();
    (!figures.is_empty()).then(|| (logarithms / figures.len() as f64).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_and_a_unit() {
        let shown = [0.123, 9.876, 99.9, 650.4, 1_234.0, 64_600.0, 646_000.0, 4_700_000.0, 2e9].map(short);
        assert_eq!(shown, ["0.12", "9.88", "99.9", "650", "1.23k", "64.6k", "646k", "4.70M", "2.00G"]);
    }

    #[test]
    fn a_geometric_mean_weighs_ratios_alike() {
        assert!((geometric_mean(&[2.0, 8.0]).unwrap_or_default() - 4.0).abs() < 1e-9);
        assert_eq!(geometric_mean(&[]), None);
    }
}
