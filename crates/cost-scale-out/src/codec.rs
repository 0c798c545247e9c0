//! Nodes of plans as bytes: what prices hours has a form of its own, Ballista knows the rest.

use std::sync::Arc;

use ballista_core::serde::BallistaPhysicalExtensionCodec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use supercargo_cost_sql::PricedExec;

/// What the bytes of hours that are priced begin with. As a message it would begin a group, which no message of Ballista does.
const PRICED: &[u8] = b"supercargo priced\n";

/// Reads and writes nodes of plans.
#[derive(Debug, Default)]
pub struct LedgerCodec {
    others: BallistaPhysicalExtensionCodec,
}

impl PhysicalExtensionCodec for LedgerCodec {
    fn try_decode(
        &self,
        bytes: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        task: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(priced) = bytes.strip_prefix(PRICED) else {
            return self.others.try_decode(bytes, inputs, task, converter);
        };
        let [hours] = inputs else {
            return Err(DataFusionError::Internal(format!("{} inputs where hours are priced", inputs.len())));
        };
        Ok(Arc::new(PricedExec::from_bytes(priced, Arc::clone(hours))?))
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        bytes: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let Some(priced) = node.downcast_ref::<PricedExec>() else {
            return self.others.try_encode(node, bytes, converter);
        };
        bytes.extend(PRICED);
        bytes.extend(priced.to_bytes()?);
        Ok(())
    }
}
