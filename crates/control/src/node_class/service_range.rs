//! The range of a cluster's service addresses, which machines with AL2023 are told (reference section 5.6).

use kube::Client;
use serde_json::Value;

/// Where the API server tells the ranges, the first of them under this name.
const RANGE: &str = "/apis/networking.k8s.io/v1/servicecidrs/kubernetes";
/// The service of the API server itself, which has the first address of the range.
const OWN_SERVICE: &str = "/api/v1/namespaces/default/services/kubernetes";

/// The range of service addresses: as the API server tells it, or, where it is too old to (before 1.33), as the address of its
/// own service suggests: 65,536 addresses, as EKS has by default. Nothing if it tells neither.
pub async fn service_range(client: &Client) -> Option<String> {
    if let Some(told) = get(client, RANGE).await.as_ref().and_then(told_range) {
        return Some(told);
    }
    get(client, OWN_SERVICE).await.as_ref().and_then(likely_range)
}

async fn get(client: &Client, path: &str) -> Option<Value> {
    let request = http::Request::get(path).body(Vec::new()).ok()?;
    let text = client.request_text(request).await.ok()?;
    serde_json::from_str(&text).ok()
}

fn told_range(range: &Value) -> Option<String> {
    range.pointer("/spec/cidrs/0")?.as_str().map(str::to_owned)
}

fn likely_range(service: &Value) -> Option<String> {
    let address = service.pointer("/spec/clusterIP")?.as_str()?;
    let [first, second, ..] = address.parse::<std::net::Ipv4Addr>().ok()?.octets();
    Some(format!("{first}.{second}.0.0/16"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case(json!({"spec": {"cidrs": ["10.100.0.0/16", "fd00::/108"]}}), Some("10.100.0.0/16"))]
    #[case(json!({"spec": {"cidrs": []}}), None)]
    #[case(json!({}), None)]
    fn the_first_range_counts(#[case] range: Value, #[case] expected: Option<&str>) {
        assert_eq!(told_range(&range).as_deref(), expected);
    }

    #[rstest]
    #[case(json!({"spec": {"clusterIP": "172.20.0.1"}}), Some("172.20.0.0/16"))]
    #[case(json!({"spec": {"clusterIP": "None"}}), None)]
    #[case(json!({"spec": {"clusterIP": "fd00::1"}}), None)]
    #[case(json!({}), None)]
    fn an_address_suggests_a_range(#[case] service: Value, #[case] expected: Option<&str>) {
        assert_eq!(likely_range(&service).as_deref(), expected);
    }
}
