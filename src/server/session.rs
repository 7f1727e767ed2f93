//! Who has logged in with a browser: what pages and their forms take as arguments.

use std::sync::{Arc, OnceLock};

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::accounts::cookies::{self, Kind};
use super::error::Refusal;
use super::forwarded::Arrival;
use super::{State, accounts, body, origin, pages};
use crate::clock;
pub use crate::domain::account::Role;
use crate::domain::id::AccountId;
use crate::domain::secret::SecretHash;
use crate::store::{Look, look};

/// Where a script has the token that a form has in its field `csrf`.
const CSRF_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");
/// The field of a form that has it.
const CSRF_FIELD: &str = "csrf";

/// Who looks at a page.
#[derive(Clone, Debug)]
pub struct Session {
    /// By which they log in.
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// What their forms bring along as `csrf`, and scripts as `X-CSRF-Token`.
    pub csrf: String,
}

/// The same, and what it is about.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    /// As pages know it.
    pub session: Session,
    /// Whose it is.
    pub account: AccountId,
    /// Of its token.
    pub hash: SecretHash,
}

/// What was found of a page's reader, for those who have passed the request on. It is shared by all copies.
#[derive(Clone, Default)]
pub struct Found(Arc<OnceLock<Session>>);

impl Found {
    /// The reader's session, if they have logged in and anybody has looked.
    pub fn session(&self) -> Option<&Session> {
        self.0.get()
    }
}

/// Looks who the reader of a page is, where no handler does. A database that cannot be asked is no reason for another answer.
pub async fn find_reader(parts: &mut Parts, state: &State) {
    if parts.extensions.get::<Found>().is_some() {
        let _ = current(parts, state).await;
    }
}

/// Goes with a request whose sender is looked at once more, while its answer goes on.
#[derive(Clone, Copy)]
struct LookedAtAgain;

/// Forgets whose a request was found to be, so that it is looked at again. That it is still answered is no sign that somebody
/// is there: it does not prolong a session.
pub fn look_again(parts: &mut Parts) {
    parts.extensions.remove::<LoggedIn>();
    parts.extensions.insert(LookedAtAgain);
}

/// The session of whoever sends a request; `None` when there is none, or it is over.
///
/// # Errors
/// When the database cannot be asked.
pub async fn current(parts: &mut Parts, state: &State) -> Result<Option<LoggedIn>, Refusal> {
    if let Some(found) = parts.extensions.get::<LoggedIn>() {
        return Ok(Some(found.clone()));
    }
    let arrival = Arrival::of(parts, state);
    let Some(token) = cookies::presented(&parts.headers, Kind::Session, &arrival, state) else {
        return Ok(None);
    };
    let hash = token.hash();
    // Asked each time: what another process has ended must be over at once.
    let found = look(&*state.store, Look::Short, move |view| view.session(&hash)).await?;
    let now = clock::utc();
    let Some(found) = found.filter(|session| !session.is_over(now)) else { return Ok(None) };
    if found.is_seen_again(now) && parts.extensions.get::<LookedAtAgain>().is_none() {
        state.accounts.note_seen(&state.store, hash, now);
    }
    let session = Session { email: found.email.to_string(), role: found.role, csrf: token.csrf() };
    if let Some(Found(reader)) = parts.extensions.get() {
        // Whoever was found before is the same.
        let _ = reader.set(session.clone());
    }
    let found = LoggedIn { session, account: found.account, hash };
    parts.extensions.insert(found.clone());
    Ok(Some(found))
}

/// Whoever has logged in, and sends this from a page of porta's own. Others are sent to log in.
impl FromRequestParts<Arc<State>> for LoggedIn {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, Self::Rejection> {
        let Some(found) = current(parts, state).await? else {
            return Err(Refusal::LogIn(format!("{}{}", state.root_path, login_path(parts))));
        };
        if origin::is_unsafe(&parts.method) {
            origin::require_own(&parts.headers, &Arrival::of(parts, state))?;
        }
        Ok(found)
    }
}

/// Where to log in, and to come back from. Of a form that was sent it says that it was not taken.
fn login_path(parts: &Parts) -> String {
    let next = pages::place(&parts.method, &parts.uri);
    accounts::login_path(&next, origin::is_unsafe(&parts.method))
}

