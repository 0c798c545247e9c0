//! How conditions change and how long objects take to go, as operatorpkg counts them.
//!
//! Each kind has families of its own, `operator_<kind>_…`. How conditions stand is read from the mirrored state.

use std::time::Duration;

use super::Metrics;
use super::buckets::DURATION;
use super::exposition::Exposition;
use super::family::families;

macro_rules! operator {
    ($($(#[$about:meta])* $field:ident $families:ident $kind:literal,)*) => {
        $(families! {
            $(#[$about])*
            $families {
                transition: Histograms<2>(concat!("operator_", $kind, "_status_condition_transition_seconds"),
                    ["type", "status"],
                    "The amount of time a condition was in a given state before transitioning, in seconds", DURATION),
                transitions: Counters<3>(concat!("operator_", $kind, "_status_condition_transitions_total"),
                    ["type", "status", "reason"],
                    "The count of transitions of a given object, type and status"),
                termination: Histograms<0>(concat!("operator_", $kind, "_termination_duration_seconds"),
                    [],
                    "The amount of time taken by an object to terminate completely, in seconds", DURATION),
            }
        })*

        /// Families of all kinds.
        #[derive(Debug, Default)]
        pub(super) struct OperatorFamilies { $($field: $families,)* }

        impl OperatorFamilies {
            /// Writes all families.
            pub(super) fn write(&self, out: &mut Exposition) {
                $(self.$field.write(out);)*
            }
        }

        impl Metrics {
            /// A condition of an object of a kind (`NodeClaim`, `NodePool`, `EC2NodeClass`, `Node`, `CapacityBuffer`) came to a
            /// status, with a reason, after it had been in the one before for this long. Other kinds are not counted.
            pub fn condition_changed(
                &self,
                kind: &str,
                condition: &str,
                status: &str,
                reason: &str,
                before: Option<(&str, Duration)>,
            ) {
                let kind = kind.to_ascii_lowercase();
                match kind.as_str() {
                    $($kind => {
                        self.operator.$field.transitions.count([condition, status, reason]);
                        if let Some((before, duration)) = before {
                            self.operator.$field.transition.took([condition, before], duration);
                        }
                    })*
                    _ => {}
                }
            }

            /// An object of a kind is gone, this long after its deletion. Other kinds are not counted.
            pub fn object_terminated(&self, kind: &str, duration: Duration) {
                let kind = kind.to_ascii_lowercase();
                match kind.as_str() {
                    $($kind => self.operator.$field.termination.took([], duration),)*
                    _ => {}
                }
            }
        }
    };
}

operator! {
    /// Families of NodeClaims.
    node_claims NodeClaimOperator "nodeclaim",
    /// Families of NodePools.
    node_pools NodePoolOperator "nodepool",
    /// Families of EC2NodeClasses.
    node_classes NodeClassOperator "ec2nodeclass",
    /// Families of Nodes.
    nodes NodeOperator "node",
    /// Families of CapacityBuffers.
    capacity_buffers CapacityBufferOperator "capacitybuffer",
}
