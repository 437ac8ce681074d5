//! The worker as an operator runs it: real processes beside each other on one Postgres, killed, frozen, asked to end,
//! against a simulated Crisp. The list of modules is the index.

#![expect(unreachable_pub, reason = "the modules of one test binary share freely")]
#![expect(
    clippy::print_stdout,
    reason = "measured figures are worth reading, whether or not they fail a test"
)]

#[path = "../../../../tests/scenarios/comparison.rs"]
mod comparison;
mod crowd;
mod latency;
mod served;
mod stage;

/// R1: a hundred kills in one import cost a step each, and nothing is lost or doubled.
mod killing;

/// R1: a worker that wakes up after its lease lapsed can write nothing.
mod freezing;

/// R1: asked to end, a worker hands back what it holds.
mod ending;

/// R1: what was given up is listed, and tried again when an operator says so.
mod letters;

/// R1: Postgres crashes, and is away for a while.
mod outages;

/// R1, R2: a sync that waits for the budget says so and until when, and goes on by itself, whatever is restarted.
mod waiting;

/// R1, R2, R4: the figures that an operator reads while everything is at work.
mod figures;

/// R2, B4: one budget for four processes, never overrun and hardly ever idle.
mod budget;

/// R4: a small account beside one that is fifty times its size.
mod fairness;

/// Y3: what a hook tells is visible through the API a moment later.
mod visible;

/// R3: memory does not grow with the workspace.
mod memory;
