//! Backups: who makes them, where they go, what the node is told, and what stays.

use futures_util::future::join_all;
use serde_json::{Value, json};
use warren_harness::eventually_async;
use warren_proto::ids::ServerId;
use warren_proto::wire::{self, fact::What, job_ask, job_ended::Made, job_start::Work, repository};

use crate::{
    http_panel::{PASSWORD, Person},
    http_servers::Scene,
    on_both,
    world::{SOON, World},
};

on_both! {
    a_backup_is_made_kept_and_removed_and_its_secrets_go_to_the_node_alone
    retention_removes_what_has_had_its_time_after_each_backup
    a_restore_waits_for_its_safety_backup_and_starts_the_server_on_wish
    no_more_is_made_at_once_than_server_and_owner_may_have
    what_a_node_says_of_a_backup_is_not_taken_for_granted
    settings_are_checked_and_hooks_need_the_right_to_type
}

const SECRET: &str = "the-secret-key-of-the-store";

fn snapshot(digit: char) -> String {
    digit.to_string().repeat(64)
}

struct Rig {
    scene: Scene,
    server: ServerId,
    path: String,
}

impl Rig {
    async fn set(world: World) -> Self {
        let mut scene = Scene::set(world).await;
        let store = json!({
            "kind": "s3", "name": "Archive", "endpoint": "https://s3.example.com", "bucket": "games",
            "access_key": "me", "secret_key": SECRET,
        });
        let made = scene.admin.post("/backup-stores", store).await.expect(201);
        assert!(!made.to_string().contains(SECRET));
        let mut wish = scene.wish("one");
        wish["limits"]["backups"] = json!(3);
        let made = scene.admin.post("/servers", wish).await.expect(201);
        let server: ServerId = made["server"]["id"].as_str().unwrap().parse().unwrap();
        let operation = made["operation"]["id"].as_str().unwrap().to_owned();
        scene.installed(server, &operation).await;
        Self {
            path: format!("/servers/{server}"),
            scene,
            server,
        }
    }

    fn admin(&self) -> &Person {
        &self.scene.admin
    }

    fn starts(&self, kind: &str) -> Vec<wire::JobStart> {
        let told = self.scene.node.told.lock().unwrap();
        let starts = told.jobs.iter().filter_map(|ask| match &ask.ask {
            Some(job_ask::Ask::Start(start)) if start.kind == kind => Some(start.clone()),
            _ => None,
        });
        starts.collect()
    }

    /// The start of an operation, once the node has heard of it.
    async fn told(&self, kind: &str, operation: &str) -> wire::JobStart {
        eventually_async("the node to be told", SOON, || async {
            let starts = self.starts(kind);
            starts.into_iter().find(|s| s.job == operation)
        })
        .await
        .unwrap()
    }

    async fn newest(&self, kind: &str) -> wire::JobStart {
        eventually_async("the node to be told", SOON, || async {
            self.starts(kind).pop()
        })
        .await
        .unwrap()
    }

    async fn end(&mut self, job: &str, kind: &str, made: Option<Made>) {
        let ended = wire::JobEnded {
            job: job.into(),
            kind: kind.into(),
            result: wire::JobResult::Done.into(),
            made,
            ..Default::default()
        };
        let fact = self
            .scene
            .node
            .fact(Some(self.server), What::JobEnded(ended));
        self.scene.node.upload_surely(vec![fact]).await;
    }

    async fn begin(&self, body: Value) -> Value {
        let path = format!("{}/backups", self.path);
        self.admin().post(&path, body).await.expect(202)
    }

    /// One that is there.
    async fn made(&mut self, digit: char) -> String {
        let begun = self.begin(json!({"name": digit.to_string()})).await;
        let operation = begun["operation"]["id"].as_str().unwrap().to_owned();
        self.told("backup", &operation).await;
        let made = wire::BackupMade {
            snapshot: snapshot(digit),
            total_bytes: 1000,
            added_bytes: 100,
            files: 7,
            repository_bytes: 5000,
            ..Default::default()
        };
        self.end(&operation, "backup", Some(Made::Backup(made)))
            .await;
        begun["id"].as_str().unwrap().to_owned()
    }

