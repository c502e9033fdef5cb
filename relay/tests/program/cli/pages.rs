//! Help texts, `docs/cli.md` that is made of them, and completion.

use super::*;

fn page_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md")
}

#[tokio::test]
async fn the_page_of_commands_is_the_one_that_is_checked_in() {
    let home = Home::new();
    let made = well(&run(home.relay(&["pages"])).await);
    if std::env::var_os("UPDATE_CLI").is_some() {
        fs::write(page_path(), &made).expect("written");
    }
    let kept = fs::read_to_string(page_path()).unwrap_or_default();
    assert!(
        made == kept,
        "docs/cli.md is not what the help texts say; UPDATE_CLI=1 writes it anew"
    );
}

/// The examples of the page, without what the shell does: redirections, pipes, variables.
fn examples(page: &str) -> Vec<Vec<String>> {
    let mut code = false;
    let lines = page.lines().filter(|line| {
        if line.starts_with("```") {
            code = *line == "```sh";
            return false;
        }
        code
    });
    let words = |line: &str| {
        let line = line.split(['|', '<', '>']).next().unwrap_or_default().trim().to_owned();
        let (mut words, mut quoted) = (vec![String::new()], None);
        for c in line.chars() {
            match (c, quoted) {
                (quote, Some(open)) if quote == open => quoted = None,
                ('\'' | '"', None) => quoted = Some(c),
                (' ', None) => words.push(String::new()),
                (c, _) => words.last_mut().expect("one").push(c),
            }
        }
        words
    };
    lines.map(words).collect()
}

#[tokio::test]
async fn every_command_has_an_example_that_it_understands() {
    let home = Home::new();
    let page = well(&run(home.relay(&["pages"])).await);
    let examples = examples(&page);
    let commands = page.matches("```text\nrelay ").count();
    assert!(40 < commands && commands <= examples.len(), "{commands}, {}", examples.len());
    for section in page.split("\n```text\n").skip(1) {
        let usage = section.lines().next().unwrap_or_default();
        let text = section.split("\n#").next().unwrap_or_default();
        assert!(text.contains("\n```sh\nrelay "), "{usage} has no example");
    }
    for example in examples {
        assert_eq!(example[0], "relay", "{example:?}");
        // Help comes after the arguments before it were understood.
        let end = example.iter().position(|word| word == "--").unwrap_or(example.len());
        let mut args: Vec<&str> = example[1..end].iter().map(String::as_str).collect();
        args.push("--help");
        let output = run(home.relay(&args)).await;
        assert!(
            output.status.success() && stdout(&output).contains("Usage:"),
            "{example:?} {output:?}"
        );
    }
}

#[tokio::test]
async fn shells_complete_every_command() {
    let home = Home::new();
    for (shell, mark) in [
        ("bash", "complete -F _relay"),
        ("zsh", "#compdef relay"),
        ("fish", "complete -c relay"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let script = well(&run(home.relay(&["completion", shell])).await);
        for part in [mark, "events", "dlq", "--json", "refusals"] {
            assert!(
                script.contains(part.trim_start_matches('-')),
                "{part} is not in that of {shell}"
            );
        }
    }
    let bash = well(&run(home.relay(&["completion", "bash"])).await);
    fs::write(home.path().join("relay.bash"), bash).expect("written");
    let mut command = Command::new("bash");
    let check = ". ./relay.bash && COMP_WORDS=(relay dl) COMP_CWORD=1 && _relay relay dl relay && echo ${COMPREPLY[@]}";
    command.args(["-c", check]).current_dir(home.path());
    assert_eq!(well(&run(command).await), "dlq\n");
}
