//! What pods take, by name of the resource.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Container;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use supercargo_api::Pod;
use supercargo_api::resources::base_units;

/// Amounts by name: cores for `cpu`, else whole units.
pub(super) type Amounts = BTreeMap<String, f64>;

/// Which of the two amounts that containers state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stated {
    /// What is kept free for them.
    Requests,
    /// What they may take at most.
    Limits,
}

/// Quantities as numbers; what cannot be read is left out.
pub(super) fn numbers(quantities: Option<&BTreeMap<String, Quantity>>) -> Amounts {
    let number = |name: &str, quantity: &Quantity| {
        let units = base_units(name, &quantity.0).ok()? as f64;
        Some(if name == "cpu" { units / 1_000.0 } else { units })
    };
    let quantities = quantities.into_iter().flatten();
    quantities.filter_map(|(name, quantity)| Some((name.clone(), number(name, quantity)?))).collect()
}

/// What a pod takes: the greater of its containers with its sidecars and of its starting containers beside the sidecars before
/// them; what the pod as a whole states instead, where it does; its overhead, and one pod.
pub(super) fn of_pod(pod: &Pod, stated: Stated) -> Amounts {
    let Some(spec) = pod.spec() else { return Amounts::new() };
    let of = |container: &Container| {
        let resources = container.resources.as_ref();
        numbers(resources.and_then(|resources| match stated {
            Stated::Requests => resources.requests.as_ref(),
            Stated::Limits => resources.limits.as_ref(),
        }))
    };
    let mut running = Amounts::new();
    for container in &spec.containers {
        add(&mut running, &of(container));
    }
    let mut sidecars = Amounts::new();
    let mut starting = Amounts::new();
    for container in spec.init_containers.iter().flatten() {
        let mut amounts = of(container);
        if container.restart_policy.as_deref() == Some("Always") {
            add(&mut sidecars, &amounts);
            raise(&mut starting, &sidecars);
        } else {
            add(&mut amounts, &sidecars);
            raise(&mut starting, &amounts);
        }
    }
    add(&mut running, &sidecars);
    raise(&mut running, &starting);
    let whole = spec.resources.as_ref().and_then(|resources| match stated {
        Stated::Requests => resources.requests.as_ref(),
        Stated::Limits => resources.limits.as_ref(),
    });
    running.extend(numbers(whole));
    if stated == Stated::Requests {
        add(&mut running, &numbers(spec.overhead.as_ref()));
        running.insert("pods".to_owned(), 1.0);
    }
    running
}

/// Adds amounts.
pub(super) fn add(sum: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        *sum.entry(name.clone()).or_default() += amount;
    }
}

fn raise(greatest: &mut Amounts, others: &Amounts) {
    for (name, amount) in others {
        let known = greatest.entry(name.clone()).or_default();
        *known = known.max(*amount);
    }
}
