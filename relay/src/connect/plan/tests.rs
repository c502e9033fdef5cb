//! Plans made from the variables of the systems' own documents.

use clap::Parser;

use super::*;

fn args(line: &[&str]) -> ConnectArgs {
    ConnectArgs::parse_from([&["connect"], line].concat())
}

fn plan(line: &[&str], variables: &str) -> Result<Plan, InvalidVariables> {
    from_variables(&args(line), &Variables::parse("env", variables).expect("variables"))
}

fn bodies(line: &[&str], variables: &str) -> Vec<Value> {
    match plan(line, variables).expect("usable") {
        Plan::Endpoints { endpoints, .. } => endpoints.iter().map(|e| e.body(true)).collect(),
        Plan::Source { .. } => panic!("a source"),
    }
}

const GUIDE: &str = "\
# Required
WEBHOOK_URL=https://your-endpoint.com/api/models/ready
WEBHOOK_SECRET=your_shared_secret_here

WEBHOOK_TIMEOUT=30                                    # Request timeout in seconds
WEBHOOK_MAX_RETRIES=5                                 # Maximum retry attempts
WEBHOOK_RETRY_DELAY=2                                 # Initial retry delay (exponential backoff)
WEBHOOK_CIRCUIT_BREAKER_FAILURE_THRESHOLD=5          # Failures before circuit opens
WEBHOOK_CIRCUIT_BREAKER_RECOVERY_TIME=60             # Recovery time in seconds
ENABLE_REDIS_FALLBACK=false                          # Enable dual publishing during migration
";

#[test]
fn r2_1_the_guide_s_variables_are_the_profile_s_own_policy() {
    let made = bodies(&["hokusai"], GUIDE);
    let want = json!({
        "uid": "hokusai", "url": "https://your-endpoint.com/api/models/ready", "secret": "your_shared_secret_here",
        "profile": "hokusai", "eventTypes": ["model.registered"], "timeoutSeconds": 30, "maxRetries": 5,
        "delays": [2, 4, 8, 16, 32], "breaker": { "threshold": 5, "recoverySeconds": 60 },
    });
    assert_eq!(made[0], want);
    let bare = "WEBHOOK_URL=https://your-endpoint.com/api/models/ready\nWEBHOOK_SECRET=your_shared_secret_here";
    assert_eq!(bodies(&["hokusai"], bare)[0], want, "the defaults are the guide's");
}

#[test]
fn every_variable_has_its_effect() {
    let changed = "WEBHOOK_URL=https://a.example/\nWEBHOOK_SECRET=your_shared_secret_here\nWEBHOOK_TIMEOUT=60\n\
        WEBHOOK_MAX_RETRIES=3\nWEBHOOK_RETRY_DELAY=30000\nWEBHOOK_CIRCUIT_BREAKER_FAILURE_THRESHOLD=7\n\
        WEBHOOK_CIRCUIT_BREAKER_RECOVERY_TIME=90";
    let made = &bodies(&["hokusai", "--profile", "hokusai-prefixed"], changed)[0];
    assert_eq!(made["delays"], json!([30_000, 60_000, MAX_DELAY]));
    assert_eq!(
        (&made["timeoutSeconds"], &made["profile"]),
        (&json!(60), &json!("hokusai-prefixed"))
    );
    assert_eq!(made["breaker"], json!({ "threshold": 7, "recoverySeconds": 90 }));
}

#[test]
fn r2_9_redis_is_published_to_as_well_until_the_flag_is_off() {
    let on = format!(
        "{GUIDE}ENABLE_REDIS_FALLBACK=true\nREDIS_URL=rediss://app:p%40ss%2Bword@redis.example.com:6380/0\nREDIS_CHANNEL=model:ready\n"
    );
    let made = &bodies(&["hokusai"], &on)[1];
    assert_eq!(made["url"], "rediss://redis.example.com:6380/model:ready");
    let authorization = format!("Basic {}", STANDARD.encode("app:p@ss+word"));
    assert_eq!(made["headers"], json!({ "authorization": authorization }));
    let shown = plan(&["hokusai"], &on).expect("usable").to_string();
    assert!(
        !shown.contains("word")
            && !shown.contains(&authorization[6..])
            && !shown.contains("shared_secret"),
        "{shown}"
    );
    let off = plan(&["hokusai"], GUIDE).expect("usable").to_string();
    assert!(off.contains("would switch off endpoint hokusai-redis"), "{off}");
    let nowhere = format!("{GUIDE}ENABLE_REDIS_FALLBACK=true\n");
    assert!(matches!(plan(&["hokusai"], &nowhere), Err(InvalidVariables::Missing("REDIS_URL"))));
}

