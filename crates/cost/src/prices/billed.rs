//! What bills call the resources that the ledger knows by other names.

use std::sync::Arc;

use crate::facts::VolumeFact;

/// What stands before the name of a load balancer, among resources.
const BALANCER: &str = "loadbalancer/";

/// A resource of a bill: of an ARN the part after the last slash, of a load balancer its name.
///
/// `arn:aws:ec2:us-east-1:1:volume/vol-1` is `vol-1`; of `arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/net/web/50dc` the
/// last part stands nowhere else, so it is `loadbalancer/web`.
pub(crate) fn resource(id: &str) -> Arc<str> {
    if let Some((_, path)) = id.split_once(":loadbalancer/") {
        let mut parts = path.split('/');
        let first = parts.next().unwrap_or_default();
        let name =
            if matches!(first, "app" | "net" | "gwy") { parts.next().unwrap_or_default() } else { first };
        return format!("{BALANCER}{name}").into();
    }
    id.rsplit('/').next().unwrap_or(id).into()
}

/// A volume: its handle.
pub(crate) fn volume(fact: &VolumeFact) -> Arc<str> {
    fact.provider_id.rsplit('/').next().unwrap_or_default().into()
}

/// A load balancer, by the address that AWS gave it: `internal-web-1234.us-east-1.elb.amazonaws.com`, or
/// `web-50dc.elb.us-east-1.amazonaws.com`.
pub(crate) fn balancer(address: &str) -> Option<Arc<str>> {
    let (host, domain) = address.split_once('.')?;
    let is_aws = domain.contains(".amazonaws.com") && domain.split('.').any(|part| part == "elb");
    let host = host.strip_prefix("internal-").unwrap_or(host);
    let (name, _) = host.rsplit_once('-').filter(|(name, _)| is_aws && !name.is_empty())?;
    Some(format!("{BALANCER}{name}").into())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("i-0123", "i-0123")]
    #[case("arn:aws:ec2:us-east-1:1:volume/vol-1", "vol-1")]
    #[case(
        "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/k8s-shop-web/50dc6c",
        "loadbalancer/k8s-shop-web"
    )]
    #[case("arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/net/web/50dc6c", "loadbalancer/web")]
    #[case("arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/a1b2c3", "loadbalancer/a1b2c3")]
    #[case("arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/", "loadbalancer/")]
    fn resources_of_bills(#[case] id: &str, #[case] expected: &str) {
        assert_eq!(&*resource(id), expected);
    }

    #[rstest]
    #[case("web-50dc6c495c0c9188.elb.us-east-1.amazonaws.com", Some("loadbalancer/web"))]
    #[case("internal-k8s-shop-web-1234567890.us-east-1.elb.amazonaws.com", Some("loadbalancer/k8s-shop-web"))]
    #[case("lb-1.example.com", None)]
    #[case("198.51.100.7", None)]
    #[case("", None)]
    fn addresses_of_load_balancers(#[case] address: &str, #[case] expected: Option<&str>) {
        assert_eq!(balancer(address).as_deref(), expected);
    }
}
