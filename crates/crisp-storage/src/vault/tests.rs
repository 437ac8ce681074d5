use proptest::prelude::*;

use super::*;

fn ring(keys: &[(&str, u8)]) -> KeyRing {
    let key =
        |&(id, byte): &(&str, u8)| Key { id: id.to_owned(), bytes: SecretBox::new(Box::new([byte; 32])) };
    KeyRing::new(keys.iter().map(key).collect()).unwrap()
}

fn place(name: &str) -> Place {
    Place::secret("the secret", name)
}

#[test]
fn what_is_sealed_opens_with_any_ring_that_holds_its_key() {
    let sealed = ring(&[("old", 1)]).seal(&place("a"), b"text").unwrap();
    assert_eq!(key_id(&sealed), Some("old"));
    let opened = ring(&[("new", 2), ("old", 1)]).open_text(&place("a"), &sealed).unwrap();
    assert_eq!(opened.expose_secret(), "text");
}

#[test]
fn a_missing_key_is_named_and_a_wrong_one_opens_nothing() {
    let sealed = ring(&[("old", 1)]).seal(&place("a"), b"text").unwrap();
    let missing = ring(&[("new", 2)]).open(&place("a"), &sealed).unwrap_err();
    assert!(missing.to_string().contains("\"old\""), "{missing}");
    assert!(matches!(ring(&[("old", 2)]).open(&place("a"), &sealed), Err(Error::Unsealable(_))));
}

#[test]
fn a_secret_does_not_open_in_another_row() {
    let ring = ring(&[("k", 1)]);
    let now = chrono::DateTime::UNIX_EPOCH;
    let (account, one, two) =
        (AccountId::new_v7(now), IntegrationId::new_v7(now), IntegrationId::new_v7(now));
    let sealed = ring.seal_website_token(account, one, &SecretString::from("token")).unwrap();
    assert_eq!(ring.open_website_token(account, one, &sealed).unwrap().expose_secret(), "token");
    assert!(ring.open_website_token(account, two, &sealed).is_err());
    assert!(ring.open_website_token(AccountId::new_v7(now), one, &sealed).is_err());
    assert!(ring.open(&place("hooks_secret"), &sealed).is_err());
}

#[test]
fn the_same_secret_never_looks_the_same() {
    let ring = ring(&[("k", 1)]);
    assert_ne!(ring.seal(&place("a"), b"text").unwrap(), ring.seal(&place("a"), b"text").unwrap());
}

#[test]
fn rings_that_make_no_sense_are_refused() {
    let key = |id: &str| Key { id: id.to_owned(), bytes: SecretBox::new(Box::new([0; 32])) };
    for keys in [vec![], vec![key("")], vec![key(&"x".repeat(256))], vec![key("a"), key("b"), key("a")]] {
        assert!(matches!(KeyRing::new(keys), Err(Error::KeyRing(_))));
    }
}

#[test]
fn debug_shows_ids_and_no_key() {
    let shown = format!(
        "{:?} {:?}",
        ring(&[("k1", 77)]),
        Key { id: "k2".to_owned(), bytes: SecretBox::new(Box::new([77; 32])) }
    );
    assert!(shown.contains("k1") && shown.contains("k2") && !shown.contains("77"), "{shown}");
}

proptest! {
    #[test]
    fn any_change_of_any_byte_is_noticed(at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let ring = ring(&[("k", 1)]);
        let mut sealed = ring.seal(&place("a"), b"text").unwrap();
        let at = at.index(sealed.len());
        sealed[at] ^= flip;
        prop_assert!(ring.open(&place("a"), &sealed).is_err());
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        prop_assert!(ring(&[("k", 1)]).open(&place("a"), &bytes).is_err());
    }
}
