//! How many there are, in few requests.

use crisp_client::{Conversation, ConversationsQuery, Error, Page, PeopleQuery};
use crisp_domain::ConversationFacts;

use super::{Asking, PAGE};
use crate::refusal::Refusal;

/// The end of a list is known well enough when what is unknown of it is this share of what is known.
pub(super) const CLOSE_ENOUGH: f64 = 0.05;
/// How much further each leap goes than the one before.
const LEAP: u64 = 3;

/// How many conversations there are, and the rows met while that was found out.
pub(super) struct Survey {
    pub(super) conversations: u64,
    pub(super) rows: Vec<ConversationFacts>,
}

/// What one page tells about the length of its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// It is full, and more may follow.
    Full,
    /// The list ends here, with so many rows on the page.
    End(u64),
    /// The list ended before.
    Beyond,
}

/// What is known of a list's length: pages up to `full` are full, from `beyond` on there is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    full: u64,
    beyond: Option<u64>,
}

impl Bounds {
    /// The page to look at next, or the number of rows if that is known well enough.
    fn next(self) -> Result<u64, u64> {
        let Some(beyond) = self.beyond else { return Ok((self.full * LEAP).max(1)) };
        // Between one row after the last full page and the whole page before the first empty one.
        let (least, most) = (self.full, beyond - 1);
        let unknown = super::as_float(most - least) / super::as_float((most + least).max(1));
        if most == least || unknown <= CLOSE_ENOUGH {
            Err((least + most) * PAGE / 2)
        } else {
            Ok(u64::midpoint(least, beyond))
        }
    }

    /// Takes note of a page. `Err`: now the number of rows is known.
    fn note(&mut self, page: u64, seen: Seen) -> Result<(), u64> {
        match seen {
            Seen::Full => self.full = self.full.max(page),
            Seen::End(rows) => return Err((page - 1) * PAGE + rows),
            Seen::Beyond => self.beyond = Some(self.beyond.map_or(page, |known| known.min(page))),
        }
        Ok(())
    }
}

/// A full page that says "no more" is believed only where the same list has said "more" before.
fn seen<T>(page: &Page<T>, seen_more: bool) -> Seen {
    let rows = u64::try_from(page.records.len()).unwrap_or(PAGE);
    match rows {
        0 => Seen::Beyond,
        rows if page.more || (rows >= PAGE && !seen_more) => Seen::Full,
        rows => Seen::End(rows),
    }
}

impl Asking<'_> {
    pub(super) async fn survey(&self) -> Result<Survey, Refusal> {
        let mut rows = Vec::new();
        let conversations = gallop(async |number| {
            let query = ConversationsQuery { page: number, ..ConversationsQuery::default() };
            let page = self.client.conversations_page(self.website, &query).await?;
            let read =
                page.records.iter().flatten().map(|row: &Conversation| ConversationFacts::from_wire(row));
            rows.extend(read);
            Ok(page)
        })
        .await
        .map_err(Refusal::CrispUnavailable)?;
        Ok(Survey { conversations, rows })
    }

    pub(super) async fn people(&self) -> Result<u64, Refusal> {
        match self.client.people_stats(self.website).await {
            Ok(total) => return Ok(total),
            Err(
                Error::Forbidden
                | Error::PlanMissing
                | Error::NotFound
                | Error::Malformed { .. }
                | Error::Rejected { .. },
            ) => {}
            Err(error) => return Err(Refusal::CrispUnavailable(error)),
        }
        let page = async |page| {
            self.client.people_page(self.website, &PeopleQuery { page, ..PeopleQuery::default() }).await
        };
        gallop(page).await.map_err(Refusal::CrispUnavailable)
    }
}

/// Finds out how many rows a list has: ever longer leaps until its end is passed, then halving the rest.
async fn gallop<T>(mut ask: impl AsyncFnMut(u32) -> Result<Page<T>, Error>) -> Result<u64, Error> {
    let mut bounds = Bounds { full: 0, beyond: None };
    let mut seen_more = false;
    loop {
        let number = match bounds.next() {
            Ok(number) => number,
            Err(rows) => return Ok(rows),
        };
        let Ok(asked) = u32::try_from(number) else { return Ok(number * PAGE) };
        let seen = match ask(asked).await {
            Ok(page) => {
                seen_more |= page.more;
                seen(&page, seen_more)
            }
            // Some lists refuse pages that lie far behind their end.
            Err(Error::NotFound | Error::Rejected { .. }) if number > 1 => Seen::Beyond,
            Err(error) => return Err(error),
        };
        if let Err(rows) = bounds.note(number, seen) {
            return Ok(rows);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Surveys a list of so many rows; answers the estimate and the requests it took.
    async fn survey(rows: u64, speaks_206: bool) -> (u64, u32) {
        let mut asked = 0;
        let estimate = gallop(async |number| {
            asked += 1;
            let before = u64::from(number - 1) * PAGE;
            let here = rows.saturating_sub(before).min(PAGE);
            let records = (0..here).map(Ok).collect::<Vec<_>>();
            Ok(Page {
                records,
                damaged: Vec::new(),
                mistyped: Vec::new(),
                more: speaks_206 && before + here < rows,
            })
        });
        (estimate.await.unwrap(), asked)
    }

    #[tokio::test]
    async fn the_length_of_a_list_is_known_closely_after_few_requests() {
        for rows in [0, 1, 49, 50, 51, 100, 149, 150, 151, 1_000, 1_999, 20_800, 123_456, 1_000_000] {
            for speaks_206 in [true, false] {
                let (estimate, asked) = survey(rows, speaks_206).await;
                let off = estimate.abs_diff(rows);
                assert!(off * 20 <= rows.max(50), "{rows} rows were taken for {estimate}");
                assert!(asked <= 18, "{rows} rows took {asked} requests");
            }
        }
    }

    #[tokio::test]
    async fn a_page_that_is_refused_lies_behind_the_end() {
        let estimate = gallop(async |number| match number {
            1..=3 => Ok(Page {
                records: (0..50).map(Ok).collect::<Vec<_>>(),
                damaged: Vec::new(),
                mistyped: Vec::new(),
                more: true,
            }),
            _ => Err(Error::Rejected { status: 400, reason: None }),
        });
        assert_eq!(estimate.await.unwrap(), 150);
        let failed = gallop(async |_| Err::<Page<u8>, _>(Error::Unauthorized)).await;
        assert!(matches!(failed, Err(Error::Unauthorized)));
    }
}
