//! A server whose node is ours to speak for, and what people ask of its files.

use serde_json::{Value, json};
use warren_harness::eventually_async;
use warren_proto::ids::ServerId;
use warren_proto::wire::{self, fact::What, job_ask, job_ended::Made};

use crate::{
    http_panel::{Answer, Person},
    http_servers::Scene,
    world::{SOON, World},
};

pub struct FileRig {
    pub scene: Scene,
    pub server: ServerId,
    pub path: String,
}

impl FileRig {
    pub async fn set(world: World) -> Self {
        let mut scene = Scene::set(world).await;
        let (server, made) = scene.server("one").await;
        scene.installed(server, &id(&made["operation"])).await;
        Self {
            path: format!("/servers/{server}/files"),
            scene,
            server,
        }
    }

    pub async fn post(&self, by: &Person, verb: &str, body: Value) -> Answer {
        by.post(&format!("{}/{verb}", self.path), body).await
    }

    /// The job that the node was told to begin.
    pub async fn told(&self, operation: &str) -> wire::JobStart {
        eventually_async("the node to be told", SOON, || async {
            let told = self.scene.node.told.lock().unwrap();
            told.jobs.iter().find_map(|ask| match &ask.ask {
                Some(job_ask::Ask::Start(start)) if start.job == operation => Some(start.clone()),
                _ => None,
            })
        })
        .await
        .unwrap()
    }

    /// The node has done it.
    pub async fn end(&mut self, job: &str, kind: &str, made: Made) {
        let ended = wire::JobEnded {
            job: job.into(),
            kind: kind.into(),
            result: wire::JobResult::Done.into(),
            made: Some(made),
            ..Default::default()
        };
        let node = &mut self.scene.node;
        let fact = node.fact(Some(self.server), What::JobEnded(ended));
        node.upload_surely(vec![fact]).await;
    }

    /// Somebody with whom the server is shared.
    pub async fn shared(&self, name: &str, keys: Value) -> Person {
        let person = self.scene.panel.logged_in(name, false).await;
        let path = format!("/servers/{}/users", self.server);
        let body = json!({"login": name, "keys": keys});
        self.scene.admin.post(&path, body).await.expect(201);
        person
    }
}

/// Of an operation.
pub fn id(operation: &Value) -> String {
    operation["id"].as_str().unwrap().to_owned()
}
