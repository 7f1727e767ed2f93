//! The store's contract for accounts and sessions: the same story for each database behind the traits.

use porta::clock;
use porta::domain::account::{ACCOUNTS_MAX, Account, Credentials, Email, NewAccount, Role};
use porta::domain::id::AccountId;
use porta::domain::password::PasswordHash;
use porta::domain::secret::SecretHash;
use porta::domain::session::{
    BROWSER_KNOWN, BROWSERS_MAX, IDLE_MAX, LIFETIME_MAX, Login, NewSession, SESSIONS_MAX, SessionState,
};
use porta::domain::unit::UtcMillis;
use porta::store::sqlite::{QUEUE_CAPACITY, Sqlite, migrate};
use porta::store::{Look, Store, StoreError, look};

use crate::support::Workspace;

fn hash(name: &str) -> SecretHash {
    SecretHash::of(name)
}

fn email(name: &str) -> Email {
    format!("{name}@example.org").parse().unwrap()
}

fn password(text: &str) -> PasswordHash {
    PasswordHash::stored(text.into())
}

fn new(name: &str, role: Role) -> NewAccount {
    NewAccount { email: email(name), role, password: password("first") }
}

/// A login with the account's first password, whose session and browser have this name.
fn login(account: &Account, name: &str, at: UtcMillis) -> Login {
    let session = NewSession {
        account: account.id,
        hash: hash(name),
        replaces: None,
        browser: hash(&format!("browser of {name}")),
        browser_before: None,
        at,
    };
    Login { session, password: password("first") }
}

async fn session(store: &dyn Store, name: &str) -> Option<SessionState> {
    let hash = hash(name);
    look(store, Look::Short, move |view| view.session(&hash)).await.unwrap()
}

async fn credentials(store: &dyn Store, of: &str, browser: &str, now: UtcMillis) -> Option<Credentials> {
    let (email, browser) = (email(of), hash(browser));
    look(store, Look::Short, move |view| view.credentials(&email, Some(&browser), now)).await.unwrap()
}

async fn story(store: &dyn Store) {
    let now = clock::utc();
    assert!(!look(store, Look::Short, |view| view.has_admin()).await.unwrap());
    let ann = the_first_account_is_made_by_its_link(store, now).await;
    let vic = store.create_account(new("vic", Role::Viewer)).await.unwrap();
    assert!(matches!(store.create_account(new("vic", Role::Admin)).await, Err(StoreError::Conflict(_))));
    assert_eq!(store.accounts().await.unwrap(), [ann.clone(), vic.clone()]);
    sessions_begin_and_end(store, &ann, now).await;
    a_password_that_changes_ends_sessions(store, &ann, &vic, now).await;
    sessions_are_so_many(store, &vic, now).await;
    what_is_over_goes_away(store, now).await;

    store.log_in(login(&vic, "last", now)).await.unwrap();
    assert_eq!(store.delete_account(email("vic")).await.unwrap().id, vic.id);
    assert_eq!(session(store, "last").await, None);
    assert!(credentials(store, "vic", "browser of last", now).await.is_none());
    assert!(matches!(store.delete_account(email("vic")).await, Err(StoreError::NotFound(_))));
    let gone = store.log_in(login(&vic, "ghost", now)).await;
    assert!(matches!(gone, Err(StoreError::NotFound(_))));
    assert_eq!(session(store, "ghost").await, None);
    store.close().await.unwrap();
}

