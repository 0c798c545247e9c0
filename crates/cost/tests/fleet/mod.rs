//! A made-up fleet as series, whose amounts are known.
//!
//! Two hours from noon, scraped every minute on the minute. Node `n1` (4 cores, 16 GiB) is there all the time, `n2` (2
//! cores, 4 GiB, spot) from 12:30 to 13:30. `shop/web-1` asks for 1 core and 2 GiB on `n1`; it uses 1.5 cores until 12:30
//! and 0.5 afterwards, and 1 GiB; its container begins anew at 13:00. `media/batch-1` runs on `n2` from 12:35 to 13:20, asks
//! for nothing, and uses 2 cores and 3 GiB.

#![allow(dead_code, reason = "not every test uses all of it")]

use std::fmt::Write;

/// 2026-03-30T12:00:00Z.
pub const NOON: i64 = 1_774_872_000;
/// Bytes of a GiB.
pub const GIB: f64 = 1_073_741_824.0;

/// A series: name, labels, and values by second.
pub struct Made {
    pub name: &'static str,
    pub labels: Vec<(&'static str, String)>,
    pub samples: Vec<(i64, f64)>,
}

/// Minutes after noon.
pub fn minute(minutes: i64) -> i64 {
    NOON + minutes * 60
}

fn made(
    name: &'static str,
    labels: &[(&'static str, &str)],
    minutes: impl IntoIterator<Item = i64>,
    value: impl Fn(i64) -> f64,
) -> Made {
    Made {
        name,
        labels: labels.iter().map(|(key, value)| (*key, (*value).to_owned())).collect(),
        samples: minutes.into_iter().map(|at| (minute(at), value(at))).collect(),
    }
}

/// Seconds of cores that `web-1` has used by a minute, since 11:00.
pub fn web_cpu(at: i64) -> f64 {
    let hot = (at.min(30) + 60).max(0) as f64 * 60.0 * 1.5;
    let cool = (at - 30).max(0) as f64 * 60.0 * 0.5;
    hot + cool
}

/// All series. `scraped` says at which minutes there was a scrape; `old` gives the names of kube-state-metrics 1.
pub fn fleet(scraped: impl Fn(i64) -> bool, old: bool) -> Vec<Made> {
    let all: Vec<i64> = (-10..=130).filter(|at| scraped(*at)).collect();
    let during = |from: i64, to: i64| all.iter().copied().filter(move |at| (from..=to).contains(at));
    let one = |_| 1.0;
    let always = (-10, 130);
    let second = (31, 90);
    let (web, batch) = ((-10, 130), (36, 80));
    let mut out = Vec::new();
    for (name, ip, id, from, to) in [
        ("n1", "10.0.0.1", "aws:///us-east-1a/i-0001", always.0, always.1),
        ("n2", "10.0.0.2", "aws:///us-east-1b/i-0002", second.0, second.1),
    ] {
        let info = [("node", name), ("internal_ip", ip), ("provider_id", id)];
        out.push(made("kube_node_info", &info, during(from, to), one));
        let labels = [
            ("node", name),
            ("label_node_kubernetes_io_instance_type", if name == "n1" { "m5.xlarge" } else { "c5.large" }),
            ("label_karpenter_sh_capacity_type", if name == "n1" { "on-demand" } else { "spot" }),
            ("label_kubernetes_io_arch", "amd64"),
        ];
        out.push(made("kube_node_labels", &labels, during(from, to), one));
        let created = if name == "n1" { minute(-600) } else { minute(30) } as f64;
        out.push(made("kube_node_created", &[("node", name)], during(from, to), |_| created));
        let (cores, bytes) = if name == "n1" { (4.0, 16.0 * GIB) } else { (2.0, 4.0 * GIB) };
        for (new, cpu, memory) in [
            (
                "kube_node_status_capacity",
                "kube_node_status_capacity_cpu_cores",
                "kube_node_status_capacity_memory_bytes",
            ),
            (
                "kube_node_status_allocatable",
                "kube_node_status_allocatable_cpu_cores",
                "kube_node_status_allocatable_memory_bytes",
            ),
        ] {
            if old {
                out.push(made(cpu, &[("node", name)], during(from, to), |_| cores));
                out.push(made(memory, &[("node", name)], during(from, to), |_| bytes));
            } else {
                let cpu = [("node", name), ("resource", "cpu"), ("unit", "core")];
                let memory = [("node", name), ("resource", "memory"), ("unit", "byte")];
                out.push(made(new, &cpu, during(from, to), |_| cores));
                out.push(made(new, &memory, during(from, to), |_| bytes));
            }
        }
    }
    for (namespace, pod, uid, node, ip, (from, to), start, owner) in [
        ("shop", "web-1", "uid-web", "n1", "10.1.0.1", web, -600, ("StatefulSet", "web")),
        ("media", "batch-1", "uid-batch", "n2", "10.1.0.2", batch, 35, ("Job", "batch-28000000")),
    ] {
        let key = [("namespace", namespace), ("pod", pod), ("uid", uid)];
        let with = |more: &[(&'static str, &'static str)]| [&key[..], more].concat();
        let info = [&key[..], &[("node", node), ("pod_ip", ip)]].concat();
        out.push(made("kube_pod_info", &info, during(from, to), one));
        out.push(made("kube_pod_start_time", &key, during(from, to), |_| minute(start) as f64));
        let owner =
            [&key[..], &[("owner_kind", owner.0), ("owner_name", owner.1), ("owner_is_controller", "true")]]
                .concat();
        out.push(made("kube_pod_owner", &owner, during(from, to), one));
        out.push(made("kube_pod_labels", &with(&[("label_team", "payments")]), during(from, to), one));
        out.push(made("kube_pod_container_info", &with(&[("container", "main")]), during(from, to), one));
    }
    let namespace = [("namespace", "shop"), ("label_cost_center", "cc-1")];
    out.push(made("kube_namespace_labels", &namespace, during(always.0, always.1), one));
    let web_key = [("namespace", "shop"), ("pod", "web-1"), ("container", "main"), ("node", "n1")];
    if old {
        let (cpu, memory) = (
            "kube_pod_container_resource_requests_cpu_cores",
            "kube_pod_container_resource_requests_memory_bytes",
        );
        out.push(made(cpu, &web_key, during(web.0, web.1), one));
        out.push(made(memory, &web_key, during(web.0, web.1), |_| 2.0 * GIB));
    } else {
        let request = |resource, unit| {
            [&web_key[..], &[("uid", "uid-web"), ("resource", resource), ("unit", unit)]].concat()
        };
        let name = "kube_pod_container_resource_requests";
        out.push(made(name, &request("cpu", "core"), during(web.0, web.1), one));
        out.push(made(name, &request("memory", "byte"), during(web.0, web.1), |_| 2.0 * GIB));
    }
    let used = |pod: &'static str, namespace: &'static str, id: &'static str| {
        if old {
            [("pod_name", pod), ("namespace", namespace), ("container_name", "main"), ("id", id)]
        } else {
            [("pod", pod), ("namespace", namespace), ("container", "main"), ("id", id)]
        }
    };
    let cpu = "container_cpu_usage_seconds_total";
    let memory = "container_memory_working_set_bytes";
    // the first cgroup until 13:00, the second from then on, beginning at nothing
    out.push(made(cpu, &used("web-1", "shop", "/web/a"), during(-10, 60), web_cpu));
    out.push(made(cpu, &used("web-1", "shop", "/web/b"), during(61, 130), |at| web_cpu(at) - web_cpu(60)));
    out.push(made(memory, &used("web-1", "shop", "/web/a"), during(-10, 60), |_| GIB));
    out.push(made(memory, &used("web-1", "shop", "/web/b"), during(61, 130), |_| GIB));
    out.push(made(cpu, &used("batch-1", "media", "/batch"), during(36, 80), |at| (at - 35) as f64 * 120.0));
    out.push(made(memory, &used("batch-1", "media", "/batch"), during(36, 80), |_| 3.0 * GIB));
    // sums of a pod's containers, and pauses, are not containers
    let pause = [("pod", "web-1"), ("namespace", "shop"), ("container", "POD"), ("id", "/web/pause")];
    out.push(made(memory, &pause, during(-10, 130), |_| GIB));
    let sent = [("pod", "web-1"), ("namespace", "shop"), ("interface", "eth0")];
    out.push(made("container_network_transmit_bytes_total", &sent, during(-10, 130), |at| {
        (at + 60) as f64 * 6_000.0
    }));
    out.push(made("container_network_receive_bytes_total", &sent, during(-10, 130), |at| {
        (at + 60) as f64 * 600.0
    }));
    out
}

/// All series as an OpenMetrics file, from which `promtool` makes the blocks of a server.
pub fn open_metrics(series: &[Made]) -> String {
    let mut names: Vec<&str> = series.iter().map(|made| made.name).collect();
    names.sort_unstable();
    names.dedup();
    let mut text = String::new();
    for name in names {
        let _ = writeln!(text, "# TYPE {} unknown", name);
        let mut lines: Vec<(String, i64, f64)> = Vec::new();
        for made in series.iter().filter(|made| made.name == name) {
            let labels: Vec<String> =
                made.labels.iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
            let series = format!("{name}{{{}}}", labels.join(","));
            lines.extend(made.samples.iter().map(|(time, value)| (series.clone(), *time, *value)));
        }
        for (series, time, value) in lines {
            let _ = writeln!(text, "{series} {value} {time}");
        }
    }
    text.push_str("# EOF\n");
    text
}
