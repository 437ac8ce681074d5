use std::time::{Duration, SystemTime};

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{EncodingKey, encode};
use serde_json::{Value, json};

use super::*;

const ACCOUNT: &str = "8c842203-7ed8-4e29-a608-7cf78a7d2fcc";
const SECRET: &str = "a secret for these tests alone, of forty-eight bytes";
// Made for these tests with `openssl genpkey`; they protect nothing.
const RSA: &[u8] = include_bytes!("test_keys/rsa.pem");
const NEXT_RSA: &[u8] = include_bytes!("test_keys/rsa_next.pem");
const P256: &[u8] = include_bytes!("test_keys/p256.pem");
const ED25519: &[u8] = include_bytes!("test_keys/ed25519.pem");

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600, 0).unwrap()
}

fn claims() -> Value {
    json!({"sub": "user-1", "account_id": ACCOUNT, "exp": now().timestamp() + 60,
        "permissions": ["integrations:manage", "billing:read", 7]})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn signed(algorithm: Algorithm, id: Option<&str>, claims: &Value, key: &EncodingKey) -> String {
    let header = Header { kid: id.map(str::to_owned), ..Header::new(algorithm) };
    encode(&header, claims, key).unwrap()
}

fn shared(claims: &Value) -> String {
    signed(Algorithm::HS256, None, claims, &EncodingKey::from_secret(SECRET.as_bytes()))
}

fn verifier() -> Verifier {
    Verifier::hs256(&SecretString::from(SECRET))
}

fn verify(token: &str) -> Result<Caller, Unverified> {
    verifier().verify(token, now())
}

fn rsa(pem: &[u8]) -> EncodingKey {
    EncodingKey::from_rsa_pem(pem).unwrap()
}

fn jwk(key: &EncodingKey, algorithm: Algorithm, id: Option<&str>) -> Value {
    let mut jwk = Jwk::from_encoding_key(key, algorithm).unwrap();
    jwk.common.key_id = id.map(str::to_owned);
    serde_json::to_value(jwk).unwrap()
}

struct Published(tempfile::NamedTempFile);

impl Published {
    fn new(keys: &[Value]) -> Self {
        let published = Self(tempfile::NamedTempFile::new().unwrap());
        published.write(&json!({ "keys": keys }).to_string(), 0);
        published
    }

    /// A filesystem's clock may tick slowly, so every version gets a second of its own.
    fn write(&self, text: &str, version: u64) {
        std::fs::write(self.0.path(), text).unwrap();
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + version);
        self.0.as_file().set_modified(modified).unwrap();
    }

    fn verifier(&self) -> Verifier {
        Verifier::jwks_file(self.0.path()).unwrap()
    }
}

#[test]
fn a_good_token_says_who_calls_and_what_they_may() {
    let caller = verify(&shared(&claims())).unwrap();
    assert_eq!((caller.subject.as_str(), caller.account.to_string().as_str()), ("user-1", ACCOUNT));
    assert!(caller.may(Permission::ManageIntegrations) && !caller.may(Permission::ReadConversations));
    assert!(!format!("{caller:?}").contains("user-1"));
}

#[test]
fn times_are_kept_with_a_small_leeway() {
    let seconds = now().timestamp();
    for (claims, outcome) in [
        (with("exp", json!(seconds - 4)), Ok(())),
        (with("exp", json!(seconds - 5)), Err(Unverified::Expired)),
        (with("exp", json!(0)), Err(Unverified::Expired)),
        (with("exp", json!(seconds.to_string())), Err(Unverified::Claims)),
        (with("exp", json!(-1)), Err(Unverified::Claims)),
        (with("exp", json!(1e300)), Err(Unverified::Claims)),
        (with("exp", Value::Null), Err(Unverified::Claims)),
        (with("exp", json!(f64::from(u32::MAX) + 0.5)), Ok(())),
        (with("nbf", json!(seconds + 5)), Ok(())),
        (with("nbf", json!(seconds + 6)), Err(Unverified::NotYet)),
    ] {
        assert_eq!(verify(&shared(&claims)).map(|_caller| ()), outcome, "{claims}");
    }
    let mut without = claims();
    without.as_object_mut().unwrap().remove("exp");
    assert_eq!(verify(&shared(&without)), Err(Unverified::Claims));
}

#[test]
fn claims_that_cannot_be_are_refused() {
    for claims in [
        with("sub", json!("")),
        with("sub", json!("a\u{0}b")),
        with("sub", Value::Null),
        with("account_id", json!("1")),
        with("account_id", Value::Null),
        with("permissions", json!("integrations:manage")),
        json!([]),
    ] {
        assert_eq!(verify(&shared(&claims)), Err(Unverified::Claims), "{claims}");
    }
    let mut none = claims();
    none.as_object_mut().unwrap().remove("permissions");
    assert!(verify(&shared(&none)).unwrap().permissions.is_empty());
}

