//! What is sent, and what it succeeds with.

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Uri};

use super::agents;
use super::judge::Judge;
use super::target::{Destination, TargetError};
use crate::clock;
use crate::domain::template::Template;

/// Tells the server that a request is one of a stress test, and of which.
const RUN: HeaderName = HeaderName::from_static("x-porta-run");
/// Holds the token of an agent bridge.
const TOKEN: HeaderName = HeaderName::from_static("x-porta-token");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// What a dry run shows in the place of a key.
const KEY_SHOWN: &str = "api_key=…";

/// The requests of a run.
pub struct Traffic {
    /// What the endpoints lie below, or the only one itself; without a query.
    pub base_url: String,
    /// One or several.
    pub endpoints: Vec<Endpoint>,
    kind: Kind,
}

/// A kind of request, made ready before the run.
pub struct Endpoint {
    /// HTTP method.
    pub method: Method,
    /// Path without the query.
    pub path: String,
    /// Of a hundred requests, so many are of this kind.
    pub weight: u32,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) judge: Judge,
}

enum Kind {
    /// Updates of a channel. Their form begins with `api_key=…`.
    Updates {
        form_head: String,
    },
    /// What agents do.
    Agents,
    /// One request, always the same or from a template.
    Fixed(Bytes),
    Template(Box<Template>),
}

/// A request of the operator's own.
pub struct Custom {
    /// HTTP method.
    pub method: Method,
    /// Beside `Host`, `Content-Type` and `X-Porta-Run`, and in their place.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What is sent.
    pub body: CustomBody,
    /// What is a success.
    pub expected: Judge,
}

/// The body of a request of the operator's own.
pub enum CustomBody {
    /// The same each time; may be empty.
    Fixed(Bytes),
    /// Another one each time.
    Template(Box<Template>),
}

impl Traffic {
    /// Updates with `api_key`, to `/update` below the destination.
    ///
    /// # Errors
    /// As [`TargetError`].
    pub fn updates(destination: &Destination, api_key: &str) -> Result<Self, TargetError> {
        let base = destination.base_path("/update")?;
        if !(1..=64).contains(&api_key.len()) || !api_key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TargetError::Key);
        }
        let mut headers = headers(destination)?;
        headers.insert(CONTENT_TYPE, FORM);
        let endpoint = Endpoint {
            method: Method::POST,
            path: "/update".into(),
            weight: 100,
            uri: format!("{base}/update").parse().map_err(|_| TargetError::NotAUrl)?,
            headers,
            judge: Judge::EntryId,
        };
        let key: String = form_urlencoded::byte_serialize(api_key.as_bytes()).collect();
        let kind = Kind::Updates { form_head: format!("api_key={key}") };
        Ok(Self { base_url: destination.with_path(base), endpoints: vec![endpoint], kind })
    }

    /// What agents with the bridge's `token` do, below the destination.
    ///
    /// # Errors
    /// As [`TargetError`].
    pub fn agents(destination: &Destination, token: &str) -> Result<Self, TargetError> {
        let base = destination.base_path("/")?;
        let mut token = HeaderValue::from_str(token).map_err(|_| TargetError::Token)?;
        token.set_sensitive(true);
        let endpoint = |operation: &agents::Operation| {
            let mut headers = headers(destination)?;
            headers.insert(TOKEN, token.clone());
            if operation.method == Method::POST {
                headers.insert(CONTENT_TYPE, JSON);
            }
            Ok(Endpoint {
                method: operation.method.clone(),
                path: operation.path.into(),
                weight: operation.weight,
                uri: format!("{base}{}", operation.path).parse().map_err(|_| TargetError::NotAUrl)?,
                headers,
                judge: operation.judge.clone(),
            })
        };
        let endpoints = agents::OPERATIONS.iter().map(endpoint).collect::<Result<_, TargetError>>()?;
        Ok(Self { base_url: destination.with_path(base), endpoints, kind: Kind::Agents })
    }

    /// The operator's own request to the destination itself.
    ///
    /// # Errors
    /// As [`TargetError`].
    pub fn custom(destination: &Destination, custom: Custom) -> Result<Self, TargetError> {
        let mut headers = headers(destination)?;
        let kind = match custom.body {
            CustomBody::Fixed(body) => Kind::Fixed(body),
            CustomBody::Template(template) => Kind::Template(template),
        };
        if !matches!(&kind, Kind::Fixed(body) if body.is_empty()) {
            headers.insert(CONTENT_TYPE, FORM);
        }
        for (name, _) in &custom.headers {
            headers.remove(name);
        }
        // One name can come several times.
        for (name, value) in custom.headers {
            headers.append(name, value);
        }
        let endpoint = Endpoint {
            method: custom.method,
            path: destination.path().into(),
            weight: 100,
            uri: destination.path_and_query()?,
            headers,
            judge: custom.expected,
        };
        Ok(Self { base_url: destination.with_path(destination.path()), endpoints: vec![endpoint], kind })
    }

    /// Where a porta tells its metrics, with the headers to ask with; `None` where the target may be something else.
    pub(super) fn metrics(&self) -> Option<(Uri, HeaderMap)> {
        let own = match self.kind {
            Kind::Updates { .. } | Kind::Agents => self.endpoints.first()?,
            Kind::Fixed(_) | Kind::Template(_) => return None,
        };
        let base = own.uri.path().strip_suffix(own.path.as_str())?;
        // Without the last, it would count as live traffic.
        let headers =
            [HOST, RUN].into_iter().filter_map(|name| Some((name.clone(), own.headers.get(&name)?.clone())));
        Some((format!("{base}/metrics").parse().ok()?, headers.collect()))
    }

    /// Method and path of each endpoint.
    pub fn endpoint_names(&self) -> Vec<(String, String)> {
        self.endpoints.iter().map(|endpoint| (endpoint.method.to_string(), endpoint.path.clone())).collect()
    }

    /// The next request of worker `number`, counted from 0: the place of its endpoint, and its body.
    pub(super) fn next(&self, number: u64, random: &mut fastrand::Rng) -> (usize, Bytes) {
        match &self.kind {
            Kind::Updates { form_head } => (0, update_body(form_head, random)),
            Kind::Agents => {
                let operation = agents::choose(random);
                (operation, agents::body(operation, number))
            }
            Kind::Fixed(body) => (0, body.clone()),
            Kind::Template(template) => (0, template.write(random).into()),
        }
    }

    /// A body as it could be sent to an endpoint, without a key.
    pub fn example(&self, endpoint: usize, random: &mut fastrand::Rng) -> Bytes {
        match &self.kind {
            Kind::Updates { .. } => update_body(KEY_SHOWN, random),
            Kind::Agents => agents::body(endpoint, 0),
            Kind::Fixed(body) => body.clone(),
            Kind::Template(template) => template.write(random).into(),
        }
    }
}

