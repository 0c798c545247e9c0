//! Costs as comma-separated values, exact to 10⁻⁹ dollars as far as the server tells. The columns keep their names and
//! their order; new ones come last.

use super::rows::{AssetRow, CostRow};

/// A value in quotes if it needs them.
fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// Costs by key.
pub fn costs(rows: &[CostRow]) -> String {
    let mut text = "name,cpuCost,ramCost,gpuCost,pvCost,networkCost,loadBalancerCost,sharedCost,totalCost,cpuEfficiency,\
                    ramEfficiency,totalEfficiency\n"
        .to_owned();
    for row in rows {
        let amounts =
            [row.cpu, row.ram, row.gpu, row.volumes, row.network, row.balancers, row.shared, row.total];
        text.push_str(&quoted(&row.name));
        for amount in amounts {
            text.push(',');
            text.push_str(&amount.to_decimal());
        }
        for efficiency in [row.cpu_efficiency, row.ram_efficiency, row.efficiency] {
            text.push(',');
            // what is not known is empty
            if !efficiency.is_nan() {
                text.push_str(&efficiency.to_string());
            }
        }
        text.push('\n');
    }
    text
}

/// What was paid for.
pub fn assets(rows: &[AssetRow]) -> String {
    let mut text = "type,name,cluster,model,hours,priceSource,totalCost\n".to_owned();
    for row in rows {
        let texts = [&row.kind, &row.name, &row.cluster, &row.model].map(|text| quoted(text)).join(",");
        text.push_str(&format!("{texts},{},{},{}\n", row.hours, quoted(&row.source), row.total.to_decimal()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_comma_is_one_value() {
        let row = CostRow { name: "a,\"b\"".to_owned(), ..CostRow::default() };
        assert!(costs(&[row]).lines().nth(1).unwrap().starts_with("\"a,\"\"b\"\"\",0,0"));
    }
}