#[test]
fn a_token_for_other_services_too_is_accepted() {
    assert!(verify(&shared(&with("aud", json!(["custify"])))).is_ok());
}

#[test]
fn a_token_that_is_not_signed_with_the_secret_is_refused() {
    let other = signed(Algorithm::HS256, None, &claims(), &EncodingKey::from_secret(b"another"));
    assert_eq!(verify(&other), Err(Unverified::Signature));
    let longer_hash = signed(Algorithm::HS512, None, &claims(), &EncodingKey::from_secret(SECRET.as_bytes()));
    assert_eq!(verify(&longer_hash), Err(Unverified::Signature));
    let (rest, _signature) = other.rsplit_once('.').unwrap();
    assert_eq!(verify(&format!("{rest}.")), Err(Unverified::Signature));
    for malformed in ["", "a", "a.b", "a.b.c", "..", &"x".repeat(10_000)] {
        assert_eq!(verify(malformed), Err(Unverified::Malformed), "{malformed}");
    }
    assert_eq!(Verifier::nobody().verify(&shared(&claims()), now()), Err(Unverified::Signature));
}

#[test]
fn an_unsigned_token_and_one_that_demands_extensions_are_refused() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    for algorithm in ["none", "None", "NONE", ""] {
        let unsigned = format!("{}.{}.", part(&json!({"alg": algorithm, "typ": "JWT"})), part(&claims()));
        assert_eq!(verify(&unsigned), Err(Unverified::Malformed), "{algorithm}");
    }
    let header = Header { crit: Some(vec!["b64".to_owned()]), ..Header::new(Algorithm::HS256) };
    let demanding = encode(&header, &claims(), &EncodingKey::from_secret(SECRET.as_bytes())).unwrap();
    assert_eq!(verify(&demanding), Err(Unverified::Malformed));
}

#[test]
fn published_keys_verify_each_with_its_own_algorithm() {
    let p256 = EncodingKey::from_ec_pem(P256).unwrap();
    let ed25519 = EncodingKey::from_ed_pem(ED25519).unwrap();
    let keys = [
        jwk(&rsa(RSA), Algorithm::RS256, Some("r")),
        jwk(&p256, Algorithm::ES256, Some("p")),
        jwk(&ed25519, Algorithm::EdDSA, Some("e")),
    ];
    let published = Published::new(&keys);
    let verifier = published.verifier();
    let verify = |token: &str| verifier.verify(token, now());
    for (algorithm, id, key) in [
        (Algorithm::RS256, "r", &rsa(RSA)),
        (Algorithm::ES256, "p", &p256),
        (Algorithm::EdDSA, "e", &ed25519),
    ] {
        assert!(verify(&signed(algorithm, Some(id), &claims(), key)).is_ok(), "{algorithm:?}");
        assert!(verify(&signed(algorithm, None, &claims(), key)).is_ok(), "the only key of {algorithm:?}");
        assert_eq!(verify(&signed(algorithm, Some("x"), &claims(), key)), Err(Unverified::Signature));
    }
    assert_eq!(
        verify(&signed(Algorithm::RS256, Some("r"), &claims(), &rsa(NEXT_RSA))),
        Err(Unverified::Signature)
    );
    assert_eq!(
        verify(&signed(Algorithm::RS512, Some("r"), &claims(), &rsa(RSA))),
        Err(Unverified::Signature)
    );
    assert_eq!(
        verify(&signed(Algorithm::PS256, Some("r"), &claims(), &rsa(RSA))),
        Err(Unverified::Signature)
    );
}

#[test]
fn a_public_key_does_not_serve_as_a_secret() {
    let public = jwk(&rsa(RSA), Algorithm::RS256, Some("r"));
    let published = Published::new(std::slice::from_ref(&public));
    let verifier = published.verifier();
    let modulus = public["n"].as_str().unwrap();
    for secret in [modulus.as_bytes(), public.to_string().as_bytes(), RSA] {
        let forged = signed(Algorithm::HS256, Some("r"), &claims(), &EncodingKey::from_secret(secret));
        assert_eq!(verifier.verify(&forged, now()), Err(Unverified::Signature));
    }
}

