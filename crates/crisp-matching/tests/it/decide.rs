//! Whose conversation is this?

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate};
use crisp_client::PeopleId;
use crisp_matching::{Address, Candidate, Decision, Evidence, Outcome, Question, Rule, Standing, decide};
use proptest::prelude::*;
use serde::Deserialize;

use crate::words::{cases, contact_id, created, day, email};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    question: CaseQuestion,
    candidates: Vec<CaseCandidate>,
    expected: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseQuestion {
    people_id: Option<PeopleId>,
    email: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseCandidate {
    contact: u128,
    #[serde(default)]
    people_ids: Vec<PeopleId>,
    email: Option<String>,
    last_active: Option<NaiveDate>,
    created: Option<NaiveDate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    contact: Option<u128>,
    rule: Option<Rule>,
    #[serde(default)]
    standings: BTreeMap<u128, Standing>,
}

#[test]
fn every_case_is_decided_as_written() {
    for case in cases::<Case>("decide") {
        let question = Question {
            people_id: case.question.people_id,
            email: Address::of(case.question.email.as_deref()),
        };
        let candidates: Vec<Candidate> = case.candidates.into_iter().map(candidate).collect();
        let decision = decide(&question, &candidates);
        let expected = match (case.expected.contact, case.expected.rule) {
            (Some(contact), Some(rule)) => Outcome::Matched { contact_id: contact_id(contact), rule },
            _ => Outcome::NoMatch,
        };
        assert_eq!(decision.outcome, expected, "{}", case.name);
        for (number, standing) in case.expected.standings {
            let considered = decision.candidates.iter().find(|one| one.contact_id == contact_id(number));
            assert_eq!(considered.unwrap().standing, standing, "{}: contact {number}", case.name);
        }
    }
}

fn candidate(case: CaseCandidate) -> Candidate {
    Candidate {
        contact_id: contact_id(case.contact),
        people_ids: case.people_ids,
        email: email(case.email.as_deref()),
        last_active_at: case.last_active.map(day),
        created_at: created(case.created),
    }
}

#[test]
fn a_decision_explains_itself_in_sentences_without_an_address() {
    let question =
        Question { people_id: Some(PeopleId::new("P")), email: Address::of(Some("ana@x.example")) };
    let ana = Candidate {
        contact_id: contact_id(1),
        people_ids: vec![],
        email: question.email.key().cloned(),
        last_active_at: None,
        created_at: created(None),
    };
    let decision = decide(&question, &[ana]);
    let sentences: Vec<String> = decision.evidence.iter().map(ToString::to_string).collect();
    assert_eq!(
        sentences,
        [
            "no contact carries the Crisp profile P",
            "the conversation's email address is that of contact 00000000-0000-0000-0000-000000000001"
        ]
    );
    let kept = serde_json::to_string(&decision).unwrap();
    assert!(!kept.contains("ana@"), "{kept}");
    assert_eq!(serde_json::from_str::<Decision>(&kept).unwrap(), decision);
}

#[test]
fn a_decision_is_written_in_the_words_of_the_contract() {
    let question = Question { people_id: Some(PeopleId::new("P")), email: Address::Absent };
    insta::assert_json_snapshot!(decide(&question, &[]), @r#"
    {
      "outcome": {
        "decision": "no_match"
      },
      "evidence": [
        {
          "code": "people_id_unknown",
          "people_id": "P"
        },
        {
          "code": "email_absent"
        }
      ],
      "candidates": []
    }
    "#);
}

#[test]
fn an_address_that_is_none_is_told_apart_from_a_missing_one() {
    let question = Question { people_id: None, email: Address::of(Some("call me")) };
    let decision = decide(&question, &[]);
    assert_eq!(decision.evidence, [Evidence::PeopleIdAbsent, Evidence::EmailUnusable]);
    assert_eq!(decision.evidence[1].to_string(), "the conversation has an email address that is none");
}

fn any_candidate() -> impl Strategy<Value = Candidate> {
    let people = prop::collection::vec(0..3_u8, 0..3);
    (1..6_u128, people, prop::option::of(0..3_u8), prop::option::of(0..3_i64), 0..3_i64).prop_map(
        |(contact, people, address, active, created)| Candidate {
            contact_id: contact_id(contact),
            people_ids: people.into_iter().map(|id| PeopleId::new(id.to_string())).collect(),
            email: email(address.map(|address| format!("{address}@x.example")).as_deref()),
            last_active_at: active.and_then(|second| DateTime::from_timestamp(second, 0)),
            created_at: DateTime::from_timestamp(created, 0).unwrap(),
        },
    )
}

fn any_question() -> impl Strategy<Value = Question> {
    (prop::option::of(0..3_u8), prop::option::of(0..3_u8)).prop_map(|(person, address)| Question {
        people_id: person.map(|id| PeopleId::new(id.to_string())),
        email: Address::of(address.map(|address| format!("{address}@x.example")).as_deref()),
    })
}

fn shuffled() -> impl Strategy<Value = (Vec<Candidate>, Vec<Candidate>)> {
    let list = prop::collection::vec(any_candidate(), 0..8);
    list.prop_flat_map(|list| (Just(list.clone()), Just(list).prop_shuffle()))
}

proptest! {
    #[test]
    fn the_order_of_the_candidates_does_not_matter(question in any_question(), (one, other) in shuffled()) {
        prop_assert_eq!(decide(&question, &one), decide(&question, &other));
    }

    #[test]
    fn what_matches_is_chosen_and_what_does_not_never_is(
        question in any_question(),
        candidates in prop::collection::vec(any_candidate(), 0..8),
    ) {
        let decision = decide(&question, &candidates);
        let carries = |candidate: &Candidate| question.people_id.as_ref().is_some_and(|id| candidate.people_ids.contains(id));
        let holds = |candidate: &Candidate| question.email.key().is_some_and(|key| candidate.email.as_ref() == Some(key));
        match decision.outcome {
            Outcome::Matched { contact_id, rule: Rule::PeopleId } => {
                prop_assert!(candidates.iter().any(|candidate| candidate.contact_id == contact_id && carries(candidate)));
            }
            Outcome::Matched { contact_id, rule: Rule::Email } => {
                prop_assert!(!candidates.iter().any(carries));
                prop_assert!(candidates.iter().any(|candidate| candidate.contact_id == contact_id && holds(candidate)));
            }
            Outcome::NoMatch => prop_assert!(!candidates.iter().any(|one| carries(one) || holds(one))),
        }
        let chosen = decision.candidates.iter().filter(|one| one.standing == Standing::Chosen).count();
        prop_assert_eq!(chosen == 1, decision.outcome != Outcome::NoMatch);
        prop_assert_eq!(decision.evidence.contains(&Evidence::EmailAbsent), question.email == Address::Absent);
    }
}
