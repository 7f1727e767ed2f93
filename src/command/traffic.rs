//! What `porta stress` sends: arguments → requests.

use bytes::Bytes;

use crate::cli::{Bridge, Custom, Stress};
use crate::domain::identity;
use crate::domain::run_config::RunConfig;
use crate::domain::template::{TEMPLATE_BYTES_MAX, Template};
use crate::exit::Failure;
use crate::load::judge::Judge;
use crate::load::target::{Destination, Target, TargetError};
use crate::load::traffic::{self, CustomBody, Traffic};

/// What goes to `url`, which is no private server.
pub fn of(arguments: &Stress, url: &str) -> Result<(Destination, Traffic), Failure> {
    if arguments.custom.is_given() {
        return custom(&arguments.custom, url);
    }
    if arguments.agents.is_some() {
        let token = Bridge::token_variable()
            .map_err(|error| Failure::usage(format!("cannot use PORTA_TOKEN: {error}")))?;
        let token = token.ok_or_else(|| {
            Failure::usage(format!("cannot load {url}: agents need the token of the bridge there"))
                .next_step("Put it into PORTA_TOKEN.")
        })?;
        return agents(url, token.trim());
    }
    let api_key = arguments.api_key.as_deref().ok_or_else(|| {
        Failure::usage(format!("cannot load {url}: it takes a write API key of a channel there")).next_step(
            "Put it into PORTA_API_KEY. porta admin channel create makes a channel with a key. For a server that is \
             not porta, say what to send: --method GET.",
        )
    })?;
    updates(url, api_key)
}

/// Updates of a channel.
pub fn updates(url: &str, api_key: &str) -> Result<(Destination, Traffic), Failure> {
    made(url, |destination| Traffic::updates(destination, api_key))
}

/// What agents do.
pub fn agents(url: &str, token: &str) -> Result<(Destination, Traffic), Failure> {
    made(url, |destination| Traffic::agents(destination, token))
}

fn custom(arguments: &Custom, url: &str) -> Result<(Destination, Traffic), Failure> {
    let body = body(arguments)?;
    let has_body = !matches!(&body, CustomBody::Fixed(body) if body.is_empty());
    let method = arguments.method.as_deref().unwrap_or(if has_body { "POST" } else { "GET" });
    let lines = header_lines(&arguments.header)?;
    let headers = lines.iter().map(|header| self::header(header));
    let custom = traffic::Custom {
        method: method
            .parse()
            .map_err(|_| Failure::usage(format!("cannot use --method {method}: it is none")))?,
        headers: headers.collect::<Result<_, _>>()?,
        body,
        expected: match arguments.expect_status.as_slice() {
            [] => Judge::AnySuccess,
            statuses => Judge::Statuses(statuses.to_vec()),
        },
    };
    made(url, |destination| Traffic::custom(destination, custom))
}

fn body(arguments: &Custom) -> Result<CustomBody, Failure> {
    if let Some(template) = &arguments.template {
        let text = String::from_utf8(text_or_file("--template", template)?)
            .map_err(|error| Failure::usage(format!("cannot use --template: it is not UTF-8: {error}")))?;
        let template = Template::parse(&text)
            .map_err(|error| Failure::usage(format!("cannot use --template: {error}")))?;
        return Ok(CustomBody::Template(Box::new(template)));
    }
    let body = arguments.body.as_deref().map(|body| text_or_file("--body", body)).transpose()?;
    Ok(CustomBody::Fixed(Bytes::from(body.unwrap_or_default())))
}

/// The text, or what is in the file that it names as `@FILE`.
fn text_or_file(option: &str, text: &str) -> Result<Vec<u8>, Failure> {
    let Some(file) = text.strip_prefix('@') else { return Ok(text.as_bytes().to_vec()) };
    let cannot = |reason: String| Failure::usage(format!("cannot use {option} {text}: {reason}"));
    let length = std::fs::metadata(file).map_err(|error| cannot(error.to_string()))?.len();
    if length > TEMPLATE_BYTES_MAX as u64 {
        return Err(cannot(format!("it has more than {TEMPLATE_BYTES_MAX} bytes")));
    }
    std::fs::read(file).map_err(|error| cannot(error.to_string()))
}

