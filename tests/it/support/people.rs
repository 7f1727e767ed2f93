//! People who look at pages.

use reqwest::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_TYPE, COOKIE, LOCATION, ORIGIN};
use reqwest::{Client, RequestBuilder, redirect};

use super::browser::{ADMIN, Browser};
use super::wire::FORM;
use super::{Server, Workspace};

/// An administrator who has logged in.
pub struct Admin {
    client: Client,
    url: String,
    cookies: String,
    csrf: String,
}

/// What a page is answered with.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    /// Where it leads, if it leads elsewhere.
    pub location: Option<String>,
    pub cache: Option<String>,
    pub text: String,
}

impl Admin {
    /// Creates an account, and logs in.
    pub fn new(workspace: &Workspace, server: &Server) -> Self {
        workspace.create_user(ADMIN, "admin");
        let mut browser = Browser::logged_in(server, ADMIN);
        let csrf = browser.csrf();
        let cookies: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        Self { client, url: server.url.clone(), cookies: cookies.join("; "), csrf }
    }

    /// A page in a language.
    pub async fn see(&self, path: &str, language: &str) -> Answered {
        let request = self.client.get(format!("{}{path}", self.url)).header(ACCEPT_LANGUAGE, language);
        self.answered(request).await
    }

    /// What a form sends.
    pub async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answered {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields.iter().copied().chain([("csrf", self.csrf.as_str())]));
        let request = self.client.post(format!("{}{path}", self.url)).header(CONTENT_TYPE, FORM);
        self.answered(request.header(ORIGIN, &self.url).body(form.finish())).await
    }

    async fn answered(&self, request: RequestBuilder) -> Answered {
        let response = request.header(COOKIE, &self.cookies).send().await.unwrap();
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        Answered {
            status: response.status().as_u16(),
            location: header(LOCATION),
            cache: header(CACHE_CONTROL),
            text: response.text().await.unwrap(),
        }
    }
}
