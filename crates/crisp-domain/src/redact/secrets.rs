//! Keys and tokens, by the shapes that their issuers give them.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// One alternative a line: whose key it is, and its shape.
const SHAPES: &[(&str, &str)] = &[
    (
        "private keys in PEM form",
        r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\z)",
    ),
    ("JSON web tokens", r"\beyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]*"),
    ("Stripe", r"\b[prs]k_(?:live|test)_[0-9A-Za-z]{10,}"),
    ("Stripe web hooks", r"\bwhsec_[0-9A-Za-z+/=]{20,}"),
    ("AWS", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("GitHub", r"\bgh[oprsu]_[0-9A-Za-z]{30,}"),
    ("GitHub, fine-grained", r"\bgithub_pat_[0-9A-Za-z_]{22,}"),
    ("GitLab", r"\bglpat-[0-9A-Za-z_-]{20,}"),
    ("Slack", r"\bxox[abeoprs]-[0-9A-Za-z-]{10,}"),
    ("Google", r"\bAIza[0-9A-Za-z_-]{35}"),
    ("OpenAI, Anthropic", r"\bsk-(?:[a-z]{2,10}[0-9]{0,2}-){0,2}[0-9A-Za-z_-]{20,}"),
    ("SendGrid", r"\bSG\.[0-9A-Za-z_-]{16,}\.[0-9A-Za-z_-]{16,}"),
    ("npm", r"\bnpm_[0-9A-Za-z]{36}"),
    ("PyPI", r"\bpypi-[0-9A-Za-z_-]{16,}"),
    ("bearer tokens", r"(?i:\bbearer)[ \t:]+[0-9A-Za-z._~+/-]{16,}=*"),
];

/// Every shape in one expression, so that a text is read once.
#[expect(clippy::expect_used, reason = "the expression is a constant, and a test compiles it")]
static ANY: LazyLock<Regex> = LazyLock::new(|| {
    let shapes: Vec<&str> = SHAPES.iter().map(|(_, shape)| *shape).collect();
    Regex::new(&shapes.join("|")).expect("the shapes are valid expressions")
});

/// Where keys and tokens stand in the text.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    ANY.find_iter(text).filter(|found| is_random(found.as_str())).map(|found| found.range()).collect()
}

/// Keys hold digits; "the bearer characteristically" does not, nor does "sk-something-made-of-words".
fn is_random(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit()) || text.starts_with("-----BEGIN")
}
