//! Servers on their way between two machines that nobody can reach: each is behind a router of its own and only dials out.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use warren_harness::NetLab;

use crate::transfers::{Scene, Site, running};

fn behind_nat() -> Site {
    Site {
        lab: Some(NetLab::start().unwrap()),
        ..Site::default()
    }
}

/// What listens on a machine and is ours.
fn listening(lab: &NetLab) -> Vec<String> {
    let rows = lab.listening().unwrap();
    rows.into_iter()
        .filter(|row| row.contains("warren"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_servers_change_places_between_two_machines_behind_nat() {
    let sites = [behind_nat(), behind_nat()];
    let scene = Scene::set_at(sites).await;
    let [one, two] = [0, 1].map(|at| scene.machines[at].lab.as_ref().unwrap());
    for (lab, other) in [(one, two), (two, one)] {
        assert_eq!(listening(lab), Vec::<String>::new());
        for port in [22, 80, 443, 4222, 8080, 25565] {
            let address = SocketAddr::from((lab.public(), port));
            let within = Duration::from_millis(300);
            assert!(TcpStream::connect_timeout(&address, within).is_err());
            let way = format!("/dev/tcp/{}/{port}", lab.public());
            let script = format!("timeout 1 bash -c 'exec 3<>{way}'");
            assert!(other.run_in_client("sh", &["-c", &script]).is_err());
        }
    }
    let mut servers = Vec::new();
    for n in 0..4 {
        servers.push(scene.counting_on(n % 2, 0).await);
    }
    for server in &servers {
        let at = scene.machine_of(&scene.row(server).await.node_id);
        let big = scene.machines[at].files(server).join("big.bin");
        std::fs::write(big, vec![5; 8 << 20]).unwrap();
    }
    for round in 0..2 {
        let (mut ids, mut counts) = (Vec::new(), Vec::new());
        for (n, server) in servers.iter().enumerate() {
            let at = (n + round) % 2;
            counts.push(scene.counted(at, server));
            ids.push(scene.begin(server, 1 - at).await);
        }
        for (n, server) in servers.iter().enumerate() {
            let there = 1 - (n + round) % 2;
            let done = scene.over(&ids[n]).await;
            assert_eq!(
                (&*done.phase, done.code.as_deref()),
                ("done", None),
                "{done:?}"
            );
            eprintln!(
                "{} MiB, expected to be down {:?} ms, was down {:?} ms",
                done.size_bytes >> 20,
                done.expected_ms,
                done.downtime_ms
            );
            scene.runs(server, counts[n] + 20).await;
            assert_eq!(scene.row(server).await.node_id, scene.machines[there].id);
            // Each number once: nothing is lost, and nothing was done twice.
            assert!(scene.check_count(there, server) > counts[n]);
            let big = scene.machines[there].files(server).join("big.bin");
            assert!(std::fs::read(big).unwrap() == vec![5; 8 << 20]);
        }
        assert_eq!(running(), 4);
    }
    for lab in [one, two] {
        assert_eq!(listening(lab), Vec::<String>::new());
    }
}
