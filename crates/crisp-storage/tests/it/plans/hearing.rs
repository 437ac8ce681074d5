//! Calls functions and overhears what they send to Postgres.

use std::cell::RefCell;
use std::collections::BTreeSet;

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};

use super::{reading, writing};
use crate::setting::Setting;

tokio::task_local! {
    /// The statements of the task that listens; other tests run beside it.
    static SENT: RefCell<Vec<String>>;
}

/// What was called, and the statements that it took.
pub(super) struct Heard {
    /// Paths of functions.
    pub(super) called: BTreeSet<String>,
    /// Each once, without values.
    pub(super) statements: BTreeSet<String>,
    /// The database that knows the tables.
    pub(super) setting: Setting,
}

/// Calls every function in a transaction of its own that is rolled back.
pub(super) async fn hear() -> Heard {
    set_default_instrumentation(listener).unwrap();
    let setting = Setting::new().await;
    let mut called = BTreeSet::new();
    let calls = async {
        reading::call_all(&setting, &mut called).await;
        writing::call_all(&setting, &mut called).await;
        SENT.with(RefCell::take)
    };
    let sent = SENT.scope(RefCell::default(), calls).await;
    Heard { called, statements: sent.iter().filter_map(|sent| statement(sent)).collect(), setting }
}

#[expect(clippy::unnecessary_wraps, reason = "diesel wants an answer that may be none")]
fn listener() -> Option<Box<dyn Instrumentation>> {
    Some(Box::new(|event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let _ = SENT.try_with(|sent| sent.borrow_mut().push(query.to_string()));
        }
    }))
}

/// The text of a statement without its values; `None`: it opens or closes a transaction, or sets something.
fn statement(sent: &str) -> Option<String> {
    let text = sent.split_once("-- binds: ")?.0.trim();
    let verb = text.split_whitespace().next()?.to_lowercase();
    ["select", "with", "insert", "update", "delete", "merge"]
        .contains(&verb.as_str())
        .then(|| text.to_owned())
}

/// Calls a function in a session that is rolled back, and notes that it was called.
macro_rules! call {
    ($setting:expr, $called:expr, $($function:ident)::+ $(, $argument:expr)* $(,)?) => {{
        let path = [$(stringify!($function)),+].join("::");
        let mut session = $setting.write().await;
        $($function)::+(&mut session $(, $argument)*).await.unwrap_or_else(|error| panic!("{path}: {error:?}"));
        $called.insert(path);
    }};
}
pub(super) use call;
