//! Logging in, and which relay a command means.

use std::os::unix::fs::PermissionsExt;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_was_logged_in_to_is_found_again_and_its_key_is_in_no_argument() {
    let (bundle, _, home) = start().await;
    let (url, key) = (bundle.url(), bundle.admin_key());
    let nothing = run(home.relay(&["events", "list"])).await;
    assert_eq!(nothing.status.code(), Some(2), "{nothing:?}");
    assert!(stderr(&nothing).contains("relay login"), "{nothing:?}");
    let wrong = run_with(home.relay(&["login", &url, "--name", "here"]), "rk_admin_wrong\n").await;
    assert_eq!(wrong.status.code(), Some(4), "{wrong:?}");
    assert!(!stderr(&wrong).contains("rk_admin_wrong"), "{wrong:?}");
    let config = home.path().join(".config/relay/config.toml");
    assert!(!config.exists(), "a key that does not open is not kept");
    let login = run_with(home.relay(&["login", &url, "--name", "here"]), &format!("{key}\n")).await;
    assert!(well(&login).contains("context here"), "{login:?}");
    assert!(!stdout(&login).contains(key) && !stderr(&login).contains(key));
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&config), mode(config.parent().expect("a folder"))), (0o600, 0o700));
    assert_eq!(json_lines(&run(home.relay(&["sources", "list", "--json"])).await).len(), 0);
    // A second one, of which the first stays the current one.
    let other = run_with(home.relay(&["login", &url, "--name", "other"]), key).await;
    assert!(other.status.success(), "{other:?}");
    well(&run(home.relay(&["context", "use", "here"])).await);
    let listed = json_lines(&run(home.relay(&["context", "list", "--json"])).await);
    let current: Vec<_> = listed.iter().filter(|context| context["current"] == true).collect();
    assert_eq!((listed.len(), &current[0]["name"]), (2, &Value::from("here")));
    assert!(!Value::from(listed).to_string().contains(key), "no key is listed");
    well(&run(home.relay(&["keys", "list", "--context", "other"])).await);
    let unknown = run(home.relay(&["keys", "list", "--context", "nope"])).await;
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("there are here, other"), "{unknown:?}");
    well(&run(home.relay(&["context", "remove", "here"])).await);
    assert_eq!(run(home.relay(&["keys", "list"])).await.status.code(), Some(2));
    // A file that others can read is not used.
    fs::set_permissions(&config, fs::Permissions::from_mode(0o644)).expect("opened");
    let open = run(home.relay(&["keys", "list", "--context", "other"])).await;
    assert_eq!(open.status.code(), Some(2));
    assert!(stderr(&open).contains("chmod 600"), "{open:?}");
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_relay_dev_of_this_directory_needs_no_login() {
    let (bundle, _, home) = start().await;
    let data = home.path().join(".relay");
    fs::create_dir_all(&data).expect("made");
    fs::write(data.join("env"), bundle.environment_file()).expect("written");
    fs::write(data.join("admin.key"), bundle.admin_key()).expect("written");
    well(&run(home.relay(&["keys", "list"])).await);
    // Named from elsewhere, it goes before the environment.
    let elsewhere = Home::new();
    let named = data.to_str().expect("UTF-8");
    let mut command =
        elsewhere.at("http://127.0.0.1:1", "rk_other", &["keys", "list", "--data", named]);
    well(
        &run({
            command.env("RELAY_CONTEXT", "nope");
            command
        })
        .await,
    );
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exit_codes_tell_what_kind_of_failure_it_was() {
    let (bundle, client, home) = start().await;
    let (url, key) = (bundle.url(), bundle.admin_key());
    let body = serde_json::json!({ "name": "r", "scope": "read" });
    let reader = client.post("/v1/keys", body).await["key"].as_str().expect("a key").to_owned();
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = format!("http://{}", free.local_addr().expect("an address"));
    drop(free);
    for (url, key, args, code) in [
        (url.as_str(), key, &["events", "list"][..], 0),
        (&url, key, &["events", "lst"], 2),
        (&url, key, &["events", "list", "--since", "yesterday"], 2),
        (&url, key, &["events", "create", "--body", "[1]"], 2),
        (&url, key, &["events", "get", "evt_none"], 3),
        (&url, key, &["endpoints", "get", "ep_none"], 3),
        (&url, "rk_admin_wrong", &["events", "list"], 4),
        (&url, &reader, &["keys", "create", "--name", "x", "--scope", "admin"], 4),
        (&silent, key, &["events", "list"], 5),
        ("http://192.0.2.1:8788", key, &["events", "list"], 5),
        (&url, key, &["events", "create"], 1),
    ] {
        let output = run(home.at(url, key, args)).await;
        assert_eq!(output.status.code(), Some(code), "{args:?} {output:?}");
        assert_eq!(output.stderr.is_empty(), code == 0 && args[1] != "list", "{output:?}");
        assert!(!stderr(&output).contains(key), "{output:?}");
    }
    bundle.stop().await;
}
