//! An administrator who looks at pages.

use std::cell::RefCell;

use super::browser::{ADMIN, Browser};
use super::{Server, Workspace};

/// One who has logged in.
pub struct Admin<'s>(RefCell<Browser<'s>>);

/// What a page is answered with.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    /// Where it leads, if it leads elsewhere.
    pub location: Option<String>,
    pub cache: Option<String>,
    pub text: String,
}

impl<'s> Admin<'s> {
    /// Gets an account, and logs in.
    pub fn new(workspace: &Workspace, server: &'s Server) -> Self {
        workspace.create_user(ADMIN, "admin");
        Self(RefCell::new(Browser::logged_in(server, ADMIN)))
    }

    /// A page in a language.
    pub fn see(&self, path: &str, language: &str) -> Answered {
        let mut browser = self.0.borrow_mut();
        browser.headers = vec![("Accept-Language".into(), language.into())];
        browser.get(path).into()
    }

    /// What a form's answer leads to.
    pub fn send_and_follow(&self, path: &str, fields: &[(&str, &str)]) -> Answered {
        let sent = self.send(path, fields);
        assert_eq!(sent.status, 303, "{}", sent.text);
        self.see(sent.location.as_deref().expect("a place"), "en")
    }

    /// What a form sends.
    pub fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answered {
        self.0.borrow_mut().submit(path, fields).into()
    }
}

impl From<super::browser::Answer> for Answered {
    fn from(answer: super::browser::Answer) -> Self {
        let header = |name| answer.header(name).map(str::to_owned);
        Self {
            status: answer.status,
            location: header("location"),
            cache: header("cache-control"),
            text: answer.body,
        }
    }
}
