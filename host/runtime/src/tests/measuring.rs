//! Metrics of guests, as whoever collects them sees them.

use metrics_exporter_prometheus::PrometheusBuilder;
use tidemill_engine::{deploy::Part, handler::Handler};

use crate::{HandlerSettings, Sandbox};

use super::support::{Logged, batch, batch_of, load_with};

fn settings(series: usize) -> HandlerSettings {
    let part = Part { pipeline: "orders".to_owned(), role: "handler".to_owned() };
    let sandbox = Sandbox { series, ..Sandbox::default() };
    HandlerSettings { part: Some(part), ..HandlerSettings::within("observed", sandbox) }
}

#[tokio::test]
async fn a_guests_figures_carry_the_names_of_its_component_and_its_part() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let handler = load_with("observed", settings(10)).await;
    handler.handle(&batch(&["a", "bb", "a"])).await.unwrap();
    handler.handle(&batch_of("shardId-000000000001", &["a"])).await.unwrap();
    let page = recorder.handle().render();
    let of = r#"component="observed",pipeline="orders",part="handler""#;
    for line in [
        format!("guest_records{{{of},kind=\"a\"}} 3"),
        format!("guest_records{{{of},kind=\"bb\"}} 1"),
        format!("guest_batch_records{{{of}}} 1"),
        format!("guest_record_bytes_count{{{of}}} 4"),
        format!("guest_record_bytes_sum{{{of}}} 5"),
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
    }
}

#[tokio::test]
async fn series_are_bounded_over_all_instances_and_the_log_says_so_once() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let handler = load_with("observed", settings(3)).await;
    let logged = Logged::begin();
    for shard in ["shardId-000000000001", "shardId-000000000002"] {
        handler.handle(&batch_of(shard, &["a", "b", "c", "d"])).await.unwrap();
    }
    let page = recorder.handle().render();
    let series = page.lines().filter(|line| line.contains("component=") && !line.contains("quantile"));
    let series: Vec<&str> = series.map(|line| line.split(' ').next().unwrap()).collect();
    // A histogram is rendered as a sum and a count.
    assert_eq!(series.len(), 4, "{page}");
    let told = logged.of_guests().into_iter().filter(|line| line.contains("more series than it may")).count();
    assert_eq!(told, 1, "{:?}", logged.of_guests());
}
