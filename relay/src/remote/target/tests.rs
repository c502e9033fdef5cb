//! Tests of which decides (flag, environment, context or `.relay`), case by case.

use std::fs;

use super::*;

/// A directory with two contexts and the data of a `relay dev`.
struct Ground {
    folder: PathBuf,
}

impl Ground {
    fn new() -> Self {
        let folder = env::temp_dir().join(format!("relay-target-{}", adapters::random::token()));
        let data = folder.join("data");
        fs::create_dir_all(&data).expect("made");
        fs::write(data.join("env"), "AWS_REGION=x\nPUBLIC_URL=http://127.0.0.1:7001\n")
            .expect("written");
        fs::write(data.join("admin.key"), "rk_of_data\n").expect("written");
        let context = |url: &str, key: &str, expires_at: Option<&str>| Context {
            url: url.to_owned(),
            key: Secret::new(key),
            expires_at: expires_at.map(str::to_owned),
        };
        let mut contexts = Contexts { current: Some("prod".to_owned()), ..Contexts::default() };
        let all = [
            ("prod", context("https://prod.example/", "rk_of_prod", None)),
            ("test", context("https://test.example", "rk_of_test", None)),
            ("over", context("https://over.example", "rs_1", Some("2020-01-01T00:00:00.000Z"))),
        ];
        contexts.contexts.extend(all.map(|(name, context)| (name.to_owned(), context)));
        contexts.write(&folder.join("config.toml")).expect("written");
        Self { folder }
    }

    /// The surroundings with the contexts and these variables: URL, key, context.
    fn around(&self, [url, key, context]: [&str; 3]) -> Surroundings {
        let set = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Surroundings {
            url: set(url),
            key: set(key).map(Secret::new),
            context: set(context),
            contexts: Some(self.folder.join("config.toml")),
        }
    }

    /// The options: URL, key, context, and whether the data directory is named.
    fn given(&self, [url, key, context]: [&str; 3], data: bool) -> Remote {
        let set = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Remote {
            url: set(url),
            key: set(key).map(Secret::new),
            context: set(context),
            data: data.then(|| self.folder.join("data")),
            ..Remote::default()
        }
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn the_command_line_goes_before_the_environment_and_that_before_contexts() {
    let ground = Ground::new();
    let none = ["", "", ""];
    // Options, whether --data is among them, variables: the URL and the key that follow.
    let cases = [
        (none, false, none, "https://prod.example", "rk_of_prod"),
        (["", "", "test"], false, none, "https://test.example", "rk_of_test"),
        (
            ["", "", "test"],
            false,
            ["https://a.example", "rk_env", "prod"],
            "https://test.example",
            "rk_of_test",
        ),
        (["", "rk_flag", "test"], false, ["", "rk_env", ""], "https://test.example", "rk_flag"),
        (none, false, ["", "", "test"], "https://test.example", "rk_of_test"),
        (none, false, ["", "rk_env", ""], "https://prod.example", "rk_env"),
        (none, false, ["https://a.example", "rk_env", "test"], "https://a.example", "rk_env"),
        (
            ["https://b.example/", "", ""],
            false,
            ["https://a.example", "rk_env", ""],
            "https://b.example",
            "rk_env",
        ),
        (
            ["https://b.example", "rk_flag", ""],
            false,
            ["", "rk_env", ""],
            "https://b.example",
            "rk_flag",
        ),
        // A URL that a context has: the key that was kept for it.
        (["https://test.example/", "", ""], false, none, "https://test.example", "rk_of_test"),
        (none, true, none, "http://127.0.0.1:7001", "rk_of_data"),
        (
            none,
            true,
            ["https://a.example", "rk_env", "test"],
            "http://127.0.0.1:7001",
            "rk_of_data",
        ),
        (["http://127.0.0.1:9", "", ""], true, none, "http://127.0.0.1:9", "rk_of_data"),
        (["", "rk_flag", ""], true, none, "http://127.0.0.1:7001", "rk_flag"),
    ];
    for (options, data, variables, url, key) in cases {
        let target = Target::of(&ground.given(options, data), &ground.around(variables));
        let target = target.expect("chosen");
        assert_eq!(target.url, url, "{options:?} {variables:?}");
        let found = target.key().expect("a key").as_str().map(str::to_owned);
        assert_eq!(found.as_deref(), Some(key), "{options:?} {variables:?}");
    }
}

#[test]
fn a_key_that_was_kept_for_one_url_is_not_sent_to_another() {
    let ground = Ground::new();
    let given = ground.given(["https://elsewhere.example", "", ""], false);
    let target = Target::of(&given, &ground.around(["", "", ""])).expect("chosen");
    assert!(matches!(target.key(), Err(RemoteError::NoKey(_))));
    let around = ground.around(["https://elsewhere.example", "", ""]);
    let target = Target::of(&ground.given(["", "", ""], false), &around).expect("chosen");
    assert!(matches!(target.key(), Err(RemoteError::NoKey(_))));
    // A `.relay` that came with somebody's repository leads nowhere but to this machine.
    let data = ground.folder.join("data");
    fs::write(data.join("env"), "PUBLIC_URL=https://elsewhere.example\n").expect("written");
    assert_eq!(url_of(&data), None);
}

#[test]
fn what_names_no_relay_is_an_error_that_says_so() {
    let ground = Ground::new();
    let nothing = ground.given(["", "", ""], false);
    let over = ground.given(["", "", "over"], false);
    let ended = Target::of(&over, &ground.around(["", "", ""]));
    assert!(matches!(ended, Err(RemoteError::Ended(name)) if name == "over"));
    let unknown = Target::of(&ground.given(["", "", "nope"], false), &ground.around(["", "", ""]));
    let why = unknown.expect_err("unknown").to_string();
    assert_eq!(why, "there is no context nope; there are over, prod, test");
    let nobody = Surroundings::default();
    // The tests run where no relay has its data.
    assert!(matches!(Target::of(&nothing, &nobody), Err(RemoteError::NoRelay)));
    let only_key = ground.given(["", "rk_flag", ""], false);
    assert_eq!(Target::of(&only_key, &nobody).expect("chosen").url, LOCAL_URL);
}

#[test]
fn only_addresses_of_this_machine_are_loopback() {
    for (url, want) in [
        ("http://127.0.0.1:1", true),
        ("http://127.9.9.9", true),
        ("http://[::1]:1/x", true),
        ("http://localhost", true),
        ("http://localhost.example", false),
        ("http://127.0.0.1.example", false),
        ("http://user@10.0.0.1", false),
        ("nonsense", false),
    ] {
        assert_eq!(is_loopback(url), want, "{url}");
    }
}