/// The headers, those of files that are named as `@FILE` among them, one a line there.
fn header_lines(headers: &[String]) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    for header in headers {
        let text = String::from_utf8(text_or_file("--header", header)?)
            .map_err(|error| Failure::usage(format!("cannot use --header: it is not UTF-8: {error}")))?;
        lines.extend(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned));
    }
    Ok(lines)
}

fn header<N: std::str::FromStr, V: std::str::FromStr>(text: &str) -> Result<(N, V), Failure> {
    // The value may be a secret.
    let (name, value) = text
        .split_once(':')
        .ok_or_else(|| Failure::usage("cannot use --header: it is written as 'NAME: VALUE'"))?;
    let wrong =
        |what: &str| Failure::usage(format!("cannot use --header {name}: that is no {what} of a header"));
    Ok((name.trim().parse().map_err(|_| wrong("name"))?, value.trim().parse().map_err(|_| wrong("value"))?))
}

fn made(
    url: &str,
    make: impl FnOnce(&Destination) -> Result<Traffic, TargetError>,
) -> Result<(Destination, Traffic), Failure> {
    let destination = Destination::parse(url).map_err(|error| cannot_load(url, &error))?;
    let traffic = make(&destination).map_err(|error| cannot_load(url, &error))?;
    Ok((destination, traffic))
}

/// Looks the host up, once for the whole run.
pub async fn resolve(url: &str, destination: &Destination, traffic: Traffic) -> Result<Target, Failure> {
    destination.resolve(traffic).await.map_err(|error| cannot_load(url, &error))
}

fn cannot_load(url: &str, error: &TargetError) -> Failure {
    let url = without_secrets(url);
    match error {
        TargetError::Unresolved { .. } | TargetError::Tls(_) => {
            Failure::new(format!("cannot load {url}"), error)
        }
        _ => Failure::usage(format!("cannot load {url}: {error}")),
    }
}

/// A URL without what may be a secret: query, user and password.
fn without_secrets(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let (scheme, rest) = url[..end].split_once("://").unwrap_or(("", &url[..end]));
    let host = rest.find('/').unwrap_or(rest.len());
    let without_user = rest[..host].rfind('@').map_or(rest, |at| &rest[at + 1..]);
    if scheme.is_empty() { without_user.to_owned() } else { format!("{scheme}://{without_user}") }
}

/// What tells requests of the operator's own apart, as a hash: the whole URL, the method, the names of the headers, the body or its
/// template, and what is a success. A file counts by its name.
fn request_hash(arguments: &Stress) -> String {
    let Custom { method, header, body, template, expect_status } = &arguments.custom;
    let headers: Vec<_> = header.iter().map(|header| header.split(':').next().unwrap_or_default()).collect();
    let url = arguments.url_or_default();
    identity::digits(&format!("{url}\n{method:?}\n{headers:?}\n{body:?}\n{template:?}\n{expect_status:?}\n"))
}

/// A configuration with what of it is in the arguments, and in what they have become.
pub fn described(config: RunConfig, arguments: &Stress, traffic: &Traffic) -> RunConfig {
    let own = traffic.endpoints.first().filter(|_| arguments.custom.is_given());
    RunConfig {
        scenario: arguments.scenario.map(|scenario| scenario.as_str().to_owned()),
        agents: arguments.agents,
        // Agents write to none.
        channel_id: config.channel_id.filter(|_| arguments.agents.is_none()),
        method: own.map(|endpoint| endpoint.method.to_string()),
        request_hash: own.map(|_| request_hash(arguments)),
        ..config
    }
}
