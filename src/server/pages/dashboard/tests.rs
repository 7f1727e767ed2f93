//! A dashboard without a server.

use super::super::Site;
use super::*;
use crate::domain::criteria::evidence::Evidence;
use crate::domain::criteria::thresholds::Thresholds;
use crate::domain::id::RunId;
use crate::domain::unit::UtcMillis;
use crate::server::assets::Web;

/// A page of a server that has all there is to show, for somebody in a language.
fn dashboard(language: &str, is_admin: bool) -> String {
    let site = Site::read(&Web::new(false), "/root").expect("templates and translations");
    let words = site.words(language).expect("a language");
    let mut evidence = Evidence::default();
    evidence.installation.journal_mode = Some("delete".into());
    let check = Check::judge(&evidence, &Thresholds::default(), UtcMillis(0));
    let slots: Vec<Slot> = (0..3).map(|minute| Slot::new(UtcMillis(minute * MINUTE_MS), 60.0)).collect();
    let run = context! {
        id => RunId(12).0, started_at => Value::from(Serde(UtcMillis(0))), grade => "excellent", status => "completed",
        actual_rps => 99.9, p95_latency_ms => 1.4, failed_requests => 0, total_requests => 6000,
    };
    let found = context! {
        db => "/var/lib/porta/porta.db", up_seconds => 7, channels => 0, updates => 0, database_bytes => 20_480, wal_bytes => 0, rps => 0.5, p95 => (),
        run, wrong => (), check => checked(words, &check), charts => traffic::charts(words, Span::back(UtcMillis(4 * MINUTE_MS), CHART_MS, SLOT_MS), &slots, Some(2000.0)),
    };
    let session = context! { email => "v@example.org", is_admin, csrf => "token" };
    let data = context! { session, root => "/root", path => "/", address => "/", condition => (), step => (), found };
    site.render("dashboard.html", language, data).expect("a page")
}

#[test]
fn a_viewer_sees_how_the_server_is_and_no_way_to_what_is_for_administrators() {
    for language in LANGUAGES {
        let (viewer, admin) = (dashboard(language, false), dashboard(language, true));
        assert!(!viewer.contains("/admin"), "{viewer}");
        assert!(
            !viewer.contains("porta s") && !viewer.contains("pragma"),
            "nor what is to be typed: {viewer}"
        );
        assert_eq!(viewer.matches("<svg class=\"gauge").count(), 5, "{viewer}");
        assert!(viewer.contains("/root/account") && viewer.contains("1.40\u{a0}"), "{viewer}");
        for link in ["/root/admin/criteria", "/root/admin/requests", "/root/admin/stress-test/12"] {
            assert!(admin.contains(&format!("href=\"{link}\"")), "{link} in {admin}");
        }
    }
}

#[test]
fn the_state_stands_in_the_title() {
    assert!(dashboard("en", true).contains("<title>! Something to look at · porta</title>"));
    assert!(dashboard("ru", true).contains("<title>! Есть на что взглянуть · porta</title>"));
}
