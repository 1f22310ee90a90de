//! An admin looks at the panel as somebody else sees it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    http_panel::{Answer, PASSWORD, Panel, Person},
    http_servers::{Scene, give},
    on_both,
    world::World,
};

on_both! {
    an_admin_sees_what_somebody_sees_and_changes_nothing
    an_admin_sees_what_a_role_shows
    who_has_something_to_set_right_first_looks_as_nobody
    nobody_else_looks_as_somebody
}

async fn ask(
    person: &Person,
    method: Method,
    path: &str,
    whom: &str,
    body: Option<Value>,
) -> Answer {
    let mut request = person.request(method, &format!("/api/v1{path}"));
    request = request.header("x-view-as", whom);
    if let Some(body) = body {
        request = request.json(&body);
    }
    Answer::of(request.send().await.unwrap()).await
}

async fn look(person: &Person, path: &str, whom: &str) -> Answer {
    ask(person, Method::GET, path, whom, None).await
}

/// The same is answered to both. Servers and operations move on meanwhile: what counts is an answer between two equal ones.
async fn assert_same(viewer: &Person, seen: &Person, path: &str, whom: &str) {
    let mut before = seen.get(path).await.expect(200);
    for _ in 0..100 {
        let shown = look(viewer, path, whom).await.expect(200);
        let after = seen.get(path).await.expect(200);
        if before == after {
            assert_eq!(shown, after, "{path}");
            return;
        }
        before = after;
    }
    panic!("{path} is never twice the same");
}

fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap();
    items
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect()
}

async fn an_admin_sees_what_somebody_sees_and_changes_nothing(world: World) {
    let scene = Scene::set(world).await;
    let (root, ann) = (&scene.admin, scene.panel.logged_in("ann", false).await);
    let (theirs, _) = scene.server("theirs").await;
    let (other, _) = scene.server("other").await;
    give(&scene, theirs, &ann).await;
    let begun = root
        .post("/view-as", json!({"user": ann.id.unwrap().to_string()}))
        .await
        .expect(200);
    assert_eq!(begun["name"], "ann");
    let whom = begun["header"].as_str().unwrap();
    for path in ["/servers", "/account/quota", "/operations", "/permissions"] {
        assert_same(root, &ann, path, whom).await;
    }
    let session = look(root, "/session", whom).await.expect(200);
    assert_eq!(
        (
            &session["user"]["username"],
            &session["permissions"],
            &session["viewing"]
        ),
        (&json!("ann"), &json!([]), &json!(true))
    );
    for path in ["/users", "/nodes", "/audit", "/settings"] {
        assert_eq!(
            look(root, path, whom).await.status,
            ann.get(path).await.status,
            "{path}"
        );
    }
    look(root, &format!("/servers/{other}"), whom)
        .await
        .expect(404);
    // What belongs to the account alone stays theirs, and nothing is done in their name.
    for path in [
        "/account/api-keys",
        "/account/sessions",
        "/account/passkeys",
        "/account/ssh-keys",
    ] {
        assert_eq!(
            look(root, path, whom).await.problem(409),
            "viewing_as",
            "{path}"
        );
    }
    let path = format!("/servers/{theirs}");
    let rows = [
        (Method::PATCH, path.clone(), Some(json!({"name": "mine"}))),
        (
            Method::POST,
            format!("{path}/power"),
            Some(json!({"action": "start"})),
        ),
        (Method::POST, format!("{path}/ticket"), None),
        (Method::DELETE, format!("{path}?name=theirs"), None),
        (Method::DELETE, "/session".into(), None),
        (
            Method::POST,
            "/account/api-keys".into(),
            Some(json!({"name": "k"})),
        ),
    ];
    for (method, path, body) in rows {
        let refused = ask(root, method.clone(), &path, whom, body).await;
        assert_eq!(refused.problem(409), "viewing_as", "{method} {path}");
    }
    assert_eq!(root.get(&path).await.expect(200)["name"], "theirs");
    let log = root.get("/audit?action=panel.view_as").await.expect(200);
    assert_eq!(log["items"][0]["actor"]["user"]["name"], "root");
}

async fn an_admin_sees_what_a_role_shows(world: World) {
    let scene = Scene::set(world).await;
    let root = &scene.admin;
    scene.server("one").await;
    let role = json!({"name": "Lookers", "keys": ["server.read", "node.read"]});
    let role = root.post("/roles", role).await.expect(201);
    let begun = root
        .post("/view-as", json!({"role": role["id"]}))
        .await
        .expect(200);
    let whom = begun["header"].as_str().unwrap();
    assert_eq!(
        names(&look(root, "/servers", whom).await.expect(200)),
        ["one"]
    );
    look(root, "/nodes", whom).await.expect(200);
    look(root, "/users", whom).await.expect(403);
    let empty = root
        .post("/roles", json!({"name": "None", "keys": []}))
        .await
        .expect(201);
    let whom = format!("role:{}", empty["id"].as_str().unwrap());
    // Not even what the admin owns.
    assert!(names(&look(root, "/servers", &whom).await.expect(200)).is_empty());
}

async fn who_has_something_to_set_right_first_looks_as_nobody(world: World) {
    let panel = Panel::open(world).await;
    let ann = panel.logged_in("ann", false).await;
    panel.account("root", true, true).await;
    let mut root = panel.nobody();
    root.log_in("root", PASSWORD).await.expect(200);
    let whom = format!("user:{}", ann.id.unwrap());
    for path in ["/session", "/servers"] {
        let refused = look(&root, path, &whom).await;
        assert_eq!(refused.problem(403), "password_change_required", "{path}");
    }
    root.get("/session").await.expect(200);
}

async fn nobody_else_looks_as_somebody(world: World) {
    let scene = Scene::set(world).await;
    let root = &scene.admin;
    let ann = scene.panel.logged_in("ann", false).await;
    let whom = format!("user:{}", root.id.unwrap());
    assert_eq!(look(&ann, "/users", &whom).await.problem(403), "forbidden");
    let begin = json!({"user": root.id.unwrap().to_string()});
    assert_eq!(
        ann.post("/view-as", begin.clone()).await.problem(403),
        "forbidden"
    );
    let key = root
        .post("/account/api-keys", json!({"name": "k"}))
        .await
        .expect(201);
    let mut robot = scene.panel.nobody();
    robot.key = key["secret"].as_str().map(str::to_owned);
    assert_eq!(
        look(&robot, "/users", &whom).await.problem(403),
        "session_needed"
    );
    assert_eq!(
        robot.post("/view-as", begin).await.problem(403),
        "session_needed"
    );
    look(&scene.panel.nobody(), "/users", &whom)
        .await
        .expect(401);
    for bad in [
        "root",
        "user:",
        "user:root",
        "node:01h455vb4pex5vsknk084sn02q",
    ] {
        assert_eq!(
            look(root, "/users", bad).await.problem(400),
            "bad_view_as",
            "{bad}"
        );
    }
    let gone = warren_proto::ids::UserId::new();
    look(root, "/users", &format!("user:{gone}"))
        .await
        .expect(404);
    let both = root.post("/view-as", json!({})).await.fields();
    assert_eq!(both, ["user required"]);
}
