//! `relay mcp`: the relay as tools of the Model Context Protocol, over standard input and output.
//!
//! * `catalogue` lists the tools and their arguments, and `arguments` checks what a model passes.
//! * `reads` and `writes` are the calls, `documents` the pages of this repository that a model may read.
//! * `data` bounds and marks what senders and receivers wrote, because a model must not take it for orders.
//! * `server` speaks the protocol.
//!
//! Nothing is written unless `--allow-write` is given, and then only after a dry run: see `writes`.

mod arguments;
mod catalogue;
mod data;
mod documents;
mod reads;
mod server;
mod writes;

use clap::Parser;
use rmcp::{ServiceExt, transport::stdio};

use self::server::Server;
use crate::{
    exit::{CommandError, Exit},
    remote::Remote,
};

/// The arguments of `relay mcp`.
#[derive(Clone, Debug, Parser)]
#[command(after_help = "Examples:\n  relay mcp\n  relay mcp --context production --allow-write")]
pub struct McpArgs {
    /// Offer the tools that send again: replay, retry and redrive. Each shows what it would do, and does it
    /// only when it is called again with the confirmation that it gave.
    #[arg(long)]
    pub allow_write: bool,
    /// Name of an environment variable with a secret that the tool `verify_signature` may use. May be
    /// repeated. The model learns the name and never the value.
    #[arg(long, value_name = "VARIABLE")]
    pub verify_with: Vec<String>,
    /// The relay to ask.
    #[command(flatten)]
    pub remote: Remote,
}

/// Answers an MCP client until it closes standard input.
///
/// # Errors
/// [`CommandError::Failed`] if the client does not speak the protocol.
pub async fn run(args: McpArgs) -> Result<Exit, CommandError> {
    let failed =
        |why: String| CommandError::Failed(format!("the MCP client cannot be served: {why}"));
    let serving = Server::new(args).serve(stdio()).await;
    let serving = serving.map_err(|error| failed(error.to_string()))?;
    serving.waiting().await.map_err(|error| failed(error.to_string()))?;
    Ok(Exit::Done)
}