#[test]
fn keys_are_rotated_by_writing_the_file() {
    let old = jwk(&rsa(RSA), Algorithm::RS256, Some("old"));
    let new = jwk(&rsa(NEXT_RSA), Algorithm::RS256, Some("new"));
    let published = Published::new(std::slice::from_ref(&old));
    let verifier = published.verifier();
    let of_old = signed(Algorithm::RS256, Some("old"), &claims(), &rsa(RSA));
    let of_new = signed(Algorithm::RS256, Some("new"), &claims(), &rsa(NEXT_RSA));
    let outcome =
        |token: &str, second: i64| verifier.verify(token, now() + chrono::TimeDelta::seconds(second)).is_ok();
    assert_eq!((outcome(&of_old, 0), outcome(&of_new, 0)), (true, false));

    published.write(&json!({"keys": [old, new]}).to_string(), 1);
    assert_eq!((outcome(&of_old, 2), outcome(&of_new, 2)), (true, true));

    published.write("{\"keys\": [", 2);
    assert_eq!((outcome(&of_old, 4), outcome(&of_new, 4)), (true, true), "half a file locks nobody out");

    published.write(&json!({"keys": [new]}).to_string(), 3);
    assert_eq!((outcome(&of_old, 6), outcome(&of_new, 6)), (false, true));
}

#[test]
fn an_emptied_set_withdraws_every_key_and_a_broken_file_none() {
    let key = jwk(&rsa(RSA), Algorithm::RS256, Some("old"));
    let published = Published::new(std::slice::from_ref(&key));
    let verifier = published.verifier();
    let token = signed(Algorithm::RS256, Some("old"), &claims(), &rsa(RSA));
    let outcome = |second: i64| verifier.verify(&token, now() + chrono::TimeDelta::seconds(second)).is_ok();
    assert!(outcome(0));
    for (number, broken) in (1_u32..).zip(["", "{}", "no json", "[]"]) {
        published.write(broken, u64::from(number));
        assert!(outcome(i64::from(number) * 2), "{broken:?} locks nobody out");
    }
    published.write(&json!({"keys": []}).to_string(), 9);
    assert!(!outcome(20), "an emptied set revokes");
    published.write(&json!({"keys": [key]}).to_string(), 10);
    assert!(outcome(22), "and a full one admits again");
}

#[test]
fn a_token_that_names_no_key_is_tried_with_each_of_its_algorithm() {
    let keys =
        [jwk(&rsa(RSA), Algorithm::RS256, Some("a")), jwk(&rsa(NEXT_RSA), Algorithm::RS256, Some("b"))];
    let published = Published::new(&keys);
    for key in [RSA, NEXT_RSA] {
        let token = signed(Algorithm::RS256, None, &claims(), &rsa(key));
        assert!(published.verifier().verify(&token, now()).is_ok());
    }
    let named = signed(Algorithm::RS256, Some("c"), &claims(), &rsa(RSA));
    assert_eq!(published.verifier().verify(&named, now()), Err(Unverified::Signature));
}

#[test]
fn a_key_without_an_id_serves_any_id_only_while_it_is_the_only_one() {
    let nameless = jwk(&rsa(RSA), Algorithm::RS256, None);
    let token = signed(Algorithm::RS256, Some("whatever"), &claims(), &rsa(RSA));
    let alone = Published::new(std::slice::from_ref(&nameless));
    assert!(alone.verifier().verify(&token, now()).is_ok());
    let other = jwk(&rsa(NEXT_RSA), Algorithm::RS256, Some("b"));
    let two = Published::new(&[nameless, other]);
    assert_eq!(two.verifier().verify(&token, now()), Err(Unverified::Signature));
}

#[test]
fn keys_for_something_else_are_passed_over_and_a_file_without_any_is_refused() {
    let mut encrypts = jwk(&rsa(RSA), Algorithm::RS256, Some("a"));
    encrypts["use"] = json!("enc");
    let mut other_algorithm = jwk(&rsa(RSA), Algorithm::RS256, Some("b"));
    other_algorithm["alg"] = json!("PS256");
    let symmetric = json!({"kty": "oct", "k": "c2VjcmV0", "kid": "c", "alg": "HS256"});
    let published = Published::new(&[encrypts, other_algorithm, symmetric, json!({"kty": "new"}), json!(7)]);
    assert!(matches!(Verifier::jwks_file(published.0.path()), Err(JwksError::NoUsableKey)));
    published.write("no json", 1);
    assert!(matches!(Verifier::jwks_file(published.0.path()), Err(JwksError::Malformed(_))));
    assert!(matches!(Verifier::jwks_file("/nowhere"), Err(JwksError::Unreadable(_))));
}

#[test]
fn the_bearer_token_is_found_in_its_header_alone() {
    let header = |value: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        bearer_token(&headers).map(str::to_owned)
    };
    assert_eq!(header("Bearer abc"), Some("abc".to_owned()));
    assert_eq!(header("bearer  abc "), Some("abc".to_owned()));
    for none in ["Basic abc", "Bearer", "Bearer ", "abc"] {
        assert_eq!(header(none), None);
    }
}
