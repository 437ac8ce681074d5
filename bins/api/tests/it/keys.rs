//! Secrets and the keys that seal them.

use std::process::Output;

use crate::world::{NEW_KEY, OLD_KEY, World, finish};

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The key itself, without its id.
fn key(given: &str) -> &str {
    given.split_once(':').unwrap().1
}

#[tokio::test]
async fn stored_secrets_are_shown_without_themselves() {
    let world = World::new().await;
    let none = world.run(&["credentials", "show"], &[]).await;
    assert!(none.status.success() && said(&none).contains("No secret is stored yet"), "{}", said(&none));
    let stored = world.run(&["credentials", "set"], &[]).await;
    assert!(stored.status.success(), "{}", said(&stored));
    let shown = world.run(&["credentials", "show"], &[]).await;
    let plugin = world.crisp.plugin();
    assert!(shown.status.success() && said(&shown).contains("old"), "{}", said(&shown));
    for secret in [&plugin.key, &plugin.identifier, &plugin.hooks_secret] {
        assert!(!said(&shown).contains(secret.as_str()) && !said(&stored).contains(secret.as_str()));
    }
}

#[tokio::test]
async fn everything_is_sealed_again_while_it_is_served_and_the_doctor_names_the_keys() {
    let world = World::new().await;
    assert!(world.run(&["credentials", "set"], &[]).await.status.success());
    let (both, new) = (format!("{NEW_KEY},{OLD_KEY}"), [("ENCRYPTION_KEYS", NEW_KEY)]);
    let both = [("ENCRYPTION_KEYS", both.as_str())];
    let server = world.serve(&[], &both).await;

    let before = world.run(&["doctor"], &both).await;
    assert!(said(&before).contains("new encrypts; the ring has new, old"), "{}", said(&before));
    assert!(said(&before).contains("api keys rotate"), "{}", said(&before));
    let lost = world.run(&["doctor"], &new).await;
    assert_eq!(lost.status.code(), Some(1), "{}", said(&lost));

    let asking = async {
        for _ in 0..20 {
            assert_eq!(server.get("/v1/integrations").await.status, 200);
        }
    };
    let (rotated, ()) = tokio::join!(world.run(&["keys", "rotate"], &both), asking);
    assert!(rotated.status.success() && said(&rotated).contains("\"new\""), "{}", said(&rotated));

    let after = world.run(&["doctor"], &new).await;
    assert_eq!(after.status.code(), Some(0), "{}", said(&after));
    assert!(said(&after).contains("new encrypts; the ring has new"), "{}", said(&after));
    for output in [before, lost, rotated, after] {
        assert!(!said(&output).contains(key(OLD_KEY)) && !said(&output).contains(key(NEW_KEY)));
    }
    // What was sealed again is opened: nothing but the new key, and no secret given.
    let mut command = world.api(&["doctor"], &new);
    for given in ["CRISP_PLUGIN_IDENTIFIER", "CRISP_PLUGIN_KEY", "CRISP_HOOKS_SECRET"] {
        command.env_remove(given);
    }
    let opened = finish(command).await;
    assert_eq!(opened.status.code(), Some(0), "{}", said(&opened));
}
