//! A browser, as far as logging in goes: it keeps cookies, and says where its requests come from.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Stdio;

use super::wire::{FORM, exchange, request};
use super::{Server, Workspace};

/// The password of every account here.
pub const PASSWORD: &str = "kettle-moon-river";
/// An administrator's address.
pub const ADMIN: &str = "ann@example.org";
/// A viewer's.
pub const VIEWER: &str = "vic@example.org";

/// An answer, taken apart.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn of(response: &str) -> Self {
        let (head, body) = response.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{response}"));
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| line.split_once(": ").unwrap_or_else(|| panic!("{response}")));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Self { status, headers, body: body.to_owned() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Where it leads to.
    pub fn location(&self) -> &str {
        assert_eq!(self.status, 303, "{self:?}");
        self.header("location").unwrap()
    }

    /// What it gives the browser of a cookie, with everything that goes with it.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let mut cookies = self.headers.iter().filter(|(header, _)| header == "set-cookie");
        cookies.find(|(_, value)| value.split('=').next() == Some(name)).map(|(_, value)| value.as_str())
    }

    /// The value of a hidden field of its form.
    pub fn field(&self, name: &str) -> Option<String> {
        let (_, rest) = self.body.split_once(&format!("name=\"{name}\" value=\""))?;
        rest.split('"').next().map(str::to_owned)
    }
}

/// What remembers cookies.
#[derive(Clone)]
pub struct Browser<'s> {
    server: &'s Server,
    pub cookies: BTreeMap<String, String>,
    /// Goes along with every request.
    pub headers: Vec<(String, String)>,
}

impl<'s> Browser<'s> {
    /// One that has been nowhere.
    pub fn new(server: &'s Server) -> Self {
        Self { server, cookies: BTreeMap::new(), headers: Vec::new() }
    }

    /// One that has logged in.
    pub fn logged_in(server: &'s Server, email: &str) -> Self {
        let mut browser = Self::new(server);
        let answer = browser.log_in(email, PASSWORD);
        assert_eq!(answer.status, 303, "{answer:?}");
        browser
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    /// Sends a form from a page of the server's own.
    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let own = [("Origin", "http://x"), ("Sec-Fetch-Site", "same-origin"), ("Content-Type", FORM)];
        self.send("POST", path, &own, &body)
    }

    /// The cookies as a request has them.
    pub fn cookie_header(&self) -> String {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        cookies.join("; ")
    }

    /// Sends a request with the cookies, and keeps those of the answer.
    pub fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let cookies = self.cookie_header();
        let mut all: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        all.extend(headers);
        if !cookies.is_empty() {
            all.push(("Cookie", &cookies));
        }
        let answer = Answer::of(&exchange(self.server, &request(method, path, &all, body)));
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.into(), value.into());
            }
        }
        answer
    }

    /// Fills in the form of the login page.
    pub fn log_in(&mut self, email: &str, password: &str) -> Answer {
        let csrf = self.get("/login").field("csrf").expect("a form");
        self.post("/login", &[("csrf", &csrf), ("email", email), ("password", password)])
    }

    /// What a form of this session brings along.
    pub fn csrf(&mut self) -> String {
        let page = self.get("/account");
        page.field("csrf").unwrap_or_else(|| panic!("{page:?}"))
    }

    /// Sends a form of this session.
    pub fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf();
        let fields: Vec<_> = [("csrf", csrf.as_str())].into_iter().chain(fields.iter().copied()).collect();
        self.post(path, &fields)
    }

    pub fn is_logged_in(&mut self) -> bool {
        self.get("/account").status == 200
    }
}

impl Workspace {
    /// Runs a command that reads this from standard input.
    pub fn porta_with_input(&self, arguments: &[&str], input: &str) -> super::Ended {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that has seen enough may have ended.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap().into()
    }

    /// An account with [`PASSWORD`].
    pub fn create_user(&self, email: &str, role: &str) {
        let create = ["admin", "user", "create", email, "--role", role, "--password-stdin"];
        let ended = self.porta_with_input(&create, PASSWORD);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }

    /// A server with an administrator and a viewer.
    pub fn serve_people(&self, arguments: &[&str]) -> Server {
        self.create_user(ADMIN, "admin");
        self.create_user(VIEWER, "viewer");
        self.serve(arguments)
    }
}