async fn the_first_account_is_made_by_its_link(store: &dyn Store, now: UtcMillis) -> Account {
    let later = UtcMillis(now.0 + 1000);
    assert!(store.offer_set_up(hash("old link"), later).await.unwrap());
    assert!(store.offer_set_up(hash("link"), later).await.unwrap(), "the newest is the only one");
    let is_good = |name: &str, at: UtcMillis| {
        let link = hash(name);
        look(store, Look::Short, move |view| view.is_set_up_link(&link, at))
    };
    assert!(is_good("link", now).await.unwrap());
    assert!(!is_good("link", later).await.unwrap() && !is_good("old link", now).await.unwrap());
    for (link, at) in [("old link", now), ("link", later), ("another", now)] {
        let refused = store.set_up(hash(link), new("eve", Role::Admin), at).await;
        assert!(matches!(refused, Err(StoreError::NotFound(_))), "{link}");
    }
    let ann = store.set_up(hash("link"), new("ann", Role::Admin), now).await.unwrap();
    assert_eq!((ann.id, ann.role, ann.last_login_at), (AccountId(1), Role::Admin, None));
    let again = store.set_up(hash("link"), new("eve", Role::Admin), now).await;
    assert!(matches!(again, Err(StoreError::NotFound(_))), "a link works once");
    assert!(!store.offer_set_up(hash("new link"), later).await.unwrap(), "there is an account");
    assert!(!is_good("new link", now).await.unwrap());
    assert!(look(store, Look::Short, |view| view.has_admin()).await.unwrap());
    ann
}

async fn sessions_begin_and_end(store: &dyn Store, ann: &Account, now: UtcMillis) {
    let wrong = Login { password: password("second"), ..login(ann, "wrong", now) };
    assert!(matches!(store.log_in(wrong).await, Err(StoreError::NotFound(_))), "the password has changed");
    assert_eq!(session(store, "wrong").await, None);

    store.log_in(login(ann, "one", now)).await.unwrap();
    assert_eq!(store.accounts().await.unwrap()[0].last_login_at, Some(now));
    let one = session(store, "one").await.unwrap();
    assert_eq!((one.account, &one.email, one.role), (ann.id, &ann.email, Role::Admin));
    assert_eq!((one.created_at, one.last_seen_at), (now, now));
    assert_eq!(session(store, "browser of one").await, None, "a browser's token is no session's");
    assert!(credentials(store, "ann", "browser of one", now).await.unwrap().knows_browser);
    assert!(!credentials(store, "ann", "one", now).await.unwrap().knows_browser);
    assert!(!credentials(store, "vic", "browser of one", now).await.unwrap().knows_browser, "another's");
    assert!(credentials(store, "eve", "browser of one", now).await.is_none());

    let later = UtcMillis(now.0 + 90_000);
    store.see_session(hash("one"), later).await.unwrap();
    store.see_session(hash("one"), now).await.unwrap();
    assert_eq!(session(store, "one").await.unwrap().last_seen_at, later, "what is late changes nothing");
    store.see_session(hash("nobody"), later).await.unwrap();
    assert_eq!(session(store, "nobody").await, None);

    let mut next = login(ann, "two", later);
    next.session.replaces = Some(hash("one"));
    next.session.browser_before = Some(hash("browser of one"));
    store.log_in(next).await.unwrap();
    assert_eq!(session(store, "one").await, None, "a login takes the place of the session before");
    assert!(!credentials(store, "ann", "browser of one", later).await.unwrap().knows_browser);
    assert!(session(store, "two").await.is_some());
    let duplicate = store.log_in(login(ann, "two", later)).await;
    assert!(duplicate.is_err(), "a token is unique");
    for _ in 0..2 {
        store.end_session(hash("two")).await.unwrap();
    }
    assert_eq!(session(store, "two").await, None);
}

async fn a_password_that_changes_ends_sessions(
    store: &dyn Store,
    ann: &Account,
    vic: &Account,
    now: UtcMillis,
) {
    store.log_in(login(vic, "vic", now)).await.unwrap();
    let begin = async || {
        for name in ["here", "there"] {
            store.log_in(login(ann, name, now)).await.unwrap();
        }
    };
    let ended = async || {
        for name in ["here", "there"] {
            assert_eq!(session(store, name).await, None, "{name}");
            let browser = format!("browser of {name}");
            assert!(!credentials(store, "ann", &browser, now).await.unwrap().knows_browser, "{name}");
        }
        assert!(session(store, "vic").await.is_some(), "others' sessions go on");
    };
    begin().await;
    let stale = Login { password: password("stale"), ..login(ann, "new", now) };
    assert!(matches!(store.change_password(stale, password("second")).await, Err(StoreError::NotFound(_))));
    assert!(session(store, "here").await.is_some() && session(store, "new").await.is_none());
    store.change_password(login(ann, "new", now), password("second")).await.unwrap();
    ended().await;
    assert!(session(store, "new").await.is_some());
    assert_eq!(credentials(store, "ann", "", now).await.unwrap().password, password("second"));
    let reset = store.reset_password(email("ann"), password("first")).await.unwrap();
    assert!(reset.password_changed_at >= ann.password_changed_at);
    assert_eq!(session(store, "new").await, None);
    begin().await;
    store.end_sessions(ann.id).await.unwrap();
    ended().await;
    let nobody = store.reset_password(email("eve"), password("first")).await;
    assert!(matches!(nobody, Err(StoreError::NotFound(_))));
    store.end_sessions(vic.id).await.unwrap();
}

