//! Instances become nodes: registration, initialization, time-outs, expiry (reference sections 3.2 to 3.4).