    async fn list(&self) -> Value {
        let list = self.admin().get(&format!("{}/backups", self.path)).await;
        list.expect(200)
    }

    fn backup(&self, id: &str) -> String {
        format!("{}/backups/{id}", self.path)
    }
}

async fn a_backup_is_made_kept_and_removed_and_its_secrets_go_to_the_node_alone(world: World) {
    let mut rig = Rig::set(world).await;
    let begun = rig
        .begin(json!({"name": " before it ", "ignore": ["*.log"]}))
        .await;
    assert_eq!(
        (&begun["state"], &begun["name"]),
        (&json!("running"), &json!("before it"))
    );
    let operation = begun["operation"]["id"].as_str().unwrap().to_owned();
    let start = rig.told("backup", &operation).await;
    let Some(Work::Backup(work)) = start.work else {
        panic!("{start:?}")
    };
    assert_eq!(work.ignore, ["*.log"]);
    let told = work.repository.unwrap();
    assert_eq!(told.name, rig.server.to_string());
    let Some(repository::Store::S3(store)) = told.store else {
        panic!("no S3")
    };
    assert_eq!(store.secret_key, SECRET);
    // A second at once is refused, and the first can't be removed.
    let path = format!("{}/backups", rig.path);
    let again = rig.admin().post(&path, json!({}));
    assert_eq!(again.await.problem(409), "backup_running");
    let id = begun["id"].as_str().unwrap().to_owned();
    assert_eq!(
        rig.admin().delete(&rig.backup(&id)).await.problem(409),
        "backup_running"
    );
    let made = wire::BackupMade {
        snapshot: snapshot('a'),
        total_bytes: 1000,
        repository_bytes: 5000,
        warnings: vec!["\u{1b}[31m\"fifo\"".into()],
        ..Default::default()
    };
    rig.end(&operation, "backup", Some(Made::Backup(made)))
        .await;
    let list = rig.list().await;
    let item = &list["items"][0];
    assert_eq!(
        (&item["state"], &item["total_bytes"]),
        (&json!("done"), &json!(1000))
    );
    assert_eq!(
        (&list["used"], &list["limit"], &list["bytes"]),
        (&json!(1), &json!(3), &json!(5000))
    );
    assert!(!list.to_string().contains("\\u001b") && !list.to_string().contains(&told.password));
    // The password is for who proves to be themselves.
    let keys = format!("{}/backup-keys", rig.path);
    let wrong = rig
        .admin()
        .post(&keys, json!({"current_password": "no"}))
        .await;
    assert_eq!(wrong.fields(), ["current_password wrong"]);
    let shown = rig
        .admin()
        .post(&keys, json!({"current_password": PASSWORD}))
        .await;
    let shown = shown.expect(200);
    assert_eq!(shown["items"][0]["password"], told.password);
    // Locked it stays; then it goes.
    rig.admin()
        .patch(&rig.backup(&id), json!({"locked": true}))
        .await
        .expect(200);
    assert_eq!(
        rig.admin().delete(&rig.backup(&id)).await.problem(409),
        "backup_locked"
    );
    rig.admin()
        .patch(&rig.backup(&id), json!({"locked": false}))
        .await
        .expect(200);
    assert_eq!(rig.admin().delete(&rig.backup(&id)).await.status, 202);
    let start = rig.newest("forget").await;
    let Some(Work::Forget(work)) = start.work else {
        panic!("{:?}", start.kind)
    };
    assert_eq!((work.snapshots, work.prune), (vec![snapshot('a')], true));
    let left = Made::Forgotten(wire::Forgotten {
        repository_bytes: 10,
    });
    rig.end(&start.job, "forget", Some(left)).await;
    let list = rig.list().await;
    assert_eq!(
        (list["items"].as_array().unwrap().len(), &list["bytes"]),
        (0, &json!(10))
    );
}

