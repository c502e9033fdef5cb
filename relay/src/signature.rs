//! `relay sign` and `relay verify`: a signature made, and one taken apart until it is clear why it
//! does not hold. Nothing leaves this machine.

mod arguments;
mod case;
mod clues;
mod corrections;
mod diagnosis;
mod headers;

use std::process::ExitCode;

use adapters::{clock::Clock, random};
use clap::Parser;
use domain::{signature::MessageToSign, time::Timestamp};

use self::{
    arguments::{InputError, SignatureArgs},
    case::SignatureCase,
    diagnosis::Diagnosis,
};

/// What `relay sign` can be told.
#[derive(Debug, Parser)]
pub struct SignArgs {
    #[command(flatten)]
    signature: SignatureArgs,
    /// The message id, where the profile has one; made up if it is left out.
    #[arg(long)]
    id: Option<String>,
    /// When it is signed: Unix seconds or RFC 3339. Now, if it is left out.
    #[arg(long, value_parser = arguments::moment)]
    at: Option<Timestamp>,
}

/// What `relay verify` can be told.
#[derive(Debug, Parser)]
pub struct VerifyArgs {
    #[command(flatten)]
    signature: SignatureArgs,
    /// The request's headers: `Name: value` (again and again, or one a line), JSON, or @file with
    /// either. What `curl -v` prints will do.
    #[arg(long = "headers", visible_alias = "header", short = 'H', required = true)]
    headers: Vec<String>,
    /// When it arrived: Unix seconds or RFC 3339. Now, if it is left out.
    #[arg(long, value_parser = arguments::moment)]
    at: Option<Timestamp>,
}

/// Prints the headers that a request of this body needs, one a line, as `curl -H @-` reads them.
pub fn sign(args: SignArgs) -> ExitCode {
    match signed(&args) {
        Ok(lines) => {
            print(&lines);
            ExitCode::SUCCESS
        }
        Err(problem) => fail(&problem),
    }
}

fn signed(args: &SignArgs) -> Result<String, InputError> {
    let case = args.signature.read()?;
    let made = format!("msg_{}", random::token());
    let message = MessageToSign {
        id: Some(args.id.as_deref().unwrap_or(&made)),
        at: Some(args.at.unwrap_or_else(|| Clock::system().now())),
        nonce: Some(args.id.as_deref().unwrap_or(&made)),
        url: case.url.as_deref(),
        body: &case.body,
    };
    let scheme = &case.profile.scheme;
    if scheme.signs_url() && case.url.is_none() {
        return Err(InputError::NeedsUrl(case.name));
    }
    let headers =
        scheme.headers(&case.secrets, &message).ok_or(InputError::CannotSign(case.name))?;
    Ok(headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect())
}

/// Says whether a request's signature holds, and if not, why.
pub fn verify(args: VerifyArgs) -> ExitCode {
    let judged = args.signature.read().and_then(|case| {
        let headers = headers::read(&args.headers)?;
        let now = args.at.unwrap_or_else(|| Clock::system().now());
        Ok(diagnosis::judge(&SignatureCase { headers, now, ..case }))
    });
    match judged {
        Ok(verdict) => {
            print(&verdict.to_string());
            if matches!(verdict, Diagnosis::Holds { .. }) {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(problem) => fail(&problem),
    }
}

#[expect(clippy::print_stdout, reason = "the answer of a command")]
fn print(text: &str) {
    print!("{text}");
}

/// A question that could not be read: 2, as clap has it; 1 is a signature that does not hold.
#[expect(clippy::print_stderr, reason = "a command line says what stopped it")]
fn fail(problem: &InputError) -> ExitCode {
    eprintln!("relay: {problem}");
    ExitCode::from(2)
}

#[cfg(test)]
mod tests;
