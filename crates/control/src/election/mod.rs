//! One replica works, the others wait; other autoscalers are noticed.
