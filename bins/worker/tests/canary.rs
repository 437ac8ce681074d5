//! Nothing leaks: a canary in every secret and personal field, the real programs at `trace`, and whatever can go wrong
//! going wrong. What they log, count, refuse with and document must show none of them, nor may a dump show a secret.

#[cfg(test)]
#[path = "canary/forms.rs"]
mod forms; // plain, base64, hex, percent-encoded
#[cfg(test)]
#[path = "canary/life.rs"]
mod life; // a workspace lives and the programs with it: imported, heard, failed, refused, erased
#[cfg(test)]
#[path = "canary/processes.rs"]
mod processes; // the programs, and HTTP by hand
#[cfg(test)]
#[path = "canary/stage.rs"]
mod stage; // settings, a Crisp and an account that are full of canaries

#[cfg(test)]
use stage::{PERSONAL, Stage};

#[cfg(test)]
#[tokio::test(flavor = "multi_thread")]
async fn no_canary_is_logged_counted_documented_told_in_a_refusal_or_dumped() {
    let stage = Stage::start().await;
    let refusals = life::live(&stage).await;
    let metrics = stage.metrics().await;
    let document = stage.get("/openapi.json").await.body;
    let (logs, dump) = (stage.logs(), stage.dump().await);
    // What is searched is there, and worth searching.
    for level in ["ERROR", "WARN", "INFO", "DEBUG"] {
        assert!(logs.contains(level), "nothing was logged at {level}:\n{logs}");
    }
    assert!(
        metrics.contains("crisp_requests_total") && metrics.contains("crisp_hooks_received_total"),
        "{metrics}"
    );
    assert!(refusals.len() > 20 && document.contains("openapi"), "{}", refusals.len());
    assert!(forms::shows(&dump, PERSONAL[0]), "the dump holds what was imported");

    let mut leaks = Vec::new();
    let secrets = stage.secrets();
    for marker in PERSONAL.iter().map(|marker| (*marker).to_owned()).chain(secrets.iter().cloned()) {
        for (place, text) in [("logs", &logs), ("metrics", &metrics), ("document", &document)] {
            leaks.extend(lines(text, &marker).map(|line| format!("{marker} in the {place}: {line}")));
        }
        for (request, answer) in &refusals {
            if forms::shows(answer, &marker) {
                leaks.push(format!("{marker} in the answer to {request}: {answer}"));
            }
        }
    }
    for marker in stage.sealed() {
        leaks.extend(lines(&dump, &marker).map(|line| format!("{marker} in the dump: {line}")));
    }
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
}

#[cfg(test)]
fn lines<'a>(text: &'a str, marker: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter(move |line| forms::shows(line, marker))
}
