use utoipa_axum::routes;

use super::*;
use crate::auth::Caller;
use crate::extract::Body;
use crate::problem::Problem;

#[utoipa::path(get, path = "/v1/things/{id}", params(("id" = uuid::Uuid, Path)), responses((status = 200, body = String)))]
async fn find_thing(caller: Caller) -> String {
    caller.subject
}

#[utoipa::path(put, path = "/v1/things/{id}", request_body = String, responses((status = 204), (status = 409, description = "Taken.")))]
async fn put_thing(_caller: Caller, Body(_): Body<String>) -> Result<(), Problem> {
    Ok(())
}

fn routes_of_things() -> Routes {
    Routes::new()
        .documented(Access::Permission(Permission::ReadConversations), routes!(find_thing))
        .documented(Access::Permission(Permission::WriteDirectory), routes!(put_thing))
        .get("/", Access::PageSignedIn, async || "")
}

#[test]
fn the_table_has_every_route_with_its_access() {
    let line =
        |path: &str, method: &str, access| Route { path: path.to_owned(), method: method.to_owned(), access };
    let expected = [
        line("/", "GET", Access::PageSignedIn),
        line("/v1/things/{id}", "GET", Access::Permission(Permission::ReadConversations)),
        line("/v1/things/{id}", "PUT", Access::Permission(Permission::WriteDirectory)),
    ];
    assert_eq!(routes_of_things().table(), expected);
    assert_eq!(Routes::new().merge(routes_of_things()).with_state::<()>(&()).table(), expected);
}

#[test]
fn the_document_says_who_may_and_how_it_can_be_refused() {
    let document = serde_json::to_value(routes_of_things().document()).unwrap();
    let get = &document["paths"]["/v1/things/{id}"]["get"];
    assert_eq!(get["security"], serde_json::json!([{"bearer": ["conversations:read"]}]));
    let statuses = |operation: &serde_json::Value| {
        operation["responses"].as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(statuses(get), "200 400 401 403 404 413 422 500 503");
    let put = &document["paths"]["/v1/things/{id}"]["put"];
    assert_eq!(statuses(put), "204 400 401 403 408 409 413 415 422 500 503");
    assert_eq!(put["responses"]["409"]["description"], "Taken.");
    let problem = &get["responses"]["403"]["content"]["application/problem+json"]["schema"]["$ref"];
    assert_eq!(problem, "#/components/schemas/Problem");
    assert_eq!(document["components"]["schemas"]["Problem"]["properties"]["code"]["type"], "string");
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    assert!(document["paths"].get("/").is_none());
}