async fn retention_removes_what_has_had_its_time_after_each_backup(world: World) {
    let mut rig = Rig::set(world).await;
    let settings = format!("{}/backup-settings", rig.path);
    let wish = json!({"retention": {"last": 1}});
    rig.admin().put(&settings, wish).await.expect(200);
    let first = rig.made('a').await;
    let locked = rig.made('b').await;
    // The first was not locked when the second came.
    let start = rig.newest("forget").await;
    let Some(Work::Forget(work)) = &start.work else {
        panic!("{:?}", start.kind)
    };
    assert_eq!(work.snapshots, [snapshot('a')]);
    assert_eq!(
        rig.admin().get(&rig.backup(&first)).await.expect(200)["state"],
        "removing"
    );
    rig.end(&start.job, "forget", None).await;
    assert_eq!(rig.admin().get(&rig.backup(&first)).await.status, 404);
    rig.admin()
        .patch(&rig.backup(&locked), json!({"locked": true}))
        .await
        .expect(200);
    rig.made('c').await;
    let list = rig.list().await;
    let states: Vec<&Value> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| &b["state"])
        .collect();
    assert_eq!(states, [&json!("done"), &json!("done")], "{list}");
}

async fn a_restore_waits_for_its_safety_backup_and_starts_the_server_on_wish(world: World) {
    let mut rig = Rig::set(world).await;
    let id = rig.made('a').await;
    let restore = format!("{}/restore", rig.backup(&id));
    let bad = rig
        .admin()
        .post(&restore, json!({"paths": ["/a/../../etc"]}))
        .await;
    assert_eq!(bad.fields(), ["paths invalid"]);
    let stranger = rig.scene.panel.logged_in("stranger", false).await;
    assert_eq!(stranger.post(&restore, json!({})).await.status, 404);
    let wish = json!({"paths": ["world"], "safety_backup": true, "start": true});
    let operation = rig.admin().post(&restore, wish).await.expect(202);
    assert_eq!(operation["kind"], "restore");
    // The server waits for it.
    let path = format!("{}/power", rig.path);
    let start = rig.admin().post(&path, json!({"action": "start"}));
    assert_eq!(start.await.problem(409), "job_running");
    let safety = eventually_async("the safety backup", SOON, || async {
        (rig.starts("backup").len() == 2).then(|| rig.starts("backup")[1].job.clone())
    })
    .await
    .unwrap();
    assert!(rig.starts("restore").is_empty());
    let made = wire::BackupMade {
        snapshot: snapshot('b'),
        ..Default::default()
    };
    rig.end(&safety, "backup", Some(Made::Backup(made))).await;
    let job = operation["id"].as_str().unwrap().to_owned();
    let told = rig.told("restore", &job).await;
    let Some(Work::Restore(work)) = told.work else {
        panic!("{:?}", told.kind)
    };
    assert_eq!(
        (work.snapshot, work.paths),
        (snapshot('a'), vec!["/world".to_owned()])
    );
    rig.end(&job, "restore", None).await;
    let server = rig.server.to_string();
    eventually_async("the start to be wanted", SOON, || async {
        let wanted = rig.scene.node.told.lock().unwrap().wanted(&server)?;
        let power = wanted.power.unwrap_or_default();
        (power.power() == wire::Power::Start).then_some(())
    })
    .await
    .unwrap();
}

