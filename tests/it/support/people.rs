//! People who look at pages.

use reqwest::header::{ACCEPT_LANGUAGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use reqwest::{Client, RequestBuilder, redirect};

use super::wire::FORM;
use super::{Server, Workspace};

/// An administrator who has logged in.
pub struct Admin {
    client: Client,
    url: String,
    bearer: String,
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
    /// Logs in.
    pub fn new(workspace: &Workspace, server: &Server) -> Self {
        let token = workspace.json(&["admin", "token", "create", "--format", "json"])["token"].clone();
        let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        Self { client, url: server.url.clone(), bearer: format!("Bearer {}", token.as_str().unwrap()) }
    }

    /// A page in a language.
    pub async fn see(&self, path: &str, language: &str) -> Answered {
        answered(
            self.client.get(format!("{}{path}", self.url)).header(ACCEPT_LANGUAGE, language),
            &self.bearer,
        )
        .await
    }

    /// What a form sends.
    pub async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answered {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields.iter().copied().chain([("csrf", "scaffold")]));
        let request = self.client.post(format!("{}{path}", self.url)).header(CONTENT_TYPE, FORM);
        answered(request.body(form.finish()), &self.bearer).await
    }
}

async fn answered(request: RequestBuilder, bearer: &str) -> Answered {
    let response = request.header(AUTHORIZATION, bearer).send().await.unwrap();
    let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    Answered {
        status: response.status().as_u16(),
        location: header(LOCATION),
        cache: header(CACHE_CONTROL),
        text: response.text().await.unwrap(),
    }
}
