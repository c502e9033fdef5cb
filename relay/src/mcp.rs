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
mod settings;
mod writes;

use rmcp::{ServiceExt, transport::stdio};

use self::server::Server;
pub use self::settings::McpArgs;
use crate::exit::{CommandError, Exit};

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
