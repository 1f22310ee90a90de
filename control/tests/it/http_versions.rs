//! Of two who change the same thing from the same state, the second learns of the first.

use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::{
    http_panel::{Answer, Panel, Person},
    http_servers::Scene,
    on_both,
    world::World,
};

on_both! {
    a_change_meant_for_another_state_is_refused_and_changes_nothing
    of_many_who_change_one_state_at_once_one_does
    a_server_s_version_is_of_what_people_set_not_of_what_it_does
}

async fn change(
    person: &Person,
    method: &Method,
    path: &str,
    version: &str,
    body: &Value,
) -> Answer {
    let request = person.request(method.clone(), &format!("/api/v1{path}"));
    let request = request.header(header::IF_MATCH, version).json(body);
    Answer::of(request.send().await.unwrap()).await
}

fn quoted(thing: &Value) -> String {
    format!("\"{}\"", thing["version"].as_str().unwrap())
}

async fn a_change_meant_for_another_state_is_refused_and_changes_nothing(world: World) {
    let scene = Scene::set(world).await;
    let (root, node) = (&scene.admin, scene.node.id);
    let ann = scene.panel.logged_in("ann", false).await;
    let (server, _) = scene.server("island").await;
    let id = |made: Value| made["id"].as_str().unwrap().to_owned();
    let role = id(root
        .post("/roles", json!({"name": "r", "keys": []}))
        .await
        .expect(201));
    let plan = id(root
        .post("/plans", json!({"name": "p", "limits": {}}))
        .await
        .expect(201));
    let place = id(root
        .post("/locations", json!({"name": "l"}))
        .await
        .expect(201));
    let registry = json!({"host": "a.example", "username": "u", "password": "p"});
    let registry = id(root.post("/registries", registry).await.expect(201));
    let share = json!({"login": "ann", "keys": ["control.stop"]});
    root.post(&format!("/servers/{server}/users"), share)
        .await
        .expect(201);
    let ann = ann.id.unwrap();
    let (patch, put) = (Method::PATCH, Method::PUT);
    let rows = [
        (
            &patch,
            format!("/roles/{role}"),
            json!({"description": "x"}),
        ),
        (
            &patch,
            format!("/plans/{plan}"),
            json!({"description": "x"}),
        ),
        (
            &patch,
            format!("/locations/{place}"),
            json!({"description": "x"}),
        ),
        (
            &put,
            format!("/registries/{registry}"),
            json!({"username": "v", "password": "q"}),
        ),
        (&patch, format!("/users/{ann}"), json!({"username": "anna"})),
        (&put, format!("/users/{ann}/quota"), json!({"servers": 3})),
        (&patch, format!("/nodes/{node}"), json!({"name": "other"})),
        (
            &patch,
            format!("/servers/{server}"),
            json!({"description": "x"}),
        ),
        (
            &put,
            format!("/servers/{server}/users/{ann}"),
            json!({"keys": ["control.start"]}),
        ),
        (&put, "/settings".to_owned(), json!({"name": "x"})),
        (&put, "/account/profile".to_owned(), json!({"bio": "x"})),
    ];
    for (method, path, body) in &rows {
        // Where a thing has no address of its own, its list shows it.
        let seen = root
            .request(Method::GET, &format!("/api/v1{path}"))
            .send()
            .await
            .unwrap();
        let tag = match seen.status().as_u16() {
            200 => {
                let tag = seen.headers()[header::ETAG].to_str().unwrap().to_owned();
                assert_eq!(tag, quoted(&seen.json().await.unwrap()), "{path}");
                tag
            }
            _ => {
                let list = path.rsplit_once('/').unwrap().0;
                quoted(&root.get(list).await.expect(200)["items"][0])
            }
        };
        let refused = change(root, method, path, "\"0abc\"", body).await;
        assert_eq!(refused.problem(412), "changed_meanwhile", "{path}");
        let bad = change(root, method, path, "0abc", body).await;
        assert_eq!(bad.problem(400), "bad_if_match", "{path}");
        let done = change(root, method, path, &tag, body).await.expect(200);
        assert_ne!(quoted(&done), tag, "{path}");
        let late = change(root, method, path, &tag, body).await;
        assert_eq!(late.problem(412), "changed_meanwhile", "{path}");
        let again = change(root, method, path, &quoted(&done), body).await;
        assert_eq!(again.status, 200, "{path}");
        let any = change(root, method, path, "*", body).await;
        assert_eq!(any.status, 200, "{path}");
    }
}

async fn of_many_who_change_one_state_at_once_one_does(world: World) {
    let panel = Panel::open(world).await;
    let root = panel.as_admin().await;
    let made = root
        .post("/plans", json!({"name": "p", "limits": {}}))
        .await
        .expect(201);
    let path = format!("/plans/{}", made["id"].as_str().unwrap());
    let tag = quoted(&made);
    let asks = (0..12).map(|n| {
        let body = json!({"description": format!("{n}")});
        let (root, path, tag) = (&root, &path, &tag);
        async move { change(root, &Method::PATCH, path, tag, &body).await.status }
    });
    let answers = futures_util::future::join_all(asks).await;
    let done = answers.iter().filter(|status| **status == 200).count();
    let late = answers.iter().filter(|status| **status == 412).count();
    assert_eq!((done, late), (1, 11), "{answers:?}");
}

async fn a_server_s_version_is_of_what_people_set_not_of_what_it_does(world: World) {
    let scene = Scene::set(world).await;
    let root = &scene.admin;
    let (server, _) = scene.server("island").await;
    let path = format!("/servers/{server}");
    let before = root.get(&path).await.expect(200);
    root.post(&format!("{path}/power"), json!({"action": "start"}))
        .await;
    let started = root.get(&path).await.expect(200);
    assert_eq!(started["version"], before["version"]);
    let named = root
        .patch(&path, json!({"name": "mainland"}))
        .await
        .expect(200);
    assert_ne!(named["version"], before["version"]);
    let back = json!({"name": before["name"]});
    let back = root.patch(&path, back).await.expect(200);
    assert_eq!(
        back["version"], before["version"],
        "the same settings are the same state"
    );
}
