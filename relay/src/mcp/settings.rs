//! The arguments of `relay mcp`.

use clap::Parser;

use crate::remote::Remote;

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
    /// The relay to ask, and the key to ask it with.
    #[command(flatten)]
    pub remote: Remote,
}
