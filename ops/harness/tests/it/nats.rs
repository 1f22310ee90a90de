use warren_harness::{Nats, tool};

#[test]
fn a_killed_server_comes_back_on_the_same_port() {
    let mut nats = Nats::builder().start().unwrap();
    let (port, pid) = (nats.port(), nats.pid());
    nats.kill9();
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    nats.restart().unwrap();
    assert_eq!(nats.port(), port);
    assert_ne!(nats.pid(), pid);
    assert!(nats.version().unwrap().starts_with('2'));
}

#[test]
fn a_broken_configuration_is_reported_with_the_servers_log() {
    let error = Nats::start("listen: {{PORT}}\nnonsense {").unwrap_err();
    assert!(
        format!("{error:#}").contains("its log ends with"),
        "{error:#}"
    );
}

#[test]
fn a_missing_tool_names_the_package() {
    let error = tool("no-such-program", "some-package").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("apt-get install --no-install-recommends some-package")
    );
}
