use chrono::TimeDelta;
use crisp_client::Wire;
use crisp_domain::RenderOptions;
use serde_json::{Value, json};

use super::*;

const NOON: i64 = 1_767_225_600_000;
/// A fingerprint of Crisp's own, made four seconds after noon.
const TELLING: i64 = 176_722_560_418_342;

fn at(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(NOON + ms).unwrap()
}

fn context() -> Context {
    Context {
        conversation: Uuid::nil(),
        sent_at: at(3_600_000),
        now: at(3_600_000),
        otherwise: at(-3_600_000),
    }
}

fn fact(fingerprint: i64, timestamp: &Value) -> MessageFacts {
    let raw = json!({"fingerprint": fingerprint, "type": "text", "from": "user", "content": "x", "timestamp": timestamp});
    MessageFacts::from_wire(&Message::read(raw).unwrap(), &RenderOptions::default())
}

fn timed(fingerprint: i64, ms: i64) -> MessageFacts {
    fact(fingerprint, &json!(NOON + ms))
}

fn batch(facts: Vec<MessageFacts>) -> Batch {
    let listed = facts.iter().map(|fact| fact.fingerprint).collect();
    Batch { near: neighbours(&facts), facts, listed, ..Batch::default() }
}

const WHOLE: Stretch = Stretch::Between { after: None, before: None };

fn stored(batch: &Batch) -> BTreeMap<i64, MessageRow> {
    let written = merge(batch, BTreeMap::new(), &WHOLE, &context()).rows;
    written.into_iter().map(|row| (row.fingerprint, row)).collect()
}

#[test]
fn a_message_without_a_time_stands_where_its_fingerprint_or_its_neighbour_says() {
    let untimed = |fingerprint| fact(fingerprint, &json!(null));
    let rows = stored(&batch(vec![untimed(1), timed(2, 10), untimed(3), timed(4, 20), untimed(TELLING)]));
    let placed = |fingerprint: i64| (rows[&fingerprint].sent_at, rows[&fingerprint].sent_at_assumed);
    assert_eq!(placed(1), (Some(at(10)), true), "the first takes the time of the one after");
    assert_eq!(placed(2), (Some(at(10)), false));
    assert_eq!(placed(3), (Some(at(10)), true));
    assert_eq!(placed(TELLING), (Some(at(4_000)), true));
    let alone = stored(&batch(vec![untimed(1)]));
    assert_eq!(
        alone[&1].sent_at,
        Some(context().otherwise),
        "the conversation's beginning, never the time of reading"
    );
}

#[test]
fn reading_a_message_without_a_time_again_moves_nothing() {
    let first = batch(vec![timed(2, 10), fact(3, &json!(0))]);
    let again = batch(vec![fact(3, &json!(0)), timed(4, 50)]);
    let before = stored(&first).into_iter().filter(|(fingerprint, _)| *fingerprint == 3).collect();
    let changes = merge(&again, before, &Stretch::since(Some(at(20)), None), &context());
    assert_eq!((changes.unchanged, changes.removed), (1, 0));
    assert!(changes.rows.iter().all(|row| row.fingerprint == 4), "only what is new is written");
}

#[test]
fn a_message_whose_time_is_assumed_is_never_buried_by_a_stretch_that_lacks_it() {
    let rows = stored(&batch(vec![timed(2, 10), fact(3, &json!(null)), timed(4, 20)]));
    let stretch = Stretch::since(Some(at(0)), None);
    let changes = merge(&batch(vec![timed(4, 20)]), rows.clone(), &stretch, &context());
    assert_eq!(changes.removed, 1, "the one whose time is known is gone");
    assert!(changes.rows.iter().all(|row| row.fingerprint == 2));
    let changes = merge(&batch(vec![timed(4, 20)]), rows, &WHOLE, &context());
    assert_eq!(changes.removed, 2, "a batch that is the whole conversation proves it");
}

#[test]
fn a_message_whose_record_cannot_be_read_any_more_is_not_gone() {
    let rows = stored(&batch(vec![timed(2, 10), timed(3, 15), timed(4, 20)]));
    let mut now = batch(vec![timed(2, 10), timed(4, 20)]);
    now.listed.insert(Fingerprint::new(3));
    let changes = merge(&now, rows, &WHOLE, &context());
    assert_eq!((changes.removed, changes.rows.len()), (0, 0));
}

#[test]
fn a_time_that_crisp_tells_later_takes_the_place_of_an_assumed_one() {
    let rows = stored(&batch(vec![fact(3, &json!(null))]));
    let changes = merge(&batch(vec![timed(3, 77)]), rows, &WHOLE, &context());
    assert_eq!((changes.rows[0].sent_at, changes.rows[0].sent_at_assumed), (Some(at(77)), false));
}

#[test]
fn the_newest_time_of_a_batch_is_none_that_lies_ahead() {
    let far = TimeDelta::days(400).num_milliseconds();
    let batch = batch(vec![timed(2, 10), timed(3, far)]);
    assert_eq!(batch.newest(at(0)), Some(at(10)));
    assert_eq!(batch.oldest(), Some(at(10)));
}
