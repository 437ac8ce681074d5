//! Conversations per week, as bars.

use chrono::NaiveDate;
use crisp_storage::views::support::Week;

use crate::moment::counted;

/// Height of the tallest bar.
const HEIGHT: i64 = 72;
/// From one bar to the next.
const STEP: i64 = 24;
/// Width of a bar.
const BAR: i64 = 16;

/// One bar, in the coordinates of the drawing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    pub(crate) x: i64,
    pub(crate) y: i64,
    pub(crate) height: i64,
    pub(crate) count: i64,
    pub(crate) week: String,
    /// What it says to whoever points at it.
    pub(crate) title: String,
}

/// The bars of a history of weeks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chart {
    pub(crate) bars: Vec<Bar>,
    pub(crate) width: i64,
    pub(crate) height: i64,
    pub(crate) bar_width: i64,
    pub(crate) most: i64,
}

impl Chart {
    /// Draws the weeks, the oldest on the left. A week with anything in it shows at least a line.
    pub(crate) fn of(weeks: &[Week]) -> Self {
        let most = weeks.iter().map(|week| week.count).max().unwrap_or(0);
        let mut x = -STEP;
        let mut bar = |week: &Week| {
            x += STEP;
            let height = if week.count == 0 { 1 } else { (week.count * HEIGHT / most.max(1)).max(3) };
            let title = format!(
                "Week of {}: {}",
                day(week.week),
                counted(week.count, "conversation", "conversations")
            );
            Bar { x, y: HEIGHT - height, height, count: week.count, week: day(week.week), title }
        };
        let bars: Vec<Bar> = weeks.iter().map(&mut bar).collect();
        let width = bars.last().map_or(0, |bar| bar.x + BAR);
        Self { bars, width, height: HEIGHT, bar_width: BAR, most }
    }
}

fn day(date: NaiveDate) -> String {
    date.format("%-d %b").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tallest_bar_fills_the_drawing_and_an_empty_week_is_a_line() {
        let week = |day, count| Week { week: NaiveDate::from_ymd_opt(2026, 1, day).unwrap(), count };
        let chart = Chart::of(&[week(5, 0), week(12, 4), week(19, 1)]);
        let drawn: Vec<_> = chart.bars.iter().map(|bar| (bar.x, bar.y, bar.height)).collect();
        assert_eq!(drawn, [(0, 71, 1), (24, 0, 72), (48, 54, 18)]);
        assert_eq!((chart.width, chart.bars[1].week.as_str()), (64, "12 Jan"));
        assert_eq!(Chart::of(&[]).bars, []);
    }
}
