//! The customer's own directory: companies and who works there. Crisp's people are drawn from it, so that an import
//! finds the contacts that the directory knows.
//!
//! Companies come in blocks of ten of different sizes; a person's slot says company and rank in it, and the rank says
//! the name, so that no address occurs twice and nothing has to be remembered.

use std::sync::Arc;

use super::random::{Draw, nth};
use super::records::Company;
use super::site::{Site, Subject};
use super::words::{self, COMPANY_FIRST, COMPANY_SECOND, COMPANY_THIRD, FIRST_NAMES, LAST_NAMES};

/// Seats of the ten companies of a block; their sizes relate like these.
const SEATS: [u32; 10] = [3, 1, 8, 2, 1, 13, 2, 5, 1, 4];
const SEATS_OF_A_BLOCK: u32 = 40;
/// A prime that walks through all names before it comes back.
const STRIDE: u64 = 7919;

/// A row of the directory: an address and the company it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub struct Member {
    pub email: String,
    pub name: String,
    pub company_external_id: String,
}

/// The directory of one website's customer.
#[derive(Debug, Clone)]
pub struct Directory {
    site: Arc<Site>,
}

impl Directory {
    pub(crate) fn new(site: Arc<Site>) -> Self {
        Self { site }
    }

    /// All companies.
    pub fn companies(&self) -> impl Iterator<Item = Company> + use<> {
        (0..self.site.companies()).map(company)
    }

    /// Everybody who works at one of them and whom Crisp knew at the start.
    pub fn members(&self) -> impl Iterator<Item = Member> + use<> {
        let site = Arc::clone(&self.site);
        (0..site.options.people).filter_map(move |slot| {
            let identity = site.identity(slot);
            let company_external_id = identity.company?.external_id;
            Some(Member { email: identity.email, name: identity.name, company_external_id })
        })
    }
}

/// Who person `slot` is.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) first_name: &'static str,
    pub(crate) name: String,
    pub(crate) email: String,
    /// `None`: writes from a private address.
    pub(crate) company: Option<Company>,
}

impl Site {
    fn blocks(&self) -> u32 {
        (self.options.people / 80).max(1)
    }

    fn companies(&self) -> u32 {
        self.blocks() * 10
    }

    pub(crate) fn identity(&self, slot: u32) -> Identity {
        let seats = self.blocks() * SEATS_OF_A_BLOCK;
        let (seat, round) = (slot % seats, slot / seats);
        let (number, offset, size) = company_of_seat(seat);
        let company = company(number);
        let rank = round * size + offset;
        let (first_name, last_name) = self.name(number, rank);
        let local = format!("{}.{}", words::ascii(first_name), words::ascii(last_name));
        let name = format!("{first_name} {last_name}");
        if self.draw(Subject::Person, [u64::from(slot), 9]).chance(0.05) {
            return Identity {
                first_name,
                name,
                email: format!("{local}{slot}@mailbox.example"),
                company: None,
            };
        }
        let email = format!("{local}@{}", company.domain);
        Identity { first_name, name, email, company: Some(company) }
    }

    fn name(&self, company: u32, rank: u32) -> (&'static str, &'static str) {
        let firsts = u64::try_from(FIRST_NAMES.len()).unwrap_or(1);
        let lasts = u64::try_from(LAST_NAMES.len()).unwrap_or(1);
        let start = self.draw(Subject::Person, [u64::from(company), 8]).below(firsts * lasts);
        let n = (start + u64::from(rank) * STRIDE) % (firsts * lasts);
        (nth(FIRST_NAMES, n), nth(LAST_NAMES, n / firsts))
    }

    /// An address that no profile has.
    pub(crate) fn stranger(draw: &mut Draw) -> (String, String) {
        let (first, last) = (draw.pick(FIRST_NAMES), draw.pick(LAST_NAMES));
        let email = format!(
            "{}.{}.{}@elsewhere.example",
            words::ascii(first),
            words::ascii(last),
            draw.below(100_000)
        );
        (format!("{first} {last}"), email)
    }
}

/// Company `number` of any directory.
fn company(number: u32) -> Company {
    // Walks first the first words, then the second, then the third: small directories get the shortest names.
    let n = u64::from(number);
    let firsts = u64::try_from(COMPANY_FIRST.len()).unwrap_or(1);
    let seconds = u64::try_from(COMPANY_SECOND.len()).unwrap_or(1);
    let thirds = u64::try_from(COMPANY_THIRD.len()).unwrap_or(1);
    let first = nth(COMPANY_FIRST, n);
    let second = nth(COMPANY_SECOND, n / firsts + n % firsts * 7);
    let third = nth(COMPANY_THIRD, n / firsts / seconds);
    let round = n / firsts / seconds / thirds;
    let mut name = format!("{first} {second}");
    if !third.is_empty() {
        name = format!("{name} {third}");
    }
    if round > 0 {
        name = format!("{name} {}", round + 1);
    }
    let domain = format!("{}.example", words::ascii(&name));
    Company { external_id: format!("cmp-{:05}", n + 1), name, domain }
}

/// Number of the company, first seat's distance and seats of it.
fn company_of_seat(seat: u32) -> (u32, u32, u32) {
    let mut left = seat % SEATS_OF_A_BLOCK;
    for (place, size) in (0..).zip(SEATS) {
        if left < size {
            return (seat / SEATS_OF_A_BLOCK * 10 + place, left, size);
        }
        left -= size;
    }
    (seat / SEATS_OF_A_BLOCK * 10, 0, 1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::simulator::options::Options;

    fn site(people: u32) -> Arc<Site> {
        let options = Options::of_size(people, 10);
        Arc::new(Site::new(&options, &options.websites[0], 0, 1_767_225_600_000))
    }

    #[test]
    fn no_address_and_no_company_occurs_twice() {
        for people in [50, 30_000, 100_000] {
            let site = site(people);
            let emails: HashSet<_> = (0..people).map(|slot| site.identity(slot).email).collect();
            assert_eq!(emails.len(), usize::try_from(people).unwrap());
            let domains: HashSet<_> =
                Directory::new(site).companies().map(|company| company.domain).collect();
            assert_eq!(domains.len(), usize::try_from((people / 80).max(1) * 10).unwrap());
        }
    }

    #[test]
    fn everybody_works_at_a_listed_company() {
        let directory = Directory::new(site(1_000));
        let ids: HashSet<_> = directory.companies().map(|company| company.external_id).collect();
        let members: Vec<_> = directory.members().collect();
        assert!(members.len() > 900);
        assert!(members.iter().all(|member| ids.contains(&member.company_external_id)));
    }
}
