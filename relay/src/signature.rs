//! `relay sign` makes a signature. `relay verify` checks a signature and explains why it does not hold.
//! Neither command uses the network.

mod arguments;
mod case;
mod clues;
mod corrections;
mod diagnosis;
mod headers;
mod shape;

use std::process::ExitCode;

use adapters::{clock::Clock, random};
use clap::Parser;
use domain::{signature::MessageToSign, time::Timestamp};

pub(crate) use self::case::Question;
use self::{
    arguments::{InputError, SignatureArgs},
    case::SignatureCase,
    diagnosis::Diagnosis,
};

/// The arguments of `relay sign`.
#[derive(Debug, Parser)]
pub struct SignArgs {
    #[command(flatten)]
    signature: SignatureArgs,
    /// Message id, for profiles that have one. The default is a random id.
    #[arg(long)]
    id: Option<String>,
    /// Time of signing: Unix seconds or RFC 3339. The default is now.
    #[arg(long, value_parser = arguments::moment)]
    at: Option<Timestamp>,
}

/// The arguments of `relay verify`.
#[derive(Debug, Parser)]
pub struct VerifyArgs {
    #[command(flatten)]
    signature: SignatureArgs,
    /// Headers of the request: `Name: value`, one a line, or a JSON object; @FILE reads a file. May be
    /// repeated. The output of `curl -v` is accepted.
    #[arg(long = "headers", visible_alias = "header", short = 'H', required = true)]
    headers: Vec<String>,
    /// Time of arrival: Unix seconds or RFC 3339. The default is now.
    #[arg(long, value_parser = arguments::moment)]
    at: Option<Timestamp>,
}

/// Prints the headers that a request with this body needs, one a line. `curl -H @-` reads this form.
pub fn sign(args: SignArgs) -> ExitCode {
    match signed(&args) {
        Ok(lines) => {
            print(&lines);
            ExitCode::SUCCESS
        }
        Err(problem) => fail(&problem),
    }
}

/// The headers of a signed request, one a line.
///
/// # Errors
/// [`InputError`] if the arguments cannot be read or the profile cannot sign with them.
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

/// Prints whether the signature of a request holds, and if not, why. The exit code is 1 if the signature
/// does not hold and 2 if the arguments cannot be read.
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

/// Says whether a signature holds, and if not, why. No file is read, whatever the texts are.
///
/// # Errors
/// The reason in words if the profile is unknown or the headers cannot be read.
pub(crate) fn explain(question: &Question<'_>) -> Result<String, String> {
    let case = arguments::case(question).map_err(|problem| problem.to_string())?;
    let headers = headers::parse(question.headers).map_err(|problem| problem.to_string())?;
    let at = question.at.and_then(Timestamp::parse_rfc3339);
    let now = at.unwrap_or_else(|| Clock::system().now());
    Ok(diagnosis::judge(&SignatureCase { headers, now, ..case }).to_string())
}

#[expect(clippy::print_stdout, reason = "the output of a command")]
fn print(text: &str) {
    print!("{text}");
}

/// Prints the error. The exit code is 2, clap's code for invalid arguments.
#[expect(clippy::print_stderr, reason = "the error of a command")]
fn fail(problem: &InputError) -> ExitCode {
    eprintln!("relay: {problem}");
    ExitCode::from(2)
}

#[cfg(test)]
mod tests;
