//! Charts of all kinds of numbers.

use proptest::prelude::*;

use super::*;

fn points(values: &[f64]) -> Vec<(f64, Option<f64>)> {
    values.iter().enumerate().map(|(place, value)| (place as f64, Some(*value))).collect()
}

fn chart<'a>(series: &'a [Series<'a>], x: Axis<'a>) -> Chart<'a> {
    Chart {
        title: "Latency",
        description: "p95 over time",
        x_label: "time",
        y_label: "ms",
        x,
        series,
        threshold: None,
        between: None,
        from_zero: true,
    }
}

/// The points of each line with this class.
fn polylines<'t>(svg: &'t str, class: &str) -> Vec<Vec<(f64, f64)>> {
    let lines = svg.split("<polyline").skip(1).filter(|tag| tag.contains(&format!("class=\"{class}\"")));
    let pair = |text: &'t str| {
        let (x, y) = text.split_once(',').expect("two numbers");
        (x.parse().expect("a number"), y.parse().expect("a number"))
    };
    lines
        .map(|tag| {
            let points =
                tag.split("points=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("points");
            points.split(' ').map(pair).collect()
        })
        .collect()
}

#[test]
fn a_chart_looks_like_this() {
    let (p50, p95) = (points(&[0.6, 0.7, 0.6]), points(&[1.4, 3.9, 1.5]));
    let series = [Series { label: "p50", points: &p50 }, Series { label: "p95", points: &p95 }];
    let chart = Chart { threshold: Some((5.0, "limit 5 ms")), ..chart(&series, Axis::Seconds) };
    let svg = lines(&chart);
    assert_eq!(svg, lines(&chart), "the same each time");
    insta::assert_snapshot!(svg.replace("><", ">\n<"));
}

#[test]
fn values_go_up_from_zero_and_gaps_stay_open() {
    let mut values = points(&[10.0, 20.0, 0.0, 20.0, 10.0, 5.0]);
    values[3].1 = None;
    let series = [Series { label: "rps", points: &values }];
    let svg = lines(&chart(&series, Axis::Seconds));
    let parts = polylines(&svg, "line s1");
    assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [3, 2]);
    let ((_, ten), (_, twenty), (_, zero)) = (parts[0][0], parts[0][1], parts[0][2]);
    assert_eq!(zero - twenty, f64::from(HEIGHT), "20 is at the top, and 0 is where the axis is");
    assert!((ten - (zero + twenty) / 2.0).abs() <= 1.0);
    assert!(!svg.contains("<circle"));
}

#[test]
fn values_that_do_not_count_from_zero_have_the_whole_height() {
    let values = points(&[1013.0, 1013.4, 1012.8]);
    let series = [Series { label: "hPa", points: &values }];
    let svg = lines(&Chart { from_zero: false, ..chart(&series, Axis::Seconds) });
    let line = polylines(&svg, "line s1").remove(0);
    assert!(line[0].1 - line[1].1 > 0.3 * f64::from(HEIGHT), "{line:?}");
    assert!(svg.contains(">1 013.0</text>") && !svg.contains(">0</text>"), "{svg}");
    let same = points(&[1013.0, 1013.0]);
    let series = [Series { label: "hPa", points: &same }];
    let svg = lines(&Chart { from_zero: false, ..chart(&series, Axis::Seconds) });
    assert_eq!(polylines(&svg, "line s1")[0].len(), 2, "{svg}");
}

#[test]
fn a_chart_goes_as_far_as_it_is_told() {
    let values: Vec<(f64, Option<f64>)> = vec![(40.0, Some(1.0)), (60.0, Some(2.0))];
    let series = [Series { label: "rps", points: &values }];
    let all = polylines(&lines(&chart(&series, Axis::Seconds)), "line s1").remove(0);
    let told = Chart { between: Some((0.0, 100.0)), ..chart(&series, Axis::Seconds) };
    let part = polylines(&lines(&told), "line s1").remove(0);
    let width = |line: &[(f64, f64)]| line[1].0 - line[0].0;
    assert!((width(&part) * 5.0 - width(&all)).abs() < 10.0, "{part:?} of {all:?}");
}

#[test]
fn a_point_alone_is_a_dot() {
    let series = [Series { label: "rps", points: &[(7.0, Some(3.0))] }];
    assert_eq!(lines(&chart(&series, Axis::Seconds)).matches("<circle").count(), 1);
}

#[test]
fn long_series_keep_their_highest_and_their_lowest() {
    let mut values: Vec<f64> = vec![10.0; 10_000];
    (values[5003], values[7001]) = (100.0, 1.0);
    let values = points(&values);
    let series = [Series { label: "p95", points: &values }];
    let line = polylines(&lines(&chart(&series, Axis::Seconds)), "line s1").remove(0);
    assert!(line.len() <= POINTS_MAX, "{}", line.len());
    let heights = || line.iter().map(|(_, y)| *y);
    let (top, bottom) = (heights().fold(f64::INFINITY, f64::min), heights().fold(0.0, f64::max));
    assert!(bottom - top > 0.98 * f64::from(HEIGHT), "{top} to {bottom}");
}

