//! Life in the workspace after the import: somebody writes, somebody answers. It arrives by web hooks.

use std::time::Duration;

use testkit::simulator::{Change, NewConversation, NewMessage, Person, Side, State};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::stage::Stage;

/// Between two lines of a conversation.
const PAUSE: Duration = Duration::from_secs(5);
/// How many people take turns in writing.
const WRITERS: usize = 50;

/// A short conversation: its subject, the question, the answer, the thanks.
type Scene = (&'static str, &'static str, &'static str, &'static str);

const SCENES: [Scene; 6] = [
    (
        "Inviting a colleague",
        "Hi! How do I invite a colleague to our account? I only see my own name under Team.",
        "Hello! Under Settings → Team there is \"Invite\" at the top right; it shows for admins only. I made you one just now.",
        "Found it, thank you!",
    ),
    (
        "Export stops at 1,000 rows",
        "Our CSV export ends after 1,000 rows, but there should be about 4,300.",
        "The export from the table takes what is on screen. \"Export all\" in the menu beside it sends you a link by email.",
        "That worked, all rows are there.",
    ),
    (
        "Invoice address",
        "We moved last month. Can you put our new address on the next invoice?",
        "Of course. You can change it under Billing → Company details; the invoice of the 1st will have it.",
        "Done. Thanks for the quick answer.",
    ),
    (
        "Webhook retries",
        "How often do you retry a webhook that we answered with a 500?",
        "Five times, with growing pauses, for about two hours. After that it is in the delivery log, with a button to resend.",
        "Great, exactly what we need.",
    ),
    (
        "Health score dropped",
        "The health score of one of our biggest customers dropped from 82 to 40 over night. Is that right?",
        "Their usage data did not arrive since yesterday noon. Once your import runs again, the score recovers within the hour.",
        "You are right, our job had failed. It is back at 81 now.",
    ),
    (
        "Single sign-on",
        "Do you support SSO with Entra ID on our plan?",
        "Yes, SAML and OpenID Connect are both included. I am sending you the guide; it takes about ten minutes.",
        "Perfect, I'll pass it on to our IT.",
    ),
];

/// Plays scene after scene until the demo is asked to stop.
pub(crate) async fn keep_going(stage: &Stage, asked_to_stop: &CancellationToken) -> anyhow::Result<()> {
    let change = stage.crisp.change(stage.website);
    let writers: Vec<Person> = stage.crisp.truth(stage.website).people().take(WRITERS).collect();
    let mut cast = writers.iter().cycle().zip(SCENES.iter().cycle());
    while !asked_to_stop.is_cancelled() {
        let Some((writer, scene)) = cast.next() else { break };
        play(&change, writer, scene, asked_to_stop).await?;
    }
    Ok(())
}

async fn play(
    change: &Change,
    writer: &Person,
    (subject, question, answer, thanks): &Scene,
    asked_to_stop: &CancellationToken,
) -> anyhow::Result<()> {
    let pause = async || asked_to_stop.run_until_cancelled(sleep(PAUSE)).await;
    let new = NewConversation {
        email: writer.email.clone(),
        nickname: writer.nickname.clone(),
        subject: Some((*subject).to_owned()),
        ..NewConversation::by_people_id(&writer.people_id)
    };
    let session = change.start_conversation(new, question);
    pause().await;
    change.send(&session, NewMessage::text(Side::Operator, answer))?;
    pause().await;
    change.send(&session, NewMessage::text(Side::User, thanks))?;
    pause().await;
    change.set_state(&session, State::Resolved)?;
    pause().await;
    Ok(())
}
