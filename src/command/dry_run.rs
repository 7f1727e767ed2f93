//! `porta stress --dry-run`: the plan, and nothing is sent, started or stored.

use serde_json::json;

use super::{print, traffic};
use crate::cli::{Stress, StressFormat};
use crate::domain::run::Plan;
use crate::domain::run_config::RunConfig;
use crate::exit::{Exit, Failure};
use crate::render::plan::{self, Planned};

/// Stands for the address that a private server would get.
const PRIVATE_URL: &str = "http://127.0.0.1:0";
/// Stands for its key and for the token of its bridge.
const PRIVATE_SECRET: &str = "private";

pub fn show(arguments: &Stress, plan: &Plan) -> Result<Exit, Failure> {
    let private = arguments.wants_private_server();
    let (_, traffic) = match (private, arguments.agents) {
        (true, None) => traffic::updates(PRIVATE_URL, PRIVATE_SECRET)?,
        (true, Some(_)) => traffic::agents(PRIVATE_URL, PRIVATE_SECRET)?,
        (false, _) => traffic::of(arguments, arguments.url_or_default())?,
    };
    let config = RunConfig::new(plan, traffic.base_url.clone(), private, arguments.channel);
    let config = traffic::described(config, arguments, &traffic);
    let mut random = fastrand::Rng::new();
    let planned: Vec<_> = (traffic.endpoints.iter().enumerate())
        .map(|(place, endpoint)| Planned {
            method: endpoint.method.to_string(),
            path: endpoint.path.clone(),
            weight: endpoint.weight,
            body: String::from_utf8_lossy(&traffic.example(place, &mut random)).into_owned(),
        })
        .collect();
    match arguments.format {
        StressFormat::Text => print(&plan::plan(&config, plan, &planned))?,
        StressFormat::Json => {
            let schedule = plan.schedule();
            let requests = schedule.map(|schedule| schedule.total() - schedule.warm_up_total());
            let warm_up_requests = schedule.map(|schedule| schedule.warm_up_total());
            let event = json!({
                "event": "plan",
                "config": config,
                "requests": requests,
                "warm_up_requests": warm_up_requests,
                "endpoints": planned,
            });
            print(&format!("{event}\n"))?;
        }
    }
    Ok(Exit::Done)
}