#[test]
fn a_threshold_far_away_is_named_and_does_not_flatten_the_rest() {
    let values = points(&[1.0, 2.0]);
    let series = [Series { label: "p95", points: &values }];
    let with =
        |threshold| lines(&Chart { threshold: Some((threshold, "limit")), ..chart(&series, Axis::Seconds) });
    let strokes = |svg: &str| svg.matches("class=\"threshold\"").count();
    assert_eq!((strokes(&with(3.0)), strokes(&with(2000.0))), (2, 1), "a line, and its sample in the legend");
    for threshold in [3.0, 2000.0] {
        assert!(with(threshold).contains(">limit<"));
    }
    assert!(with(2000.0).contains(">2.0</text>"), "the values have the whole height");
}

#[test]
fn bars_stand_beside_each_other_within_the_chart() {
    let names: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
    let (before, after) = (points(&[1.0, 2.0, 3.0]), points(&[3.0, 2.0, 1.0]));
    let series = [Series { label: "before", points: &before }, Series { label: "after", points: &after }];
    let svg = bars(&chart(&series, Axis::Names(&names)));
    let number = |tag: &str, name: &str| -> f64 {
        let after = tag.split(&format!(" {name}=\"")).nth(1).unwrap_or_else(|| panic!("{tag}"));
        after.split('"').next().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{tag}"))
    };
    let mut ends: Vec<_> = svg
        .split("<rect")
        .skip(1 + series.len()) // the samples of the legend
        .map(|tag| (number(tag, "x"), number(tag, "x") + number(tag, "width"), number(tag, "height")))
        .collect();
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert_eq!(ends.len(), 6);
    assert!(ends.windows(2).all(|pair| pair[0].1 <= pair[1].0), "none stands on another: {ends:?}");
    assert!(ends[0].0 >= 0.0 && ends[5].1 <= f64::from(WIDTH), "{ends:?}");
    assert_eq!(ends[0].2 * 3.0, ends[1].2);
}

#[test]
fn labels_cannot_be_markup() {
    let values = points(&[1.0]);
    let evil = "</text></svg><script>alert(1)</script>\"'&\n<b onload=x>";
    let series = [Series { label: evil, points: &values }, Series { label: evil, points: &values }];
    let names = [evil.to_owned()];
    let chart = Chart {
        title: evil,
        description: evil,
        x_label: evil,
        y_label: evil,
        x: Axis::Names(&names),
        series: &series,
        threshold: Some((2.0, evil)),
        between: None,
        from_zero: true,
    };
    for svg in [lines(&chart), bars(&chart)] {
        assert!(!svg.contains("<script") && !svg.contains("<b "), "{svg}");
        assert_eq!(svg.matches("</svg>").count(), 1, "{svg}");
    }
}

fn number() -> impl Strategy<Value = f64> {
    let odd =
        [0.0, -0.0, 1e-320, f64::MAX, f64::MIN, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::EPSILON];
    prop_oneof![any::<f64>(), -1e4..1e4, proptest::sample::select(odd.to_vec())]
}

proptest! {
    #[test]
    fn any_numbers_make_a_chart(
        all in prop::collection::vec(prop::collection::vec((number(), prop::option::of(number())), 0..50), 0..7),
        threshold in prop::option::of(number()),
        axis in 0..4usize,
        between in prop::option::of((number(), number())),
        from_zero: bool,
    ) {
        let names = ["a".to_owned(), "b".to_owned()];
        let axis = [Axis::Seconds, Axis::Utc, Axis::Number, Axis::Names(&names)][axis];
        let series: Vec<_> = all.iter().map(|points| Series { label: "s", points }).collect();
        let threshold = threshold.map(|value| (value, "limit"));
        let chart = Chart { threshold, between, from_zero, ..chart(&series, axis) };
        for svg in [lines(&chart), bars(&chart)] {
            prop_assert!(!svg.contains("NaN") && !svg.contains("inf"), "{}", svg);
            prop_assert!(!svg.contains("style=") && !svg.contains("#0000"), "{}", svg);
            prop_assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"));
            prop_assert!(svg.len() < 60_000, "{}", svg.len());
        }
    }

    #[test]
    fn what_is_drawn_stays_in_the_chart(values in prop::collection::vec((0.0..1e6, prop::option::of(-1e3..1e6)), 1..40)) {
        let mut values: Vec<(f64, Option<f64>)> = values;
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        let series = [Series { label: "s", points: &values }];
        for line in polylines(&lines(&chart(&series, Axis::Seconds)), "line s1") {
            for (x, y) in line {
                prop_assert!((0.0..=f64::from(WIDTH)).contains(&x));
                prop_assert!((0.0..=f64::from(LINE + GAP + HEIGHT)).contains(&y));
            }
        }
    }
}
