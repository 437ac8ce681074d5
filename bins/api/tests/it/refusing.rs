//! Bad settings.

use std::io::Write as _;

use crate::world::{World, bare, finish};

fn stderr(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn without_any_setting_every_one_that_is_needed_is_named() {
    let output = bare(&[]).output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for name in
        ["DATABASE_URL", "ENCRYPTION_KEYS", "CRISP_PLUGIN_ID", "AUTH_JWT_HS256_SECRET", "AUTH_JWKS_FILE"]
    {
        assert!(said.contains(name), "{name}: {said}");
    }
    assert!(said.contains("postgres://user:password@host:5432/name"), "{said}");
}

#[tokio::test]
async fn every_bad_setting_is_named_at_once_and_no_secret_is_repeated() {
    let world = World::new().await;
    let bad = [
        ("DATABASE_URL", "postgres://ole:hunter-1@host:notaport/x"),
        ("DATABASE_READ_URL", "mysql://ole:hunter-2@host/x"),
        ("ENCRYPTION_KEYS", "k1:hunter-3"),
        ("CRISP_PLUGIN_ID", "hunter"),
        ("CRISP_DAILY_QUOTA", "many"),
        ("API_LISTEN", "nowhere"),
        ("SYNC_INCREMENTAL_INTERVAL_SECONDS", "0"),
        ("LOG", "crisp=loudly=please"),
        ("LOG_FORMAT", "xml"),
    ];
    let output = world.run(&["serve"], &bad).await;
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for (name, _) in bad {
        assert!(said.lines().any(|line| line.starts_with(name)), "{name}: {said}");
    }
    for secret in ["hunter-1", "hunter-2", "hunter-3"] {
        assert!(
            !said.contains(secret) && !String::from_utf8_lossy(&output.stdout).contains(secret),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_bad_address_of_the_replica_is_not_blamed_on_the_database() {
    let world = World::new().await;
    let bad = [("DATABASE_READ_URL", "postgres://host/x?sslmode=perhaps")];
    let output = world.run(&["migrate"], &bad).await;
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.starts_with("DATABASE_READ_URL cannot be used: sslmode is none of"), "{said}");
}

#[tokio::test]
async fn a_file_of_keys_without_a_usable_key_is_refused_before_anything_is_done() {
    let world = World::new().await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_string_lossy().into_owned();
    for content in ["{\"keys\":[]}", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"aHVudGVy\"}]}", "hunter", ""] {
        file.as_file().set_len(0).unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        file.write_all(content.as_bytes()).unwrap();
        let mut command = world.api(&["serve"], &[("AUTH_JWKS_FILE", &path), ("CRISP_PLUGIN_ID", "x")]);
        command.env_remove("AUTH_JWT_HS256_SECRET");
        let output = finish(command).await;
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.lines().any(|line| line.starts_with("AUTH_JWKS_FILE cannot be used")), "{said}");
        assert!(said.contains("CRISP_PLUGIN_ID") && !said.contains("hunter"), "{said}");
    }
    // Nothing was migrated.
    let output = world.run(&["serve", "--no-migrate"], &[]).await;
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
}

#[tokio::test]
async fn a_schema_that_may_not_be_migrated_is_expected() {
    let world = World::new().await;
    let output = world.run(&["--no-migrate"], &[]).await;
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("api migrate"), "{said}");
}
