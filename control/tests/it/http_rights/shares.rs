//! A server shared with others, and every way to get more of it than was given.

use reqwest::Method;
use serde_json::{Value, json};
use warren_control::access::Key;

use super::{Many, calls, end_now, names, sorted};
use crate::{on_both, world::World};

on_both! {
    a_subuser_may_do_what_was_given_there_and_nothing_else
    nobody_gives_more_than_they_have
    each_key_that_was_given_opens_its_doors_and_no_other
}

async fn a_subuser_may_do_what_was_given_there_and_nothing_else(world: World) {
    let many = Many::set(world).await;
    let ann = many.panel.logged_in("ann", false).await;
    let (there, elsewhere) = (many.server, many.other);
    ann.get(&format!("/servers/{there}")).await.problem(404);
    // By address too, whatever the case.
    let keys = json!(["websocket.connect", "user.read"]);
    let id = many.share(there, "ANN@example.net", keys).await;
    assert_eq!(id, ann.id.unwrap().to_string());
    let seen = ann.get(&format!("/servers/{there}")).await.expect(200);
    assert_eq!(
        seen["permissions"],
        json!(["server.read", "websocket.connect", "user.read"])
    );
    assert_eq!(names(&ann, "/servers").await, sorted(&[there]));
    assert_eq!(ann.get("/servers/tally").await.expect(200)["total"], 1);
    ann.get(&format!("/servers/{elsewhere}")).await.problem(404);
    let users = format!("/servers/{there}/users");
    assert_eq!(names(&ann, &users).await, std::slice::from_ref(&id));
    many.panel.account("bea", false, false).await;
    many.share(there, "bea", json!(["control.start"])).await;
    let page = ann.get(&users).await.expect(200);
    let mails: Vec<&Value> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|u| &u["email"])
        .collect();
    assert_eq!(
        mails,
        [&json!("ann@example.net"), &Value::Null],
        "others' addresses are theirs"
    );
    for (method, path, body) in [
        (
            Method::POST,
            format!("/servers/{there}/power"),
            json!({"action": "start"}),
        ),
        (
            Method::POST,
            format!("/servers/{there}/input"),
            json!({"line": "op ann"}),
        ),
        (
            Method::PATCH,
            format!("/servers/{there}"),
            json!({"name": "mine"}),
        ),
        (
            Method::POST,
            users.clone(),
            json!({"login": "ann", "keys": ["user.create"]}),
        ),
        (
            Method::PUT,
            format!("{users}/{id}"),
            json!({"keys": ["control.start"]}),
        ),
    ] {
        let code = ann.send(method, &path, Some(body)).await.problem(403);
        assert_eq!(code, "forbidden", "{path}");
    }
    // What she was given counts for the ticket too.
    let ticket = ann
        .post(&format!("/servers/{there}/ticket"), json!({}))
        .await;
    ticket.expect(200);
    // She leaves by herself.
    ann.delete(&format!("{users}/{id}")).await.expect(204);
    ann.get(&format!("/servers/{there}")).await.problem(404);
    assert!(names(&ann, "/servers").await.is_empty());
    // A share that has ended is none.
    let path = format!("/servers/{there}/users");
    let soon =
        json!({"login": "ann", "keys": ["control.start"], "expires_at": "2020-01-01T00:00:00Z"});
    assert_eq!(
        many.admin.post(&path, soon).await.fields(),
        ["expires_at past"]
    );
    many.share(there, "ann", json!(["control.start"])).await;
    end_now(&many, "subusers").await;
    ann.get(&format!("/servers/{there}")).await.problem(404);
    assert!(names(&ann, "/servers").await.is_empty());
    // Bad input changes nothing.
    for (body, field) in [
        (
            json!({"login": "nobody", "keys": ["control.start"]}),
            "login unknown",
        ),
        (json!({"login": "ann", "keys": []}), "keys required"),
        (
            json!({"login": "ann", "keys": ["control.fly"]}),
            "keys.0 unknown",
        ),
        (
            json!({"login": "ann", "keys": ["node.delete"]}),
            "keys not_of_servers",
        ),
        (
            json!({"login": "root", "keys": ["control.start"]}),
            "login own",
        ),
    ] {
        let answer = many.admin.post(&path, body).await;
        assert!(answer.fields().contains(&field.to_owned()), "{field}");
    }
}