fn headers(destination: &Destination) -> Result<HeaderMap, TargetError> {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(HOST, destination.host_header()?);
    headers.insert(RUN, HeaderValue::from(clock::utc().0));
    Ok(headers)
}

/// The body of an update: random values from 0.0 to 100.0 in all eight fields.
fn update_body(form_head: &str, random: &mut fastrand::Rng) -> Bytes {
    let mut body = Vec::with_capacity(form_head.len() + 8 * "&field1=100.0".len());
    body.extend_from_slice(form_head.as_bytes());
    for field in b'1'..=b'8' {
        let tenths = random.u16(0..=1000);
        body.extend_from_slice(b"&field");
        body.extend_from_slice(&[field, b'=']);
        push_number(&mut body, tenths / 10);
        body.extend_from_slice(&[b'.', b'0' + (tenths % 10) as u8]);
    }
    body.into()
}

/// Appends a number up to 100 in decimal digits.
fn push_number(body: &mut Vec<u8>, number: u16) {
    let digits = [number / 100, number / 10 % 10, number % 10];
    let first = digits[..2].iter().position(|digit| *digit > 0).unwrap_or(2);
    body.extend(digits[first..].iter().map(|digit| b'0' + *digit as u8));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(url: &str) -> Destination {
        Destination::parse(url).expect(url)
    }

    #[test]
    fn all_eight_fields_have_values_from_0_to_100() {
        let traffic = Traffic::updates(&destination("http://127.0.0.1"), "A&B").expect("updates");
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..1000 {
            let (endpoint, body) = traffic.next(0, &mut random);
            assert_eq!(traffic.endpoints[endpoint].uri.path(), "/update");
            let body = std::str::from_utf8(&body).expect("text");
            let mut parts = body.split('&');
            assert_eq!(parts.next(), Some("api_key=A%26B"));
            for field in 1..=8 {
                let value = parts.next().and_then(|part| part.strip_prefix(&format!("field{field}=")));
                let value: f64 = value.expect("the field").parse().expect("a number");
                assert!((0.0..=100.0).contains(&value));
            }
            assert_eq!(parts.next(), None);
        }
        let example = traffic.example(0, &mut random);
        assert!(example.starts_with("api_key=…&field1=".as_bytes()), "no key is shown");
    }

    #[test]
    fn what_no_request_can_be_made_of_is_refused() {
        for (url, key, error) in [
            ("http://127.0.0.1/?a=b", "K", TargetError::Unused),
            ("http://127.0.0.1", "", TargetError::Key),
            ("http://127.0.0.1", "a\nb", TargetError::Key),
        ] {
            assert_eq!(Traffic::updates(&destination(url), key).err(), Some(error), "{url}");
        }
        let error = Traffic::agents(&destination("http://127.0.0.1"), "a\nb").err();
        assert_eq!(error, Some(TargetError::Token));
    }

    #[test]
    fn a_request_of_ones_own_goes_to_the_url_itself() {
        let custom = Custom {
            method: Method::PUT,
            headers: vec![
                (CONTENT_TYPE, HeaderValue::from_static("text/plain")),
                (HOST, HeaderValue::from_static("example.org")),
            ],
            body: CustomBody::Fixed(Bytes::from_static(b"x")),
            expected: Judge::AnySuccess,
        };
        let traffic =
            Traffic::custom(&destination("http://127.0.0.1/a/b/?key=secret"), custom).expect("a request");
        let endpoint = &traffic.endpoints[0];
        assert_eq!(endpoint.uri, "/a/b/?key=secret");
        assert_eq!((traffic.base_url.as_str(), endpoint.path.as_str()), ("http://127.0.0.1/a/b/", "/a/b/"));
        assert_eq!(endpoint.headers[CONTENT_TYPE], "text/plain");
        assert_eq!(endpoint.headers[HOST], "example.org");
    }

    #[test]
    fn agents_present_their_token_below_the_url() {
        let traffic = Traffic::agents(&destination("http://127.0.0.1/bridge/"), "T").expect("agents");
        let endpoint = &traffic.endpoints[0];
        assert_eq!(endpoint.uri.path(), "/bridge/agent/status");
        assert_eq!(endpoint.headers[TOKEN], "T");
    }
}
