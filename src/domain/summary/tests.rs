//! How seconds add up.

use super::*;

fn tally(latencies_ms: &[u64], failure: Option<Failure>) -> Tally {
    let mut tally = Tally::default();
    for ms in latencies_ms {
        let latency = Duration::from_millis(*ms);
        let status = failure.is_none().then_some(200);
        tally.record(Outcome { from_due: latency, from_sent: Some(latency), status, failure });
    }
    tally
}

#[test]
fn seconds_add_up() {
    let mut summary = Summary::new(Duration::from_secs(2));
    summary.push_second(&tally(&[1, 2, 3], None));
    summary.push_second(&tally(&[5], Some(Failure::Timeout)));
    summary.finish(&tally(&[7], Some(Failure::Refused)), Duration::from_millis(500));
    assert_eq!((summary.overall.succeeded, summary.overall.failed, summary.overall.unknown), (3, 2, 1));
    let seconds: Vec<_> = summary.series.iter().map(|point| (point.second, point.total, point.rps)).collect();
    assert_eq!(seconds, [(0, 3, 3.0), (1, 1, 1.0), (2, 1, 2.0)]);
    assert_eq!(summary.overall.status_codes, BTreeMap::from([(200, 3)]));
}

#[test]
fn seconds_that_were_gathered_late_make_one_point_of_their_real_width() {
    let mut summary = Summary::new(Duration::from_secs(10));
    summary.push_second(&tally(&[1; 100], None));
    summary.push(&tally(&[1; 350], None), 3, Duration::from_millis(3500));
    summary.push(&tally(&[1; 50], None), 1, Duration::from_millis(500));
    summary.push_second(&tally(&[1; 100], None));
    let points: Vec<_> = summary.series.iter().map(|point| (point.second, point.total, point.rps)).collect();
    assert_eq!(points, [(0, 100, 100.0), (1, 350, 100.0), (4, 50, 100.0), (5, 100, 100.0)]);
    assert_eq!((summary.seconds(), summary.trailing_window().1), (6, 6));

    let mut wide = Summary::new(Duration::from_secs(2 * SERIES_POINTS_MAX));
    for seconds in [1, 2, 1, 100, 1, 1] {
        wide.push(&tally(&[1], None), seconds, Duration::from_secs(seconds));
    }
    wide.finish(&tally(&[1], None), Duration::from_millis(500));
    let points: Vec<_> = wide.series.iter().map(|point| (point.second, point.total)).collect();
    assert_eq!(points, [(0, 2), (3, 1), (4, 1), (104, 2), (106, 1)]);
    assert!(wide.recent.len() <= WINDOW_SECONDS_MAX);
}

#[test]
fn endpoints_and_the_warm_up_are_kept_apart() {
    let outcome =
        |failure| Outcome { from_due: Duration::from_millis(2), from_sent: None, status: None, failure };
    let mut summary = Summary::new(Duration::from_secs(2));
    for _ in 0..2 {
        let mut second = Tally::default();
        for (endpoint, failure) in [(0, None), (2, Some(Failure::Timeout))] {
            second.record(outcome(failure));
            second.record_endpoint(endpoint, outcome(failure));
        }
        second.warm_up.record(None);
        second.warm_up.record(Some(Failure::Status5xx));
        second.warm_up.record(Some(Failure::Status4xx));
        second.connections = Connections { opened: 3, reopened: 1 };
        summary.push_second(&second);
    }
    let overall = &summary.overall;
    let endpoints: Vec<_> = overall.endpoints.iter().map(|tally| (tally.total, tally.failed)).collect();
    assert_eq!(endpoints, [(2, 0), (0, 0), (2, 2)]);
    assert_eq!(overall.endpoints[2].from_due.count(), 2);
    assert_eq!(overall.warm_up, WarmUp { total: 6, success: 2, unknown: 2 });
    assert_eq!((overall.total(), overall.connections.opened), (4, 6));
    let mut cleared = overall.clone();
    cleared.clear();
    assert_eq!((cleared.total(), cleared.unknown, cleared.from_due.count()), (0, 0, 0));
    assert_eq!((cleared.warm_up, cleared.connections), Default::default());
    assert!(cleared.status_codes.is_empty() && cleared.errors.is_empty() && cleared.endpoints.is_empty());
}

#[test]
fn the_series_of_a_long_run_has_wider_points() {
    let mut summary = Summary::new(Duration::from_secs(2 * SERIES_POINTS_MAX));
    for _ in 0..5 {
        summary.push_second(&tally(&[1], None));
    }
    summary.finish(&tally(&[1], None), Duration::from_millis(500));
    let points: Vec<_> = summary.series.iter().map(|point| (point.second, point.total)).collect();
    assert_eq!(points, [(0, 2), (2, 2), (4, 2)]);
    for seconds in [1, SERIES_POINTS_MAX, SERIES_POINTS_MAX + 1, 86_400] {
        let width = Summary::new(Duration::from_secs(seconds)).point_seconds;
        assert!(seconds.div_ceil(width) <= SERIES_POINTS_MAX, "{seconds}");
    }
}

#[test]
fn the_window_reaches_back_for_enough_samples() {
    let mut summary = Summary::new(Duration::from_secs(100));
    for _ in 0..100 {
        summary.push_second(&tally(&[1; 50], None));
    }
    let (window, seconds) = summary.trailing_window();
    assert_eq!((window.count(), seconds), (1000, 20));
    for _ in 0..5 {
        summary.push_second(&tally(&[1; 1000], None));
    }
    assert_eq!(summary.trailing_window().1, 5);
}
