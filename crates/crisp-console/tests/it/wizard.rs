use axum::body::Body;
use crisp_sync::settings;
use serde_json::json;
use testkit::simulator::{NewConversation, Options};
use uuid::Uuid;

use crate::world::{MANAGE, World, request, token};

#[tokio::test(flavor = "multi_thread")]
async fn a_website_that_cannot_be_connected_is_refused_where_it_was_typed() {
    let options = Options::of_size(3, 2).each_website(testkit::simulator::WebsiteOptions::not_installed);
    let world = World::of(options).await;
    let path = world.post("/integrations", &[]).await.leads_to().to_owned();
    let submit = async |text: &str| world.post(&format!("{path}/website"), &[("website_id", text)]).await;

    let nonsense = submit("my website \"><script>").await;
    assert_eq!(nonsense.status, 422);
    assert!(nonsense.texts("#refused")[0].contains("Website Settings"), "{:?}", nonsense.texts("#refused"));
    assert_eq!(nonsense.attributes("#website_id", "value"), ["my website \"><script>"]);

    let website = world.website().to_string();
    let missing = submit(&website).await;
    assert_eq!(missing.status, 409);
    assert!(missing.text.contains("Install the plugin on that very website first"));

    world.crisp.change(world.website()).install();
    let unproven = submit(&website).await;
    assert_eq!(unproven.status, 403);
    assert_eq!(unproven.attributes("details[open] code.copyable", "class").len(), 1);

    let code = world.page(&path).await.texts("code.copyable").remove(0);
    world.crisp.change(world.website()).set_settings(&json!({"custify_connection_code": code}));
    assert_eq!(submit(&format!(" {} ", website.to_uppercase())).await.leads_to(), format!("{path}/settings"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_notices_the_installation_by_itself() {
    let world = World::of(Options::of_size(3, 2)).await;
    let made = world.post("/integrations", &[]).await.leads_to().to_owned();
    assert!(world.page(&made).await.text.contains("Waiting for the installation"));
    assert_eq!(world.get(&format!("{made}/installation")).await.status, 204, "nothing to say");
    let connected = world.connected().await;
    let noticed = world.page(&format!("{connected}/installation")).await;
    assert_eq!(noticed.header("hx-redirect"), connected);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_saved_whole_or_refused_at_their_fields() {
    let world = World::of(Options::of_size(5, 2)).await;
    let path = world.connected().await;
    let settings = format!("{path}/settings");
    let on = [("import_people", "1"), ("import_conversations", "1")];
    let wrong = [
        &on[..],
        &[("backfill", "custom"), ("backfill_days", "no"), ("schedule", "custom"), ("interval_minutes", "")],
    ]
    .concat();
    let refused = world.post(&settings, &wrong).await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.texts("#backfill-error, #schedule-error").len(), 2);
    assert_eq!(refused.attributes("input[name=backfill_days]", "value"), ["no"]);

    let right =
        [&on[..], &[("backfill", "90"), ("schedule", "custom"), ("interval_minutes", "42"), ("redact", "1")]]
            .concat();
    assert_eq!(world.post(&settings, &right).await.leads_to(), format!("{path}/mapping"));
    let saved = world.page(&settings).await;
    assert_eq!(saved.attributes("input[name=backfill][checked]", "value"), ["90"]);
    assert_eq!(saved.attributes("input[name=interval_minutes]", "value"), ["42"]);
    assert_eq!(
        saved.attributes("input[type=checkbox][checked]", "name"),
        ["import_people", "import_conversations", "redact"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_is_tried_on_real_profiles_refused_by_row_and_saved() {
    let world = World::of(Options::of_size(20, 2)).await;
    let path = world.connected().await;
    let mapping = format!("{path}/mapping");
    let editor = world.page(&mapping).await;
    assert!(editor.attributes("#sources option", "value").contains(&"person.geolocation.city".to_owned()));
    assert!(!editor.texts(".example").is_empty());
    assert_eq!(editor.texts(".previewed").len(), 5);

    let row = |to| {
        [
            ("from_0", "email"),
            ("to_0", "email"),
            ("on_0", "1"),
            ("from_1", "person.geolocation.city"),
            ("to_1", "attributes"),
            ("attribute_1", to),
            ("on_1", "1"),
        ]
    };
    let preview = world.post(&format!("{mapping}/preview"), &row("town")).await;
    assert!(preview.texts("dt").contains(&"Town".to_owned()), "{}", preview.text);
    let refused = world.post(&mapping, &[&row("No Name")[..], &[("action", "save")]].concat()).await;
    assert_eq!((refused.status.as_u16(), refused.texts(".has-error .wrong").len()), (422, 1));
    let saved = world.post(&mapping, &[&row("town")[..], &[("action", "save")]].concat()).await;
    assert_eq!(saved.leads_to(), format!("{path}/import"));
    let rows = world.page(&mapping).await;
    assert_eq!(rows.attributes("#rows .on input[checked]", "name"), ["on_0", "on_1", "on_9"]);
    let forecast = world.page(&format!("{path}/import?forecast=1")).await;
    assert!(forecast.texts(".cost-line")[0].starts_with("About "), "{:?}", forecast.texts("#forecast"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_begun_once_watched_and_told_to_its_end() {
    let world = World::of(Options::of_size(30, 20)).await;
    let (path, sync) = world.imported().await;
    let page = world.page(&sync).await;
    assert_eq!(page.texts(".bars .name"), ["People", "Conversations", "Messages"]);
    assert_eq!(page.texts(".bars .amount").first().map(String::as_str), Some("30"));
    let live =
        world.send(request("GET", &format!("{sync}/live"), &world.admin).body(Body::empty()).unwrap()).await;
    assert_eq!(live.header("content-type"), "text/event-stream");
    assert!(
        live.text.contains("Succeeded") && live.text.trim_end().ends_with("event: done\ndata: done"),
        "{}",
        live.text
    );
    let health = world.page(&path).await;
    assert_eq!(health.texts(".page-head .badge"), ["Active"]);
    let again = world.post(&format!("{path}/syncs"), &[("kind", "incremental")]).await.leads_to().to_owned();
    let twice = world.post(&format!("{path}/syncs"), &[("kind", "full")]).await.leads_to().to_owned();
    assert_eq!(again, twice, "one sync at a time: the second click leads to the one under way");
    assert_eq!(world.post(&format!("{again}/cancel"), &[]).await.leads_to(), again);
    assert_eq!(world.page(&again).await.texts("#sync-state"), ["Cancelled"]);
    assert_eq!(world.page(&format!("{path}/syncs")).await.texts("tbody tr").len(), 2);
    let checks = world.post(&format!("{path}/checks"), &[]).await;
    assert_eq!(checks.texts(".checks h3").len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_skipped_says_what_would_bring_it_in() {
    let world = World::of(Options::of_size(10, 5)).await;
    let new = NewConversation::by_email("nobody@elsewhere.example");
    world.crisp.change(world.website()).start_conversation(new, "Hello?");
    let (path, _) = world.imported().await;
    let list = world.page(&format!("{path}/skipped?search=nobody%40elsewhere&reason=no_match")).await;
    let href = list.attributes(".conversations h3 a", "href").remove(0);
    let one = world.page(&href).await;
    assert!(
        one.texts("li")
            .iter()
            .any(|way| way.contains("A contact with the email address nobody@elsewhere.example"))
    );
    assert_eq!(
        world.page(&format!("{path}/skipped?search=nothing-like-it")).await.texts(".empty h3"),
        ["Nothing here"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn disconnecting_takes_the_name() {
    let world = World::of(Options::of_size(3, 2)).await;
    let path = world.connected().await;
    let form = format!("{path}/disconnect");
    assert_eq!(world.post(&form, &[("name", "another"), ("imported", "purge")]).await.status, 422);
    assert_eq!(world.page(&path).await.texts(".page-head .badge"), ["Connected"]);
    let done = world.post(&form, &[("name", "custify  demo support"), ("imported", "keep")]).await;
    assert_eq!(done.leads_to(), format!("{path}?done=disconnected"));
    let page = world.page(done.leads_to()).await;
    assert_eq!(page.texts(".notice"), ["Crisp is disconnected."]);
    assert!(page.texts(".callout")[0].contains("What was imported is still here"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_is_told_while_it_runs_and_when_it_is_done() {
    let world = World::of(Options::of_size(5, 3)).await;
    let (path, _) = world.imported().await;
    let form = [("name", "Custify Demo Support"), ("imported", "purge")];
    let done = world.post(&format!("{path}/disconnect"), &form).await;
    let purging = world.page(done.leads_to()).await;
    assert_eq!(purging.texts("h1"), ["Custify Demo Support"], "it keeps its name");
    assert!(purging.texts(".callout")[0].contains("is being deleted"), "{:?}", purging.texts(".callout"));
    assert_eq!(purging.texts("#install"), Vec::<String>::new(), "nothing can be connected yet");
    let poll = format!("{path}/installation?purging=true");
    assert_eq!(world.get(&poll).await.status, 204);
    world.work_until(async || world.get(&poll).await.header("hx-redirect") == path).await;
    let purged = world.page(&path).await;
    assert!(purged.texts(".callout")[0].contains("is deleted"), "{:?}", purged.texts(".callout"));
    assert_eq!(purged.texts("#install").len(), 1);
    let list = world.page("/integrations").await;
    assert_eq!(list.texts(".integration h2"), ["Custify Demo Support"]);
    assert!(!list.text.contains("still here"), "{}", list.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untouched_draft_is_gone_on_with_and_can_be_thrown_away() {
    let world = World::of(Options::of_size(1, 1)).await;
    let first = world.post("/integrations", &[]).await.leads_to().to_owned();
    assert_eq!(world.post("/integrations", &[]).await.leads_to(), first);
    assert_eq!(world.page("/integrations").await.texts(".integration").len(), 1);
    let gone = world.post(&format!("{first}/discard"), &[]).await;
    assert_eq!(world.page(gone.leads_to()).await.texts(".integration").len(), 0);
    assert_ne!(world.post("/integrations", &[]).await.leads_to(), first);
    let connected = world.connected().await;
    let asked = world.post(&format!("{connected}/discard"), &[]).await;
    assert_eq!(asked.leads_to(), format!("{connected}/disconnect"), "what is connected is let go of by name");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_import_is_the_last_step_until_it_is_done_and_can_be_tried_again() {
    let world = World::of(Options::of_size(5, 3)).await;
    let path = world.connected().await;
    for page in ["/settings", "/disconnect"] {
        let reachable = world.page(&format!("{path}{page}")).await;
        assert!(reachable.text.contains(&format!("{path}/disconnect")), "it can be let go of at any time");
    }
    let sync = world.post(&format!("{path}/syncs"), &[("kind", "full")]).await.leads_to().to_owned();
    for page in ["", "/import"] {
        assert_eq!(world.get(&format!("{path}{page}")).await.leads_to(), sync);
    }
    let running = world.page(&sync).await;
    assert_eq!(running.texts(".steps [aria-current]"), ["First import"]);
    assert_eq!(running.texts("#cancel"), ["Cancel"]);
    world.post(&format!("{sync}/cancel"), &[]).await;
    assert_eq!(world.get(&path).await.leads_to(), sync);
    let cancelled = world.page(&sync).await;
    assert_eq!(cancelled.texts("#again"), ["Try again"]);
    assert_eq!(cancelled.texts(".bars .stopped").len(), 3);
    let again = world.post(&format!("{path}/syncs"), &[("kind", "full")]).await.leads_to().to_owned();
    world.work_until(async || world.page(&again).await.texts("#sync-state") == ["Succeeded"]).await;
    let done = world.page(&again).await;
    assert!(done.texts("h2.now")[0].starts_with("Imported 5 people"), "{:?}", done.texts("h2.now"));
    assert_eq!(done.texts("#cancel").len(), 0);
    assert_eq!(done.texts(".progress-card [role=button]"), ["See contacts", "Overview"]);
    assert_eq!(done.texts(".tabs a").len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_was_set_elsewhere_is_saved_as_it_was() {
    let world = World::of(Options::of_size(1, 1)).await;
    let path = world.connected().await;
    let id: Uuid = path.rsplit('/').next().unwrap().parse().unwrap();
    let wanted = json!({"incremental_interval_seconds": 30});
    settings::put(&world.engine, world.account.into(), id.into(), "tester", wanted).await.unwrap();
    let form = world.page(&format!("{path}/settings")).await;
    let chosen = form.attributes("input[name=schedule][checked]", "value").remove(0);
    let fields =
        [("import_people", "1"), ("import_conversations", "1"), ("schedule", &chosen), ("backfill", "")];
    world.post(&format!("{path}/settings"), &fields).await.leads_to();
    let saved = settings::get(&world.engine, world.account.into(), id.into()).await.unwrap();
    assert_eq!(saved.incremental_interval_seconds, Some(30));
}

#[tokio::test(flavor = "multi_thread")]
async fn editing_a_mapping_asks_crisp_once() {
    let world = World::of(Options::of_size(20, 2)).await;
    let path = world.connected().await;
    let preview = format!("{path}/mapping/preview");
    let row = |from| [("from_0", from), ("to_0", "attributes"), ("attribute_0", "x"), ("on_0", "1")];
    world.page(&format!("{path}/mapping")).await;
    world.post(&preview, &row("data.plan")).await;
    let asked = world.crisp.log().len();
    for from in ["data.plan", "data.pl", "person.nickname", "data.plan"] {
        assert_eq!(world.post(&preview, &row(from)).await.status, 200);
    }
    assert_eq!(world.crisp.log().len(), asked, "what was read is tried again without a request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_website_that_somebody_else_has_connected_is_refused_where_it_was_typed() {
    let world = World::of(Options::of_size(1, 1)).await;
    world.connected().await;
    let other = token(Uuid::new_v4(), &[MANAGE]);
    let path = world.post_as(&other, "/integrations", &[]).await.leads_to().to_owned();
    let code = world.get_as(&other, &path).await.texts("code.copyable").remove(0);
    world.crisp.change(world.website()).set_settings(&json!({"custify_connection_code": code}));
    let typed = world.website().to_string();
    let refused = world.post_as(&other, &format!("{path}/website"), &[("website_id", &typed)]).await;
    assert_eq!(refused.status, 409);
    assert_eq!(refused.texts("#refused").len(), 1);
    assert!(!refused.text.contains("Custify Demo Support"), "as little as possible about by whom");
}
