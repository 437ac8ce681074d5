use std::path::Path;
use std::process::Command;

/// `npm ci` belongs to CI and to whoever changes package.json: without the packages there is nothing to compare with.
#[test]
fn the_committed_styles_and_scripts_are_those_of_the_pinned_packages() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    if !package.join("node_modules").exists() {
        eprintln!(
            "SKIPPED: no node_modules beside crisp-console's package.json; `npm ci` there, then test again"
        );
        return;
    }
    let check = Command::new("node").arg("vendor.mjs").arg("--check").current_dir(package).status().unwrap();
    assert!(check.success(), "run `npm ci && npm run vendor` in crates/crisp-console");
}
