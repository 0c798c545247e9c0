//! Services of type LoadBalancer get the address of a load balancer of the simulated region.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{LoadBalancerIngress, LoadBalancerStatus, Service, ServiceStatus};
use supercargo_reconcile::{Action, Change, Controller, Decision, Key, Kind, State};

/// The controller of load balancers. Nothing listens at the addresses; what they cost counts.
#[derive(Debug)]
pub struct LoadBalancers {
    region: String,
}

impl LoadBalancers {
    /// A controller that makes load balancers in this region.
    pub fn new(region: impl Into<String>) -> Self {
        Self { region: region.into() }
    }

    /// The name that EC2 gives a load balancer, by the Service's uid.
    fn address(&self, service: &Service) -> String {
        let uid = service.metadata.uid.as_deref().unwrap_or_default();
        let letters: String = uid.chars().filter(char::is_ascii_alphanumeric).take(31).collect();
        format!("a{letters}.elb.{}.amazonaws.com", self.region)
    }
}

impl Controller for LoadBalancers {
    const NAME: &'static str = "load-balancers";
    const KINDS: &'static [Kind] = &[Kind::Service];

    fn concerned(&self, change: &Change, _: &State) -> Vec<Key> {
        vec![change.key.clone()]
    }

    fn decide(&mut self, key: &Key, state: &State, _: Timestamp) -> Decision {
        let Some(service) = state.services.get(key) else { return Decision::nothing() };
        let spec = service.spec.as_ref();
        // a class is somebody else's
        let wanted = service.metadata.deletion_timestamp.is_none()
            && spec.is_some_and(|spec| {
                spec.type_.as_deref() == Some("LoadBalancer") && spec.load_balancer_class.is_none()
            });
        let status = service.status.as_ref();
        let ingress = status
            .and_then(|status| status.load_balancer.as_ref())
            .and_then(|balancer| balancer.ingress.as_deref())
            .unwrap_or_default();
        let given = match (wanted, ingress.is_empty()) {
            (true, true) => {
                let hostname = Some(self.address(service));
                Some(vec![LoadBalancerIngress { hostname, ..LoadBalancerIngress::default() }])
            }
            // it is no load balancer any more
            (false, false) if spec.is_some_and(|spec| spec.load_balancer_class.is_none()) => None,
            _ => return Decision::nothing(),
        };
        let changed = Service {
            status: Some(ServiceStatus {
                load_balancer: Some(LoadBalancerStatus { ingress: given }),
                ..status.cloned().unwrap_or_default()
            }),
            ..(**service).clone()
        };
        let update = Action::update_status(Kind::Service, &**service, &changed);
        update.into_iter().collect::<Vec<_>>().into()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use supercargo_reconcile::Keyed;
    use supercargo_reconcile::toy::Toy;

    use super::*;

    fn addresses(toy: &Toy, name: &str) -> Vec<String> {
        let service = toy.state.services.get(&Key::new("n", name)).unwrap();
        let balancer = service.status.clone().and_then(|status| status.load_balancer);
        let ingress = balancer.and_then(|balancer| balancer.ingress).unwrap_or_default();
        ingress.into_iter().filter_map(|each| each.hostname).collect()
    }

    #[test]
    fn a_service_that_wants_a_load_balancer_has_one_as_long_as_it_wants_it() {
        let mut toy = Toy::new(vec![Box::new(Keyed::new(LoadBalancers::new("eu-west-1")))]);
        for (name, spec) in [
            ("front", json!({"type": "LoadBalancer"})),
            ("inner", json!({"type": "ClusterIP"})),
            ("other", json!({"type": "LoadBalancer", "loadBalancerClass": "example.com/own"})),
        ] {
            toy.create(Kind::Service, json!({"metadata": {"name": name, "namespace": "n"}, "spec": spec}));
        }
        toy.run(Duration::from_secs(5));
        let front = addresses(&toy, "front");
        assert!(front.len() == 1 && front[0].ends_with(".elb.eu-west-1.amazonaws.com"), "{front:?}");
        assert!(addresses(&toy, "inner").is_empty() && addresses(&toy, "other").is_empty());
        toy.patch(Kind::Service, &Key::new("n", "front"), json!({"spec": {"type": "ClusterIP"}}));
        toy.run(Duration::from_secs(5));
        assert!(addresses(&toy, "front").is_empty());
    }
}