async fn sessions_are_so_many(store: &dyn Store, vic: &Account, now: UtcMillis) {
    for number in 0..=i64::from(SESSIONS_MAX) {
        store.log_in(login(vic, &number.to_string(), UtcMillis(now.0 + number))).await.unwrap();
    }
    assert_eq!(session(store, "0").await, None, "the one that was seen the longest ago makes room");
    assert!(session(store, "1").await.is_some() && session(store, &SESSIONS_MAX.to_string()).await.is_some());
    let knows = async |number: u32| {
        let browser = format!("browser of {number}");
        credentials(store, "vic", &browser, now).await.unwrap().knows_browser
    };
    assert!(!knows(SESSIONS_MAX - BROWSERS_MAX).await && knows(SESSIONS_MAX - BROWSERS_MAX + 1).await);
    // The clock may be set back: whoever logs in then is not the one that makes room.
    store.log_in(login(vic, "early", UtcMillis(now.0 - 60_000))).await.unwrap();
    assert!(session(store, "early").await.is_some());
    store.end_sessions(vic.id).await.unwrap();
}

async fn what_is_over_goes_away(store: &dyn Store, now: UtcMillis) {
    let ann = &store.accounts().await.unwrap()[0];
    let ago = |age: std::time::Duration| UtcMillis(now.0 - age.as_millis() as i64);
    let ended = [("idle", ago(IDLE_MAX)), ("old", ago(LIFETIME_MAX)), ("forgotten", ago(BROWSER_KNOWN))];
    for (name, at) in ended {
        store.log_in(login(ann, name, at)).await.unwrap();
    }
    store.see_session(hash("old"), now).await.unwrap();
    store.log_in(login(ann, "of tomorrow", UtcMillis(now.0 + 86_400_000))).await.unwrap();
    store.log_in(login(ann, "young", UtcMillis(ago(IDLE_MAX).0 + 1))).await.unwrap();
    assert!(session(store, "old").await.unwrap().is_over(now), "it is over before it is gone");
    assert!(!credentials(store, "ann", "browser of forgotten", now).await.unwrap().knows_browser);
    while store.expire(now).await.unwrap() {}
    for name in ended.map(|(name, _)| name).into_iter().chain(["of tomorrow"]) {
        assert_eq!(session(store, name).await, None, "{name}");
    }
    assert!(session(store, "young").await.is_some());
    assert!(credentials(store, "ann", "browser of old", now).await.unwrap().knows_browser);
    store.end_sessions(ann.id).await.unwrap();
}

#[tokio::test]
async fn sqlite_keeps_the_contract() {
    let workspace = Workspace::new();
    story(&open(&workspace)).await;
}

fn open(workspace: &Workspace) -> Sqlite {
    migrate::prepare(&workspace.db()).unwrap();
    Sqlite::open(&workspace.db(), QUEUE_CAPACITY).unwrap()
}

#[tokio::test]
async fn accounts_are_so_many() {
    let workspace = Workspace::new();
    let store = open(&workspace);
    workspace
        .database()
        .execute(
            "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
             INSERT INTO accounts (email, role, password_hash, created_at_ms, password_changed_at_ms)
             SELECT 'n' || i || '@example.org', 'viewer', '', 0, 0 FROM n",
            [ACCOUNTS_MAX],
        )
        .unwrap();
    let store: &dyn Store = &store;
    store.create_account(new("last", Role::Viewer)).await.unwrap();
    let refused = store.create_account(new("beyond", Role::Viewer)).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    store.close().await.unwrap();
}