async fn no_more_is_made_at_once_than_server_and_owner_may_have(world: World) {
    let mut rig = Rig::set(world).await;
    rig.made('a').await;
    rig.made('b').await;
    // Room for one more, and ten who want it.
    let path = format!("{}/backups", rig.path);
    let storm = (0..10).map(|_| rig.admin().post(&path, json!({})));
    let taken = join_all(storm)
        .await
        .into_iter()
        .filter(|a| a.status == 202)
        .count();
    assert_eq!(taken, 1);
    assert_eq!(rig.list().await["used"], 3);
    // Two servers of one owner who may have one backup.
    let owner = rig.scene.panel.logged_in("owner", false).await;
    let user = owner.id.unwrap();
    let mut servers = Vec::new();
    for name in ["two", "three"] {
        let mut wish = rig.scene.wish(name);
        wish["limits"]["backups"] = json!(null);
        wish["owner"] = json!(user.to_string());
        let made = rig.admin().post("/servers", wish).await.expect(201);
        servers.push(made["server"]["id"].as_str().unwrap().to_owned());
    }
    let path = format!("/users/{user}/quota");
    let quota = rig.admin().put(&path, json!({"backups": 1}));
    quota.await.expect(200);
    let paths: Vec<String> = servers
        .iter()
        .map(|s| format!("/servers/{s}/backups"))
        .collect();
    let storm = (0..8).map(|at| owner.post(&paths[at % 2], json!({})));
    let taken = join_all(storm)
        .await
        .into_iter()
        .filter(|a| a.status == 202)
        .count();
    assert_eq!(taken, 1);
    let quota = owner.get("/account/quota").await.expect(200);
    assert_eq!(quota["used"]["backups"], 1);
}

async fn what_a_node_says_of_a_backup_is_not_taken_for_granted(world: World) {
    let mut rig = Rig::set(world).await;
    for snapshot in ["", "../../x", &"A".repeat(64)] {
        let begun = rig.begin(json!({})).await;
        let operation = begun["operation"]["id"].as_str().unwrap().to_owned();
        rig.told("backup", &operation).await;
        let made = wire::BackupMade {
            snapshot: snapshot.into(),
            total_bytes: u64::MAX,
            ..Default::default()
        };
        rig.end(&operation, "backup", Some(Made::Backup(made)))
            .await;
        let id = begun["id"].as_str().unwrap();
        let now = rig.admin().get(&rig.backup(id)).await.expect(200);
        assert_eq!(now["state"], "failed", "{snapshot}");
        // Nothing is there to put back or to look into.
        let path = format!("{}/restore", rig.backup(id));
        let restore = rig.admin().post(&path, json!({}));
        assert_eq!(restore.await.problem(409), "backup_not_there");
    }
    // What failed takes no place, and is removed at once.
    let list = rig.list().await;
    assert_eq!(list["used"], 0);
    let id = list["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(rig.admin().delete(&rig.backup(&id)).await.status, 202);
    assert_eq!(rig.admin().get(&rig.backup(&id)).await.status, 404);
}

async fn settings_are_checked_and_hooks_need_the_right_to_type(world: World) {
    let rig = Rig::set(world).await;
    let path = format!("{}/backup-settings", rig.path);
    let bad =
        json!({"hooks": {"before": ["a\nb"]}, "retention": {"last": 0}, "ignore": ["a\u{0}"]});
    let fields = rig.admin().put(&path, bad).await.fields();
    assert_eq!(
        fields,
        [
            "ignore invalid",
            "hooks.before invalid",
            "retention.last out_of_range"
        ]
    );
    let friend = rig.scene.panel.logged_in("friend", false).await;
    let share = json!({"login": "friend", "keys": ["backup.create", "backup.read"]});
    let shared = rig
        .admin()
        .post(&format!("{}/users", rig.path), share)
        .await;
    shared.expect(201);
    let plain = json!({"ignore": ["cache/"]});
    friend.put(&path, plain).await.expect(200);
    let hooks = json!({"hooks": {"before": ["op friend"]}});
    assert_eq!(friend.put(&path, hooks).await.status, 403);
    let retention = json!({"retention": {"last": 1}});
    assert_eq!(friend.put(&path, retention).await.status, 403);
    let set = json!({"hooks": {"before": ["save-off"], "after": ["save-on"], "ready": "Saved"}});
    let set = rig.admin().put(&path, set).await.expect(200);
    assert_eq!(set["hooks"]["after"], json!(["save-on"]));
}
