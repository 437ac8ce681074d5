//! The requirements, as scenarios: a simulated Crisp, the real crates, a real Postgres. The list of modules is the index.

#![expect(unreachable_pub, reason = "the modules of one test binary share freely")]

mod comparison;
mod stage;

/// Y1, D1–D6, M1–M5: a workspace's people, conversations and messages arrive, and arriving twice changes nothing.
mod full_sync;

/// D6: odd and unreadable records never stop an import.
mod oddities;

/// Y2, Y4, D4: what changed since, at the cost of what changed; what vanished.
mod incremental;

/// Y2, B6: the schedule, and how it tightens while hooks are missing.
mod schedule;

/// M3, M4, B1: conversations that come in, move and leave as contacts do.
mod late_matches;

/// Y3, Y5, B5: hooks in any order and with any losses end in Crisp's own state.
mod convergence;

/// R2, B4: one budget for every worker: never overrun, hardly ever idle, waiting is no error.
mod quota;

/// R2: a budget smaller than what one step asks for, and a Crisp that refuses: nothing is read twice, nothing loops.
mod thrift;

/// Y1, Y2, Y4: websites that refuse sorts, ignore filters, or end their lists oddly.
mod limits;

/// C6, B11: changed settings take effect on what is there.
mod settings;

/// R1, D6: one record that goes wrong costs nobody else anything.
mod poison;

/// R1: what Crisp or the network do wrong passes, or is set aside and listed; nothing is lost and nothing loops.
mod faults;

/// C1–C9, D1, V1–V3: the console in real Chromium, with and without scripts, in light and dark.
mod browser;
