//! Metrics in Prometheus' text format, as they were scraped.
//!
//! ```
//! let scrape = testkit::metrics::Scrape::of("asked_total{purpose=\"live\"} 3\nasked_total{purpose=\"other\"} 1\n");
//! assert_eq!(scrape.value("asked_total", &[("purpose", "live")]), Some(3.0));
//! assert_eq!(scrape.sum("asked_total", &[]), 4.0);
//! ```

use std::fmt;

/// One scrape of one process.
#[derive(Debug, Clone)]
pub struct Scrape {
    text: String,
}

impl Scrape {
    /// Of what `/metrics` answered.
    pub fn of(text: &str) -> Self {
        Self { text: text.to_owned() }
    }

    /// The figure of that name with exactly these labels.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.series(name, labels).find(|(count, _)| *count == labels.len()).map(|(_, value)| value)
    }

    /// The sum over everything of that name that has these labels.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.series(name, labels).map(|(_, value)| value).sum()
    }

    /// How many labels, and the value, of everything of that name that has these labels.
    fn series(&self, name: &str, labels: &[(&str, &str)]) -> impl Iterator<Item = (usize, f64)> {
        let wanted: Vec<String> =
            labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
        let lines = self.text.lines().filter(|line| !line.starts_with('#'));
        lines.filter_map(move |line| {
            let (series, value) = line.rsplit_once(' ')?;
            let (found, rest) = series.split_once('{').unwrap_or((series, "}"));
            let held: Vec<&str> =
                rest.trim_end_matches('}').split(',').filter(|label| !label.is_empty()).collect();
            let fits = found == name && wanted.iter().all(|label| held.contains(&label.as_str()));
            fits.then_some(())?;
            Some((held.len(), value.parse().ok()?))
        })
    }
}

impl fmt::Display for Scrape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}