/// Whoever looks at a page and has logged in. Others are sent to log in.
pub struct Page(pub Session);

impl FromRequestParts<Arc<State>> for Page {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, Self::Rejection> {
        LoggedIn::from_request_parts(parts, state).await.map(|found| Self(found.session))
    }
}

/// An administrator who looks at a page. Others are sent to log in, or told that it is not for them.
pub struct AdminPage(pub Session);

impl FromRequestParts<Arc<State>> for AdminPage {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, Self::Rejection> {
        let Page(session) = Page::from_request_parts(parts, state).await?;
        require_admin(&session)?;
        Ok(Self(session))
    }
}

/// Refuses a viewer.
///
/// # Errors
/// [`Refusal::Forbidden`].
pub fn require_admin(session: &Session) -> Result<(), Refusal> {
    match session.role {
        Role::Admin => Ok(()),
        Role::Viewer => {
            Err(Refusal::Forbidden("this is for administrators; you have logged in as a viewer".into()))
        }
    }
}

/// Refuses a script's request that changes something, unless it brings along what only porta's own pages can read.
///
/// # Errors
/// [`Refusal::Forbidden`].
pub fn require_own_script(parts: &Parts, state: &State, session: &Session) -> Result<(), Refusal> {
    if !origin::is_unsafe(&parts.method) {
        return Ok(());
    }
    origin::require_own(&parts.headers, &Arrival::of(parts, state))?;
    let presented = parts.headers.get(CSRF_HEADER).and_then(|token| token.to_str().ok());
    if presented.is_some_and(|presented| is_same(presented, &session.csrf)) {
        return Ok(());
    }
    Err(Refusal::Forbidden("the header X-CSRF-Token is missing or is not this session's".into()))
}

/// Whether two tokens are the same, in a time that does not tell how alike they are.
pub fn is_same(presented: &str, expected: &str) -> bool {
    SecretHash::of(presented) == SecretHash::of(expected)
}

/// What a page's form has sent, with the session's `csrf` where there is a session. It takes the place of the last argument
/// of a handler; who has to have logged in is up to those before it.
pub struct Form<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<State>> for Form<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &Arc<State>) -> Result<Self, Self::Rejection> {
        let (mut parts, body) = request.into_parts();
        let session = current(&mut parts, state).await?;
        let sent = Sent::read(&parts, body, state).await?;
        if let Some(found) = session {
            sent.require(&found.session.csrf)?;
        }
        sent.parse().map(Self)
    }
}

/// The fields of a form that a page of porta's own has sent.
pub struct Sent {
    csrf: Option<String>,
    rest: String,
}

impl Sent {
    /// Reads a body.
    ///
    /// # Errors
    /// When it comes from elsewhere, or is no form.
    pub async fn read(parts: &Parts, body: axum::body::Body, state: &State) -> Result<Self, Refusal> {
        origin::require_own(&parts.headers, &Arrival::of(parts, state))?;
        if body::kind(parts) != body::Kind::Form || !parts.headers.contains_key(CONTENT_TYPE) {
            return Err(Refusal::Unprocessable("it takes the fields of a form".into()));
        }
        let bytes = body::read(body, &state.bounds).await?;
        let mut csrf = None;
        let mut rest = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(&bytes) {
            if name == CSRF_FIELD {
                csrf = Some(value.into_owned());
            } else {
                rest.append_pair(&name, &value);
            }
        }
        Ok(Self { csrf, rest: rest.finish() })
    }

    /// Refuses a form that does not bring this along.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`].
    pub fn require(&self, csrf: &str) -> Result<(), Refusal> {
        if self.has(csrf) {
            return Ok(());
        }
        Err(Refusal::Forbidden(
            "this form belongs to another session; load its page again, and send it once more".into(),
        ))
    }

    /// Whether it brings this along.
    pub fn has(&self, csrf: &str) -> bool {
        self.csrf.as_deref().is_some_and(|presented| is_same(presented, csrf))
    }

    /// The fields.
    ///
    /// # Errors
    /// [`Refusal::Unprocessable`], with what is wrong.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        serde_urlencoded::from_str(&self.rest)
            .map_err(|error| Refusal::Unprocessable(format!("the form cannot be read: {error}")))
    }
}