#[test]
fn batch_and_wepp_count_tries_in_all() {
    let batch = "ARIS_WEBHOOK_URL=https://myapp.com/batch-complete\nWEBHOOK_SECRET=your_hmac_secret_key\nWEBHOOK_MAX_RETRIES=5\nWEBHOOK_TIMEOUT=60\nWEBHOOK_RETRY_DELAY=5";
    let want = json!({
        "uid": "batch", "url": "https://myapp.com/batch-complete", "secret": "your_hmac_secret_key", "profile": "batch",
        "disabled": false, "maxRetries": 4, "timeoutSeconds": 60,
    });
    assert_eq!(bodies(&["batch"], batch), [want]);
    assert!(plan(&["batch"], batch).expect("usable").to_string().contains("no effect"));
    let to = ["wepp", "--endpoint-url", "https://example.com/webhooks/weppcloud"];
    let made = &bodies(&to, "")[0];
    assert_eq!(
        (&made["disabled"], &made["maxRetries"], &made["timeoutSeconds"]),
        (&json!(true), &json!(2), &json!(30))
    );
    assert!(made["secret"].is_null());
    let on = "WEPPCLOUD_WEBHOOKS_ENABLED=true\nWEPPCLOUD_WEBHOOK_TIMEOUT=20\nWEPPCLOUD_WEBHOOK_RETRY_COUNT=4";
    let made = &bodies(&to, on)[0];
    assert_eq!(
        (&made["disabled"], &made["maxRetries"], &made["timeoutSeconds"]),
        (&json!(false), &json!(3), &json!(20))
    );
}

#[test]
fn what_cannot_be_used_is_named_and_never_quoted() {
    let (least, most) = (TIMEOUT.start(), TIMEOUT.end());
    let timeout = format!("WEBHOOK_TIMEOUT must be a whole number from {least} to {most}");
    let beyond =
        format!("WEBHOOK_URL=a\nWEBHOOK_SECRET=b\nWEBHOOK_MAX_RETRIES={}", MAX_RETRIES + 1);
    let retries = format!("WEBHOOK_MAX_RETRIES must be a whole number from 1 to {MAX_RETRIES}");
    for (line, variables, named) in [
        (&["hokusai"][..], "WEBHOOK_URL=https://a.example/", "WEBHOOK_SECRET is not set"),
        (&["hokusai"], "WEBHOOK_SECRET=planted", "WEBHOOK_URL is not set"),
        (&["modal"], "WEBHOOK_BASE_URL=https://a.example", "MODAL_WEBHOOK_SECRET is not set"),
        (&["batch"], "", "ARIS_WEBHOOK_URL is not set"),
        (&["wepp"], "", "--endpoint-url is required"),
        (&["hokusai"], "WEBHOOK_URL=a\nWEBHOOK_SECRET=b\nWEBHOOK_TIMEOUT=planted", &timeout),
        (&["hokusai"], &beyond, &retries),
        (
            &["hokusai"],
            "WEBHOOK_URL=a\nWEBHOOK_SECRET=b\nENABLE_REDIS_FALLBACK=planted",
            "ENABLE_REDIS_FALLBACK must be true or false",
        ),
        (
            &["hokusai"],
            "WEBHOOK_URL=a\nWEBHOOK_SECRET=b\nENABLE_REDIS_FALLBACK=1\nREDIS_URL=http://planted",
            "REDIS_URL must be redis://",
        ),
    ] {
        let why = plan(line, variables).expect_err(named).to_string();
        assert!(why.starts_with(named) && !why.contains("planted"), "{why}");
    }
    let read = |text: &str| Variables::parse("env", text).map(|v| v.text("A").map(str::to_owned));
    assert_eq!(read("export A='b # c'").expect("read").as_deref(), Some("b # c"));
    assert_eq!(read("A=\"b\"").expect("read").as_deref(), Some("b"));
    assert_eq!(read("A=b#c").expect("read").as_deref(), Some("b#c"));
    for bad in ["A", "=b", "a b=c", "A='b"] {
        let why = read(bad).expect_err(bad).to_string();
        assert_eq!(why, "env, line 1: expected NAME=value");
    }
}
