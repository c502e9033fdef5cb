//! The README's first run, as it is written.

use super::{Home, Running, said};

/// The commands of the README's first section, by terminal. A comment ends a command.
fn terminals(readme: &str) -> Vec<Vec<String>> {
    let section = readme.split("\n## Run it here\n").nth(1).expect("the section");
    let section = section.split("\n## ").next().expect("the section");
    let blocks = section.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let command = |line: &str| line.split(" #").next().unwrap_or_default().trim().to_owned();
    let commands =
        |block: &str| block.lines().map(command).filter(|line| !line.is_empty()).collect();
    blocks.map(commands).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_run_works_as_it_is_written_in_at_most_five_commands_and_two_terminals() {
    let readme = include_str!("../../../../README.md");
    let terminals = terminals(readme);
    let count: usize = terminals.iter().map(Vec::len).sum();
    assert!(terminals.len() == 2 && count <= 5, "{terminals:?}");
    let args = |line: &String| -> Vec<String> {
        let args = line.strip_prefix("cargo run -- ").unwrap_or_else(|| panic!("{line}"));
        args.split_whitespace().map(str::to_owned).collect()
    };
    let [first] = &terminals[0][..] else { panic!("the relay has a terminal of its own") };
    let home = Home::new();
    let start = args(first);
    let start: Vec<&str> = start.iter().map(String::as_str).collect();
    let relay = Running::start_as(&home, &start).await;
    relay.line(|line| line.contains(" out ") && line.contains(" 204 ")).await;
    for line in &terminals[1] {
        let args = args(line);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        said(&relay.relay(&args).await, 0);
    }
    // What the second terminal does is seen in the first.
    relay.line(|line| line.contains(" in  stripe ") && line.contains("stripe.invoice.paid")).await;
    relay.line(|line| line.contains(" out ") && line.contains("stripe.invoice.paid")).await;
    relay.line(|line| line.contains("refused: no secret matches the signature")).await;
}