async fn nobody_gives_more_than_they_have(world: World) {
    let many = Many::set(world).await;
    let helper = many.panel.logged_in("helper", false).await;
    let friend = many.panel.logged_in("friend", false).await;
    let users = format!("/servers/{}/users", many.server);
    let has = json!([
        "user.create",
        "user.update",
        "user.delete",
        "user.read",
        "control.start"
    ]);
    let helper_id = many.share(many.server, "helper", has).await;
    let give = |keys: Value| json!({"login": "friend", "keys": keys});
    let code = helper
        .post(&users, give(json!(["control.start", "file.read"])))
        .await;
    assert_eq!(code.problem(403), "more_than_own");
    helper
        .post(&users, give(json!(["control.start"])))
        .await
        .expect(201);
    let again = helper.post(&users, give(json!(["control.start"]))).await;
    assert_eq!(again.problem(409), "has_access");
    let friend_id = friend.id.unwrap();
    let one = format!("{users}/{friend_id}");
    let more = json!({"keys": ["control.start", "control.stop"]});
    assert_eq!(
        helper.put(&one, more.clone()).await.problem(403),
        "more_than_own"
    );
    // Once the owner's side gave the friend more, the helper may not touch it.
    many.admin.put(&one, more).await.expect(200);
    let less = json!({"keys": ["control.start"]});
    assert_eq!(
        helper.put(&one, less.clone()).await.problem(403),
        "more_than_own"
    );
    assert_eq!(helper.delete(&one).await.problem(403), "more_than_own");
    // Nor one's own rights.
    let own = format!("{users}/{helper_id}");
    assert_eq!(helper.put(&own, less).await.problem(403), "own_rights");
    let owner = many.panel.world.row(many.server).await.owner_id;
    let there = names(&many.admin, &users).await;
    assert!(!there.contains(&owner) && there.len() == 2);
    // Somebody else's server of the same name in the path opens nothing.
    let foreign = format!("/servers/{}/users/{friend_id}", many.other);
    helper.delete(&foreign).await.problem(404);
}

/// What is called with its key alone is not refused for a lack of rights, and with another's is.
async fn each_key_that_was_given_opens_its_doors_and_no_other(world: World) {
    let many = Many::set(world).await;
    let ann = many.panel.logged_in("ann", false).await;
    let id = ann.id.unwrap().to_string();
    let at = |path: &str| format!("/servers/{}{path}", many.server);
    let doors = calls(many.server);
    many.share(many.server, "ann", json!(["server.read"])).await;
    let only = async |given: Key| {
        let keys = json!({"keys": [given.as_str()]});
        let path = at(&format!("/users/{id}"));
        many.admin.put(&path, keys).await.expect(200);
    };
    let refused = async |door: &(Key, Method, String, Option<Value>)| {
        let (_, method, path, body) = door;
        let answer = ann.send(method.clone(), path, body.clone()).await;
        let status = answer.status.as_u16();
        assert!(
            status != 429 && status != 500,
            "{method} {path}: {}",
            answer.text
        );
        status == 403 && answer.text.contains("which you do not have")
    };
    for door in &doors {
        assert!(
            refused(door).await,
            "{} {} to whoever sees it",
            door.1,
            door.2
        );
    }
    for (at, door) in doors.iter().enumerate() {
        only(door.0).await;
        assert!(
            !refused(door).await,
            "{} {} with {}",
            door.1,
            door.2,
            door.0
        );
        let next = &doors[(at + 1) % doors.len()];
        assert!(refused(next).await, "{} {} with {}", next.1, next.2, door.0);
    }
}
